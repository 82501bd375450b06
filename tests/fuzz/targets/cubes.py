"""Readers of stacks of images: NumPy, HDF5 and zarr."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from tests.fuzz import containers, seeds, structure
from tests.fuzz.targets.target import PACKED, Target, single


def _cube(name: str, folder: Path) -> None:
    from radioviz.importing.readers.cube_formats import is_cube, open_cube

    path = folder / name
    if not path.exists() or not is_cube(path):
        return
    cube = open_cube(path)
    cube.table()
    for i, block in enumerate(cube.blocks(1 if cube.shape[0] > 1 else 0)):
        np.asarray(block, dtype=np.float32).sum()
        if i > 2:
            break


def _zarr(folder: Path) -> None:
    from radioviz.importing import Source, inspect_source

    inspect_source(Source(next(iter(sorted(folder.iterdir())), folder)))


TARGETS = (
    single("npy", "c.npy", seeds.npy, structure.npy, partial(_cube, "c.npy")),
    single(
        "npz",
        "c.npz",
        seeds.npz,
        containers.zip_members(structure.npy),
        partial(_cube, "c.npz"),
        share=4,
    ),
    single("HDF5", "c.h5", seeds.hdf5, structure.hdf5, partial(_cube, "c.h5"), share=6),
    # Blosc believes what a chunk claims of its length.
    Target("zarr", seeds.zarr, PACKED, _zarr, share=3, mortal=True),
)
