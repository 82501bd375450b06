"""Order of galleries by any column, and the measurements of a comparison."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.ui import comparison, galaxies, gallery_tools
from radioviz.ui.gallery_tools import Look, sorted_by
from radioviz.ui.image.display import ImageStyle


def pairs_of(first: Catalogue) -> list[tuple[str, str]]:
    ids = first.table["source_id"].tolist()
    return [("first", s) for s in ids[::5]]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("column", ["redshift", "label", "name", "complexity"])
def test_galaxies_are_sorted_as_pandas_sorts(
    first: Catalogue, column: str, descending: bool
) -> None:
    pairs = pairs_of(first)
    part = first.table.set_index("source_id").loc[[s for _, s in pairs], column]
    values = part.replace("", np.nan) if column in ("label", "name") else part
    wanted = values.sort_values(ascending=not descending, na_position="last", kind="stable")
    found = [s for _, s in sorted_by(pairs, None, column, descending)]
    assert sorted(found) == sorted(s for _, s in pairs)
    assert values.loc[found].astype(str).tolist() == wanted.astype(str).tolist()
    if not descending:
        assert found == wanted.index.tolist()  # ties as they stood


def test_upper_limits_of_sizes_follow_equal_sizes(first: Catalogue) -> None:
    pairs = pairs_of(first)
    table = first.table.set_index("source_id")
    found = [s for _, s in sorted_by(pairs, None, "las", True)]
    sizes = table.loc[found, "las"].to_numpy(float)
    known = sizes[np.isfinite(sizes)]
    limits = table.loc[found[: len(known)], "las_limit"].to_numpy(bool)
    assert (np.diff(known[~limits]) <= 0).all()
    assert len(known[limits]) > 5


def test_a_column_that_nobody_has_changes_nothing(first: Catalogue) -> None:
    pairs = pairs_of(first)
    assert sorted_by(pairs, None, "no such column") == pairs
    assert sorted_by([("gone", "x"), *pairs[:3]], None, "redshift")[-1] == ("gone", "x")


def test_pictures_in_a_common_range_show_who_is_brighter(first: Catalogue) -> None:
    peaks = first.table["peak"].to_numpy(float)
    rows = [int(np.nanargmax(peaks)), int(np.nanargmin(np.where(peaks > 0, peaks, np.nan)))]
    pairs = [("first", str(first.table["source_id"].iloc[r])) for r in rows]

    def brightest(common: bool) -> list[int]:
        import io

        from PIL import Image

        cells = galaxies.galaxy_cells(pairs, ImageStyle(), common=common)
        return [int(np.array(Image.open(io.BytesIO(c.picture))).max()) for c in cells]

    assert brightest(False) == [255, 255]
    bright, faint = brightest(True)
    assert bright == 255
    assert faint < 200


def test_measurements_are_those_of_the_catalogue(first: Catalogue) -> None:
    table = first.table.set_index("source_id")
    known = table.index[np.isfinite(table["redshift"])][:3].tolist()
    found = comparison.measurements([("first", s) for s in known])
    assert found.columns.tolist() == table.loc[known, "name"].tolist()
    row = next(i for i in found.index if i.lower().startswith("redshift"))
    assert [float(v.split()[0]) for v in found.loc[row]] == pytest.approx(
        table.loc[known, "redshift"].tolist(), rel=1e-3
    )
    place = found.loc["RA, Dec [deg]"].iloc[0].split()
    assert [float(v) for v in place] == pytest.approx(
        table.loc[known[0], ["ra", "dec"]].tolist(), abs=1e-5
    )


def test_at_most_six_are_compared() -> None:
    comparison.offer([("first", str(i)) for i in range(9)])
    assert len(comparison.offered()) == comparison.MOST == 6
    comparison.offered().clear()
    assert gallery_tools.actions()["compare"].most == 6
    assert gallery_tools.actions()["compare"].least == 2


def test_sizes_of_pictures() -> None:
    assert [Look(size).width(100) for size in gallery_tools.SIZES] == [75, 100, 190]
    assert Look("large").pixels > Look("medium").pixels
