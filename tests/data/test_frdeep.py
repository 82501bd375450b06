"""FR-DEEP: two surveys of the same sources, and which those are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.data.datasets import frdeep
from radioviz.errors import CatalogueError
from tests.data.batch_files import blobs, write_batch
from tests.data.dihedral import TURNS
from train.splits import duplicates


def test_holds_what_its_authors_say(frdeep_first: Catalogue, frdeep_nvss: Catalogue) -> None:
    for catalogue in (frdeep_first, frdeep_nvss):
        table = catalogue.table
        assert catalogue.images.shape == (600, 150, 150)
        assert table["official_split"].value_counts().to_dict() == {"train": 550, "test": 50}
        assert table[["ra", "dec", "las"]].isna().all(axis=None)
        assert set(table["name"]) == {""}
        assert table["list"].value_counts()["config-fr2"] == 336
    assert frdeep_first.table["label"].value_counts().to_dict() == {"FRII": 336, "FRI": 264}
    assert (frdeep_nvss.info.pixel_scale, frdeep_nvss.info.beam) == (15.0, 45.0)
    assert (frdeep_first.info.pixel_scale, frdeep_first.info.beam) == (1.8, 5.4)


def test_pairs_are_mutual_and_alike(frdeep_first: Catalogue, frdeep_nvss: Catalogue) -> None:
    a = frdeep_first.table.set_index("source_id")
    b = frdeep_nvss.table.set_index("source_id")
    paired = a[a["pair"] != ""]
    assert len(paired) == (b["pair"] != "").sum() == 543
    back = b.loc[paired["pair"]]
    assert back["pair"].tolist() == paired.index.tolist()
    assert back["label"].tolist() == paired["label"].tolist()
    assert back["list"].tolist() == paired["list"].tolist()


def test_pairs_show_the_same_source(frdeep_first: Catalogue, frdeep_nvss: Catalogue) -> None:
    """Smoothed to the NVSS beam, a FIRST image is like the NVSS image of its number.

    Sources that the NVSS does not resolve all look alike, so the true pair is not always
    the first of 600; it is eighty times as often as chance, and in no other orientation.
    """
    row_of = {s: k for k, s in enumerate(frdeep_nvss.table["source_id"])}
    pairs = [(k, row_of[p]) for k, p in enumerate(frdeep_first.table["pair"]) if p in row_of]
    i, j = np.transpose(pairs)
    seen = duplicates.smoothed(frdeep_first.images)
    shares = {}
    for name, turn in TURNS.items():
        scores = np.full((600, 600), -1.0)
        turned = np.stack([turn(image) for image in frdeep_nvss.images])
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                cut = turned[:, 67 + dy : 84 + dy, 67 + dx : 84 + dx].astype(np.float32)
                np.maximum(scores, duplicates._flat(seen) @ duplicates._flat(cut).T, out=scores)
        rank = (scores[i] > scores[i, j][:, None]).sum(axis=1)
        shares[name] = (rank == 0).mean()
    assert shares.pop("as it is") > 0.15
    assert max(shares.values()) < 0.05


def test_matches_are_where_their_number_says(
    frdeep_first: Catalogue, mirabest_catalogue: Catalogue, first_catalogue: Catalogue
) -> None:
    """FRICAT runs through right ascension: so do the positions found by image alone."""
    table = frdeep_first.table
    assert (table["match_method"] != "").sum() == 584
    assert table["match_score"].min() > 0.6
    known = {
        **first_catalogue.table.set_index("source_id")["origin"],
        **mirabest_catalogue.table.set_index("source_id")["origin"],
    }
    alone = table[(table["list"] == "fricat") & (table["match_method"] == "image")]
    alone = alone.sort_values("number")
    assert len(alone) > 140
    assert (np.diff(alone["matched_ra"]) >= -0.01).all()
    assert set(alone["matched_id"].map(known)) <= {"Capetti2017a", "MiraBest", "Gendre"}
    capetti = alone["matched_id"].map(known) == "Capetti2017a"
    assert capetti.mean() > 0.6


def test_matches_show_the_same_galaxy(
    frdeep_first: Catalogue, mirabest_catalogue: Catalogue, first_catalogue: Catalogue
) -> None:
    """The score that is recorded is the score of the two images, and no turned one has it."""
    table = frdeep_first.table
    rows = np.flatnonzero(table["match_method"] == "image")[::12]
    higher = 0
    for row in rows:
        other = first_catalogue if table["matched_id"][row].startswith("first") else None
        other = other or mirabest_catalogue
        reference = other.images[other.rows_of([table["matched_id"][row]])[0]]
        image = frdeep_first.images[row]
        score = duplicates.fine_score(image, reference)
        assert score == pytest.approx(table["match_score"][row], abs=2e-4)
        turned = [
            duplicates.fine_score(np.ascontiguousarray(turn(image)), reference)
            for name, turn in TURNS.items()
            if name != "as it is"
        ]
        higher += score > max(turned)
    assert higher > 0.97 * len(rows)  # FITS order, like the references


def test_repeats_are_linked(frdeep_first: Catalogue, frdeep_nvss: Catalogue) -> None:
    a = frdeep_first.table[frdeep_first.table["same_as"] != ""]
    b = frdeep_nvss.table[frdeep_nvss.table["same_as"] != ""]
    assert "frdeep-first-config-fr2-182" in a["source_id"].tolist()  # equal to the bit
    # CoNFIG FRI 30 is FRICAT 163: by its NVSS image equal, by its FIRST image found.
    assert {"frdeep-nvss-config-fr1-30", "frdeep-nvss-fricat-163"} <= {
        *b["source_id"],
        *b["same_as"],
    }
    assert {"frdeep-first-config-fr1-30", "frdeep-first-fricat-163"} <= {
        *a["source_id"],
        *a["same_as"],
    }


def test_empty_image_is_flagged(frdeep_first: Catalogue) -> None:
    empty = frdeep_first.table[frdeep_first.table["flag"] != ""]
    assert empty["source_id"].tolist() == ["frdeep-first-fricat-13"]
    assert empty["split"].tolist() == ["excluded"]


def test_missing_says_how_to_fetch(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"run: python -m radioviz\.data fetch fr-deep"):
        frdeep.read_frdeep(frdeep.NVSS, folder=tmp_path)


@pytest.mark.parametrize(("name", "label"), [("cat.png", 0), ("12_example.png", 7)])
def test_other_images_are_refused(name: str, label: int, tmp_path: Path) -> None:
    for file in ("data_batch_1", "test_batch"):
        write_batch(tmp_path / file, blobs(1), labels=[label], filenames=[name])
    with pytest.raises(
        CatalogueError, match=f"'{name}' with label {label} is not an FR-DEEP image"
    ):
        frdeep.read_frdeep(frdeep.FIRST, folder=tmp_path)
