"""Small models with the sizes of the shipped ones, for pages that want a conditional decoder."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch

from radioviz.data.preprocess import PRESETS
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.registry import build
from radioviz.paths import trained_folder

CVAE = {
    "latent_dim": 7,
    "size": 64,
    "width": 4,
    "multipliers": [1, 2, 2],
    "prior_width": 16,
    "classes": ["FRI", "FRII"],
    "size_range": [10.0, 120.0],
}


def fill(folder: Path, *shipped: str) -> None:
    """Put an untrained conditional model ``tiny`` on a shelf, and copies of shipped ones."""
    for name in shipped:
        shutil.copytree(trained_folder() / name, folder / name)
        atlas = trained_folder() / "atlas" / "first" / name
        if atlas.exists():
            shutil.copytree(atlas, folder / "atlas" / "first" / name)
    torch.manual_seed(0)
    module = build("cvae", CVAE)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    info = ModelInfo(
        name="tiny",
        title="Tiny conditional",
        kind="cvae",
        capabilities=("encode", "decode", "class", "size"),
        latent_dim=7,
        preprocess=PRESETS["compact64"],
        architecture=CVAE,
        training={"data": ["first"]},
    )
    weights.save(folder / "tiny", module, info, "# Card\n")
