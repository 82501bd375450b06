"""Readers of archives of images: ZIP and tar, and the batches of RGZ."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.fuzz import containers, mutation, seeds, stored_seeds
from tests.fuzz.targets.target import single


def _archive(folder: Path) -> None:
    from radioviz.importing.file_reader import summarise_files
    from radioviz.importing.image_choice import ImageChoice
    from radioviz.importing.image_files import ImageFiles

    files = ImageFiles(folder / "a")
    summarise_files(files, ImageChoice())
    for entry in files.entries():
        assert entry.refused or entry.content is not None


def _batch(folder: Path) -> None:
    from radioviz.data.datasets.cifar import read_batch

    read_batch(folder / "data_batch_1")


TARGETS = (
    single("ZIP", "a", seeds.zips, containers.zip_members(mutation.fits_cards), _archive),
    *(
        single(
            f"tar {mode}".strip(),
            "a",
            partial(seeds.tars, mode),
            containers.tar_members(mutation.fits_cards, mode),
            _archive,
            share=0.1 if mode in ("", "gz") else 0.03,
        )
        for mode in ("", "gz", "bz2", "xz")
    ),
    single("batch pickles", "data_batch_1", stored_seeds.batches, mutation.raw, _batch),
)
