"""Batches: what belongs to an image, and what is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from radioviz.data.datasets.cifar import batch_files, read_batch
from radioviz.errors import CatalogueError
from tests.data.batch_files import blobs, write_batch


def stored(folder: Path, content: Any) -> Path:
    path = folder / "data_batch_1"
    path.write_bytes(pickle.dumps(content, protocol=3))
    return path


IMAGES = blobs(3)


@pytest.mark.parametrize(
    "data",
    [
        IMAGES.reshape(3, 22500),
        IMAGES,
        list(IMAGES.reshape(3, 22500)),
        [IMAGES[0], IMAGES[1].reshape(1, 22500), IMAGES[2].reshape(-1)],
    ],
)
def test_images_come_in_several_shapes(data: Any, tmp_path: Path) -> None:
    batch = read_batch(stored(tmp_path, {"data": data}))
    assert batch.images.dtype == np.uint8
    assert np.array_equal(batch.images, IMAGES)


def test_columns_are_what_has_one_value_an_image(tmp_path: Path) -> None:
    content = {
        b"data": IMAGES,
        b"labels": [0, 1, 2],
        "filenames": [b"a", b"b", b"c"],
        "LAS": np.array([[1.0], [2.0], [3.0]]),
        "batch_label": "training batch 1 of 7",
        "other": [1, 2],
        "nested": [[1], [2], [3]],
    }
    batch = read_batch(stored(tmp_path, content))
    assert {k: v.tolist() for k, v in batch.columns.items()} == {
        "labels": [0, 1, 2],
        "filenames": ["a", "b", "c"],
        "LAS": [1.0, 2.0, 3.0],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds a list; a batch is a dict"),
        ({}, "no entry 'data'; it has none"),
        ({"labels": [1]}, "no entry 'data'; it has labels"),
        ({"data": "text"}, "is a str that holds no arrays"),
        ({"data": []}, "is a list that holds no arrays"),
        ({"data": [[0] * 22500]}, "is a list that holds no arrays"),
        ({"data": IMAGES.astype(float)}, "'data' is float64"),
        ({"data": IMAGES[:, :32, :32]}, r"'data' is uint8 of shape \(3, 32, 32\); .*22500"),
        ({"data": IMAGES[:0]}, "of shape"),
        ({"data": IMAGES, "labels": [1, 2]}, "3 images but 2 entries in 'labels'"),
        ({"data": IMAGES, "LAS": "none"}, "3 images but no list in 'LAS'"),
        ({"data": [IMAGES[0]] * 60_000}, "larger than 1073741824 bytes"),
    ],
)
def test_refused_with_the_reason(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=message) as failure:
        read_batch(stored(tmp_path, content))
    assert "data_batch_1" in str(failure.value)


def test_missing_entry_is_named(tmp_path: Path) -> None:
    batch = read_batch(stored(tmp_path, {"data": IMAGES, "labels": [1, 2, 3]}))
    with pytest.raises(CatalogueError, match="no entry 'filenames' of 3 values; it has labels"):
        batch.column("filenames")


def test_files_in_order_of_their_numbers(tmp_path: Path) -> None:
    for k in range(1, 12):
        write_batch(tmp_path / f"data_batch_{k}", IMAGES)
    write_batch(tmp_path / "test_batch", IMAGES)
    (tmp_path / "batches.meta").write_bytes(b"")
    names = [file.name for file in batch_files(tmp_path, "fetch it")]
    assert names == [f"data_batch_{k}" for k in range(1, 12)] + ["test_batch"]


def test_missing_batches_are_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"no batches in .*absent; fetch it"):
        batch_files(tmp_path / "absent", "fetch it")
    for k in (1, 2, 4):
        write_batch(tmp_path / f"data_batch_{k}", IMAGES)
    with pytest.raises(CatalogueError, match="lacks data_batch_3, test_batch; fetch it"):
        batch_files(tmp_path, "fetch it")
