"""Synthetic surveys of any size, for tests of scale and for nothing else.

Positions and angular sizes are real ones of RGZ DR1 (``rgz_dr1_sizes.parquet``), images and
latents are made of real FIRST galaxies: turned, mirrored, scaled, mixed, with noise. Nothing in
them was observed: every row says ``label = ""``, ``origin = "synthetic"`` and is called
``SYNTHETIC <number>``.

    python -m tests.benchmarks.synthetic_survey --count 100000 --out FOLDER [--images] [--dim 256]

writes ``table.parquet``, ``latents.npy`` (``--dim``), ``images.npy`` (``--images``) and
``SYNTHETIC.txt``. Row ``i`` depends on the seed and on ``i`` alone, so a larger survey begins with
a smaller one.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import open_atlas
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.registry import open_data_set

SEED = 20_260_000
BLOCK = 4096  # rows that share a random generator
SIDE = 96  # pixels of 1.8 arcsec: the field that encoders see
PIXEL_SCALE = 1.8  # arcsec, of FIRST

INFO = SurveyInfo(
    "synthetic",
    "Synthetic survey",
    pixel_scale=PIXEL_SCALE,
    beam=5.4,
    licence="made of FIRST images, copyright 1994 University of California",
    origin="synthetic",
)


def blocks(n: int) -> Iterator[tuple[int, int, np.random.Generator]]:
    """Start and stop of blocks of ``n`` rows, each with its own random generator.

    Draw for :data:`BLOCK` rows each time, also where fewer are wanted: the same rows come again.
    """
    for start in range(0, n, BLOCK):
        yield start, min(start + BLOCK, n), np.random.default_rng([SEED, start])


def sizes_of_rgz() -> pd.DataFrame:
    """RGZ DR1: ``ra``, ``dec`` [deg], ``las_arcsec``.

    Raises
    ------
    FileNotFoundError
        If ``RADIOVIZ_SHARED_DATA`` names no folder that holds them.
    """
    folder = Path(os.environ.get("RADIOVIZ_SHARED_DATA", Path(__file__).parents[3] / "shared/data"))
    return pd.read_parquet(folder / "rgz_dr1_sizes.parquet", columns=["ra", "dec", "las_arcsec"])


def table(n: int) -> pd.DataFrame:
    """``source_id``, ``name``, ``ra``, ``dec``, ``las``, ``flux`` of ``n`` synthetic sources.

    The first 50,790 are RGZ DR1 in random order; then it is repeated, moved by about a degree and
    with sizes scattered by a tenth, so that density and sizes stay those of the survey.
    """
    real = sizes_of_rgz()
    real = real.iloc[np.random.default_rng(SEED).permutation(len(real))]
    ra, dec, las, flux = np.empty((4, n))
    for start, stop, rng in blocks(n):
        which = np.arange(start, start + BLOCK)
        known = real.iloc[which % len(real)].to_numpy(float).T
        again = (which >= len(real)).astype(float)
        moved = again * rng.standard_normal((3, BLOCK))
        # Counts of sources fall with flux as in the sky, from a millijansky on.
        brightness = (1 - rng.random(BLOCK)) ** (-1 / 0.9)
        rows, m = slice(start, stop), stop - start
        dec[rows] = np.clip(known[1] + moved[1], -90, 90)[:m]
        ra[rows] = ((known[0] + moved[0] / np.cos(np.radians(known[1]))) % 360)[:m]
        las[rows] = (known[2] * np.exp(0.1 * moved[2]))[:m]
        flux[rows] = brightness[:m]
    numbers = [f"{i:08d}" for i in range(n)]
    return pd.DataFrame(
        {
            "source_id": [f"synthetic-{i}" for i in numbers],
            "name": [f"SYNTHETIC {i}" for i in numbers],
            "ra": ra,
            "dec": dec,
            "las": las,
            "flux": flux,
            "survey": "synthetic",
            "origin": "synthetic",
        }
    )


def images(n: int, out: np.ndarray | None = None, side: int = SIDE) -> np.ndarray:
    """``n`` images, uint8 of shape ``(n, side, side)``: real galaxies that never were.

    A FIRST galaxy turned by any angle, mirrored or not, scaled by 0.7 to 1.4; one in six has a
    second, fainter one within the field; noise of one to six grey levels.
    """
    from scipy.ndimage import affine_transform

    real = open_data_set("first").images
    out = np.empty((n, side, side), np.uint8) if out is None else out
    half = (side - 1) / 2

    def one(row: int, angle: float, scale: float, mirrored: bool, shift: np.ndarray) -> np.ndarray:
        image = np.asarray(real[row], np.float32)
        c, s = np.cos(angle) / scale, np.sin(angle) / scale
        matrix = np.array([[c, -s], [s, c]])
        if mirrored:
            matrix[:, 1] *= -1
        centre = (np.array(image.shape) - 1) / 2
        # Only the part that can be seen after the turn is looked at.
        reach = int(np.ceil(half * 1.4143 / scale + np.abs(shift).max() + 2))
        low = np.maximum(0, np.floor(centre).astype(int) - reach)
        cut = image[low[0] : low[0] + 2 * reach + 2, low[1] : low[1] + 2 * reach + 2]
        offset = centre - low - matrix @ (np.array([half, half]) + shift)
        return affine_transform(cut, matrix, offset, (side, side), order=1)

    for start, stop, rng in blocks(n):
        k = BLOCK
        which = rng.integers(0, len(real), (k, 2))
        angle = rng.uniform(0, 2 * np.pi, (k, 2))
        scale = np.exp(rng.uniform(np.log(0.7), np.log(1.4), (k, 2)))
        mirrored = rng.random((k, 2)) < 0.5
        companion = rng.random(k) < 1 / 6
        shift = rng.uniform(-0.4 * side, 0.4 * side, (k, 2))
        faint = rng.uniform(0.1, 0.5, k)
        noise = rng.uniform(1, 6, k)
        for j in range(stop - start):
            image = one(which[j, 0], angle[j, 0], scale[j, 0], mirrored[j, 0], np.zeros(2))
            if companion[j]:
                image += faint[j] * one(
                    which[j, 1], angle[j, 1], scale[j, 1], mirrored[j, 1], shift[j]
                )
            image += noise[j] * rng.standard_normal(image.shape, dtype=np.float32)
            out[start + j] = np.clip(image, 0, 255)
    return out


def real_latents(dim: int) -> np.ndarray:
    """Latents of FIRST by the shipped model of so many dimensions, float32 ``(2158, dim)``.

    Raises
    ------
    ValueError
        If no shipped Atlas of FIRST has so many.
    """
    from radioviz.atlas.atlas import list_atlases

    for data_set, model in reversed(list_atlases()):
        if data_set == "first":
            found = open_atlas(data_set, model).latents
            if found.shape[1] == dim:
                return np.asarray(found, np.float32)
    raise ValueError(f"no shipped model has {dim} latent dimensions")


def latents(n: int, dim: int = 256, out: np.ndarray | None = None) -> np.ndarray:
    """``n`` latents, float16 ``(n, dim)``: between two real neighbours, and a little aside.

    Aside means along the differences of other neighbouring pairs: the cloud keeps the dimension,
    the clumps and the spectrum of the real one, which white noise would not.
    """
    real = real_latents(dim)
    out = np.empty((n, dim), np.float16) if out is None else out
    square = np.square(real).sum(axis=1)
    distance = square[:, None] + square - 2 * real @ real.T
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1)[:, :8]
    for start, stop, rng in blocks(n):
        k = BLOCK
        a = rng.integers(0, len(real), k)
        b = near[a, rng.integers(0, near.shape[1], k)]
        t = rng.random((k, 1), dtype=np.float32)
        made = (1 - t) * real[a] + t * real[b]
        for _ in range(3):
            c = rng.integers(0, len(real), k)
            d = near[c, rng.integers(0, near.shape[1], k)]
            made += 0.3 * rng.standard_normal((k, 1), dtype=np.float32) * (real[c] - real[d])
        out[start:stop] = made[: stop - start]
    return out


def catalogue(n: int, pictures: np.ndarray | None = None) -> Catalogue:
    """The table as a Catalogue; without images each row shows the same black pixel."""
    frame = complete_columns(table(n).assign(las_origin="catalogue"))
    shown = np.broadcast_to(np.zeros((1, 1, 1), np.uint8), (n, 1, 1))
    return Catalogue(INFO, frame, shown if pictures is None else pictures)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", action="store_true", help="also images.npy")
    parser.add_argument("--dim", type=int, default=256, help="of latents.npy; 0: none")
    asked = parser.parse_args()
    folder: Path = asked.out
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SYNTHETIC.txt").write_text((__doc__ or "") + f"\ncount {asked.count}, seed {SEED}\n")
    table(asked.count).to_parquet(folder / "table.parquet", index=False)

    def mapped(name: str, dtype: type, *shape: int) -> np.ndarray:
        return np.lib.format.open_memmap(folder / name, "w+", dtype, (asked.count, *shape))

    if asked.dim:
        latents(asked.count, asked.dim, mapped("latents.npy", np.float16, asked.dim))
    if asked.images:
        images(asked.count, mapped("images.npy", np.uint8, SIDE, SIDE))
    print(f"{asked.count:,} synthetic sources in {folder}")


if __name__ == "__main__":
    main()
