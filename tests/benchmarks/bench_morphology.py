"""How well and how fast morphology is measured, against catalogued angular sizes.

    python -m tests.benchmarks.bench_morphology [--sheet FILE.png]

Prints Spearman correlations of measured and catalogued largest angular sizes, on the raw
cutouts of MiraBest and on the FIRST galaxies that have a catalogued size; what limits them; and
images measured a second. ``--sheet`` draws sources with their measured extents. The scale of
sizes is fitted and recorded by ``python -m train evaluate measured-sizes``.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")  # figures are for one core

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from radioviz.data.preprocess import PRESETS, Preprocess  # noqa: E402
from radioviz.data.registry import open_data_set  # noqa: E402
from radioviz.errors import CatalogueError  # noqa: E402
from radioviz.morphology import complete, extent, measure  # noqa: E402
from radioviz.morphology.central_source import find_source  # noqa: E402
from radioviz.morphology.noise import is_shifted  # noqa: E402
from train.evaluate.measured_sizes import raw_folder, read_raw  # noqa: E402

SCALE, BEAM = 1.8, 5.4


def read_catalogue(key: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Galaxies of a data set that have a catalogued size; 8 bits, clipped."""
    catalogue = open_data_set(key)
    known = np.flatnonzero(catalogue.table["las_origin"] == "catalogue")
    return np.asarray(catalogue.images[known]), catalogue.table.iloc[known].reset_index(drop=True)


def correlation(measured: np.ndarray, catalogued: np.ndarray) -> float:
    """Spearman rank correlation; a source that was not found counts as size 0."""
    from scipy.stats import spearmanr

    return float(spearmanr(np.nan_to_num(measured), catalogued)[0])


def sizes_with_known_association(images: np.ndarray, truth: np.ndarray, raw: bool) -> np.ndarray:
    """Sizes of the islands within 0.75 catalogued sizes: as if association were perfect."""
    out = np.zeros(len(images))
    shifted = is_shifted(images)
    for i, image in enumerate(images):
        found = find_source(image, SCALE, raw, BEAM / SCALE, shifted)
        distance = SCALE * np.hypot(found.islands.cy, found.islands.cx)
        known = dataclasses.replace(found, belongs=distance <= max(0.75 * truth[i], 2 * BEAM))
        if known.belongs.any():
            out[i] = known.size.size
    return out


def report(name: str, images: np.ndarray, table: pd.DataFrame, raw: bool) -> None:
    """Print agreement, scatter, what limits them and speed for one data set."""
    began = time.process_time()
    shifted = is_shifted(images)
    found = measure(images, SCALE, BEAM, "Jy/beam" if raw else "", raw, shifted=shifted)
    rate = len(images) / (time.process_time() - began)
    size, truth = found["las_measured"].to_numpy(), table["las"].to_numpy()
    print(f"{name}: {len(images)} images, {rate:.0f} images/s on one core")
    print(f"  Spearman {correlation(size, truth):.3f}")
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
        noise = find_source(images[row], SCALE, raw, BEAM / SCALE, shifted).noise.sigma or 1.0
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    sets = {"FIRST, 8 bits": (*read_catalogue("first"), False)}
    with contextlib.suppress(CatalogueError):  # not fetched here
        sets["MiraBest, 8 bits"] = (*read_catalogue("mirabest"), False)
    if raw_folder().exists():
        sets["MiraBest, raw"] = (*read_raw(raw_folder()), True)
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
