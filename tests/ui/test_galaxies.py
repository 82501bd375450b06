"""Galaxies by identifier: finding, pictures, export groups, facts."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import CatalogueError, SelectionError
from radioviz.sky import separation_arcsec
from radioviz.ui import cache, galaxies
from radioviz.ui import coordinates as sky
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.state import Selection


def test_find_by_part_of_a_name(first: Catalogue) -> None:
    name = first.table["name"].iat[100]
    assert galaxies.find_galaxies(first, name, 60).tolist() == [100]
    assert 100 in galaxies.find_galaxies(first, name[:6].lower(), 60)
    assert galaxies.find_galaxies(first, f"FIRST {name}", 60).tolist() == [100]


def test_find_by_a_shortened_name(first: Catalogue) -> None:
    names = first.table["name"].to_numpy(str)
    for text in ("J0747+1717", "FIRST J0747+1717", "0747+1717"):
        found = names[galaxies.find_galaxies(first, text, 60)].tolist()
        assert found and all(n[:5] == "J0747" and n[9:14] == "+1717" for n in found)


def test_find_sorts_a_cone_by_distance(first: Catalogue) -> None:
    ra, dec = first.table["ra"].iat[7], first.table["dec"].iat[7]
    rows = galaxies.find_galaxies(first, sky.degrees(ra, dec), 36000)
    distance = separation_arcsec(
        ra, dec, first.table["ra"].to_numpy()[rows], first.table["dec"].to_numpy()[rows]
    )
    assert rows[0] == 7 and (np.diff(distance) >= 0).all() and distance.max() <= 36000
    everything = separation_arcsec(
        ra, dec, first.table["ra"].to_numpy(), first.table["dec"].to_numpy()
    )
    assert len(rows) == (everything <= 36000).sum()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  ", "nothing to search for"),
        ("10 -89", "the nearest is J"),
        ("Cygnus A", "Cygnus A"),
        ("999 0", "outside the sky"),
        ("x" * 5000, "x" * 80),
    ],
)
def test_find_says_what_it_looked_for(first: Catalogue, text: str, said: str) -> None:
    with pytest.raises(SelectionError, match=said) as error:
        galaxies.find_galaxies(first, text, 60)
    assert len(str(error.value)) < 300


def test_find_by_position_where_there_are_none(first: Catalogue) -> None:
    blind = dataclasses.replace(first, table=first.table.assign(ra=np.nan, dec=np.nan))
    with pytest.raises(SelectionError, match="no sky positions"):
        galaxies.find_galaxies(blind, "10 10", 60)


def test_cells_keep_their_order_across_data_sets(first: Catalogue) -> None:
    pairs = [("first", "first-9"), ("nowhere", "x"), ("first", "first-3")]
    cells = galaxies.galaxy_cells(pairs, ImageStyle())
    assert [c.pair for c in cells] == [pairs[0], pairs[2]]
    assert cells[0].name == first.table["name"].iat[int(first.rows_of(["first-9"])[0])]
    assert cells[0].picture.startswith(b"\x89PNG") and cells[0].bar is not None


def test_groups_carry_the_latents_of_the_encoder(first: Catalogue) -> None:
    model = cache.atlas_names("first")[0]
    atlas = cache.atlas("first", model)
    (group,) = galaxies.prepare_groups(
        Selection([("first", "first-9"), ("first", "first-3")]), model
    )()
    assert first.table["source_id"].to_numpy()[group.rows].tolist() == ["first-9", "first-3"]
    assert group.latents is not None and group.model == model
    np.testing.assert_array_equal(group.latents, atlas.latents[group.rows])
    assert group.model_sha256 == atlas.meta["weights_sha256"]


def test_what_is_exported_is_the_selection_of_that_moment(first: Catalogue) -> None:
    from tests.export.written import csv_bytes

    selection = Selection([("first", "first-9")])
    gather = galaxies.prepare_groups(selection, cache.atlas_names("first")[0])
    selection.add("first", ["first-3"])
    (group,) = gather()
    assert len(group) == 1
    assert b"first-9" in csv_bytes(gather())


def test_groups_without_an_atlas_still_export(first: Catalogue) -> None:
    for model in (None, "no-such-model"):
        (group,) = galaxies.prepare_groups(Selection([("first", "first-9")]), model)()
        assert group.latents is None and group.model == "" and len(group) == 1


def test_a_selection_of_a_data_set_that_is_gone(first: Catalogue) -> None:
    with pytest.raises(CatalogueError, match="nowhere"):
        galaxies.prepare_groups(Selection([("nowhere", "x")]), None)()


def test_facts_have_units_and_leave_out_what_is_unknown(first: Catalogue) -> None:
    row = int(np.flatnonzero(np.isfinite(first.table["redshift"]))[0])
    facts = dict(galaxies.galaxy_facts(first, row))
    assert facts["Angular size"].endswith(f"arcsec ({first.table['las_origin'].iat[row]})")
    assert "nan" not in " ".join(facts.values()).lower()
    unknown = int(np.flatnonzero(~np.isfinite(first.table["redshift"]))[0])
    assert "Redshift" not in dict(galaxies.galaxy_facts(first, unknown))


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.0, "3"), (107.21, "107.2"), (1.23456e-5, "1.235e-05"), (0.0, "0"), (10512.7, "10510")],
)
def test_numbers(value: float, text: str) -> None:
    assert galaxies.number_text(value) == text
