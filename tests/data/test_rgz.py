"""RGZ DR1: batches of its format, streamed to disk."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from radioviz.data import splits
from radioviz.data.catalogue import Catalogue
from radioviz.data.datasets import rgz
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.errors import CatalogueError
from tests.data.batch_files import j_name, write_rgz


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_reads_what_was_written(protocol: int, tmp_path: Path) -> None:
    written = write_rgz(tmp_path / "rgz", protocol=protocol)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    catalogue = rgz.read_rgz(folder=tmp_path / "rgz", scratch=scratch)
    table = catalogue.table
    assert isinstance(catalogue.images, np.memmap)
    assert np.array_equal(catalogue.images, written["images"])
    assert table["las"].to_numpy() == pytest.approx(written["LAS"])
    assert set(table["las_origin"]) == {"catalogue"}
    assert table["mb_flag"].tolist() == (written["mb_flag"] == 1).tolist()
    assert table["source_id"].tolist() == [f"rgz-{name}" for name in written["src_ids"]]
    assert table["ra"].to_numpy() == pytest.approx(written["ra"], abs=0.1 / 240)
    assert table["dec"].to_numpy() == pytest.approx(written["dec"], abs=1.1 / 3600)
    assert table["official_split"].tolist() == ["train"] * 70 + ["test"] * 10


def test_the_public_twenty_thousand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path))
    with pytest.raises(CatalogueError, match=r"run: python -m radioviz\.data fetch rgz20k"):
        open_data_set("rgz20k")
    written = write_rgz(tmp_path / "downloads" / "rgz20k" / "rgz20k-batches-py")
    catalogue = open_data_set("rgz20k")
    assert catalogue.info.key == "rgz20k"
    assert np.array_equal(catalogue.images, written["images"])
    assert set(catalogue.table["split"][catalogue.table["mb_flag"]]) <= {"excluded", "test"}


def test_memory_and_disk_agree(tmp_path: Path) -> None:
    write_rgz(tmp_path / "rgz")
    (tmp_path / "scratch").mkdir()
    on_disk = rgz.read_rgz(folder=tmp_path / "rgz", scratch=tmp_path / "scratch")
    in_memory = rgz.read_rgz(folder=tmp_path / "rgz")
    assert np.array_equal(on_disk.images, in_memory.images)
    assert on_disk.table.equals(in_memory.table)
    assert not isinstance(in_memory.images, np.memmap)


def test_mirabest_sources_are_not_trained_on(tmp_path: Path) -> None:
    write_rgz(tmp_path / "rgz")
    table = rgz.read_rgz(folder=tmp_path / "rgz").table
    flagged = table["mb_flag"] & (table["official_split"] == "train")
    assert set(table["split"][flagged]) == {"excluded"}
    assert set(table["split_reason"][flagged]) == {"also in MiraBest"}
    assert set(table["split"][table["official_split"] == "test"]) == {"test"}
    assert (table["split"] == "train").sum() > 40


def test_test_sources_of_any_data_set_are_not_trained_on(tmp_path: Path) -> None:
    tests = splits.recorded("test-positions")
    assert tests is not None
    ra, dec = tests["ra"].to_numpy()[:40:10], tests["dec"].to_numpy()[:40:10]
    near = [j_name(a, d + 50 / 3600) for a, d in zip(ra, dec, strict=True)]
    clear = [j_name(a, d + 120 / 3600) for a, d in zip(ra, dec, strict=True)]
    write_rgz(tmp_path / "rgz", train=(8,), test=1, names=[*near, *clear, "RGZJ120000.0+800000"])
    table = rgz.read_rgz(folder=tmp_path / "rgz").table
    unflagged = ~table["mb_flag"][:4]
    assert set(table["split_reason"][:4][unflagged]) == {"within 60 arcsec of a test source"}
    assert set(table["split"][:4]) == {"excluded"}
    assert "within 60 arcsec of a test source" not in set(table["split_reason"][4:])


def test_neighbours_share_their_split(tmp_path: Path) -> None:
    names = [j_name(150.0, 10 + k / 60 / 2.5) for k in range(30)]  # a chain, 24 arcsec a step
    names += [j_name(200.0, 10.0 + k) for k in range(20)]
    write_rgz(tmp_path / "rgz", train=(49,), test=1, names=names)
    table = rgz.read_rgz(folder=tmp_path / "rgz").table
    chain = table[:30][~table["mb_flag"][:30]]
    assert len(set(chain["split"])) == 1


def test_size_cut(tmp_path: Path) -> None:
    written = write_rgz(tmp_path / "rgz")
    (tmp_path / "scratch").mkdir()
    catalogue = rgz.read_rgz(folder=tmp_path / "rgz", scratch=tmp_path / "scratch", las_min=29.0)
    keep = written["LAS"] >= 29.0
    assert len(catalogue) == keep.sum() < 80
    assert np.array_equal(catalogue.images, written["images"][keep])
    with pytest.raises(CatalogueError, match="known to be as large as 1000"):
        rgz.read_rgz(folder=tmp_path / "rgz", las_min=1000.0)


def test_repeated_names_stay_apart_and_are_linked(tmp_path: Path) -> None:
    names = ["RGZJ134541.2+232253"] * 3 + [j_name(100 + k, 5.0) for k in range(7)]
    write_rgz(tmp_path / "rgz", train=(8,), test=2, names=names)
    table = rgz.read_rgz(folder=tmp_path / "rgz").table
    first = "rgz-RGZJ134541.2+232253"
    assert table["source_id"][:3].tolist() == [first, f"{first}-2", f"{first}-3"]
    assert table["same_as"][:3].tolist() == ["", first, first]


def test_names_without_positions_give_none(tmp_path: Path) -> None:
    write_rgz(tmp_path / "rgz", train=(8,), test=2, names=[f"source_{k}" for k in range(10)])
    table = rgz.read_rgz(folder=tmp_path / "rgz").table
    assert table[["ra", "dec"]].isna().all(axis=None)
    assert set(table["name"]) == {""}


def test_reads_the_real_batches_of_mirabest(
    batch_folders: Path, mirabest_catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue = rgz.read_rgz(folder=batch_folders / "F_batches", scratch=tmp_path)
    assert np.array_equal(catalogue.images, mirabest_catalogue.images)
    assert catalogue.table["ra"].tolist() == mirabest_catalogue.table["ra"].tolist()
    assert catalogue.table["dec"].tolist() == mirabest_catalogue.table["dec"].tolist()
    assert not catalogue.table["mb_flag"].any()
    # Known by position alone, the MiraBest test sources are found among them.
    tested = mirabest_catalogue.table["split"] == "test"
    assert set(catalogue.table["split"][tested]) == {"test"}
    excluded = mirabest_catalogue.table["split_reason"].str.contains("arcsec from the test source")
    assert set(catalogue.table["split"][excluded]) == {"excluded"}


def test_missing_says_where_to_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_RGZ", str(tmp_path / "nowhere"))
    with pytest.raises(CatalogueError, match=r"no batches in .*nowhere; .*RADIOVIZ_RGZ"):
        open_data_set("rgz")


def test_opens_through_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_CACHE", str(tmp_path / "cache"))
    folders = []
    for name, size in (("one", 5), ("two", 6)):
        write_rgz(tmp_path / name, train=(size,), test=2)
        monkeypatch.setenv("RADIOVIZ_RGZ", str(tmp_path / name))
        catalogue = open_data_set("rgz")
        assert len(catalogue) == size + 2
        assert isinstance(catalogue.images, np.memmap)
        folders.append(DATA_SETS["rgz"].folder)
    assert folders[0] != folders[1]
    left = [p.name for p in (tmp_path / "cache" / "catalogues").iterdir()]
    assert left == [folders[1].name]  # no scratch, no older edition


_MEASURE = """
import resource, sys
from pathlib import Path
from radioviz.data.datasets import rgz
import scipy.spatial, scipy.sparse.csgraph, pandas.core.strings.accessor
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
catalogue = rgz.read_rgz(folder=Path(sys.argv[1]), scratch=Path(sys.argv[2]))
print(len(catalogue), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_memory_holds_one_batch_and_not_the_survey(tmp_path: Path) -> None:
    assert resource.RUSAGE_SELF == 0
    (tmp_path / "scratch").mkdir()
    write_rgz(tmp_path / "rgz", train=(2000,) * 9, test=2000)  # 450 MB of images
    run = [sys.executable, "-c", _MEASURE, str(tmp_path / "rgz"), str(tmp_path / "scratch")]
    out = subprocess.run(run, capture_output=True, text=True, check=True, timeout=280)
    n, kilobytes = map(int, out.stdout.split())
    assert n == 20_000
    assert kilobytes < 300_000  # a batch is 45 MB, as read, as one array, and as written
