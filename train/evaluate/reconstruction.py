"""Figures for ``trained/benchmarks.json``: ``python -m train evaluate rec --model vae32``.

The only part of the training code that opens test splits, once the models are final.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.metrics.reconstruction import flux_ratio, relative_error, ssim_over_source
from train.core.config import TrainError
from train.evaluate.benchmarks import bootstrap, record


def reconstruction(
    model: str = "vae32", data: str = "first", split: str = "test"
) -> dict[str, float]:
    """Record how well a model reconstructs held-out galaxies (``rec.*``); on validation, print it.

    Median ratio of reconstructed to true flux, mean structural similarity over the source, and
    median squared residual over squared image; intervals by bootstrap over galaxies.

    Raises
    ------
    TrainError
        If the split is empty.
    """
    encoder = Encoder.load(model)
    catalogue = open_data_set(data)
    images = encoder.info.preprocess.apply(catalogue, catalogue.table["split"].to_numpy() == split)
    images = images[images.max(axis=(1, 2), initial=0) > 0]
    if not len(images):
        raise TrainError(f"no image of {data} is in the split '{split}'")
    guesses = encoder.reconstruct(images)
    figures: dict[str, tuple[np.ndarray, Callable[[np.ndarray], float]]] = {
        "rec.flux_ratio": (flux_ratio(images, guesses), np.median),
        "rec.ssim": (ssim_over_source(images, guesses), np.mean),
        "rec.relative_error": (relative_error(images, guesses), np.median),
    }
    out = {}
    for name, (values, statistic) in figures.items():
        value, low, high = bootstrap(values, statistic)
        if split == "test":
            record(
                name,
                value,
                low=low,
                high=high,
                n=len(values),
                split=f"{data}/{split}",
                seeds=[encoder.info.training["seed"]],
                command=f"python -m train evaluate rec --model {model}",
            )
        print(f"{name} {value:.4f} ({low:.4f}..{high:.4f}), {len(values)} galaxies")
        out[name] = value
    return out
