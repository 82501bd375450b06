"""A model sees the plane that was chosen, or all of its channels; what does not fit is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.channels import model_images
from radioviz.data.preprocess import Preprocess
from radioviz.errors import CatalogueError, ModelError
from radioviz.models.artefact import ModelInfo

BANDS = ("u", "g", "r", "i", "z")
SCALE = 2.0


def catalogue(planes: tuple[str, ...] = BANDS, key: str = "s", **columns: object) -> Catalogue:
    """Two point sources; in plane ``k`` each is ``k`` pixels south of the middle."""
    cube = np.zeros((2, len(planes), 33, 33), np.float32)
    for k in range(len(planes)):
        cube[:, k, 16 - k, 16] = 1.0
    table = complete_columns(
        pd.DataFrame(
            {"source_id": ["a", "b"], "ra": [10.0, 359.9999], "dec": [0.0, 60.0]} | columns
        )
    )
    info = SurveyInfo(key, "S", SCALE, beam=5.4, bunit="Jy/beam")
    return Catalogue(info, table, cube, planes=planes)


def centre(image: np.ndarray) -> tuple[float, float]:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]] - (image.shape[0] - 1) / 2
    return float((y * image).sum() / image.sum()), float((x * image).sum() / image.sum())


CHAIN = Preprocess(size=33, field_arcsec=33 * SCALE)


def test_one_channel_is_the_chosen_plane() -> None:
    made = catalogue()
    rows = np.array([0, 1])
    for k, band in enumerate(BANDS):
        seen = model_images(CHAIN, (), made.of_plane(band), rows)
        assert centre(seen[0])[0] == pytest.approx(-k, abs=1e-3)
    np.testing.assert_array_equal(model_images(CHAIN, (), made, rows), CHAIN.apply(made, rows))


def test_channels_are_found_by_name_in_any_order() -> None:
    seen = model_images(CHAIN, ("z", "U"), catalogue(), np.array([1]))
    assert seen.shape == (1, 2, 33, 33)
    assert [centre(c)[0] for c in seen[0]] == pytest.approx([-4.0, 0.0], abs=1e-3)


def test_channels_show_the_same_sky() -> None:
    """Other pixels, and a centre elsewhere: a source of the sky is at the same place in all."""
    made = catalogue(("a", "b"))
    # Plane b has pixels twice as large and its source one of them south of the middle, so its
    # middle is 4 arcsec north of the source; 4 arcsec west of the middle is added.
    east = -4.0 / 3600
    ra = np.array([10.0, 359.9999])
    dec = np.array([0.0, 60.0])
    other = Catalogue(
        made.info,
        made.table.assign(
            pixel_scale_2=2 * SCALE,
            image_ra=ra,
            image_dec=dec,
            image_ra_2=(ra + east / np.cos(np.radians(dec))) % 360,
            image_dec_2=dec,
        ),
        made.cube,
        planes=made.planes,
    )
    seen = model_images(CHAIN, ("a", "b"), other, np.array([0, 1]))
    for source in seen:
        assert centre(source[0]) == pytest.approx((0.0, 0.0), abs=0.02)
        # In b: 1 pixel of 4 arcsec south of its middle, which lies 4 arcsec (2 pixels) west.
        assert centre(source[1]) == pytest.approx((-2.0, 2.0), abs=0.05)


def test_beams_of_other_planes_do_not_change_the_field() -> None:
    made = catalogue(("a", "b"), beam_major_2=[54.0, 54.0], beam_minor_2=[54.0, 54.0])
    seen = model_images(CHAIN, ("a", "b"), made, np.array([0]))
    assert centre(seen[0, 1]) == pytest.approx((-1.0, 0.0), abs=1e-3)


def test_what_does_not_fit_is_refused() -> None:
    one = Catalogue(catalogue().info, catalogue().table, catalogue().images)
    with pytest.raises(
        CatalogueError,
        match=r"'s' has one image of each source; the model needs 5 \(u, g, r, i, z\)",
    ):
        model_images(CHAIN, BANDS, one, np.array([0]))
    with pytest.raises(CatalogueError, match=r"has no plane 'i'; the model needs u, g, r, i, z"):
        model_images(CHAIN, BANDS, catalogue(("u", "g", "r", "x", "z")), np.array([0]))
    lacking = catalogue(missing_planes=["", "g"])
    with pytest.raises(CatalogueError, match=r"have no plane 'g', such as 'b'"):
        model_images(CHAIN, BANDS, lacking, np.array([0, 1]))
    assert model_images(CHAIN, BANDS, lacking, np.array([0])).shape == (1, 5, 33, 33)


def info(**more: object) -> ModelInfo:
    return ModelInfo("m", "M", "vae", ("encode",), 2, CHAIN, {}, **more)  # type: ignore[arg-type]


def test_a_description_says_the_channels_only_where_there_are_some() -> None:
    assert "channels" not in info().to_dict()
    several = info(channels=BANDS)
    assert several.to_dict()["channels"] == list(BANDS)
    assert ModelInfo.from_dict(several.to_dict()).channels == BANDS
    assert ModelInfo.from_dict(info().to_dict()).channels == ()


def test_an_encoder_of_five_channels(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from radioviz.encode.encoder import Encoder

    class Means(torch.nn.Module):
        def encode(self, x: object) -> object:
            return x.mean(dim=(2, 3))[:, :2]  # type: ignore[attr-defined]

    encoder = Encoder(info(channels=BANDS), Means(), torch.device("cpu"))
    made = catalogue()
    expected = model_images(CHAIN, BANDS, made, np.array([0, 1])).mean(axis=(2, 3))[:, :2]
    np.testing.assert_allclose(encoder.encode_catalogue(made), expected, rtol=1e-5)
    with pytest.raises(ModelError, match=r"expected \(n, 5, 33, 33\) \(channels u, g, r, i, z\)"):
        encoder.encode(np.zeros((2, 33, 33), np.float32))


def test_an_atlas_says_which_plane_it_is_of() -> None:
    from radioviz.encode.survey import plane_to_encode

    made = catalogue()
    assert plane_to_encode(made, info(), "") == "" == plane_to_encode(made, info(), "u")
    assert plane_to_encode(made, info(), "R") == "r"
    assert plane_to_encode(made, info(channels=BANDS), "r") == ""
    with pytest.raises(CatalogueError, match="no plane 'y'; its planes are u, g, r, i, z"):
        plane_to_encode(made, info(), "y")


def test_magnitudes_are_those_of_each_channel() -> None:
    chain = dataclasses.replace(CHAIN, clip_sigma=None, stretch="magnitude")
    made = catalogue(("a", "b"))
    cube = np.random.default_rng(0).normal(0, [[[[1.0]], [[50.0]]]], made.cube.shape)
    cube[:, :, 16, 16] += 3000
    noisy = Catalogue(made.info, made.table, cube.astype(np.float32), planes=made.planes)
    seen = model_images(chain, ("a", "b"), noisy, np.array([0, 1]))
    for k, plane in enumerate(made.planes):
        alone = chain.apply(noisy.of_plane(plane), np.array([0, 1]))
        np.testing.assert_allclose(seen[:, k], alone, atol=1e-5)
    assert np.median(seen[:, 0]) < np.median(seen[:, 1])  # of the same peak, more noise


def test_what_a_model_of_channels_makes_has_its_channels() -> None:
    torch = pytest.importorskip("torch")
    from radioviz.encode.encoder import Encoder
    from radioviz.encode.generator import Generator

    class Numbered(torch.nn.Module):
        def encode(self, x: object) -> object:
            return x.flatten(1)[:, :2]  # type: ignore[attr-defined]

        def decode(self, z: object) -> object:
            channels = torch.arange(5.0)[None, :, None, None]
            return channels.expand(len(z), 5, 33, 33)  # type: ignore[arg-type]

    described = dataclasses.replace(info(channels=BANDS), capabilities=("encode", "decode"))
    encoder = Encoder(described, Numbered(), torch.device("cpu"))
    # As many images as channels: a lost axis would go unnoticed.
    images = np.zeros((5, 5, 33, 33), np.float32)
    for made in (encoder.decode(np.zeros((5, 2))), encoder.reconstruct(images)):
        assert made.shape == images.shape
        assert [made[:, k].mean() for k in range(5)] == [0, 1, 2, 3, 4]
    views = encoder.encode_views(catalogue(), np.array([0, 1]))
    assert views.shape == (2, 8, 2)
    with pytest.raises(ModelError, match=r"makes 5 images of a source \(u, g, r, i, z\)"):
        Generator(encoder)


def test_a_survey_without_a_channel_is_refused_before_it_is_encoded() -> None:
    from radioviz.encode.survey import plane_to_encode

    lacking = catalogue(missing_planes=["", "g"])
    with pytest.raises(CatalogueError, match=r"no plane 'g', such as 'b'.*missing = refuse"):
        plane_to_encode(lacking, info(channels=BANDS), "")
    assert info(channels=BANDS).sees(("Z", "i", "r", "g", "u", "x"))
    assert not info(channels=BANDS).sees(("g", "r", "i")) and info().sees(())
