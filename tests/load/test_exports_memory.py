"""Large files do not stay in the memory of the server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.browser.server import chromium
from tests.load import exports

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.mark.skipif(chromium() is None, reason="chromium is not installed")
def test_exports_are_dropped(
    cache_folder_of_the_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", os.environ["RADIOVIZ_HOME"])  # set by the command
    given = "--galaxies 3000 --exports 4 --kinds fits cube --seconds 5 --allowed 100"
    assert exports.main(given.split()) == 0, capsys.readouterr().out  # 290 MB written
