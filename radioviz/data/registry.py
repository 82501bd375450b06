"""The data sets that RadioViz knows, one line each, and how they are opened."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from radioviz.data import splits
from radioviz.data.catalogue import FORMAT_VERSION, Catalogue, Progress
from radioviz.errors import CatalogueError
from radioviz.paths import cache_folder


@dataclass(frozen=True)
class DataSet:
    """One entry: where its reader lives and where its files come from.

    Attributes
    ----------
    key, title : str
        As in the :class:`~radioviz.data.catalogue.SurveyInfo` of its Catalogue.
    reader : str
        ``module:function`` of ``read(progress, scratch) -> Catalogue``.
    embedded : bool
        True when it needs no download: its files are installed with RadioViz.
    fetch : str
        What ``python -m radioviz.data fetch`` calls it; '' when there is nothing to fetch.
    files : str
        Where fetching puts its files, below ``downloads`` in the cache folder.
    env : str
        Environment variable that names the folder of its files instead; '' for none.
    version : int
        Counts changes of the reader, so that a Catalogue stored by an older one is not used.
    """

    key: str
    title: str
    reader: str
    embedded: bool = False
    fetch: str = ""
    files: str = ""
    env: str = ""
    version: int = 1

    @property
    def folder(self) -> Path:
        """Where its Catalogue is stored: one for each reader, recorded split and origin."""
        edition = f"v{FORMAT_VERSION}.{self.version}-{splits.fingerprint(self.key)}"
        if self.env and os.environ.get(self.env):
            edition += "-" + hashlib.sha256(os.environ[self.env].encode()).hexdigest()[:8]
        return cache_folder() / "catalogues" / f"{self.key}-{edition}"

    @property
    def is_built(self) -> bool:
        """True when its Catalogue is stored already."""
        return (self.folder / "catalogue.json").exists()

    @property
    def is_here(self) -> bool:
        """True when it can be opened without fetching anything."""
        if self.embedded or self.is_built:
            return True
        named = os.environ.get(self.env) if self.env else None
        return (Path(named) if named else cache_folder() / "downloads" / self.files).is_dir()


@dataclass(frozen=True)
class UserDataSet(DataSet):
    """A survey that the user has imported; it lies in the user's data folder."""

    @property
    def folder(self) -> Path:
        """Where its Catalogue is stored."""
        from radioviz.data.user_surveys import survey_folder

        return survey_folder(self.key)


DATA_SETS: dict[str, DataSet] = {
    d.key: d
    for d in (
        DataSet(
            "first",
            "FIRST (Griese et al. 2023)",
            "radioviz.data.datasets.first:read",
            embedded=True,
        ),
        DataSet(
            "mirabest",
            "MiraBest",
            "radioviz.data.datasets.mirabest:read",
            fetch="mirabest",
            files="mirabest/F_batches",
        ),
        DataSet(
            "frdeep-first",
            "FR-DEEP FIRST",
            "radioviz.data.datasets.frdeep:read_first",
            fetch="fr-deep",
            files="fr-deep/FIRST_PNG_dataset",
        ),
        DataSet(
            "frdeep-nvss",
            "FR-DEEP NVSS",
            "radioviz.data.datasets.frdeep:read_nvss",
            fetch="fr-deep",
            files="fr-deep/NVSS_PNG_dataset",
        ),
        DataSet(
            "rgz",
            "Radio Galaxy Zoo DR1",
            "radioviz.data.datasets.rgz:read",
            files="rgz/rgz108k-batches-py",
            env="RADIOVIZ_RGZ",
        ),
    )
}


def user_data_sets() -> dict[str, DataSet]:
    """Surveys that the user has imported, by key, as they lie in the user's data folder now."""
    from radioviz.data.user_surveys import surveys

    return {s.key: UserDataSet(s.key, s.title, reader="") for s in surveys().values()}


def open_data_set(key: str, progress: Progress = lambda done, total, what: None) -> Catalogue:
    """Catalogue of a registered data set; built on first use, then memory-mapped.

    A stored copy that is damaged is built anew, and a cache folder that cannot be written
    is done without; either is said in the Catalogue's notes. Two processes may do this at
    the same time.

    Raises
    ------
    CatalogueError
        If the key is unknown, or the data are neither here nor installed.
    """
    if key not in DATA_SETS:
        imported = user_data_sets()
        if key in imported:
            return Catalogue.open(imported[key].folder)
        known = ", ".join([*DATA_SETS, *imported])
        raise CatalogueError(f"no data set '{key}'; known: {known}")
    data_set = DATA_SETS[key]
    notes: tuple[str, ...] = ()
    if data_set.is_built:
        try:
            return Catalogue.open(data_set.folder)
        except CatalogueError as error:
            notes = (f"The stored copy could not be used and was built anew: {error}",)
    return build(data_set, progress, notes)


def build(
    data_set: DataSet,
    progress: Progress = lambda done, total, what: None,
    notes: tuple[str, ...] = (),
) -> Catalogue:
    """Read a data set from its origin and store it; in memory when it cannot be stored.

    Raises
    ------
    CatalogueError
        If the data are neither here nor installed, or damaged.
    """
    module, function = data_set.reader.split(":")
    read: Callable[[Progress, Path | None], Catalogue] = getattr(
        importlib.import_module(module), function
    )
    scratch: Path | None = None
    try:
        data_set.folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(
            tempfile.mkdtemp(prefix=f".{data_set.folder.name}.", dir=data_set.folder.parent)
        )
    except OSError:
        pass  # said below, where the Catalogue cannot be stored
    try:
        catalogue = read(progress, scratch)
        try:
            stored = _store(catalogue, data_set.folder, scratch)
        except CatalogueError as error:
            # A cache that cannot be written costs time at the next start, not the data.
            return dataclasses.replace(
                catalogue, notes=(*catalogue.notes, *notes, f"Held in memory only: {error}")
            )
    finally:
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)
    for old in _older_editions(data_set):
        shutil.rmtree(old, ignore_errors=True)
    return dataclasses.replace(stored, notes=(*stored.notes, *notes))


def _store(catalogue: Catalogue, folder: Path, scratch: Path | None) -> Catalogue:
    """Store a Catalogue, or open the one that another process has stored in the meantime."""
    try:
        return Catalogue.open(folder)
    except CatalogueError:
        pass  # not there, as a rule
    try:
        return catalogue.save(folder, scratch)
    except CatalogueError:
        # Another process may be putting its copy in place of this one, which takes two steps.
        for pause in (0.0, 0.05, 0.2, 0.5):
            time.sleep(pause)
            with contextlib.suppress(CatalogueError):
                return Catalogue.open(folder)
        raise


def _older_editions(data_set: DataSet) -> list[Path]:
    """Folders that earlier readers or splits of the same data set left behind."""
    beside = data_set.folder.parent.glob(f"{data_set.key}-v*")
    return [f for f in beside if f.is_dir() and f.name != data_set.folder.name]
