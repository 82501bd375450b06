"""Generators: requests are fulfilled reproducibly, and refused if the model cannot."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from radioviz.encode import CARDS, MODES, GenerationRequest, Generator
from radioviz.encode.generator import CHUNK
from radioviz.errors import ModelError
from radioviz.export import simulated_fits_bytes
from radioviz.models import weights
from radioviz.models.registry import build
from tests.models.small import CAPABILITIES, SMALL, small_info

DECODERS = sorted(k for k, c in CAPABILITIES.items() if "decode" in c)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained")
    for kind in DECODERS:
        torch.manual_seed(0)
        module = build(kind, SMALL[kind])
        with torch.no_grad():  # what starts at zero would hide what depends on it
            for parameter in module.parameters():
                parameter += 0.1 * torch.randn_like(parameter)
        weights.save(root / kind, module, small_info(kind, kind), "# Card\n")
    return root


@pytest.fixture(scope="module", params=DECODERS)
def generator(request: pytest.FixtureRequest, folder: Path) -> Generator:
    return Generator.load(request.param, folder)


def asked(generator: Generator, mode: str = "prior", **changes: Any) -> GenerationRequest:
    """A request that this model can fulfil."""
    values: dict[str, Any] = {"n": 5, "seed": 3, "mode": mode}
    if mode == "around":
        values["centre"] = np.linspace(-1, 1, generator.info.latent_dim)
    return GenerationRequest(**{**values, **changes})


@pytest.mark.parametrize("mode", MODES)
def test_shapes_ranges_and_the_same_bits(generator: Generator, mode: str) -> None:
    request = asked(generator, mode)
    torch.manual_seed(1)
    made = generator.sample(request)
    torch.manual_seed(2)
    again = generator.sample(request)
    size = generator.info.preprocess.size
    assert (made.images.shape, made.images.dtype) == ((5, size, size), np.float32)
    assert made.latents.shape == (5, generator.info.latent_dim)
    assert made.images.min() >= 0 and made.images.max() <= 1
    assert len(np.unique(made.latents[:, 0])) == 5
    np.testing.assert_array_equal(made.images, again.images)
    np.testing.assert_array_equal(made.latents, again.latents)
    assert (made.labels, made.conditions()) == (again.labels, again.conditions())
    assert bool(generator.classes) == all(made.labels)
    assert (generator.size_range is not None) == bool(np.isfinite(made.sizes).all())


def test_an_image_depends_on_seed_and_index_alone(generator: Generator) -> None:
    n = 2 * CHUNK + 5
    whole = generator.sample(asked(generator, n=n))
    few = generator.sample(asked(generator, n=3))
    np.testing.assert_array_equal(few.images, whole.images[:3])
    rows = [n - 1, 0, CHUNK, CHUNK + 1, 0]
    some = generator.sample(asked(generator, n=0), indices=rows)
    np.testing.assert_array_equal(some.images, whole.images[rows])
    np.testing.assert_array_equal(some.latents, whole.latents[rows])
    assert some.labels == tuple(whole.labels[i] for i in rows)
    np.testing.assert_array_equal(some.sizes, whole.sizes[rows])
    np.testing.assert_array_equal(whole.indices, np.arange(n))
    other = generator.sample(asked(generator, n=3, seed=4))
    assert not np.array_equal(other.latents, few.latents)


@pytest.mark.parametrize("mode", MODES)
def test_an_exported_header_makes_the_image_again(
    generator: Generator, folder: Path, mode: str
) -> None:
    changes: dict[str, Any] = {"temperature": 0.7, "spread": 0.1 + 0.2, "seed": 2**62 + 1}
    if generator.classes:
        changes["label"] = generator.classes[-1]
    if generator.size_range:
        changes["size"] = float(np.sqrt(np.prod(generator.size_range)))
    made = generator.sample(asked(generator, mode, n=CHUNK + 2, **changes)).take([1, CHUNK + 1])
    content = simulated_fits_bytes(
        made.images,
        model=made.model,
        model_sha256=made.weights_sha256,
        seed=made.request.seed,
        indices=made.indices,
        cards=made.request.cards(),
        conditions=made.conditions(),
        latents=made.latents,
        pixel_scale=2.7,
    )
    fresh = Generator.load(generator.info.name, folder)
    with fits.open(io.BytesIO(content)) as hdus:
        for number, index in enumerate([1, CHUNK + 1]):
            header = hdus[number].header
            assert header["SIMULAT"] is True and header["INDEX"] == index
            assert "CRVAL1" not in header and "RA" not in header
            assert header[CARDS["mode"][0]] == mode
            request, found = GenerationRequest.from_header(header)
            assert (found, request.seed) == (index, 2**62 + 1)
            assert dataclasses.replace(request, n=CHUNK + 2) == made.request
            again = fresh.again(header)
            np.testing.assert_array_equal(again.images[0], hdus[number].data)
            np.testing.assert_array_equal(again.latents[0], made.latents[number])
        header["MODELSHA"] = "0" * 64
        with pytest.raises(ModelError, match=r"weights 000000000000\.\.\."):
            fresh.again(header)


def test_the_ways_to_draw(folder: Path) -> None:
    generator = Generator.load("vae", folder)
    plain = generator.sample(asked(generator, n=200)).latents
    assert abs(plain.mean()) < 0.2 and abs(plain.std() - 1) < 0.1
    cool = generator.sample(asked(generator, n=200, temperature=0.5)).latents
    np.testing.assert_allclose(cool, plain / 2, rtol=1e-6)
    box = generator.sample(asked(generator, "uniform", n=200)).latents
    assert abs(box).max() <= 3 and abs(box.std() - 3 / np.sqrt(3)) < 0.15
    request = asked(generator, "around", n=200, spread=0.2)
    near = generator.sample(request).latents - np.array(request.centre)
    assert abs(near.std() - 0.2) < 0.02
    nearest = generator.sample(asked(generator, "around", spread=0.0)).images
    for image in nearest:  # rows of one batch may round differently
        np.testing.assert_allclose(image, nearest[0], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n": -1}, "n is -1; expected a whole number 0 to"),
        ({"n": 2.5}, r"n is 2\.5"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 2**63}, "seed is 9223372036854775808"),
        ({"mode": "magic"}, "mode is 'magic'; expected one of prior, normal, uniform, around"),
        ({"mode": "around"}, "give a centre with mode 'around'"),
        ({"centre": [0.0, 1.0]}, "and with no other"),
        ({"mode": "around", "centre": [np.nan, 0]}, "not finite"),
        ({"mode": "around", "centre": [[1.0]]}, r"shape \(1, 1\)"),
        ({"mode": "around", "centre": ["x"]}, "not a vector"),
        ({"size": -3}, "size is -3.0 arcsec"),
        ({"size": float("inf")}, "size is inf"),
        ({"size": "big"}, "size is 'big'"),
        ({"temperature": -0.1}, r"temperature is -0\.1; expected 0 to 10"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"spread": 11}, "spread is 11"),
    ],
)
def test_requests_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        GenerationRequest(**changes)


def test_what_a_model_does_not_know_is_refused(generator: Generator) -> None:
    d = generator.info.latent_dim
    with pytest.raises(ModelError, match=f"centre has {d + 1} numbers; .* has {d}"):
        generator.sample(GenerationRequest(mode="around", centre=(0.0,) * (d + 1)))
    with pytest.raises(ModelError, match=r"images of .* too many to hold in memory"):
        generator.sample(GenerationRequest(n=2**31))
    with pytest.raises(ModelError, match="index is -2"):
        generator.sample(GenerationRequest(), indices=[-2])
    if generator.classes:
        with pytest.raises(ModelError, match=r"class is 'FRIII'; .* knows FRI, FRII"):
            generator.sample(GenerationRequest(label="FRIII"))
    else:
        with pytest.raises(ModelError, match="takes no condition 'label'"):
            generator.sample(GenerationRequest(label="FRI"))
        with pytest.raises(ModelError, match="knows no classes"):
            generator.twins(np.zeros((1, d), np.float32))
    if generator.size_range:
        low, high = generator.size_range
        for size in (low * 0.99, high * 1.01):
            with pytest.raises(ModelError, match=f"size is .* arcsec; .* {low:g} to {high:g}"):
                generator.sample(GenerationRequest(size=size))
    else:
        with pytest.raises(ModelError, match="takes no condition 'size'"):
            generator.sample(GenerationRequest(size=30.0))


def test_an_empty_request(generator: Generator) -> None:
    made = generator.sample(GenerationRequest(n=0))
    assert len(made) == len(made.labels) == len(made.sizes) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"SIMULAT": False}, "SIMULAT"),
        ({"SEED": None}, "no card 'SEED'"),
        ({"INDEX": None}, "no card 'INDEX'"),
        ({"GENMODE": None}, "no card 'GENMODE'"),
        ({"GENMODE": "around", "GENCEN": "[1, 2"}, "damaged card"),
        ({"SEED": "x"}, "seed is 'x'"),
        ({"INDEX": "x"}, "damaged card"),
    ],
)
def test_incomplete_headers_are_refused(change: dict[str, Any], words: str) -> None:
    header = {"SIMULAT": True, "SEED": 1, "INDEX": 2, "GENMODE": "prior", **change}
    with pytest.raises(ModelError, match=words):
        GenerationRequest.from_header({k: v for k, v in header.items() if v is not None})


numbers = st.floats(-1e3, 1e3, width=32)


@given(
    seed=st.integers(0, 2**63 - 1),
    size=st.none() | st.floats(0.01, 1e4),
    label=st.none() | st.sampled_from(["FRI", "FRII", "Bent"]),
    centre=st.none() | st.lists(numbers, min_size=1, max_size=300),
    temperature=st.floats(0, 10),
)
def test_a_request_survives_its_header(
    seed: int,
    size: float | None,
    label: str | None,
    centre: list[float] | None,
    temperature: float,
) -> None:
    request = GenerationRequest(
        n=8,
        seed=seed,
        label=label,
        size=size,
        mode="around" if centre else "normal",
        centre=tuple(centre) if centre else None,
        temperature=temperature,
    )
    content = simulated_fits_bytes(
        np.zeros((1, 2, 2)),
        model="m",
        model_sha256="s",
        seed=seed,
        cards=request.cards(),
        indices=[7],
    )
    found, index = GenerationRequest.from_header(fits.Header.fromstring(content))
    assert (found, index) == (request, 7)


def test_importing_does_not_import_torch() -> None:
    code = (
        "import sys, radioviz.encode as e; e.GenerationRequest(n=3).cards(); "
        "assert not {'torch', 'astropy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("index", [float("inf"), float("nan"), "x", None])
def test_an_index_that_is_not_a_number(index: object) -> None:
    with pytest.raises(ModelError, match="damaged card"):
        GenerationRequest.from_header(
            {"SIMULAT": True, "SEED": 3, "INDEX": index, "GENMODE": "prior"}
        )
