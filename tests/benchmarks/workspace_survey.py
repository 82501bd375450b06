"""A synthetic survey of any size as the app opens it, with images, measurements and an Atlas.

Positions, sizes and latents are those of :mod:`tests.benchmarks.synthetic_survey`; images and
measurements are FIRST's over and over, and the map is FIRST's with each point spread a little.
Nothing in it was observed.

    python -m tests.benchmarks.workspace_survey --count 1000000 --home FOLDER
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks import synthetic_survey

SIDE = 32
MODEL = "vae32"


def make_survey(home: Path, count: int) -> str:
    """Key of the survey in the user folder ``home`` (``RADIOVIZ_HOME``); made if it is missing."""
    os.environ["RADIOVIZ_HOME"] = str(home)
    from radioviz.data.catalogue import Catalogue, complete_columns
    from radioviz.data.user_surveys import survey_folder

    key = f"synthetic-{count}"
    folder = survey_folder(key)
    if (home / "atlas" / key / MODEL / "atlas.json").exists():
        return key
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.with_name(f".{key}.making")
    scratch.mkdir()
    first = _first()
    info = dataclasses.replace(synthetic_survey.INFO, key=key, title=f"Synthetic {count:,}")
    table = complete_columns(
        synthetic_survey.table(count).assign(las_origin="catalogue", survey=key)
    )
    images = np.lib.format.open_memmap(scratch / "images.npy", "w+", np.uint8, (count, SIDE, SIDE))
    middle = (first.images.shape[1] - SIDE) // 2
    tile = np.asarray(first.images[:, middle : middle + SIDE, middle : middle + SIDE])
    for start in range(0, count, len(tile)):
        images[start : start + len(tile)] = tile[: count - start]
    catalogue = Catalogue(info, table, images).save(folder, scratch)
    _measurements(catalogue, first.table)
    _atlas(catalogue)
    return key


def _first():  # type: ignore[no-untyped-def]
    from radioviz import morphology
    from radioviz.data.registry import open_data_set

    return morphology.complete(open_data_set("first"))


def _measurements(catalogue, first: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]
    from radioviz.morphology import MEASURED, measurements

    rows = np.arange(len(catalogue)) % len(first)
    measured = first[list(MEASURED)].iloc[rows].reset_index(drop=True)
    measurements._write(
        catalogue.folder / measurements.FILE, measurements._key(catalogue), measured
    )


def _atlas(catalogue) -> None:  # type: ignore[no-untyped-def]
    from radioviz.atlas.atlas import Layout, open_atlas, write_atlas
    from radioviz.models.registry import list_models

    n, info = len(catalogue), list_models()[MODEL]
    real = open_atlas("first", MODEL)
    name, positions = next(iter(real.layouts.items()))
    rng = np.random.default_rng(synthetic_survey.SEED)
    spread = 0.02 * np.ptp(positions, axis=0)
    placed = np.asarray(positions)[np.arange(n) % len(positions)]
    placed = (placed + spread * rng.standard_normal((n, 2))).astype(np.float32)
    layout = Layout(real.layout_title(name))
    scores = pd.DataFrame({"reconstruction_error": rng.lognormal(-4, 0.5, n).astype(np.float32)})
    latents = synthetic_survey.latents(n, info.latent_dim)
    write_atlas(catalogue, info, latents, {name: (placed, layout)}, scores)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, required=True)
    asked = parser.parse_args()
    print(make_survey(asked.home, asked.count))


if __name__ == "__main__":
    main()
