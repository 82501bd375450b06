"""Reconstruction of held-out galaxies: ``python -m train evaluate rec --model vae32``.

``python -m train figure MODEL`` draws some of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from radioviz.data.registry import open_data_set
from radioviz.encode import Encoder
from radioviz.metrics.reconstruction import flux_ratio, relative_error, ssim_over_source
from train.core.config import TrainError
from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.evaluation_set import evaluation_set


def reconstruction(
    model: str = "vae32", data: str = "first", split: str = "test"
) -> dict[str, float]:
    """Measure how well a model reconstructs galaxies; record ``rec.*`` on the test split.

    Median ratio of reconstructed to true flux, mean structural similarity over the source, and
    median squared residual over squared image, with intervals by bootstrap over galaxies.

    Raises TrainError if the split is empty.
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


def draw_reconstructions(
    model: str, data: str = "first", split: str = "valid", number: int = 12, out: Path | None = None
) -> Path:
    """Draw ``number`` galaxies of a split above their reconstructions, square-root stretch.

    The galaxies are spread evenly over the classes and are the same for every model.

    Raises TrainError if the split has no image.
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
