"""``import radioviz``: what a script sees, that it is light, and that its examples run."""

from __future__ import annotations

import ast
import doctest
import importlib
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table

import radioviz
from radioviz.api.latent_search import _sky_position
from radioviz.paths import REPOSITORY
from radioviz.ui.coordinates import parse_position

MODULES = (
    *("benchmark_figures", "citations", "editing", "field_simulation", "file_export", "inference"),
    "latent_planes",
    *("latent_search", "outlier_ranking", "property_prediction", "samples", "selection"),
)


def fresh(code: str) -> str:
    """Standard output of a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name: str) -> None:
    module = importlib.import_module(f"radioviz.api.{name}")
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted and not result.failed


def test_every_public_name_has_an_example_or_says_what_it_is() -> None:
    for name in radioviz.__all__:
        assert getattr(radioviz, name).__doc__, name
        assert name in dir(radioviz)
    assert "two minor releases" in (radioviz.__doc__ or "")
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        radioviz.nothing  # noqa: B018


def test_type_checkers_see_what_is_offered() -> None:
    imports = ast.walk(ast.parse(Path(radioviz.__file__).read_text("utf-8")))
    seen = {
        alias.name: node.module
        for node in imports
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("radioviz.")
        for alias in node.names
    }
    assert seen == {name: f"radioviz.{module}" for name, module in radioviz._MODULES.items()}


def test_the_import_is_light() -> None:
    heavy = "('pandas', 'numpy', 'torch', 'astropy', 'streamlit', 'scipy')"
    assert fresh(f"import sys, radioviz; print([m for m in {heavy} if m in sys.modules])") == "[]"
    looking = (
        "import sys, radioviz; radioviz.find_similar('first', galaxy='first-0', number=2);"
        "radioviz.outlier_scores('first'); print('torch' in sys.modules)"
    )
    assert fresh(looking) == "False"


def test_tables_arrays_and_wcs_agree(first_catalogue) -> None:
    first = radioviz.open_data_set("first")
    assert first.table.equals(first_catalogue.table)
    np.testing.assert_array_equal(first.image("first-7"), first_catalogue.images[7])
    assert repr(first) == "GalaxySample('first', 2,158 galaxies)"
    row = first.row_of("first-7")
    sky = first.wcs("first-7").pixel_to_world(149.5, 149.5)
    assert sky.separation(first.positions[row]).arcsec < 1.8
    table = first.to_astropy()
    assert isinstance(table, Table) and len(table) == 2158
    assert str(table["ra"].unit) == "deg" and table["ra"].info.meta["ucd"] == "pos.eq.ra;meta.main"
    back = table.to_pandas()
    assert back["source_id"].tolist() == first.table["source_id"].tolist()
    np.testing.assert_array_equal(back["las"], first.table["las"])


def test_measured_columns_are_added() -> None:
    measured = radioviz.open_data_set("first", measured=True)
    assert np.isfinite(measured.table["las_measured"]).sum() > 2100
    assert str(measured.to_astropy(["first-0"])["las_measured"].unit) == "arcsec"


def test_unknown_things_are_named() -> None:
    with pytest.raises(radioviz.RadioVizError, match="no data set 'nvss'; known: first"):
        radioviz.open_data_set("nvss")
    with pytest.raises(radioviz.RadioVizError, match="no model 'gpt'; there are: byol"):
        radioviz.open_atlas("first", "gpt")
    with pytest.raises(radioviz.RadioVizError, match="has no source 'first-9999'"):
        radioviz.open_data_set("first").image("first-9999")
    with pytest.raises(radioviz.RadioVizError, match="measure is 'euclid'; expected one of"):
        radioviz.find_similar("first", galaxy="first-0", measure="euclid")
    with pytest.raises(radioviz.RadioVizError, match="nothing to search for yet: name a galaxy"):
        radioviz.find_similar("first")
    with pytest.raises(radioviz.RadioVizError, match=r"is not a position .*116.785"):
        radioviz.find_similar("first", position="somewhere")
    with pytest.raises(radioviz.RadioVizError, match=r"within 30 arcsec of .* the nearest is"):
        radioviz.find_similar("first", position=(0.0, -89.0))


def test_galaxy_position_and_image_find_the_same(tmp_path: Path) -> None:
    """Three ways to name one galaxy; its own image finds the galaxy itself, first of all."""
    first = radioviz.open_data_set("first")
    one = "first-12"
    row = first.row_of(one)
    by_name = radioviz.find_similar("first", galaxy=one, model="vae32", number=8)
    place = first.positions[row]
    for position in (place, (place.ra.deg, place.dec.deg), place.to_string("hmsdms")):
        found = radioviz.find_similar("first", position=position, model="vae32", number=8)
        pd.testing.assert_frame_equal(found, by_name)
    assert one not in set(by_name["source_id"])
    path = tmp_path / "one.fits"
    fits.writeto(path, first.image(one), first.wcs(one).to_header())
    arrays = {"image": first.image(one), "pixel_scale": first.info.pixel_scale}
    for query in ({"image": path}, arrays):
        found = radioviz.find_similar("first", model="vae32", number=8, **query)
        assert found["source_id"].iat[0] == one
        assert found["score"].iat[0] > 0.99
        assert set(found["source_id"][1:]) <= {*by_name["source_id"], *found["source_id"]}
    both = radioviz.find_similar(
        "first", image=path, galaxy="first-3", unlike=["first-40"], model="vae32", number=4
    )
    assert not {"first-3", "first-40"} & set(both["source_id"])
    with pytest.raises(radioviz.RadioVizError, match="image 0: unknown pixel scale"):
        radioviz.find_similar("first", image=first.image(one), model="vae32")


@pytest.mark.parametrize(
    "position",
    [
        "07:47:08.4 +17:17:27", "07 47 08.4 +17 17 27", "07h47m08.4s +17d17m27s",
        "J074708.4+171727", "116.785 17.29083", (116.785, 17.29083),
    ],
)  # fmt: skip
def test_a_position_is_read_as_on_the_pages(position: str | tuple[float, float]) -> None:
    found = _sky_position(position)
    assert (found.ra.deg, found.dec.deg) == pytest.approx((116.785, 17.29083), abs=1e-4)
    if isinstance(position, str):
        assert parse_position(position) == pytest.approx((found.ra.deg, found.dec.deg))


def test_a_position_near_zero_hours() -> None:
    assert _sky_position((1e-5, -2e-5)).ra.deg == pytest.approx(1e-5)


def test_encoding_images_gives_the_latents_of_the_atlas() -> None:
    first, atlas = radioviz.open_data_set("first"), radioviz.open_atlas("first", "vae32")
    stack = np.stack([first.image("first-0"), first.image("first-1")])
    latents = radioviz.encode_images(stack, "vae32", pixel_scale=1.8, noisy=False)
    np.testing.assert_allclose(latents, np.asarray(atlas.latents[:2], np.float32), atol=0.02)
    with pytest.raises(radioviz.RadioVizError, match=r"shape \(5,\); expected"):
        radioviz.encode_images(np.zeros(5), "vae32")
    with pytest.raises(radioviz.RadioVizError, match=r"nowhere.fits cannot be read"):
        radioviz.encode_images("nowhere.fits", "vae32")
    with pytest.raises(radioviz.RadioVizError, match="'frcnn' cannot encode"):
        radioviz.encode_images(stack, "frcnn", pixel_scale=1.8)


def test_outlier_scores_are_those_stored() -> None:
    scores = radioviz.outlier_scores("first", "vae32")
    atlas = radioviz.open_atlas("first", "vae32")
    assert len(scores) == 2158 and scores.index.name == "source_id"
    np.testing.assert_array_equal(scores["knn_distance"], atlas.scores["knn_distance"])
    assert {"strangeness_maf-vae32", "log_prob_maf-vae32"} <= set(scores.columns)
    # A galaxy among the others: it is its own nearest, at distance 0.
    mine = radioviz.outlier_scores("first", "vae32", latents=atlas.latents[:40])
    np.testing.assert_allclose(mine["knn_distance"], scores["knn_distance"][:40], rtol=0.15)
    assert (mine["knn_distance"].to_numpy() <= scores["knn_distance"][:40].to_numpy() + 1e-3).all()
    assert mine["rank"].between(0, 1).all()
    with pytest.raises(radioviz.RadioVizError, match=r"shape \(2, 5\); those of vae32 have"):
        radioviz.outlier_scores("first", "vae32", latents=np.zeros((2, 5)))


@pytest.mark.parametrize("ending", [".fits", ".cube.fits", ".table.fits", ".zip", ".vot", ".xml",
                                    ".csv", ".parquet", ".reg"])  # fmt: skip
def test_every_file_type_is_written(ending: str, tmp_path: Path) -> None:
    found = radioviz.find_similar("first", galaxy="first-0", model="simclr", number=3)
    path = radioviz.export_galaxies(found, tmp_path / f"three{ending}", model="simclr")
    assert path.stat().st_size > 100
    readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".vot": Table.read}
    if ending in readers:
        table = readers[ending](path)
        assert list(table["source_id"]) == found["source_id"].tolist()
        np.testing.assert_allclose(table["similarity"], found["score"], rtol=1e-6)
    if ending.endswith(".fits"):
        with fits.open(path) as hdus, warnings.catch_warnings():
            warnings.simplefilter("error")
            hdus.verify("exception")
            assert len(hdus["SOURCES"].data) == 3
            assert hdus["SOURCES"].data["latent"].shape == (3, 256)


def test_generated_galaxies_are_repeatable_and_marked(tmp_path: Path) -> None:
    made = radioviz.generate_galaxies("FRI", 40, number=2, seed=5, model="cvae")
    again = radioviz.generate_galaxies("FRI", 40, number=2, seed=5, model="cvae")
    np.testing.assert_array_equal(made.images, again.images)
    path = radioviz.export_galaxies(made, tmp_path / "made.fits")
    header = fits.getheader(path)
    assert header["SIMULAT"] is True and header["SEED"] == 5 and "CRVAL1" not in header
    with pytest.raises(radioviz.RadioVizError, match=r"unknown file type; expected .fits"):
        radioviz.export_galaxies(made, tmp_path / "made.csv")
    with pytest.raises(radioviz.RadioVizError, match="class is 'FRV'; model 'cvae' knows FRI"):
        radioviz.generate_galaxies("FRV", model="cvae")


def test_exports_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(radioviz.RadioVizError, match=r"x.doc: unknown file type; expected .fits,"):
        radioviz.export_galaxies(["first-0"], tmp_path / "x.doc")
    with pytest.raises(radioviz.RadioVizError, match="has no source 'first-9999'"):
        radioviz.export_galaxies(["first-9999"], tmp_path / "x.fits")
    with pytest.raises(radioviz.RadioVizError, match="selection is empty"):
        radioviz.export_galaxies([], tmp_path / "x.fits")
    with pytest.raises(radioviz.RadioVizError, match="cannot be written"):
        radioviz.export_galaxies(["first-0"], tmp_path / "no/such/folder/x.fits")
