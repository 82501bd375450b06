"""Mapped arrays and tables: their content stays what it was, their pages are given back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.store import mapped
from radioviz.store.mapped import mapped_frame, release_pages, trim_memory, write_array


def resident(field: str) -> int:
    """Memory of this process in kB, of one kind."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise AssertionError(field)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells memory by kind")
def test_pages_that_were_read_are_given_back(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.arange(8 << 20, dtype=np.uint8).reshape(-1, 64, 64))
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    before = resident("RssFile")
    total = int(images.sum())
    read = resident("RssFile")
    assert read - before > 6_000
    release_pages(images[10:])
    assert read - resident("RssFile") > 6_000
    assert int(images.sum()) == total


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_can_be_written_is_left_alone(tmp_path: Path, mode: str) -> None:
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8), np.uint8))
    images = np.load(tmp_path / "images.npy", mmap_mode=mode)
    images[0] = 7
    release_pages(images)
    assert (images[0] == 7).all()


def test_images_in_memory_are_left_alone() -> None:
    images = np.ones((3, 8, 8))
    release_pages(images[1:])
    assert images.all()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells memory by kind")
def test_what_was_freed_is_given_back() -> None:
    small = [np.ones(4_000) for _ in range(3_000)]  # too small for maps of their own
    held = resident("RssAnon")
    keep = small[-1]
    del small
    trim_memory()
    assert held - resident("RssAnon") > 60_000
    assert keep.all()


def test_a_full_disk_is_an_error_and_not_the_end(full_disk: Path) -> None:
    parts = (np.ones((100, 256), np.float32) for _ in range(100))
    with pytest.raises(OSError, match="No space left"):
        write_array(full_disk / "a.npy", parts, (10_000, 256), np.float16)


def test_an_array_is_written_in_parts(tmp_path: Path) -> None:
    whole = np.arange(30.0).reshape(10, 3)
    written = write_array(tmp_path / "a.npy", np.split(whole, [4, 9]), (10, 3), np.float16)
    np.testing.assert_array_equal(written, whole.astype(np.float16))
    assert isinstance(written, np.memmap)


def test_a_mapped_table_is_the_same_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame(
        {
            "flux": [1.5, np.nan, -np.inf],
            "size": np.array([1, np.nan, 3], np.float32),
            "count": np.array([1, 2**62 + 1, -3]),
            "limit": [True, False, True],
            "name": ["Größe", "", None],
            "mixed": pd.Series([1, "a", None], dtype=object),
            "known": pd.array([1, None, 3], dtype="Int64"),
            "when": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
        },
        index=[5, 6, 9],
    )
    assert mapped_frame(table) is table  # it is small
    monkeypatch.setattr(mapped, "LARGE_TABLE", 2)
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    found = mapped_frame(table)
    assert found is not table
    pd.testing.assert_frame_equal(found, table)
    assert not found["flux"].to_numpy().flags.owndata
    assert list((tmp_path / "cache").iterdir()) == []  # nothing is left behind
    (tmp_path / "file").touch()
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "file"))
    assert mapped_frame(table) is table


_FREED = """
import sys
import numpy as np
from tests.store.test_mapped import resident
from radioviz.store.mapped import return_large_arrays
if sys.argv[1] == "yes":
    return_large_arrays()
holes = [np.ones(12_500) for _ in range(300)]  # so that what is kept below lies between arrays
array = np.ones(3_000_000)
del array
before, arrays, kept = resident("RssAnon"), [], []
for _ in range(20):
    arrays.append(np.ones(1_000_000))
    kept.append(np.ones(12_500))
del arrays
print((resident("RssAnon") - before) / 1e3)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library of Linux")
def test_freed_arrays_go_back_to_the_system() -> None:
    # Dask leaves settings of the allocator behind it.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    kept = [
        float(subprocess.run([sys.executable, "-c", _FREED, asked], capture_output=True, text=True,
                             check=True, env=environment).stdout)
        for asked in ("no", "yes")
    ]  # fmt: skip
    assert kept[1] < 20 < kept[0] / 5, kept
