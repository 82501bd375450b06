"""From Atlases to maps and back; neighbours in latent space."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import AtlasError
from radioviz.ui import cache
from radioviz.ui.cache import Located
from radioviz.ui.map import colouring
from radioviz.ui.map import layers as explore


@pytest.fixture
def located(first: Catalogue) -> Located:
    names = cache.atlas_names("first")
    assert names, "an Atlas of FIRST ships with the repository"
    return cache.located("first", names[0])


def test_a_map_knows_the_galaxy_of_each_point(located: Located) -> None:
    layout = next(iter(explore.layouts_of(located)))
    view = explore.map_view(["first"], located.atlas.model, layout)
    assert len(view) == len(located.catalogue)
    assert view.pairs(np.array([5, 3])) == [
        ("first", located.atlas.source_ids[5]),
        ("first", located.atlas.source_ids[3]),
    ]
    choice = explore.map_colours(view)[0]
    assert choice.key == "las"
    points = explore.map_points(view, choice, model_title="m")
    assert len(points) == len(view) == len(points.hover)
    assert points.selected is None and points.focus is None


def test_an_unknown_layout_names_those_that_there_are(located: Located) -> None:
    with pytest.raises(AtlasError, match="no layout 'nowhere'"):
        explore.map_view(["first"], located.atlas.model, "nowhere")


def test_neighbours_are_the_nearest_without_the_galaxy_itself(located: Located) -> None:
    latents = np.asarray(located.atlas.latents, dtype=np.float64)
    ids, distances = explore.nearest_in_latents(located, str(located.atlas.source_ids[10]), 6)
    brute = np.linalg.norm(latents - latents[10], axis=1)
    order = [i for i in np.argsort(brute) if i != 10][:6]
    assert ids == [located.atlas.source_ids[i] for i in order]
    np.testing.assert_allclose(distances, brute[order], rtol=1e-4)


def test_neighbours_of_an_unknown_galaxy(located: Located) -> None:
    with pytest.raises(AtlasError, match="does not hold 'nobody'"):
        explore.nearest_in_latents(located, "nobody")


def test_titles_carry_units() -> None:
    assert colouring.title_of("las") == ("Angular size", "arcsec")
    assert colouring.title_of("flux_mjy")[1] == "mJy"
    assert colouring.title_of("some_column_of_mine") == ("some column of mine", "")
