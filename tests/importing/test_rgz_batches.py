"""Import of the batches of RGZ DR1: whole, cut, resumed, damaged and hostile."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from radioviz.errors import CatalogueError
from radioviz.importing import Source, import_survey, inspect_source


def write_batches(folder: Path, batches: int = 3, size: int = 20, side: int = 150) -> np.ndarray:
    """Image batches in the format of RGZ DR1; returns all images in order."""
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True)
    images = rng.integers(0, 255, (batches * size, side * side)).astype(np.uint8)
    for b in range(batches):
        part = images[b * size : (b + 1) * size]
        numbers = range(b * size, (b + 1) * size)
        content = {
            "data": part,
            "filenames": [f"RGZJ{i % 24:02d}3015.5+{i % 60:02d}1520.png" for i in numbers],
            "src_ids": [f"RGZ{i:06d}" for i in numbers],
            "mb_flag": [int(i % 10 == 0) for i in numbers],
            "LAS": [float(i) for i in numbers],
        }
        name = "test_batch" if b == batches - 1 else f"data_batch_{b + 1}"
        (folder / name).write_bytes(pickle.dumps(content))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": []}))
    return images.reshape(-1, side, side)


def test_rgz_batches(tmp_path):
    images = write_batches(tmp_path / "rgz")
    look = inspect_source(Source(tmp_path / "rgz"))
    assert look.kind == "batches"
    assert look.needed == ()
    result = import_survey(Source(tmp_path / "rgz"), {"key": "rgz-mine"})
    catalogue = result.catalogue
    np.testing.assert_array_equal(catalogue.images, images)
    assert catalogue.info.beam == 5.4
    assert catalogue.table["las"].iloc[5] == 5
    assert np.isnan(catalogue.table["las"].iloc[0])
    assert catalogue.table["ra"].iloc[1] == pytest.approx(15 * (1 + 30 / 60 + 15.5 / 3600))
    assert catalogue.table["dec"].iloc[1] == pytest.approx(1 + 15 / 60 + 20 / 3600)
    assert catalogue.table["source_id"].iloc[-1] == "rgz-RGZ000059"
    assert catalogue.table["official_split"].value_counts().to_dict() == {"train": 40, "test": 20}
    flagged = catalogue.table["mb_flag"] & (catalogue.table["official_split"] == "train")
    assert set(catalogue.table["split"][flagged]) == {"excluded"}
    assert "FIRST" in catalogue.info.licence


def test_rgz_flag_and_size_cut(tmp_path):
    images = write_batches(tmp_path / "rgz")
    answers = {"key": "rgz-cut", "mb_flag": "exclude", "las_min": "29"}
    result = import_survey(Source(tmp_path / "rgz"), answers)
    kept = [i for i in range(60) if i >= 29 and i % 10]
    np.testing.assert_array_equal(result.catalogue.images, images[kept])
    assert (result.read, result.left_out, result.refused) == (len(kept), 60 - len(kept), 0)
    assert f"{60 - len(kept)} left out as requested, 0 refused" in result.sentence()
    reasons = set(result.report.loc[result.report["status"] == "left out", "reason"])
    assert "also in MiraBest (mb_flag)" in reasons
    assert "LAS 5.00 is not at least 29 arcsec" in reasons
    assert len(result.report) == 60


def test_rgz_resumes_in_the_middle_of_a_batch(tmp_path):
    images = write_batches(tmp_path / "rgz")
    left = [27]

    def cancelled() -> bool:
        left[0] -= 1
        return left[0] <= 0

    import_survey(Source(tmp_path / "rgz"), {"key": "rgz-mine"}, cancelled=cancelled)
    result = import_survey(Source(tmp_path / "rgz"), {"key": "rgz-mine"})
    assert result.resumed == 27
    np.testing.assert_array_equal(result.catalogue.images, images)


def test_rgz_batches_that_are_not_whole(tmp_path):
    write_batches(tmp_path / "rgz")
    (tmp_path / "rgz" / "data_batch_1").rename(tmp_path / "gone")
    with pytest.raises(CatalogueError, match="lacks data_batch_1"):
        inspect_source(Source(tmp_path / "rgz"))


def test_rgz_batches_never_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    write_batches(tmp_path / "rgz")
    (tmp_path / "rgz" / "data_batch_1").write_bytes(pickle.dumps({"data": Evil()}))
    with pytest.raises(CatalogueError, match="refused"):
        inspect_source(Source(tmp_path / "rgz"))
    assert not (tmp_path / "ran").exists()
