"""Real images changed by a flow: what is known stays, what is asked is named, nonsense refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from radioviz.data.preprocess import Preprocess
from radioviz.encode.editor import Editor, parted
from radioviz.encode.encoder import Encoder
from radioviz.errors import ImageError, ModelError
from radioviz.metrics.copies import image_distance
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import build
from tests.models.small import galaxies

ARGUMENTS = {"size_scale": "catalogue", "classes": ["FRI", "FRII"], "size_range": [5.0, 160.0]}
ARGUMENTS |= {"network": {"channels": [8, 8], "embedding": 16}}


@pytest.fixture(scope="module")
def editor() -> Editor:
    torch.manual_seed(0)
    module = build("galaxy-flow", ARGUMENTS).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    info = ModelInfo(
        name="tiny", title="Tiny flow", kind="galaxy-flow", latent_dim=3,
        capabilities=("decode", "class", "size", "edit"), preprocess=Preprocess(),
        architecture=ARGUMENTS,
    )  # fmt: skip
    return Editor(Encoder(info, module, torch.device("cpu")))


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return galaxies(3, 64, seed=4)[1]


def test_filling_keeps_what_is_known_and_follows_from_the_seed(editor, image) -> None:
    mask = np.zeros((64, 64), bool)
    mask[:, 34:] = True
    first, again, other = (editor.fill(image, mask, "FRI", seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(first.image[~mask], image[~mask])
    np.testing.assert_array_equal(first.image, again.image)
    assert (first.image[mask] != other.image[mask]).any()
    assert first.cards()["EDITPIX"][0] == mask.sum()
    # What is masked has no effect.
    hidden = np.where(mask, np.float32(0.5), image)
    np.testing.assert_array_equal(editor.fill(hidden, mask, "FRI", seed=3).image, first.image)


@pytest.mark.parametrize(("value", "named"), [(np.nan, "nan"), ("x", "'x'"), (255, "255")])
def test_masks_of_other_values_are_refused_by_name(editor, image, value, named) -> None:
    """NaN and text are true, and many masks are true where a pixel is good."""
    mask = np.zeros((64, 64)).astype(type(value))
    mask[:8] = value
    with pytest.raises(ImageError, match=f"the mask holds .*{named}; expected True or 1"):
        editor.fill(image, mask)
    numbers = np.eye(64, dtype=float)
    assert editor.fill(image, numbers).changed.sum() == 64


@pytest.mark.parametrize("shape", [(32, 32), (64, 63), (1, 64, 64)])
def test_masks_of_other_shapes_are_refused_by_name(editor, image, shape) -> None:
    with pytest.raises(ImageError, match=rf"mask has shape \({shape[0]}, .*image \(64, 64\)"):
        editor.fill(image, np.ones(shape, bool))


def test_masks_of_nothing_or_of_everything_are_refused(editor, image) -> None:
    with pytest.raises(ImageError, match="0 of 4096 pixels"):
        editor.fill(image, np.zeros((64, 64), bool))
    with pytest.raises(ImageError, match="all of the source"):
        editor.fill(image, image > 0)


def test_a_galaxy_moved_nowhere_is_itself_and_a_size_scales_it(editor, image, monkeypatch) -> None:
    """With paths of normal data, which are exact, only the scale remains."""

    def denoise(x, sigma, given, maps):
        return x * 0.49 / (0.49 + sigma[0] ** 2)

    monkeypatch.setattr(editor.encoder.module, "denoise", denoise)
    monkeypatch.setitem(editor.encoder.module._buffers, "steps", torch.tensor(40))
    same = editor.move(image, change=0.3)
    assert same.distance < 0.05 and same.size > 5
    larger = editor.move(image, "FRII", size=1.5 * same.size, change=0.3)
    again = editor.move(image, "FRII", None, "FRI", 0.3)
    assert (again.cards()["EDITFROM"][0], same.cards()["EDITFROM"][0]) == ("FRI", "")
    assert larger.label == "FRII" and larger.size == pytest.approx(1.5 * same.size, rel=1e-5)

    def spread(x: np.ndarray) -> float:
        at = np.arange(64) - 31.5
        return float(np.sqrt((x * (at[:, None] ** 2 + at**2)).sum() / x.sum()))

    assert spread(larger.image) / spread(image) == pytest.approx(1.5, rel=0.08)
    assert larger.distance == pytest.approx(image_distance(image, larger.image))
    assert larger.distance > same.distance


def test_requests_beyond_training_are_refused(editor, image) -> None:
    with pytest.raises(ModelError, match="class is 'Bent'; model 'tiny' knows FRI, FRII"):
        editor.move(image, "Bent")
    with pytest.raises(ModelError, match="size is 300 arcsec"):
        editor.move(image, size=300.0)
    with pytest.raises(ModelError, match="change is 2"):
        editor.move(image, change=2.0)
    with pytest.raises(ImageError, match=r"shape \(32, 32\)"):
        editor.move(image[:32, :32])


def test_sizes_are_in_the_pixels_of_the_image(editor, image, monkeypatch) -> None:
    """A wider beam makes a larger field: NVSS has 22.5 arcsec a pixel where FIRST has 2.7."""
    monkeypatch.setitem(editor.encoder.module._buffers, "steps", torch.tensor(2))
    near, wide = editor.move(image, size=60.0), editor.move(image, size=500.0, pixel_arcsec=22.5)
    same = editor.move(image, size=60.0, pixel_arcsec=2.7)
    assert (near.pixel_arcsec, wide.pixel_arcsec) == (pytest.approx(2.7), 22.5)
    assert wide.size == pytest.approx(500.0) and wide.cards()["EDITSIZE"][0] == 500.0
    np.testing.assert_allclose(wide.image, near.image, atol=1e-4)
    np.testing.assert_array_equal(same.image, near.image)
    own = editor.move(image).size
    assert editor.move(image, pixel_arcsec=22.5).size == pytest.approx(own * 22.5 / 2.7)
    with pytest.raises(ModelError, match=r"size is 20 arcsec.*41\.6667 to 1333\.33"):
        editor.move(image, size=20.0, pixel_arcsec=22.5)


def test_small_islands_are_sky_and_the_source_is_not() -> None:
    image = np.zeros((20, 20), np.float32)
    image[5:9, 5:9] = 0.5
    image[15, 15] = 0.9
    image[2, 12:15] = 0.1
    source, sky = parted(image)
    assert source[15, 15] == np.float32(0.9)  # the brightest pixel is never sky
    assert sky[2, 12] == np.float32(0.1) and (source + sky == image).all()
    assert not source[2].any() and source[6, 6] == np.float32(0.5)
