"""Every kind of model at a size that a test can afford, and synthetic galaxies to feed it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import torch

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.preprocess import Preprocess
from radioviz.models.artefact import ModelInfo

SMALL: dict[str, dict[str, Any]] = {
    "vae": {"latent_dim": 3, "size": 16, "width": 8, "multipliers": [1, 2]},
    "vae-dense": {"latent_dim": 2, "size": 12, "hidden": [32, 16]},
    "vae-two-peaks": {"latent_dim": 2, "size": 16, "width": 8, "multipliers": [1, 2]},
    "vae-hierarchy": {"latent_dim": 2, "size": 16, "width": 8, "multipliers": [1, 2]}
    | {"codes": 5, "narrowing": [16]},
    "cvae": {"latent_dim": 6, "size": 16, "width": 8, "multipliers": [1, 2], "prior_width": 16}
    | {"classes": ["FRI", "FRII"], "size_range": [5.0, 60.0]},
    "cvae-dense": {"latent_dim": 2, "size": 12, "hidden": [32, 16], "classes": ["FRI", "FRII"]},
    "vdvae": {
        "latent_dim": 6,
        "size": 16,
        "widths": [4, 8, 8, 12],
        "encoder_blocks": [1, 1, 1, 1],
        "decoder_blocks": [2, 1, 1, 1],
        "latent_channels": [1, 2, 3],
    },
}
SMALL["cvae-refined"] = SMALL["cvae"] | {"refiner": {"channels": [8, 8], "embedding": 16}}
"""Arguments of each kind that encodes and decodes; a test checks that none is left out."""

OTHERWISE = {"fr-cnn", "fr-resnet", "survey-fr", "resnet", "maf", "two-peak-side", "galaxy-flow"}
"""Kinds that do something else than encode and decode; each has tests of its own."""

CAPABILITIES = {
    "vae": ("encode", "decode"),
    "vae-dense": ("encode", "decode"),
    "vae-two-peaks": ("encode", "decode"),
    "vae-hierarchy": ("encode", "decode"),
    "cvae": ("encode", "decode", "class", "size"),
    "cvae-dense": ("encode", "decode", "class"),
    "cvae-refined": ("encode", "decode", "class", "size"),
    "vdvae": ("encode", "decode"),
}


def objective(module: Any, x: torch.Tensor) -> torch.Tensor:
    """What training minimises, all its parts together: a scalar of images ``(n, 1, ny, nx)``."""
    loss: torch.Tensor = -module.elbo(x).value.mean()
    if hasattr(module, "class_head"):
        loss = loss + module.class_head(module.body(module.framed(x)[0])).square().mean()
    if getattr(module, "prior", None) is not None:
        z = torch.randn(len(x), module.prior.dim)
        loss = loss + module.prior.loss(z, torch.ones(len(x), module.prior.conditions)).mean()
    if hasattr(module, "refiner"):
        given = torch.ones(len(x), module.refiner.conditions)
        maps = torch.cat([0.9 * x, 0.5 * x], 1)
        loss = loss + module.refiner.loss(x, given, maps, torch.rand(len(x))).mean()
    return loss


def small_info(kind: str, name: str = "tiny") -> ModelInfo:
    """ModelInfo of the small network of a kind."""
    arguments = SMALL[kind]
    return ModelInfo(
        name=name,
        title=f"Tiny {kind}",
        kind=kind,
        capabilities=CAPABILITIES[kind],
        latent_dim=arguments["latent_dim"],
        preprocess=dataclasses.replace(Preprocess(), size=arguments["size"]),
        architecture=arguments,
        training={"data": ["synthetic"], "seed": 0},
        scores={"elbo.valid": -1.5},
        paper="none",
    )


def galaxies(n: int, size: int, seed: int = 0) -> np.ndarray:
    """Two lobes of random separation and angle, peak 1, zero beyond; ``(n, size, size)``."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    angle = rng.uniform(0, np.pi, n)[:, None, None]
    half = rng.uniform(0, size / 3, n)[:, None, None]
    out = np.zeros((n, size, size), np.float32)
    for sign in (-1, 1):
        squared = (x - sign * half * np.cos(angle)) ** 2 + (y - sign * half * np.sin(angle)) ** 2
        out += np.exp(-squared / (2 * (size / 16) ** 2)).astype(np.float32)
    out /= out.max(axis=(1, 2), keepdims=True)
    out[out < 0.02] = 0
    return out


def batch(n: int, size: int, seed: int = 0) -> torch.Tensor:
    """:func:`galaxies` as a network takes them, ``(n, 1, size, size)``."""
    return torch.from_numpy(galaxies(n, size, seed))[:, None]


def synthetic_catalogue(n: int = 40, key: str = "synthetic", side: int = 40) -> Catalogue:
    """Catalogue of synthetic galaxies of 2 arcsec a pixel, 8-bit, without positions."""
    images = (255 * galaxies(n, side)).astype(np.uint8)
    table = pd.DataFrame({"source_id": [f"{key}-{i}" for i in range(n)], "survey": "synthetic"})
    table["split"] = np.where(np.arange(n) % 4 == 0, "valid", "train")
    info = SurveyInfo(key=key, title="Synthetic", pixel_scale=2.0)
    return Catalogue(info, complete_columns(table), images)
