"""The torch doorway: shapes, streaming, determinism, refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from radioviz.encode import Encoder
from radioviz.errors import ModelError
from radioviz.models import weights
from radioviz.models.registry import build
from tests.models.small import SMALL, galaxies, small_info, synthetic_catalogue


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained")
    torch.manual_seed(0)
    weights.save(root / "tiny", build("vae", SMALL["vae"]), small_info("vae"), "# Card\n")
    return root


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return Encoder.load("tiny", folder)


def test_shapes_and_ranges(encoder: Encoder) -> None:
    images = galaxies(7, 16)
    z = encoder.encode(images)
    assert (z.shape, z.dtype) == ((7, 3), np.float32)
    y = encoder.decode(z)
    assert (y.shape, y.dtype) == ((7, 16, 16), np.float32)
    assert y.min() >= 0
    assert y.max() <= 1
    np.testing.assert_array_equal(encoder.reconstruct(images), y)


def test_batches_change_nothing_that_matters(encoder: Encoder) -> None:
    images = galaxies(11, 16)
    whole = encoder.encode(images)
    for batch in (1, 4, 11, 100):
        np.testing.assert_allclose(encoder.encode(images, batch=batch), whole, atol=1e-5)
        z = whole.astype(np.float32)
        np.testing.assert_allclose(
            encoder.decode(z, batch=batch), encoder.decode(z), rtol=1e-4, atol=1e-5
        )


def test_the_same_call_gives_the_same_bits(encoder: Encoder, folder: Path) -> None:
    images = galaxies(9, 16)
    first = encoder.encode(images, batch=4)
    torch.manual_seed(99)
    np.testing.assert_array_equal(encoder.encode(images, batch=4), first)
    np.testing.assert_array_equal(Encoder.load("tiny", folder).encode(images, batch=4), first)


def test_a_catalogue_is_streamed(encoder: Encoder) -> None:
    catalogue = synthetic_catalogue(20)
    wanted = encoder.encode(encoder.info.preprocess.apply(catalogue), batch=6)
    reports: list[tuple[int, int]] = []
    found = encoder.encode_catalogue(
        catalogue, batch=6, progress=lambda done, total, what: reports.append((done, total))
    )
    np.testing.assert_array_equal(found, wanted)
    assert reports == [(6, 20), (12, 20), (18, 20), (20, 20)]
    rows = np.array([3, 1, 19])
    some = encoder.encode_catalogue(catalogue, rows)
    np.testing.assert_allclose(some, wanted[rows], atol=1e-5)
    mask = np.isin(np.arange(20), rows)
    np.testing.assert_allclose(
        encoder.encode_catalogue(catalogue, mask), wanted[[1, 3, 19]], atol=1e-5
    )


def test_nothing_in_nothing_out(encoder: Encoder) -> None:
    assert encoder.encode(np.zeros((0, 16, 16), np.float32)).shape == (0, 3)
    assert encoder.decode(np.zeros((0, 3), np.float32)).shape == (0, 16, 16)


def test_read_only_and_other_dtypes(encoder: Encoder, tmp_path: Path) -> None:
    images = galaxies(3, 16)
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    np.testing.assert_array_equal(encoder.encode(mapped), encoder.encode(images))
    np.testing.assert_allclose(
        encoder.encode(images.astype(np.float64)), encoder.encode(images), atol=1e-6
    )


def test_what_does_not_fit_is_named(encoder: Encoder) -> None:
    with pytest.raises(ModelError, match=r"\(2, 20, 20\); expected \(n, 16, 16\)"):
        encoder.encode(np.zeros((2, 20, 20), np.float32))
    with pytest.raises(ModelError, match=r"\(2, 4\); expected \(n, 3\)"):
        encoder.decode(np.zeros((2, 4), np.float32))
    with pytest.raises(ModelError, match="not finite"):
        encoder.decode(np.full((1, 3), np.nan, np.float32))
    with pytest.raises(ModelError, match="takes no condition 'label'"):
        encoder.decode(np.zeros((1, 3), np.float32), {"label": "FRI"})
    encoder.decode(np.zeros((1, 3), np.float32), {"label": None})


def test_a_config_that_promises_another_width(folder: Path, tmp_path: Path) -> None:
    """One number an image would otherwise be written to every column, or fail without words."""
    shutil.copytree(folder / "tiny", tmp_path / "tiny")
    config = tmp_path / "tiny" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"latent_dim": 8}))
    encoder = Encoder.load("tiny", tmp_path)
    with pytest.raises(ModelError, match=r"'tiny': its network gives \(3,\) .* config promises 8"):
        encoder.encode(galaxies(2, 16))


def test_a_missing_capability_is_refused(encoder: Encoder) -> None:
    import dataclasses

    only = dataclasses.replace(encoder.info, capabilities=("encode",))
    blind = dataclasses.replace(encoder, info=only)
    with pytest.raises(ModelError, match="'tiny' cannot decode; it can encode"):
        blind.decode(np.zeros((1, 3), np.float32))
    with pytest.raises(ModelError, match="cannot decode"):
        blind.reconstruct(galaxies(1, 16))


def test_a_missing_model_names_what_there_is(folder: Path) -> None:
    with pytest.raises(ModelError, match="no model 'vae9'; there are: tiny"):
        Encoder.load("vae9", folder)


def test_importing_does_not_import_torch() -> None:
    code = "import sys, radioviz.encode; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
