"""The public data sets that RadioViz knows, one entry each."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from radioviz.data import splits
from radioviz.data.catalogue import FORMAT_VERSION
from radioviz.paths import cache_folder

_READERS = "radioviz.data.datasets"


@dataclass(frozen=True)
class DataSet:
    """One entry: its reader and the origin of its files."""

    # key, title: as in the :class:`~radioviz.data.catalogue.SurveyInfo` of its Catalogue
    key: str
    title: str
    reader: str  # ``module:function`` of ``read(progress, scratch) -> Catalogue``
    embedded: bool = False  # True if its files are installed with RadioViz
    fetch: str = ""  # its key in ``python -m radioviz.data fetch``; '' if there is nothing to fetch
    files: str = ""  # folder of its fetched files, below ``downloads`` in the cache folder
    env: str = ""  # environment variable that names another folder of its files; '' for none
    version: int = 1  # increase it when the reader changes, so that stored Catalogues are rebuilt
    planes: tuple[str, ...] = ()  # names of the images of each source; empty where it has one

    @property
    def folder(self) -> Path:
        """Where its Catalogue is stored: one for each reader, recorded split and origin."""
        edition = f"v{FORMAT_VERSION}.{self.version}-{splits.fingerprint(self.key)}"
        if self.env and os.environ.get(self.env):
            edition += "-" + hashlib.sha256(os.environ[self.env].encode()).hexdigest()[:8]
        return cache_folder() / "catalogues" / f"{self.key}-{edition}"

    @property
    def is_built(self) -> bool:
        """True if its Catalogue is stored."""
        return (self.folder / "catalogue.json").exists()

    @property
    def is_here(self) -> bool:
        """True if it can be opened without a download."""
        if self.embedded or self.is_built:
            return True
        named = os.environ.get(self.env) if self.env else None
        return (Path(named) if named else cache_folder() / "downloads" / self.files).is_dir()


DATA_SETS: dict[str, DataSet] = {
    entry.key: entry
    for entry in (
        DataSet(
            "first", "FIRST (Griese et al. 2023)", f"{_READERS}.first:read_first", embedded=True
        ),
        DataSet(
            "mirabest", "MiraBest", f"{_READERS}.mirabest:read_mirabest",
            fetch="mirabest", files="mirabest/F_batches",
        ),
        DataSet(
            "frdeep-first", "FR-DEEP FIRST", f"{_READERS}.frdeep:read_frdeep_first",
            fetch="fr-deep", files="fr-deep/FIRST_PNG_dataset",
        ),
        DataSet(
            "frdeep-nvss", "FR-DEEP NVSS", f"{_READERS}.frdeep:read_frdeep_nvss",
            fetch="fr-deep", files="fr-deep/NVSS_PNG_dataset",
        ),
        DataSet(
            "rgz", "Radio Galaxy Zoo DR1", f"{_READERS}.rgz:read_rgz",
            files="rgz/rgz108k-batches-py", env="RADIOVIZ_RGZ",
        ),
        DataSet(
            "rgz20k", "Radio Galaxy Zoo, 20,000 of DR1", f"{_READERS}.rgz:read_rgz20k",
            fetch="rgz20k", files="rgz20k/rgz20k-batches-py",
        ),
    )
}  # fmt: skip
