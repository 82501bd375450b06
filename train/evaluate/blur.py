"""Sharpness of decoders: ``python -m train evaluate blur --model vae32,vdvae --split valid``.

VAEs are known to blur (Bastien et al. 2021, Sec. 7). This compares the power at high spatial
frequencies of reconstructions and of generated galaxies with that of real ones: 1 is as sharp as a
survey map, less is blurred, more is noisier. ``--split test`` (the default) writes rows of
``trained/tables/blur.csv`` and results ``blur.<model>.*``; ``--split valid`` only prints.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.encode import Encoder, GenerationRequest, Generator
from radioviz.metrics import bootstrap_of
from radioviz.models.abilities import Reconstructs
from train.evaluate.benchmarks import record
from train.evaluate.csv_tables import write_row
from train.evaluate.evaluation_set import DATA, evaluation_set
from train.metrics.image_statistics import radial_power, sharpness

FREQUENCIES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
"""Cycles per pixel at which the table gives the ratio of powers."""

SAMPLES = 1000
SEED = 20_210_201


def blur(model: str = "vae32", data: str = "", split: str = "test") -> pd.DataFrame:
    """Measure models (names separated by commas); one row per model and kind of image.

    Raises ModelError if there is no such model, or it cannot decode; TrainError if the split is
    empty.
    """
    keys = tuple(data.split(",")) if data else DATA
    rows = []
    for name in model.split(","):
        encoder = Encoder.load(name)
        held_out = evaluation_set(encoder.info.preprocess, split, (), keys).images
        for what, images in _decoded(encoder, held_out).items():
            value, low, high = bootstrap_of([held_out, images], sharpness, draws=50)
            frequency, real = radial_power(held_out)
            ratio = np.median(radial_power(images)[1], axis=0) / np.median(real, axis=0)
            powers = {f"power_{f:g}": float(np.interp(f, frequency, ratio)) for f in FREQUENCIES}
            numbers = {"sharpness": value, "sharpness_low": low, "sharpness_high": high}
            numbers |= {"n": len(images), **powers}
            rows.append({"model": name, "images": what, **numbers})
            print(f"{name}, {what}: " + ", ".join(f"{k} {v:.3g}" for k, v in numbers.items()))
            if split == "test":
                command = f"python -m train evaluate blur --model {name}"
                write_row("blur", {**rows[-1], "command": command}, keys=("model", "images"))
                record(
                    f"blur.{name}.{what.replace(' ', '_')}", (value, low, high), n=len(images),
                    split=f"{'+'.join(keys)}/test", seeds=[SEED], command=command,
                )  # fmt: skip
    return pd.DataFrame(rows)


def _decoded(encoder: Encoder, held_out: np.ndarray) -> dict[str, np.ndarray]:
    """Reconstructions, those through the latent vector alone, and generated galaxies."""
    out = {}
    if encoder.info.can("encode"):
        out["reconstructions"] = encoder.reconstruct(held_out)
        if isinstance(encoder.module, Reconstructs):
            out["through z0 alone"] = encoder.decode(encoder.encode(held_out))
    request = GenerationRequest(n=SAMPLES, seed=SEED)
    out["generated"] = Generator(encoder).sample(request).images
    return out
