"""The local cutout server, and folders of each test's own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "cutout_server", Path(__file__).with_name("server.py")
)
assert _SPEC is not None and _SPEC.loader is not None
cutout_server = importlib.util.module_from_spec(_SPEC)
sys.modules["cutout_server"] = cutout_server
_SPEC.loader.exec_module(cutout_server)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Home and cache of this test."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def server() -> Iterator:
    """A local server of all four protocols."""
    with cutout_server.serving() as running:
        yield running
