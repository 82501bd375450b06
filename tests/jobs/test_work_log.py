"""A line for each request of work, and what is busy meanwhile."""

from __future__ import annotations

import json
import re
import sys

import pytest

from radioviz.errors import BusyError, CancelledError, CatalogueError, RadioVizError
from radioviz.jobs import work_log


@pytest.fixture(autouse=True)
def quiet_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_log, "_who", str)
    monkeypatch.setattr(work_log._LOGGER, "handlers", [])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_what_who_how_long_and_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RADIOVIZ_LOG", "json")
    work_log.begin(lambda: "the-session")
    with work_log.request("generate", waits=True, slices=4) as entry:
        assert work_log.busy() == {"generate": {"waiting": 1, "running": 0}}
        entry.start()
        assert work_log.busy() == {"generate": {"waiting": 0, "running": 1}}
    assert work_log.busy() == {}
    (line,) = lines(capsys)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("time")))
    assert 0 <= float(str(line.pop("seconds"))) < 5
    assert 0 <= float(str(line.pop("waited"))) < 5
    # The identifier of a session lets its reader act for it: it is not in the log.
    assert re.fullmatch("[0-9a-f]{8}", str(line.pop("session")))
    assert line == {"work": "generate", "outcome": "done", "slices": 4}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (CancelledError("x"), "cancelled"),
        (BusyError("x"), "refused"),
        (CatalogueError("survey 'secret' is gone"), "failed: CatalogueError"),
        (ZeroDivisionError("x"), "failed: ZeroDivisionError"),
        (SystemExit(), "left"),
    ],
)
def test_work_that_ends_otherwise(
    error: BaseException,
    outcome: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RADIOVIZ_LOG", "json")
    work_log.begin(str)
    with pytest.raises(type(error)), work_log.request("explain"):
        raise error
    (line,) = lines(capsys)
    assert line["outcome"] == outcome
    assert "secret" not in json.dumps(line)
    assert work_log.busy() == {}


def test_plain_lines_and_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RADIOVIZ_LOG", raising=False)
    work_log.begin(lambda: "x")
    with work_log.request("import", job="17-ab"):
        pass
    pattern = r"\S+Z import done, session=[0-9a-f]{8} waited=0\.\d+ seconds=0\.\d+ job=17-ab\n"
    assert re.fullmatch(pattern, capsys.readouterr().err)
    monkeypatch.setenv("RADIOVIZ_LOG", "off")
    work_log.begin(str)
    with work_log.request("import"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("RADIOVIZ_LOG", "xml")
    with pytest.raises(RadioVizError, match="'xml'; set it to plain, json, off"):
        work_log.begin(str)


def test_without_a_server_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    with work_log.request("import"):
        print("", end="", file=sys.stderr)
    assert capsys.readouterr().err == ""
