"""What a generator does beyond one draw is said, can be switched off, and is reproduced."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from radioviz.encode import GenerationRequest, Generator
from radioviz.encode.generation import selects
from radioviz.errors import ModelError
from radioviz.models.abilities import Selects
from radioviz.models.registry import list_models
from radioviz.morphology import measure


@pytest.fixture(scope="module")
def sharp() -> Generator:
    return Generator.load("cvae-sharp")


def chance(generator: Generator, made: object) -> np.ndarray:
    """What the model's own class head gives the requested class, without detail."""
    network = generator.encoder.module
    latents = torch.from_numpy(made.latents)
    label = torch.tensor([generator.classes.index(c) for c in made.labels])
    size = network.sizes(latents)
    with torch.inference_mode():
        from radioviz.models.cvae import image_of

        seen = network.body(image_of(network.frame_maps(latents, label, size)))
        return network.class_head(seen).softmax(1).gather(1, label[:, None])[:, 0].numpy()


def test_the_usual_choices_are_named(sharp: Generator) -> None:
    request = GenerationRequest(n=4, seed=3, label="FRI")
    made = sharp.sample(request)
    cards = {k: v for k, (v, _) in made.cards().items()}
    assert (cards["GENCAND"], cards["GENCORR"]) == (4, 2)
    assert cards["GENSURE"] == pytest.approx(0.9, abs=2e-4)
    assert cards["GENGUID"] == pytest.approx(1.3, abs=3e-4)  # weights are half-precision
    assert made.choices() == (
        "Of 4 drafts the first is kept that the model's own class head accepts at 90%, else the "
        "likeliest; the class is guided by 1.3; images of the wrong size are measured and made "
        "again, up to 2 times."
    )
    named = dataclasses.replace(
        request,
        candidates=4,
        certainty=cards["GENSURE"],
        guidance=cards["GENGUID"],
        corrections=2,
    )
    np.testing.assert_array_equal(sharp.sample(named).images, made.images)


def test_selection(sharp: Generator) -> None:
    request = GenerationRequest(n=32, seed=7, label="FRI", corrections=0)
    selected = sharp.sample(request)
    plain = sharp.sample(dataclasses.replace(request, candidates=1))
    assert "GENCAND" in plain.cards() and plain.cards()["GENCAND"][0] == 1
    with_it, without = chance(sharp, selected), chance(sharp, plain)
    kept = without >= 0.9
    # A first draft that is sure is kept with and without selection; others are not.
    np.testing.assert_array_equal(selected.latents[kept], plain.latents[kept])
    assert (~kept).sum() > 3 and (with_it >= 0.9).mean() > kept.mean() + 0.1
    assert "drafts" not in plain.choices()


def test_guidance_and_sizes(sharp: Generator) -> None:
    request = GenerationRequest(n=24, seed=9, label="FRII", size=60.0, candidates=1)
    free = sharp.sample(dataclasses.replace(request, guidance=1.0, corrections=0))
    assert free.choices() == ""
    guided = sharp.sample(dataclasses.replace(request, corrections=0))
    assert not np.allclose(guided.latents, free.latents)
    corrected = sharp.sample(request)
    np.testing.assert_array_equal(corrected.latents, guided.latents)

    def off(images: np.ndarray) -> float:
        return float(np.nanmedian(np.abs(measure(images, 2.7, 5.4)["las_measured"] / 60 - 1)))

    assert off(corrected.images) < 0.9 * off(guided.images)


def test_a_header_gives_the_choices_back(sharp: Generator) -> None:
    request = GenerationRequest(n=2, seed=1, label="FRI", candidates=1, guidance=1.0, corrections=0)
    made = sharp.sample(request)
    header = {k: v for k, (v, _) in made.cards().items()}
    header |= {"SIMULAT": True, "SEED": 1, "INDEX": 1}
    header |= {"MODEL": made.model, "MODELSHA": made.weights_sha256}
    again = sharp.again(header)
    np.testing.assert_array_equal(again.images[0], made.images[1])
    for keyword in ("GENCAND", "GENSURE", "GENGUID", "GENCORR"):
        header.pop(keyword, None)
    older = sharp.again(header)  # a file from before these cards
    usual = sharp.sample(dataclasses.replace(request, candidates=None, guidance=None,
                                             corrections=None))  # fmt: skip
    np.testing.assert_array_equal(older.images[0], usual.images[1])


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("cvae", {"candidates": 9}, "candidates is 9.*up to 4"),
        ("cvae", {"mode": "uniform", "guidance": 2.0}, "drawn uniform, does not do so"),
        ("vae32", {"candidates": 2}, "does not do so .selection"),
        ("vae32", {"corrections": 1}, "images made again"),
        ("cvae", {"certainty": 1.5}, "certainty is 1.5; expected 0 to 1"),
        ("cvae", {"candidates": 0}, "candidates is 0; expected a whole number 1 to 64"),
    ],
)
def test_what_a_model_does_not_do(model: str, options: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Generator.load(model).sample(GenerationRequest(**options))


def test_models_that_select() -> None:
    for name, info in list_models().with_capability("decode").items():
        assert selects(info) == isinstance(Generator.load(name).encoder.module, Selects), name
