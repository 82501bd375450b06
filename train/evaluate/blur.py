"""How blurred a decoder is: ``python -m train evaluate blur --model vae32,vdvae --split valid``.

Blur is the known fault of VAEs (Bastien et al. 2021, Sec. 7). Power at high spatial frequencies
of reconstructions and of generated galaxies, over that of the real ones: 1 is as sharp as a map of
the survey, below is blurred, above is noisier. With ``--split test`` (the default) rows of
``trained/tables/blur.csv`` and figures ``blur.<model>.*`` are written; with ``--split valid``, for
choosing, they are printed alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.encode import Encoder, GenerationRequest, Generator
from radioviz.metrics import bootstrap_of
from radioviz.models.abilities import Reconstructs
from train.evaluate.benchmarks import record
from train.evaluate.csv_tables import write_row
from train.evaluate.evaluation_set import DATA, galaxies
from train.metrics.image_statistics import radial_power, sharpness

FREQUENCIES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""Cycles a pixel at which the ratio of powers is tabled."""

SAMPLES = 1000
SEED = 20_210_201


def blur(model: str = "vae32", data: str = "", split: str = "test") -> pd.DataFrame:
    """Measure models, names separated by commas; a row for each kind of image of each.

    Raises
    ------
    ModelError
        If there is no such model, or it cannot decode.
    TrainError
        If the split is empty.
    """
    keys = tuple(data.split(",")) if data else DATA
    rows = []
    for name in model.split(","):
        encoder = Encoder.load(name)
        held_out = galaxies(encoder.info.preprocess, split, (), keys).images
        for what, images in _made(encoder, held_out).items():
            rows.append({"model": name, "images": what, **_compared(held_out, images)})
            row = rows[-1]
            print(", ".join(f"{k} {v:.3g}" if k not in _TEXT else f"{v}" for k, v in row.items()))
            if split == "test":
                _keep(row, "+".join(keys), f"python -m train evaluate blur --model {name}")
    return pd.DataFrame(rows)


_TEXT = ("model", "images")


def _made(encoder: Encoder, held_out: np.ndarray) -> dict[str, np.ndarray]:
    """Reconstructions, those through the latent vector alone, and generated galaxies."""
    out = {}
    if encoder.info.can("encode"):
        out["reconstructions"] = encoder.reconstruct(held_out)
        if isinstance(encoder.module, Reconstructs):
            out["through z0 alone"] = encoder.decode(encoder.encode(held_out))
    out["generated"] = Generator.of(encoder).sample(GenerationRequest(n=SAMPLES, seed=SEED)).images
    return out


def _compared(real: np.ndarray, images: np.ndarray) -> dict[str, float]:
    value, low, high = bootstrap_of([real, images], sharpness, draws=50)
    frequency, reference = radial_power(real)
    _, power = radial_power(images)
    ratio = np.median(power, axis=0) / np.median(reference, axis=0)
    return {
        "sharpness": value,
        "sharpness_low": low,
        "sharpness_high": high,
        "n": len(images),
        **{f"power_{f:g}": float(np.interp(f, frequency, ratio)) for f in FREQUENCIES},
    }


def _keep(row: dict[str, object], data: str, command: str) -> None:
    write_row("blur", {**row, "command": command}, keys=_TEXT)
    numbers = {k: float(str(v)) for k, v in row.items() if k not in _TEXT}
    record(
        f"blur.{row['model']}.{str(row['images']).replace(' ', '_')}",
        numbers["sharpness"],
        low=numbers["sharpness_low"],
        high=numbers["sharpness_high"],
        n=int(numbers["n"]),
        split=f"{data}/test",
        seeds=[SEED],
        command=command,
    )
