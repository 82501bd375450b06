"""``python -m radioviz.data`` as a person runs it: output, messages, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from radioviz.data.__main__ import main
from tests.data.http_server import serve

REPOSITORY = Path(__file__).resolve().parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "radioviz.data", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_fetch_from_a_server_in_a_process_of_its_own(shared_data: Path, tmp_path: Path) -> None:
    body = (shared_data / "MiraBest_F_batches.tar.gz").read_bytes()
    with serve({"MiraBest_F_batches.tar.gz": body}) as site:
        site.faults = ["cut:200000"]
        done = run("fetch", "mirabest", "--from", site.url, RADIOVIZ_CACHE=str(tmp_path))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "downloads" / "mirabest"
    assert done.stdout == f"mirabest: {folder}\n"
    assert "100%" in done.stderr  # the progress bar
    assert "downloading MiraBest_F_batches.tar.gz" in done.stderr
    assert len(list((folder / "F_batches").iterdir())) == 9


def test_failure_is_one_sentence_and_code_1(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "nowhere")
    done = run("fetch", "mirabest", "--from", nowhere, RADIOVIZ_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: "), done.stderr
    assert "nowhere: no such file or folder" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_checksum_mismatch_from_a_server(
    shared_data: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (shared_data / "MiraBest_F_batches.tar.gz").read_bytes()
    with serve({"MiraBest_F_batches.tar.gz": body}) as site:
        site.always = "flip"
        code = main(["fetch", "mirabest", "--from", site.url])
    assert code == 1
    assert "checksum mismatch" in capsys.readouterr().err
    assert not (cache / "downloads" / "mirabest" / "F_batches").exists()


def test_not_found_on_the_server(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({}) as site:
        assert main(["fetch", "fr-deep", "--from", site.url + "/gone/"]) == 1
    message = capsys.readouterr().err
    assert "/gone/NVSS_PNG_dataset.tar.gz: the server answers 404" in message


def test_target_that_cannot_be_written(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    target = str(tmp_path / "file" / "below")
    assert main(["fetch", "mirabest", "--from", str(shared_data), "--to", target]) == 1
    assert "data set 'mirabest' cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize("key", ["nope", ""])
def test_unknown_key(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", key]) == 1
    assert "known: fr-deep, mirabest" in capsys.readouterr().err
    assert main(["build", key]) == 1
    assert f"no data set '{key}'; known: first" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["frobnicate"], ["fetch"], ["fetch", "a", "b"], ["fetch", "--timeout", "no"]]
)
def test_usage_errors_are_code_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "Usage: python -m radioviz.data" in "".join(capsys.readouterr())


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for command in ("fetch", "list", "build", "splits"):
        assert command in shown
    assert main(["fetch", "--help"]) == 0
    assert "--from" in capsys.readouterr().out


def test_list_and_build(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    before = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("first "))
    assert "installed; built on first use" in before
    assert main(["build", "first"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("first: 2158 galaxies, ")
    assert str(cache) in shown.out
    assert "100%" in shown.err
    assert main(["list"]) == 0
    after = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("first "))
    assert f"built: {cache}" in after


def test_build_with_a_cache_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "file" / "cache"))
    assert main(["build", "first"]) == 0
    shown = capsys.readouterr()
    assert "2158 galaxies, memory only" in shown.out
    assert "cannot be written" in shown.err


def test_fetch_imports_nothing_heavy() -> None:
    code = (
        "import sys; from radioviz.data.__main__ import main; main(['fetch', 'nope']);"
        "print([m for m in ('astropy', 'torch', 'h5py', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
