"""How well and how fast morphology is measured, against catalogued angular sizes.

    python -m tests.benchmarks.bench_morphology [--data FOLDER] [--fit] [--sheet FILE.png]

Prints Spearman correlations of measured and catalogued largest angular sizes, on the raw
cutouts of MiraBest and on the FIRST galaxies that have a catalogued size, for the half of
the sources that the association was fitted to and for the other half; what limits them; and
images measured a second. ``--fit`` fits the coefficients of
:mod:`radioviz.morphology.sources` anew and prints them; ``--sheet`` draws sources with
their measured extents.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import re
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # figures are for one core

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from radioviz.data.preprocess import PRESETS, Preprocess  # noqa: E402
from radioviz.data.registry import open_data_set  # noqa: E402
from radioviz.errors import CatalogueError  # noqa: E402
from radioviz.morphology import complete, extent, measure, sources  # noqa: E402
from radioviz.morphology.measuring import _find  # noqa: E402
from radioviz.morphology.noise import is_shifted  # noqa: E402

SCALE, BEAM = 1.8, 5.4
_NAME = re.compile(r"(\d{3})_(\d+\.\d+)([+-]\d+\.\d+)_(-?\d+\.\d+)_(\d+\.\d+)")


def read_raw(folder: Path) -> tuple[np.ndarray, pd.DataFrame]:
    """Raw MiraBest cutouts ``(n, 150, 150)`` in Jy/beam, with position and catalogued size."""
    from astropy.io import fits

    images, rows = [], []
    for path in sorted((folder / "mirabest_fits").glob("*.fits")):
        found = _NAME.match(path.name)
        if found is None:
            continue
        images.append(fits.getdata(path, 1).astype(np.float32))
        rows.append({"ra": float(found[2]), "dec": float(found[3]), "las": float(found[5])})
    return np.stack(images), pd.DataFrame(rows)


def read_catalogue(key: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Galaxies of a data set that have a catalogued size; 8 bits, clipped."""
    catalogue = open_data_set(key)
    known = np.flatnonzero(catalogue.table["las_origin"] == "catalogue")
    return np.asarray(catalogue.images[known]), catalogue.table.iloc[known].reset_index(drop=True)


def fitted_half(table: pd.DataFrame) -> np.ndarray:
    """Which sources the association was fitted to: every second strip of 0.1 deg in RA.

    The same source is in the same half in every data set.
    """
    return np.floor(table["ra"].to_numpy() * 10).astype(int) % 2 == 0


def training_rows(images: np.ndarray, table: pd.DataFrame, raw: bool):
    """Features of islands, whether they belong by the catalogued size, and what is at stake.

    An island whose centre is within 0.65 catalogued sizes of the host belongs, one more than a
    size and 5 arcsec away does not; what is between is left out. At stake is the factor by which a
    wrong decision changes the size (its logarithm).
    """
    features, belongs, stakes = [], [], []
    shifted = is_shifted(images)
    for image, size in zip(images, table["las"], strict=True):
        found = _find(image, SCALE, raw, BEAM / SCALE, shifted)
        rows, seed = sources.association_features(
            found.islands, found.noise.sigma, found.beam, BEAM / SCALE
        )
        distance = SCALE * np.hypot(found.islands.cy, found.islands.cx)
        used = (distance < 0.65 * size) | (distance > size + 5)
        if seed >= 0:
            used[seed] = False
        features.append(rows[used])
        belongs.append(distance[used] < 0.65 * size)
        alone = SCALE * max(found.islands.furthest[seed], BEAM / SCALE) if seed >= 0 else 10.0
        stakes.append(np.log(np.maximum(distance[used] / alone, 1.2)))
    return np.concatenate(features), np.concatenate(belongs), np.concatenate(stakes)


def fit(sets: dict[str, tuple[np.ndarray, pd.DataFrame, bool]], half: bool = True) -> None:
    """Fit the odds of association to one half of the data sets and use them from here on."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts = []
    for images, table, raw in sets.values():
        chosen = fitted_half(table) == half
        parts.append(training_rows(images[chosen], table[chosen], raw))
    features, belongs, stakes = (np.concatenate(p) for p in zip(*parts, strict=True))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features, belongs, logisticregression__sample_weight=stakes)
    weights = model[-1].coef_[0] / model[0].scale_
    sources.COEFFICIENTS = weights.round(2)
    # Islands are many and one wrong one is enough: each must show better than even odds.
    sources.INTERCEPT = round(float(model[-1].intercept_[0] - weights @ model[0].mean_) - 0.5, 2)
    print(f"fitted to {len(belongs)} islands, {belongs.mean():.0%} of which belong")
    print(f"INTERCEPT = {sources.INTERCEPT}")
    print(f"COEFFICIENTS = np.array({sources.COEFFICIENTS.tolist()})")


def correlation(measured: np.ndarray, catalogued: np.ndarray) -> float:
    """Spearman rank correlation; a source that was not found counts as size 0."""
    from scipy.stats import spearmanr

    return float(spearmanr(np.nan_to_num(measured), catalogued)[0])


def sizes_with_known_association(images: np.ndarray, truth: np.ndarray, raw: bool) -> np.ndarray:
    """Sizes of the islands within 0.75 catalogued sizes: as if association were perfect."""
    out = np.zeros(len(images))
    shifted = is_shifted(images)
    for i, image in enumerate(images):
        found = _find(image, SCALE, raw, BEAM / SCALE, shifted)
        distance = SCALE * np.hypot(found.islands.cy, found.islands.cx)
        known = dataclasses.replace(found, belongs=distance <= max(0.75 * truth[i], 2 * BEAM))
        if known.belongs.any():
            out[i] = max(known.chord().length * SCALE, BEAM / 2)
    return out


def report(name: str, images: np.ndarray, table: pd.DataFrame, raw: bool) -> None:
    """Print agreement, scatter, what limits them and speed for one data set."""
    began = time.process_time()
    shifted = is_shifted(images)
    found = measure(images, SCALE, BEAM, "Jy/beam" if raw else "", raw, shifted=shifted)
    rate = len(images) / (time.process_time() - began)
    size, truth, fitted = found["las_measured"].to_numpy(), table["las"].to_numpy(), None
    fitted = fitted_half(table)
    print(f"{name}: {len(images)} images, {rate:.0f} images/s on one core")
    for what, chosen in (("all", fitted | True), ("fitted", fitted), ("held out", ~fitted)):
        print(f"  Spearman, {what:9s} {correlation(size[chosen], truth[chosen]):.3f}")
    ratio = np.nan_to_num(size) / truth
    near = (ratio > 0.5) & (ratio < 2)
    spread = np.log(ratio[near])
    scatter = 1.4826 * np.median(np.abs(spread - np.median(spread)))
    print(f"  measured / catalogued: median {np.median(ratio):.2f}, scatter {scatter:.0%}")
    for what, chosen in (
        ("less than half (not seen, or cut off)", ratio <= 0.5),
        ("more than twice (neighbours)", ratio >= 2),
    ):
        print(
            f"  {what}: {chosen.sum()} ({chosen.mean():.1%}); without them "
            f"{correlation(size[~chosen], truth[~chosen]):.3f}"
        )
    print(f"  without both {correlation(size[near], truth[near]):.3f}")
    size = sizes_with_known_association(images, truth, raw)
    print(
        f"  were it known which islands belong {correlation(size, truth):.3f}, "
        f"less than half {(np.nan_to_num(size) <= truth / 2).mean():.1%}"
    )


def sheet(images: np.ndarray, table: pd.DataFrame, raw: bool, rows: np.ndarray, path: Path) -> None:
    """Draw sources with the outline and extent that were measured, and the catalogued size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns, shifted = 8, is_shifted(images)
    figure, axes = plt.subplots(-(-len(rows) // columns), columns, figsize=(16, 2 * len(rows) / 8))
    for axis in axes.flat:
        axis.axis("off")
    for axis, row in zip(axes.flat, rows, strict=False):
        image = np.nan_to_num(images[row].astype(float))
        found = extent(images[row], SCALE, BEAM, raw, shifted=shifted)
        noise = _find(images[row], SCALE, raw, BEAM / SCALE, shifted).noise.sigma or 1.0
        axis.imshow(
            np.arcsinh(image / noise / 3),
            origin="lower",
            cmap="gray",
            vmin=0,
            vmax=np.arcsinh(image.max() / noise / 3),
        )
        if found.others.any():
            axis.contour(found.others, [0.5], colors="tab:blue", linewidths=0.6)
        if found.mask.any():
            axis.contour(found.mask, [0.5], colors="tab:orange", linewidths=0.6)
        axis.plot(found.x, found.y, "r-", lw=1)
        ny, nx = image.shape
        radius = table["las"].iloc[row] / SCALE / 2
        axis.add_patch(plt.Circle((nx / 2, ny / 2), radius, fill=False, color="lime", lw=0.5))
        axis.set_title(f"{row}: {found.las:.0f}, cat. {table['las'].iloc[row]:.0f}", fontsize=7)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main() -> None:
    """Command line."""
    repository = Path(__file__).resolve().parents[2]
    default = os.environ.get("RADIOVIZ_SHARED_DATA", repository.parent / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--swap", action="store_true", help="fit to the other half")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    sets = {"FIRST, 8 bits": (*read_catalogue("first"), False)}
    with contextlib.suppress(CatalogueError):  # not fetched here
        sets["MiraBest, 8 bits"] = (*read_catalogue("mirabest"), False)
    if (options.data / "mirabest_fits").exists():
        sets["MiraBest, raw"] = (*read_raw(options.data), True)
    if options.fit:
        fit(sets, half=not options.swap)
    for name, (images, table, raw) in sets.items():
        report(name, images, table, raw)
    first = dataclasses.replace(open_data_set("first"), folder=None)
    began = time.process_time()
    complete(first)
    print(f"all {len(first)} FIRST galaxies completed in {time.process_time() - began:.1f} s")
    images = next(iter(sets.values()))[0]
    for name, chain in {**PRESETS, "whole image to 64": Preprocess(field_arcsec=540.0)}.items():
        began = time.process_time()
        chain(images, SCALE, beam=BEAM)
        rate = len(images) / (time.process_time() - began)
        print(f"preprocessing, {name}: {rate:.0f} images/s on one core")
    if options.sheet:
        name, (images, table, raw) = list(sets.items())[-1]
        rows = np.random.default_rng(0).choice(len(images), 80, replace=False)
        sheet(images, table, raw, np.sort(rows), options.sheet)


if __name__ == "__main__":
    main()
