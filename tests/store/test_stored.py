"""RadioViz's own files when they are damaged: an OSError, a ValueError, nothing else."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.errors import AtlasError
from radioviz.store.atomic import (
    atomic_file,
    atomic_folder,
    put_in_place,
    remove_stale,
    report_unwritable,
    write_json,
)
from radioviz.store.records import (
    read_json_object,
    read_npy,
    read_parquet,
    read_record,
    to_record,
)


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{", b"\xff", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"1"]
)
def test_no_json_object(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError):
        read_json_object(tmp_path / "a.json")


def _npy(values: np.ndarray, **how: bool) -> bytes:
    out = io.BytesIO()
    np.save(out, values, **how)
    return out.getvalue()


def _npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, a=np.zeros(3))
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        _npy(np.zeros(9))[:-8],
        _npy(np.zeros(9)).replace(b"(9,)", b"(9e9"),
        _npy(np.zeros(9)).replace(b"False", b"[[[[["),
        _npy(np.array(["a"])),
        _npy(np.array([{}], dtype=object), allow_pickle=True),
        _npz(),
    ],
)
def test_no_array_of_numbers(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError):
        read_npy(tmp_path / "a.npy")


def test_no_table(tmp_path: Path) -> None:
    pd.DataFrame({"a": np.arange(100.0)}).to_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for i in range(0, len(whole), 37):
        (tmp_path / "t.parquet").write_bytes(whole[:i] + bytes(8) + whole[i + 8 :])
        try:
            read_parquet(tmp_path / "t.parquet")
        except ValueError:
            continue
    (tmp_path / "t.parquet").write_bytes(whole[:50])
    with pytest.raises(ValueError):
        read_parquet(tmp_path / "t.parquet")


def test_missing_files_are_os_errors(tmp_path: Path) -> None:
    for read in (read_json_object, read_npy, read_parquet):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing")


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    put_in_place(tmp_path / "new", tmp_path / "old")
    assert [p.name for p in tmp_path.iterdir()] == ["old"]
    assert [p.name for p in (tmp_path / "old").iterdir()] == ["new"]


def test_text_of_a_table_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    frame = pd.DataFrame({"source_id": ["first-100", "first-200"], "p": [0.1, 0.2]})
    frame.to_parquet(path, compression=None)
    path.write_bytes(path.read_bytes().replace(b"first-100", b"first-\xff00"))
    with pytest.raises(ValueError, match=r"t\.parquet: .*UTF8"):
        read_parquet(path)


@dataclasses.dataclass(frozen=True)
class _About:
    n: int
    title: str = ""
    scores: dict[str, float] = dataclasses.field(default_factory=dict)
    seconds: float | None = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "missing required field n"),
        ('{"n": "3"}', "'n' is '3', expected int"),
        ('{"n": true}', "'n' is 'True', expected int"),
        ('{"n": 1.5}', "'n' is '1.5', expected int"),
        ('{"n": 3, "title": null}', "'title' is 'None', expected str"),
        ('{"n": 3, "seconds": "x"}', "'seconds' is 'x', expected float | nothing"),
        ('{"n": 3, "scores": {"a": "b"}}', "'scores[...]' is .*'b'.*, expected float"),
        ('{"n": 3, "scores": [1]}', "'scores' is '[1]', expected object"),
        ('{"n": 3, "other": 1}', "field 'other' is unknown"),
    ],
)
def test_wrong_records_name_the_field(text: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    pattern = expected.replace("[", r"\[").replace("]", r"\]").replace("|", r"\|")
    with pytest.raises(ValueError, match=pattern):
        read_record(tmp_path / "a.json", _About)


def test_a_record_is_written_and_read(tmp_path: Path) -> None:
    about = _About(3, "a", {"b": float("inf")})
    write_json(tmp_path / "deep/a.json", dataclasses.asdict(about))
    assert read_record(tmp_path / "deep/a.json", _About) == about
    assert to_record({"n": 2, "scores": {"a": 1}}, _About) == _About(2, scores={"a": 1.0})


def test_a_json_file_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("radioviz.store.records._LARGEST", 20)
    (tmp_path / "a.json").write_text('{"a": "' + "b" * 12 + '"}')
    with pytest.raises(ValueError, match=r"a\.json has more than 20 bytes"):
        read_json_object(tmp_path / "a.json")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as scratch:
        assert scratch.parent == path.parent and scratch.suffix == path.suffix
        scratch.write_text("half")
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        write_json(tmp_path / "gone/a.json", {}, parents=False)
    assert not (tmp_path / "gone").exists()


def test_a_file_is_forced_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    with atomic_file(tmp_path / "a", sync=True) as scratch:
        scratch.write_text("a")
    assert len(synced) == 1 and (tmp_path / "a").read_text() == "a"


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "deep/atlas"
    with atomic_folder(folder) as scratch:
        (scratch / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic_folder(folder) as scratch:
        (scratch / "a").write_text("new")
        raise ZeroDivisionError
    assert (folder / "a").read_text() == "old"
    with atomic_folder(folder) as scratch:
        (scratch / "a").write_text("new")
    assert (folder / "a").read_text() == "new"
    assert list(folder.parent.iterdir()) == [folder]


def test_scratch_folders_of_killed_processes_go(tmp_path: Path) -> None:
    # Of tomorrow: in use, after the clock was set back by a day. Further ahead: of a wrong clock.
    ages = {"old": 7200.0, "young": 60.0, "tomorrow": -86_400.0, "ahead": -30 * 86_400.0}
    for name, age in ages.items():
        (tmp_path / f".atlas.{name}").mkdir()
        os.utime(tmp_path / f".atlas.{name}", times=(time.time() - age,) * 2)
    (tmp_path / ".other.old").mkdir()
    remove_stale(tmp_path / "atlas")
    left = {".atlas.young", ".atlas.tomorrow", ".other.old"}
    assert {p.name for p in tmp_path.iterdir()} == left


def test_an_unwritable_folder_is_named_with_what_to_do() -> None:
    expected = "scores cannot be written to /x: No space left on device. Free some .* RADIOVIZ_HOME"
    with (
        pytest.raises(AtlasError, match=expected),
        report_unwritable("/x", AtlasError, what="scores"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
