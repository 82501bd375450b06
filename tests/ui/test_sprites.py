"""Pictures kept as levels, and put side by side on sheets."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radioviz.ui.image import sprites
from radioviz.ui.image.display import lookup_table
from radioviz.ui.image.sprites import LevelStore, Tile


def shades(rows: np.ndarray) -> np.ndarray:
    """A picture a row, 4 by 4, of one level that names the row; its north edge is bright."""
    out = np.zeros((len(rows), 4, 4), dtype=np.float32)
    out += np.asarray(rows)[:, None, None] / 255
    out[:, -1] = 1
    return out


def rgb(payload: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(payload)).convert("RGB"))


def test_levels_are_made_once_and_kept_on_disk(tmp_path: Path) -> None:
    asked: list[list[int]] = []

    def make(rows: np.ndarray) -> np.ndarray:
        asked.append(rows.tolist())
        return shades(rows)

    store = LevelStore(tmp_path / "a", 100, 4)
    assert store.kept
    first = store.levels(np.array([7, 3]), make)
    again = store.levels(np.array([3, 50, 7]), make)
    assert asked == [[7, 3], [50]]
    assert first[:, 0, 0].tolist() == [7, 3]
    assert again[:, 0, 0].tolist() == [3, 50, 7]
    other = LevelStore(tmp_path / "a", 100, 4)
    assert other.levels(np.array([50]), make)[0, 0, 0] == 50
    assert len(asked) == 2


def test_a_store_of_another_size_is_begun_anew(tmp_path: Path) -> None:
    LevelStore(tmp_path, 10, 4).levels(np.array([5]), shades)
    assert LevelStore(tmp_path, 20, 4).levels(np.array([5]), lambda r: shades(r + 1))[0, 0, 0] == 6


def test_a_million_pictures_take_no_room_until_they_are_looked_at(tmp_path: Path) -> None:
    store = LevelStore(tmp_path, 1_000_000, 64)
    rows = np.array([0, 999_999])
    store.levels(rows, lambda r: np.ones((len(r), 64, 64)))
    assert (tmp_path / "levels.u8").stat().st_size == 4_096_000_000
    assert (tmp_path / "levels.u8").stat().st_blocks * 512 < 1_000_000
    assert store.levels(rows, shades).min() == 255


def test_without_a_folder_that_can_be_written_pictures_are_made_each_time(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    for folder in (None, blocked / "inside"):
        store = LevelStore(folder, 10, 4)
        assert not store.kept
        assert store.levels(np.array([1, 2]), shades)[:, 0, 0].tolist() == [1, 2]


@pytest.mark.parametrize("k", [1, 3, 10, 23])
def test_every_picture_is_where_its_tile_says(k: int) -> None:
    levels = LevelStore(None, 0, 4).levels(np.arange(k), shades)
    sheet = sprites.sheet(levels, "grey", columns=10)
    whole = rgb(sheet.payload)
    assert whole.shape == (4 * sheet.rows, 4 * sheet.columns, 3)
    grey = lookup_table("grey")
    for i in range(k):
        one = rgb(Tile(sheet, i).png)
        assert one.shape == (4, 4, 3)
        # North is up on the screen: the bright last row of the array comes first.
        assert (one[0] == grey[255]).all()
        assert (one[1:] == grey[i]).all()


def test_the_same_pictures_have_the_same_name() -> None:
    levels = LevelStore(None, 0, 4).levels(np.arange(5), shades)
    assert sprites.sheet(levels, "grey").digest == sprites.sheet(levels.copy(), "grey").digest
    assert sprites.sheet(levels, "grey").digest != sprites.sheet(levels, "viridis").digest


def test_a_full_disk_costs_the_store_and_not_the_server(tmp_path: Path, full_disk: Path) -> None:
    code = """
import sys
import numpy as np
from pathlib import Path
from radioviz.ui.image.sprites import LevelStore
store = LevelStore(Path(sys.argv[1]) / "store", 1000, 64)
ones = store.levels(np.arange(500), lambda rows: np.ones((len(rows), 64, 64)))
print(store.kept, ones.min())
"""
    run = [sys.executable, "-c", code, str(full_disk)]
    out = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert (out.returncode, out.stdout.split()) == (0, ["False", "255"]), out.stderr
