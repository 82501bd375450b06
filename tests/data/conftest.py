"""The data sets of the literature, opened once a test run."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from radioviz.data import frdeep, mirabest
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set


@pytest.fixture(scope="session")
def first_catalogue() -> Catalogue:
    return open_data_set("first")


@pytest.fixture(scope="session")
def batch_folders(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with F_batches, FIRST_PNG_dataset and NVSS_PNG_dataset in it."""
    folder = tmp_path_factory.mktemp("batches")
    for name in ("MiraBest_F_batches", "FIRST_PNG_dataset", "NVSS_PNG_dataset"):
        with tarfile.open(shared_data / f"{name}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="session")
def mirabest_catalogue(batch_folders: Path) -> Catalogue:
    return mirabest.read(folder=batch_folders / "F_batches")


@pytest.fixture(scope="session")
def frdeep_first(batch_folders: Path) -> Catalogue:
    return frdeep.read(frdeep.FIRST, folder=batch_folders / "FIRST_PNG_dataset")


@pytest.fixture(scope="session")
def frdeep_nvss(batch_folders: Path) -> Catalogue:
    return frdeep.read(frdeep.NVSS, folder=batch_folders / "NVSS_PNG_dataset")
