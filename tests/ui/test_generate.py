"""Generate, headless: shipped decoders, and a small untrained one that takes class and size."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from streamlit.testing.v1 import AppTest

from radioviz.data import judge_sources
from radioviz.data.catalogue import Catalogue
from radioviz.encode import GenerationRequest, Generator
from radioviz.errors import CatalogueError
from radioviz.export.groups import in_memory
from radioviz.jobs.work_queue import WorkQueue
from radioviz.metrics.resampling import wilson
from radioviz.ui import cache, in_line, synthetic
from radioviz.ui.cache import decoding
from radioviz.ui.charts import profile_chart
from radioviz.ui.class_probabilities import shown_classifier
from radioviz.ui.pages.generate import generate_controls, generate_export
from radioviz.ui.pages.generate.state import GeneratedBatch, GenerateState, generate_batch
from radioviz.ui.state import Selection
from tests.ui import shelf
from tests.ui.test_pages import html, texts

Open = Callable[..., AppTest]


@pytest.fixture
def conditional(empty_shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shelf with the shipped classifier, the 2D decoder and a small conditional one."""
    monkeypatch.delenv("RADIOVIZ_TRAINED")
    shelf.fill(empty_shelf, "frcnn", "vae2")
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(empty_shelf))
    return empty_shelf


def held(app: AppTest) -> GenerateState:
    """What the session remembers of the page."""
    found: GenerateState = app.session_state[f"{GenerateState.__module__}.GenerateState"]
    return found


def test_it_opens_with_a_batch_and_one_image(open_page: Open) -> None:
    app = open_page("generate", model="vae32", n="8")
    assert not app.error
    page = html(app)
    assert "SYNTHETIC" in page
    assert "Classified as" in page
    assert "Number 0" in texts(app)
    assert app.selectbox(key="generate_label").disabled
    assert app.query_params["seed"] == "0"


def test_the_classifier_judges_only_classes_that_it_knows(open_page: Open) -> None:
    """It calls nothing Bent, which says nothing of the galaxies that were requested as Bent."""
    app = open_page("generate", model="galaxy-flow", n="12", **{"class": "Bent"})
    assert not app.error and "Classified as" in html(app)
    said = texts(app) + "".join(w.value for w in app.warning)
    assert "requested as" not in said and "not balanced" not in said


def test_the_same_link_gives_the_same_batch(open_page: Open) -> None:
    asked = {"model": "vae32", "n": "4", "seed": "11", "mode": "uniform", "clip": "1"}
    pages = [html(open_page("generate", **asked)) for _ in range(2)]
    assert pages[0] == pages[1]
    app = open_page("generate", **{**asked, "seed": "12"})
    assert html(app) != pages[0]


@pytest.mark.parametrize(
    "query",
    [
        {"n": "100000", "seed": "-3", "temperature": "hot"},
        {"class": "FRIII", "size": "60", "sized": "1", "mode": "backwards"},
        {"model": "none"},
    ],
)
def test_a_damaged_link_opens_the_page_all_the_same(
    open_page: Open, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate_controls, "MAX_IMAGES", 16)
    app = open_page("generate", **query)
    assert not app.error
    assert app.number_input(key="generate_n").value <= 16


def test_a_new_seed_gives_another_batch(open_page: Open) -> None:
    app = open_page("generate", model="vae2", n="2")
    before = html(app)
    app.button(key="generate_dice").click().run()
    assert app.number_input(key="generate_seed").value != 0
    assert html(app) != before


def test_around_a_galaxy_of_the_tray(open_page: Open) -> None:
    app = open_page("generate", model="vae32", mode="around", n="3")
    assert "put some into the tray" in texts(app)
    chosen = Selection([("first", "first-3"), ("first", "first-9")])
    app = open_page(
        "generate", state={"tray": chosen}, model="vae32", mode="around", n="3", spread="0"
    )
    assert not app.error
    assert app.selectbox(key="generate_around").value == "first/first-3"
    latent = cache.located("first", "vae32").atlas.latents[3]
    centre = tuple(float(v) for v in np.asarray(latent, np.float32))
    made = cache.generated(
        "vae32", GenerationRequest(n=3, mode="around", centre=centre, spread=0.0)
    )
    np.testing.assert_allclose(made.latents, np.tile(latent, (3, 1)), rtol=1e-5)


def test_more_like_this(open_page: Open) -> None:
    app = open_page("generate", model="vae32", n="3")
    app.button(key="generate_more").click().run()
    assert not app.error
    assert app.selectbox(key="generate_mode").value == "around"
    assert app.selectbox(key="generate_around").value == "generated"


def test_picks_are_exported(open_page: Open) -> None:
    app = open_page("generate", state={"generate_tab": "Export"}, model="vae32", n="3")
    assert app.radio(key="generate_export_what").options == ["all 3"]
    app.button(key="generate_pick").click().run()
    assert held(app).picks == {0}
    assert "the 1 picked" in app.radio(key="generate_export_what").options
    # Another batch has other images: nothing of it is picked.
    app.number_input(key="generate_seed").set_value(5).run()
    assert held(app).picks == set()
    assert app.radio(key="generate_export_what").options == ["all 3"]


def test_an_image_becomes_a_query(open_page: Open) -> None:
    app = open_page("generate", model="vae32", n="2")
    app.button(key="generate_similar").click().run()
    query = app.session_state["query_image"]
    assert query["image"].shape == (64, 64)
    assert query["image"].dtype == np.float32
    assert query["pixel_scale"] == pytest.approx(2.7)
    assert query["synthetic"] is True


def test_is_it_a_copy(open_page: Open) -> None:
    app = open_page("generate", state={"generate_tab": "Memorisation check"}, model="vae32", n="4")
    assert not app.error
    assert "copy" in texts(app)
    assert "1st percentile" in html(app)
    learned = cache.training("vae32")
    assert 0 < learned.threshold < 1
    # A training image is found to be a copy of itself, rotated or not.
    from radioviz import metrics

    distances, rows = metrics.nearest(np.rot90(learned.images[5:8], axes=(1, 2)), learned.images)
    assert (distances < learned.threshold).all()
    assert rows.tolist() == [5, 6, 7]


def test_images_that_were_set_aside_are_not_compared_with(
    conditional: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A near copy of a galaxy that a generator never saw is not memorised."""
    table = cache.data_set("first").table
    train = set(table["source_id"][table["split"] == "train"])
    aside = set(table["source_id"][judge_sources.judge_rows("first", table)]) & train
    every, info = cache.training("tiny"), cache.models()["tiny"]
    assert {s for _, s in every.pairs} == train and every.aside == 0
    saw = {**info.training, "set_aside": {"judge": judge_sources.judge_digest()}}
    other = dataclasses.replace(info, training=saw)
    monkeypatch.setattr(decoding, "models", lambda: {"tiny": other})
    learned = decoding.training.__wrapped__("tiny")
    assert {s for _, s in learned.pairs} == train - aside
    assert learned.aside == len(aside) > 100 and len(learned.images) == len(learned.pairs)


def test_a_data_set_that_was_missing_is_compared_with_once_it_is_here(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(key: str) -> None:
        raise CatalogueError(f"{key} is not here")

    with monkeypatch.context() as away:
        for name in ("data_set", "data_set_version"):
            away.setattr(decoding, name, absent)
        assert cache.training("vae32").missing and not cache.training("vae32").pairs
    assert cache.training("vae32").pairs


def test_without_classes_there_are_no_twins(open_page: Open) -> None:
    app = open_page("generate", state={"generate_tab": "Twins"}, model="vae32", n="2")
    assert "no twins" in texts(app)
    assert not app.error


def test_class_and_size_are_asked_for(
    open_page: Open, conditional: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []
    twins = Generator.twins

    def count(self: Generator, latents: np.ndarray, *given: object) -> dict[str, np.ndarray]:
        decoded.append(len(latents))
        return twins(self, latents, *given)

    monkeypatch.setattr(Generator, "twins", count)
    app = open_page(
        "generate",
        state={"generate_tab": "Twins"},
        **{"class": "FRII", "sized": "1", "size": "40", "n": "3"},
    )
    assert not app.error
    assert app.selectbox(key="generate_model").value == "tiny"  # what can do most comes first
    page = html(app)
    assert "Requested class" in page
    assert "Requested size" in page
    assert "as FRI" in texts(app)
    assert "as FRII" in texts(app)
    app.button(key="generate_pick").click().run()  # what is picked already is decoded once
    assert decoded == [1] and not app.error
    assert app.query_params["class"] == "FRII"
    assert app.slider(key="generate_size").min == 10
    assert app.slider(key="generate_size").max == 120


def test_a_missing_classifier_costs_its_panel_only(
    open_page: Open, empty_shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RADIOVIZ_TRAINED")
    shelf.fill(empty_shelf)
    monkeypatch.setenv("RADIOVIZ_TRAINED", str(empty_shelf))
    app = open_page("generate", n="3")
    assert not app.error
    assert "python -m train classifier" in texts(app)
    assert "Angular size" in html(app)


def batch_of(model: str, *, clip: bool = False, **asked: object) -> GeneratedBatch:
    info = cache.models()[model]
    return generate_batch(info, GenerationRequest(**asked), clip)  # type: ignore[arg-type]


def test_exported_images_are_made_again_bit_for_bit(
    first: Catalogue, conditional: Path, open_page: Open
) -> None:
    batch = batch_of("tiny", n=5, seed=3, label="FRII", size=50.0)
    rows = np.array([1, 4])
    with fits.open(io.BytesIO(in_memory(generate_export.write_batch_fits, batch, rows))) as hdus:
        images = [h for h in hdus if h.is_image]
        assert len(images) == 2
        generator = Generator.load("tiny")
        for hdu, row in zip(images, rows, strict=True):
            assert hdu.header["INDEX"] == row
            again = generator.again(hdu.header)
            np.testing.assert_array_equal(again.images[0], hdu.data.astype(np.float32))
            np.testing.assert_array_equal(again.images[0], batch.images[row])
            assert "CRVAL1" not in hdu.header
    packed = in_memory(generate_export.write_batch_zip, batch, rows)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = [n for n in archive.namelist() if n != "sources.csv"]
        assert len(names) == 2
        assert all(n.startswith("SYNTHETIC-") for n in names)
        with fits.open(io.BytesIO(archive.read(names[1]))) as hdus:
            again = generator.again(hdus[0].header)
            np.testing.assert_array_equal(again.images[0], batch.images[4])


def test_a_clipped_image_says_so(first: Catalogue) -> None:
    batch = batch_of("vae32", n=2, seed=1, clip=True)
    assert (batch.images == 0).mean() > (batch.made.images == 0).mean()
    written = in_memory(generate_export.write_batch_fits, batch, np.array([0]))
    with fits.open(io.BytesIO(written)) as hdus:
        header = hdus[0].header
        said = {
            header[f"CONDK{i}"]: header[f"CONDV{i}"] for i in range(1, 4) if f"CONDK{i}" in header
        }
        assert said["sigma_clip"] == 3.0
        assert "sigma were set to 0" in " ".join(str(header["HISTORY"]).split())


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (81, 263, 0.255, 0.366)],
)
def test_wilson(right: int, n: int, low: float, high: float) -> None:
    # The last from Newcombe 1998 (Stat. Med. 17, 857), Table I; the others by the same formula.
    assert wilson(right, n) == pytest.approx((low, high), abs=6e-4)


def test_profiles_name_their_axes() -> None:
    y, x = np.mgrid[:64, :64] - 31.5
    core = np.exp(-(x**2 + y**2) / 40)
    lobes = sum(np.exp(-((x - s * 15) ** 2 + y**2) / 20) for s in (-1, 1))
    chart = profile_chart.profiles({"FRI": core, "FRII": lobes}, 2.7, 5.4)
    assert [trace["name"] for trace in chart["data"]] == ["FRI", "FRII"]
    title = chart["layout"]["xaxis"]["title"]["text"]
    assert "arcsec" in title and "position angle 90°" in title
    low, high = chart["layout"]["xaxis"]["range"]
    assert low == -high and high > 15 * 2.7
    escaped = profile_chart.profiles({"<b>": core}, 2.7, 5.4)["data"][0]
    assert escaped["name"] == "&lt;b&gt;"


def pictures_shown(app: AppTest) -> bool:
    return "Classified as" in html(app)


def test_a_link_for_many_images_shows_a_button(open_page: Open) -> None:
    link = {"model": "vae2", "n": "65", "seed": "4"}
    app = open_page("generate", **link)
    assert not app.error
    assert not pictures_shown(app)
    assert "65 images" in texts(app)
    app.button(key="generate_start").click().run()
    assert pictures_shown(app)
    assert not app.error
    app.number_input(key="generate_seed").set_value(5).run()
    assert pictures_shown(app), "the reader confirmed as many before"
    # Kept images need no confirmation: they cost the server nothing.
    assert pictures_shown(open_page("generate", **link))
    assert not pictures_shown(open_page("generate", **{**link, "seed": "6"}))


def test_a_number_chosen_on_the_page_starts_at_once(open_page: Open) -> None:
    app = open_page("generate", model="vae2", n="2", seed="7")
    app.number_input(key="generate_n").set_value(65).run()
    assert pictures_shown(app)


def test_a_full_line_says_so(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_line, "QUEUE", WorkQueue(total=0))
    app = open_page("generate", model="vae2", n="3", seed="21")
    assert "try again in a few minutes" in app.error[0].value
    assert not pictures_shown(app)
    monkeypatch.setattr(in_line, "QUEUE", WorkQueue())
    assert pictures_shown(app.run())


def test_a_click_does_not_wait_in_line(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_page("generate", model="vae2", n="3", seed="22")
    monkeypatch.setattr(in_line, "QUEUE", WorkQueue(total=0))
    app.button(key="generate_pick").click().run()
    assert held(app).picks == {0}
    assert not app.error and pictures_shown(app)


def test_cancelled_work_starts_again_with_a_button(open_page: Open) -> None:
    info = cache.models()["vae2"]
    request = GenerationRequest(n=3, seed=23)
    work = repr((info.name, info.weights_sha256, repr(request), False, shown_classifier()))
    cancelled = in_line.CancelledWork({work})
    name = f"{in_line.CancelledWork.__module__}.CancelledWork"
    app = open_page("generate", state={name: cancelled}, model="vae2", n="3", seed="23")
    assert not app.error
    assert "cancelled" in texts(app)
    assert not pictures_shown(app)
    app.button(key="generate_again").click().run()
    assert pictures_shown(app)
    assert not app.error


@pytest.mark.parametrize("number", [1, 16, 50])
def test_the_line_changes_no_bit(open_page: Open, number: int) -> None:
    request = GenerationRequest(n=number, seed=31)
    batch = generate_batch(cache.models()["vae2"], request, clip=False)
    alone = Generator.load("vae2").sample(request)
    np.testing.assert_array_equal(batch.made.images, alone.images)
    np.testing.assert_array_equal(batch.made.latents, alone.latents)
    whole = synthetic.measure_decoded(alone.images, batch.info)
    pd.testing.assert_frame_equal(batch.measured, whole)
    assert batch.classifier is not None
    again = cache.classifier(batch.classifier).predict_proba(alone.images)
    np.testing.assert_allclose(np.stack(list(batch.probabilities.values()), 1), again, atol=1e-5)
