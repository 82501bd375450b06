"""Opening data sets: built once, by several at a time, whatever became of the cache."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from radioviz.data import splits
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.errors import CatalogueError
from tests.data.test_catalogue import DAMAGES, damage
from train.splits.record import write_splits

FOLDERS = {
    "mirabest": "mirabest/F_batches",
    "frdeep-first": "fr-deep/FIRST_PNG_dataset",
    "frdeep-nvss": "fr-deep/NVSS_PNG_dataset",
}


@pytest.fixture
def cache(batch_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder with the fetched batches in it and no catalogue."""
    folder = tmp_path / "cache"
    for place in FOLDERS.values():
        target = folder / "downloads" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(batch_folders / target.name)
    monkeypatch.setenv("RADIOVIZ_CACHE", str(folder))
    return folder


def test_registry_names_every_survey() -> None:
    assert list(DATA_SETS) == [
        "first", "mirabest", "frdeep-first", "frdeep-nvss", "rgz", "rgz20k",
    ]  # fmt: skip
    for key, data_set in DATA_SETS.items():
        assert data_set.key == key
        assert data_set.embedded == (key == "first")
    assert DATA_SETS["first"].is_here


def test_unknown_key_is_named() -> None:
    with pytest.raises(CatalogueError, match="no data set 'sumss'; known: first, mirabest, "):
        open_data_set("sumss")


@pytest.mark.parametrize("key", FOLDERS)
def test_opens_what_was_fetched(key: str, cache: Path) -> None:
    data_set = DATA_SETS[key]
    assert data_set.is_here and not data_set.is_built
    seen: list[tuple[int, int, str]] = []
    catalogue = open_data_set(key, lambda *step: seen.append(step))
    assert data_set.is_built
    assert (catalogue.info.key, catalogue.info.title) == (key, data_set.title)
    assert catalogue.folder == data_set.folder
    assert catalogue.notes == ()
    assert isinstance(catalogue.images, np.memmap)
    assert seen and seen[-1][0] == seen[-1][1]
    again = open_data_set(key, lambda *step: pytest.fail("built twice"))
    assert again.table.equals(catalogue.table)
    assert [p.name for p in (cache / "catalogues").iterdir()] == [data_set.folder.name]


@pytest.mark.parametrize("key", FOLDERS)
def test_not_fetched_says_the_command(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    assert not DATA_SETS[key].is_here
    command = f"python -m radioviz.data fetch {DATA_SETS[key].fetch}"
    with pytest.raises(CatalogueError, match=command):
        open_data_set(key)
    assert list((tmp_path / "catalogues").iterdir()) == []  # no scratch stays


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_store_is_built_anew_with_a_note(how: str, cache: Path) -> None:
    whole = open_data_set("frdeep-nvss")
    expected = np.array(whole.images)
    damage(DATA_SETS["frdeep-nvss"].folder, how)
    catalogue = open_data_set("frdeep-nvss")
    assert np.array_equal(catalogue.images, expected)
    assert len(catalogue.notes) == 1
    assert catalogue.notes[0].startswith("The stored copy could not be used and was rebuilt: ")
    assert open_data_set("frdeep-nvss").notes == ()


def test_store_without_its_description_is_built_anew(cache: Path) -> None:
    open_data_set("frdeep-nvss")
    (DATA_SETS["frdeep-nvss"].folder / "catalogue.json").unlink()
    assert len(open_data_set("frdeep-nvss")) == 600
    assert DATA_SETS["frdeep-nvss"].is_built


def test_cache_that_cannot_be_written_costs_only_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "file"))
    catalogue = open_data_set("first")
    assert len(catalogue) == 2158
    assert catalogue.folder is None
    assert catalogue.notes[-1].startswith("Held in memory only: ")
    assert "RADIOVIZ_CACHE" in catalogue.notes[-1]


_FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
from radioviz.data.registry import open_data_set
catalogue = open_data_set("frdeep-nvss")
print(len(catalogue), catalogue.folder, catalogue.notes)
"""


def test_disk_that_is_full_costs_only_the_store(cache: Path) -> None:
    run = [sys.executable, "-c", _FULL]
    out = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120)
    assert out.stdout.startswith("600 None")
    assert "Held in memory only" in out.stdout and "Free some space" in out.stdout
    assert list((cache / "catalogues").iterdir()) == []


def test_new_split_makes_a_new_store(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = open_data_set("mirabest")
    record = splits.recorded("mirabest")
    assert record is not None
    record.loc[0, ["split", "reason"]] = ["excluded", "for this test"]
    write_splits({"mirabest": record}, tmp_path / "splits")
    monkeypatch.setattr(splits, "FOLDER", tmp_path / "splits")
    after = open_data_set("mirabest")
    assert after.table["split"][0] == "excluded" != before.table["split"][0]
    assert after.digest == before.digest
    assert [p.name for p in (cache / "catalogues").iterdir()] == [DATA_SETS["mirabest"].folder.name]
    assert np.array_equal(before.images[0], after.images[0])  # still mapped by who has it open


_OPEN = """
import sys, time
from pathlib import Path
from radioviz.data.registry import open_data_set
while not Path(sys.argv[2]).exists():
    time.sleep(0.01)
for _ in range(int(sys.argv[3])):
    catalogue = open_data_set(sys.argv[1])
    print(len(catalogue), catalogue.digest, int(catalogue.images[-1].sum()), catalogue.notes)
"""


@pytest.mark.parametrize("damaged", [False, True])
def test_several_processes_at_once(damaged: bool, cache: Path, tmp_path: Path) -> None:
    if damaged:
        open_data_set("frdeep-first")
        damage(DATA_SETS["frdeep-first"].folder, "images cut short")
    go = tmp_path / "go"
    run = [sys.executable, "-c", _OPEN, "frdeep-first", str(go), "3"]
    processes = [
        subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    time.sleep(1.0)
    go.touch()
    results = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, results
    lines = [line for out, _ in results for line in out.splitlines()]
    assert len(lines) == 12
    assert len({line.split(" (")[0] for line in lines}) == 1  # the same data for all
    assert not any("memory only" in line for line in lines)
    assert [p.name for p in (cache / "catalogues").iterdir()] == [
        DATA_SETS["frdeep-first"].folder.name
    ]


def test_reopening_first_takes_a_moment(first_catalogue: Catalogue) -> None:
    start = time.process_time()
    catalogue = open_data_set("first")
    assert time.process_time() - start < 0.5
    assert catalogue.folder is not None


_LOADED = """
import sys
from radioviz.data.registry import open_data_set
open_data_set("first")
heavy = {"torch", "torchvision", "firstgalaxydata", "streamlit", "astropy", "scipy", "h5py"}
print(sorted(heavy & set(sys.modules)))
"""


def test_reopening_imports_nothing_heavy(first_catalogue: Catalogue) -> None:
    run = [sys.executable, "-c", _LOADED]
    out = subprocess.run(run, capture_output=True, text=True, check=True, timeout=120)
    assert out.stdout.strip() == "[]"
