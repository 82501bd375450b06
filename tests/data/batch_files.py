"""Writes batches in the formats of the literature."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np


def write_batch(path: Path, images: np.ndarray, protocol: int = 3, **columns: Any) -> None:
    """A CIFAR-style batch: flattened images and lists as long."""
    content = {"batch_label": path.name, "data": images.reshape(len(images), -1), **columns}
    path.write_bytes(pickle.dumps(content, protocol=protocol))


def blobs(n: int, seed: int = 0) -> np.ndarray:
    """``n`` images of 150x150 pixels with one bright spot each, uint8."""
    generator = np.random.default_rng(seed)
    images = np.zeros((n, 150, 150), dtype=np.uint8)
    at = generator.integers(40, 110, size=(n, 2))
    for k, (y, x) in enumerate(at):
        images[k, y - 3 : y + 4, x - 5 : x + 6] = generator.integers(100, 255)
    return images


def write_rgz(
    folder: Path,
    train: tuple[int, ...] = (40, 30),
    test: int = 10,
    protocol: int = 3,
    names: list[str] | None = None,
) -> dict[str, np.ndarray]:
    """Batches as RGZ DR1 has them; returns what was written, in order of the batches."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [*train, test]
    n = sum(sizes)
    generator = np.random.default_rng(1)
    ra, dec = generator.uniform(120, 240, n), generator.uniform(0, 60, n)
    ids = np.array(
        names if names is not None else [j_name(a, d) for a, d in zip(ra, dec, strict=True)]
    )
    written = {
        "images": blobs(n),
        "src_ids": ids,
        "filenames": np.array([f"{name}.png" for name in ids]),
        "mb_flag": (np.arange(n) % 7 == 3).astype(np.int64),
        "LAS": generator.uniform(5.0, 90.0, n),
        "ra": ra,
        "dec": dec,
    }
    start = 0
    for k, size in enumerate(sizes):
        name = "test_batch" if k == len(train) else f"data_batch_{k + 1}"
        rows = slice(start, start + size)
        write_batch(
            folder / name,
            written["images"][rows],
            protocol,
            filenames=written["filenames"][rows].tolist(),
            src_ids=written["src_ids"][rows].tolist(),
            mb_flag=written["mb_flag"][rows],
            LAS=written["LAS"][rows].tolist(),
        )
        start += size
    (folder / "batches.meta").write_bytes(pickle.dumps({"num_vis": 22500}, protocol=protocol))
    return written


def j_name(ra: float, dec: float) -> str:
    """``RGZJ134541.2+232253``, as RGZ names its sources."""
    tenths, seconds = int(ra * 2400), int(abs(dec) * 3600)
    return (
        f"RGZJ{tenths // 36000:02d}{tenths // 600 % 60:02d}{tenths // 10 % 60:02d}.{tenths % 10}"
        f"{'-' if dec < 0 else '+'}{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
    )
