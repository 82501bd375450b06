"""``python -m train evaluate three-classes``: sky, compact and extended sources of a field, drawn.

After Figure 8 of "A Robust Hierarchical Variational Auto-encoder for Unsupervised Star Galaxy
Classification": masks by hypercolumns of an autoencoder with residual connections, whose islands
``two-peaks-compact`` puts on one of two sides. Neither saw a label. Fields are synthetic, three
pixels a beam; the model of sides learned from FIRST at two, so it sees them at two thirds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from radioviz.encode import Encoder
from radioviz.models.three_classes import three_classes
from train.evaluate.unlabelled import masks
from train.evaluate.unlabelled.radio_fields import radio_fields

SIDE, SHOWN, THRESHOLD = 96, 5, "0.2"
MODEL = "two-peaks-compact"
_NAMES = ("field with noise", "sources, without noise", "masks", "blue compact, red extended")


def classes_of(found: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """0 for sky, 1 and 2 for the sides of the model, of fields ``(n, SIDE, SIDE)``."""
    model = Encoder.load(MODEL).module
    size = (SIDE * 2 // 3, SIDE * 2 // 3)
    small = torch.from_numpy(found > 0)[:, None].float()
    mask = F.interpolate(small, size, mode="nearest")[:, 0] > 0
    images = torch.from_numpy(noisy)[:, None]
    seen = F.interpolate(images, size, mode="bilinear", antialias=True, align_corners=False)
    made = three_classes(mask, seen, model)[:, None].float()  # type: ignore[arg-type]
    whole: np.ndarray = F.interpolate(made, (SIDE, SIDE), mode="nearest")[:, 0].numpy()
    return np.where(found > 0, whole, 0).astype(np.uint8)


def three_classes_figure(split: str = "valid") -> Path:
    """Draw some fields, their sources, masks and classes into ``runs/three-classes.png``."""
    from matplotlib.figure import Figure

    network = masks.learn("residual", radio_fields(200, masks.SEEDS["train"]), 500)
    fields = radio_fields(SHOWN, masks.SEEDS[split], SIDE)
    network.group(torch.from_numpy(fields.noisy)[:, None], layers=1)
    found = masks.by_score(network, fields.noisy)[THRESHOLD]
    classes = classes_of(found, fields.noisy)
    figure = Figure(figsize=(2 * SHOWN, 8.4), layout="constrained")
    axes = figure.subplots(4, SHOWN)
    for k in range(SHOWN):
        for axis, image in zip(axes[:2, k], (fields.noisy[k], fields.clean[k]), strict=True):
            axis.imshow(np.arcsinh(image), origin="lower", cmap="inferno", vmin=-1, vmax=6)
        parts = np.ma.masked_equal(found[k], 0)
        axes[2, k].imshow(parts % 10, origin="lower", cmap="tab10", vmin=0, vmax=9)
        axes[2, k].set_facecolor("0.85")
        colours = np.array([[0.85, 0.85, 0.85], [0.84, 0.37, 0.0], [0.0, 0.45, 0.7]])
        axes[3, k].imshow(colours[classes[k]], origin="lower")
    for axis, name in zip(axes[:, 0], _NAMES, strict=True):
        axis.set_ylabel(name)
    for axis in axes.flat:
        axis.set_xticks([])
        axis.set_yticks([])
    target = Path("runs") / "three-classes.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=80)
    print(target)
    return target
