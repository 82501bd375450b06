"""RadioViz's own files when they are damaged: an OSError, a ValueError, nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.store.records import array, check_types, json_object, put_in_place, table


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{", b"\xff", b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"1"]
)
def test_no_json_object(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError):
        json_object(tmp_path / "a.json")


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
        array(tmp_path / "a.npy")


def test_no_table(tmp_path: Path) -> None:
    pd.DataFrame({"a": np.arange(100.0)}).to_parquet(tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    for i in range(0, len(whole), 37):
        (tmp_path / "t.parquet").write_bytes(whole[:i] + bytes(8) + whole[i + 8 :])
        try:
            table(tmp_path / "t.parquet")
        except ValueError:
            continue
    (tmp_path / "t.parquet").write_bytes(whole[:50])
    with pytest.raises(ValueError):
        table(tmp_path / "t.parquet")


def test_missing_files_are_os_errors(tmp_path: Path) -> None:
    for read in (json_object, array, table):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("value", "kinds"), [(True, int), ("1", int), (None, str), ([], dict), (1.0, int)]
)
def test_types(value: object, kinds: type) -> None:
    check_types({"other": value}, {"a": kinds})
    with pytest.raises(ValueError, match="'a' is"):
        check_types({"a": value}, {"a": kinds})


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
        table(path)
