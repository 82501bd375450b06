"""``radioviz``: help that teaches, exit codes, search, export, app and train as processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.io import fits
from astropy.table import Table

import radioviz
from radioviz.cli import main, running
from radioviz.data.downloads import SOURCES
from radioviz.paths import REPOSITORY

COMMANDS = (
    "app", "data", "import", "encode", "backup", "restore", "check", "search", "export", "train",
)  # fmt: skip


def process(*arguments: str, **options: str) -> subprocess.CompletedProcess[str]:
    """``python -m radioviz`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "radioviz", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120, **options,
    )  # fmt: skip


@pytest.fixture
def became(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that the process would have been replaced by."""
    commands: list[list[str]] = []
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(running.os, "execvp", lambda _, command: commands.append(command))
    return commands


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)
    assert "--install-completion" in shown
    assert "    radioviz search --galaxy first-0 " in shown
    for name in set(COMMANDS) - {"train"}:
        assert main([name, "--help"]) == 0
        text = capsys.readouterr().out
        assert "Examples:\n" in text and f"    radioviz {name}" in text, name


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["export"], ["search", "-n", "0"]])
def test_usage_errors_are_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Usage: radioviz" in "".join(capsys.readouterr())


def test_version() -> None:
    done = process("--version")
    assert done.stdout == f"radioviz {radioviz.__version__}\n", done.stderr


def test_the_shell_completes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_RADIOVIZ_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "radioviz se")
    monkeypatch.setenv("COMP_CWORD", "1")
    done = process()
    assert done.stdout.split() == ["search"], done.stderr


def test_data_is_the_same_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    from radioviz.data.__main__ import main as data_main

    assert main(["data", "list"]) == 0
    shown = capsys.readouterr().out
    assert data_main(["list"]) == 0
    assert capsys.readouterr().out == shown
    assert main(["data", "build", "nope"]) == 1
    assert "error: no data set 'nope'; known: first" in capsys.readouterr().err


def test_search_prints_a_table_or_writes_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = ["search", "--galaxy", "first-0", "--model", "vae32", "-n", "4"]
    assert main(query) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["source_id", "name", "ra", "dec", "las", "label", "score", "chance"]
    expected = radioviz.find_similar("first", galaxy="first-0", model="vae32", number=4)
    assert [line.split()[0] for line in lines[1:]] == expected["source_id"].tolist()
    for name in ("found.csv", "found.vot", "found.table.fits"):
        assert main([*query, "--output", str(tmp_path / name)]) == 0
        options = {"hdu": "SOURCES"} if name.endswith("fits") else {}
        table = Table.read(tmp_path / name, **options)
        assert [str(s) for s in table["source_id"]] == expected["source_id"].tolist()
    capsys.readouterr()
    position = ["search", "--position", "07:47:08.4 +17:17:27", "--model", "vae32", "-n", "4"]
    assert main(position) == 0
    assert capsys.readouterr().out.splitlines() == lines
    first = radioviz.open_data_set("first")
    fits.writeto(tmp_path / "one.fits", first.image("first-0"), first.wcs("first-0").to_header())
    assert main(["search", "--image", str(tmp_path / "one.fits"), "--model", "vae32"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "first-0"
    assert main(["search"]) == 1
    assert "error: nothing to search for" in capsys.readouterr().err


def test_export_reads_arguments_or_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "two.fits"
    assert main(["export", "first-0", "first-2", "-o", str(path)]) == 0
    with fits.open(path) as hdus:
        assert list(hdus["SOURCES"].data["source_id"]) == ["first-0", "first-2"]
    assert f"{path}: 2 galaxies" in capsys.readouterr().err
    done = process("export", "-", "-o", str(tmp_path / "in.csv"), input="first-3\nfirst-5\n")
    assert done.returncode == 0, done.stderr
    assert [str(s) for s in Table.read(tmp_path / "in.csv")["source_id"]] == ["first-3", "first-5"]
    assert main(["export", "first-0", "-o", str(tmp_path / "x.doc")]) == 1
    assert "unknown file type" in capsys.readouterr().err


def test_app_and_train_replace_the_process(became: list[list[str]]) -> None:
    main(["app", "--server.port", "8600", "--server.headless=true"])
    main(["train", "simclr", "--data", "mine", "--help"])
    app, train = became
    assert app[1:5] == ["-P", "-m", "streamlit", "run"]
    assert Path(app[5]) == REPOSITORY / "app.py" and Path(app[5]).is_file()
    assert (REPOSITORY / ".streamlit" / "config.toml").is_file()
    assert app[6:] == ["--server.port", "8600", "--server.headless=true"]
    assert train[1:] == ["-P", "-m", "train", "simclr", "--data", "mine", "--help"]


def test_files_where_it_starts_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("raise SystemExit(9)")
    command = [sys.executable, "-P", "-m", "radioviz", "train", "--help"]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python -m train")


def test_an_interrupted_encoding_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from radioviz.encode import survey

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(survey, "encode_data_set", interrupted)
    assert main(["encode", "--data", "first", "--model", "vae2"]) == 130
    assert "run the same command to resume" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["fits", "csv", "zip", "png"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "{pipe}"),
        ("import", "{folder}", "--table", "{pipe}"),
        ("data", "cutouts", "{pipe}", "--service", "nvss"),
        ("data", "fetch", "mirabest", "--from", "{pipe}"),
        ("data", "fetch", "mirabest", "--from", "{folder}"),
        ("search", "--image", "{pipe}"),
    ],
)
def test_a_named_pipe_is_refused_at_once(
    arguments: tuple[str, ...], kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def hangs(*_: object) -> None:
        pytest.fail("the command waits for the pipe")

    pipe = tmp_path / f"pipe.{kind}"
    for path in (pipe, *(tmp_path / a.name for a in SOURCES["mirabest"])):
        os.mkfifo(path)
    signal.signal(signal.SIGALRM, hangs)
    signal.alarm(20)
    try:
        filled = [a.format(pipe=pipe, folder=tmp_path) for a in arguments]
        assert main(filled) == 1
    finally:
        signal.alarm(0)
    said = capsys.readouterr().err
    assert said.startswith("error: ") and str(tmp_path) in said
    if "fetch" not in arguments:
        assert "a named pipe" in said
