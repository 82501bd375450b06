"""Real galaxies beside generated ones: ``python -m train sheet MODEL [--split valid]``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from radioviz import morphology
from radioviz.encode import GenerationRequest, Generator
from train.evaluate.evaluation_set import evaluation_set
from train.evaluate.judged_generation import CHOOSING, FRESH

_COLUMNS = 6


def contact_sheet(
    model: str, split: str = "valid", number: int = 48, out: Path | None = None
) -> Path:
    """Draw galaxies of a split, each left of one that was asked for with its class and size.

    Single draws, without selection and correction of sizes, of the first seed that
    judges see; asinh stretch.

    ``number``: pairs, as many of each class of the model as there are, and one at least; ``out``:
    by default ``runs/MODEL-sheet.png``, since survey images are not part of this repository.
    """
    from matplotlib.figure import Figure

    generator = Generator.load(model)
    chain, classes = generator.info.preprocess, generator.classes or (None,)
    seed = (FRESH if split == "test" else CHOOSING)[0]
    pairs = []
    for label in classes:
        real = evaluation_set(chain, split, (label,) if label else ())
        some = np.random.default_rng(0).permutation(len(real))[: max(1, number // len(classes))]
        images = real.images[np.sort(some)]
        pixel = (chain.field_arcsec or 0.0) / chain.size
        sizes = morphology.measure(images, pixel, beam=5.4)["las_measured"].to_numpy(float)
        low, high = generator.size_range or (0.0, 0.0)
        for index, (image, size) in enumerate(zip(images, sizes, strict=True)):
            asked = None
            if high and np.isfinite(size):
                asked = float(np.clip(size, low, high))
            request = GenerationRequest(1, seed, label, asked, candidates=1, corrections=0)
            made = generator.sample(request, indices=[index])
            pairs.append((image, made.images[0], f"{label or ''} {asked or size:.0f}″"))
    rows = -(-len(pairs) // _COLUMNS)
    figure = Figure(figsize=(2.5 * _COLUMNS, 1.4 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, _COLUMNS, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, (left, right, title) in zip(axes.flat, pairs, strict=False):
        both = np.concatenate([left, np.ones((len(left), 1), np.float32), right], axis=1)
        axis.imshow(np.arcsinh(both / 0.02), origin="lower", cmap="inferno", vmin=0, vmax=4.6)
        axis.set_title(title, fontsize=7)
    figure.suptitle(f"Left {split} galaxies, right {generator.info.title} (seed {seed})")
    target = out or Path("runs") / f"{model}-sheet.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=110)
    print(target)
    return target
