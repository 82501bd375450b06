"""From Atlases to maps and back; neighbours in latent space."""

from __future__ import annotations

import numpy as np
import pytest

from radioviz.data.catalogue import Catalogue
from radioviz.errors import AtlasError
from radioviz.ui import cache
from radioviz.ui.cache import Located
from radioviz.ui.image.display import ImageStyle
from radioviz.ui.map import colouring
from radioviz.ui.map import layers as explore
from radioviz.ui.map.hover_text import hover_text
from radioviz.ui.map.layer_colours import map_colours


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
    choice = map_colours(view)[0]
    assert choice.key == "las"
    points = explore.map_points(view, choice, ImageStyle(), model_title="m")
    assert len(points) == len(view)
    assert points.selected is None and points.focus is None
    assert points.hover is not None and points.thumbnail is not None
    assert points.hover(5) == hover_text(located.table)[5]
    assert str(points.thumbnail(5)).startswith("data:image/png;base64,")


def test_layers_follow_each_other_and_their_text_names_the_data_set(located: Located) -> None:
    positions = np.zeros((len(located.rows), 2), np.float32)
    layers = [explore.Layer(key, f"Survey {key}", located, positions) for key in ("a", "b")]
    view = explore.MapView("UMAP", layers)
    points = explore.map_points(view, map_colours(view)[0], ImageStyle())
    n, words = len(positions), hover_text(located.table)
    assert points.hover is not None
    assert points.hover(n - 1) == f"{words[-1]}\nSurvey a"
    assert points.hover(n) == f"{words[0]}\nSurvey b"
    assert points.group is not None and points.group.tolist() == [0] * n + [1] * n
    ids = located.atlas.source_ids
    assert view.pairs(np.array([n, n - 1])) == [("b", ids[0]), ("a", ids[-1])]


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
