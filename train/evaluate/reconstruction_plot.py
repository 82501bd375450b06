"""Draw held-out galaxies above their reconstructions: ``python -m train figure MODEL``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from train.core.config import TrainError


def draw_reconstructions(
    model: str, data: str = "first", split: str = "valid", number: int = 12, out: Path | None = None
) -> Path:
    """Draw ``number`` galaxies of a split above their reconstructions, square-root stretch.

    The galaxies are spread evenly over the classes and are the same for every model.

    Raises
    ------
    TrainError
        If the split has no image.
    """
    from matplotlib.figure import Figure

    encoder = Encoder.load(model)
    catalogue = open_data_set(data)
    table = catalogue.table
    rows = np.flatnonzero((table["split"] == split).to_numpy())
    if not len(rows):
        raise TrainError(f"no image of {data} is in the split '{split}'")
    order = np.random.default_rng(0).permutation(rows)
    labels = table["label"].to_numpy()[order]
    rank = np.zeros(len(order), int)
    for label in set(labels):
        rank[labels == label] = np.arange((labels == label).sum())
    chosen = order[np.lexsort((labels, rank))[:number]]
    chosen = chosen[np.argsort(table["label"].to_numpy()[chosen], kind="stable")]

    images = encoder.info.preprocess.apply(catalogue, chosen)
    guesses = encoder.reconstruct(images)
    columns = min(6, len(chosen))
    blocks = -(-len(chosen) // columns)
    figure = Figure(figsize=(2 * columns, 4.3 * blocks), layout="constrained")
    axes = figure.subplots(2 * blocks, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for i, row in enumerate(chosen):
        top, column = 2 * (i // columns), i % columns
        for axis, image in ((axes[top, column], images[i]), (axes[top + 1, column], guesses[i])):
            axis.imshow(np.sqrt(image), origin="lower", cmap="inferno", vmin=0, vmax=1)
        source = table.iloc[row]
        axes[top, column].set_title(f"{source['label']}  {source['source_id']}", fontsize=9)
    figure.suptitle(f"{encoder.info.title}: {split} galaxies (above) and reconstructions (below)")
    target = out or Path("runs") / f"{model}-pairs.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=80)
    print(target)
    return target
