"""Reconstruction of held-out galaxies: ``python -m train evaluate rec --model vae32``."""

from __future__ import annotations

import numpy as np

from radioviz.encode import Encoder
from radioviz.metrics.reconstruction import flux_ratio, relative_error, ssim_over_source
from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.evaluation_set import evaluation_set


def reconstruction(
    model: str = "vae32", data: str = "first", split: str = "test"
) -> dict[str, float]:
    """Measure how well a model reconstructs galaxies; record ``rec.*`` on the test split.

    Median ratio of reconstructed to true flux, mean structural similarity over the source, and
    median squared residual over squared image, with intervals by bootstrap over galaxies.

    Raises
    ------
    TrainError
        If the split is empty.
    """
    encoder = Encoder.load(model)
    images = evaluation_set(encoder.info.preprocess, split, data=(data,)).images
    guesses = encoder.reconstruct(images)
    out = {}
    for name, values, statistic in (
        ("rec.flux_ratio", flux_ratio(images, guesses), np.median),
        ("rec.ssim", ssim_over_source(images, guesses), np.mean),
        ("rec.relative_error", relative_error(images, guesses), np.median),
    ):
        found = bootstrap(values, statistic)
        if split == "test":
            record(
                name, found, n=len(values), split=f"{data}/{split}",
                seeds=[encoder.info.training["seed"]],
                command=f"python -m train evaluate rec --model {model}",
            )  # fmt: skip
        print("{} {:.4f} ({:.4f}..{:.4f}), {} galaxies".format(name, *found, len(values)))
        out[name] = found[0]
    return out
