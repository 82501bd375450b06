"""Radio Galaxy Zoo DR1: a hundred thousand unlabelled FIRST images, or 20,000 of them.

CIFAR-style batches ``data_batch_1`` ... ``data_batch_53`` and ``test_batch`` with the
entries ``data`` (uint8, 150x150 pixels of 1.8 arcsec), ``filenames``, ``src_ids``,
``mb_flag`` (1 if MiraBest has the source, too) and ``LAS`` [arcsec]. The
hundred thousand ("RGZ108k") have no public download; ``RADIOVIZ_RGZ`` names the folder of a
private copy. The 20,000 ("RGZ20k") are public, in the same format.

Images are copied to the disk batch by batch, so that memory holds one batch and the table.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data import matching as links
from radioviz.data import splits
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.datasets.cifar import Batch, batch_files, empty_flags, read_batch
from radioviz.data.datasets.first import first_survey
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.paths import cache_folder
from radioviz.sky import from_sexagesimal, j2000_name
from radioviz.store.atomic import report_unwritable
from radioviz.store.npy import growing_header

INFO = first_survey(
    "rgz",
    "Radio Galaxy Zoo DR1",
    "Wong et al., Radio Galaxy Zoo Data Release 1",
    "Radio Galaxy Zoo DR1, rgz108k-batches-py",
)
INFO_20K = first_survey(
    "rgz20k",
    "Radio Galaxy Zoo, 20,000 of DR1",
    "Wong et al., Radio Galaxy Zoo Data Release 1",
    "https://www.jb.man.ac.uk/research/ascaife/rgz20k-batches-python.tar.gz",
)
SIDE = 150
VALID_SHARE = 0.02
SEED = 20231115

# RGZJ134541.2+232253, and the decimal degrees of MiraBest file names.
_SEXAGESIMAL = r"J(\d{2})(\d{2})(\d{2}(?:\.\d+)?)([+-])(\d{2})(\d{2})(\d{2}(?:\.\d+)?)"
_DECIMAL = r"(?:^|_)(\d{1,3}\.\d+)([+-]\d{1,3}\.\d+)(?:_|\.png|$)"


def rgz_folder() -> Path:
    """The folder that ``RADIOVIZ_RGZ`` names, else one in the cache folder."""
    given = os.environ.get("RADIOVIZ_RGZ")
    return Path(given) if given else cache_folder() / "downloads" / "rgz" / "rgz108k-batches-py"


def read_rgz(
    progress: Progress = no_progress,
    scratch: Path | None = None,
    folder: Path | None = None,
    las_min: float = 0.0,
    info: SurveyInfo = INFO,
) -> Catalogue:
    """Read all galaxies, training batches first, then the test batch.

    Parameters
    ----------
    progress, folder
        As for :func:`radioviz.data.datasets.mirabest.read_mirabest`.
    scratch : pathlib.Path, optional
        Folder to write ``images.npy`` to; by default the images stay in memory.
    las_min : float
        Leave out sources known to be smaller, in arcsec; 0 keeps all.
    info : SurveyInfo
        :data:`INFO`, or :data:`INFO_20K` of the smaller set.

    Returns
    -------
    Catalogue
        Extra columns: ``mb_flag`` (bool), ``official_split`` ('train' or
        'test', the batch), ``flag``, ``same_as``, ``split_reason``. Positions come from
        the names of sources or files, if these contain them.

        Sources that are flagged as MiraBest's, or lie within 60 arcsec of a test source of any
        data set with a recorded split or of the test batch, are excluded from training. Other
        data sets may train on sources of the test batch.

    Raises
    ------
    CatalogueError
        If the batches are missing, one is damaged, or no source is large enough.
    """
    if info is INFO_20K:
        where = folder or cache_folder() / "downloads" / "rgz20k" / "rgz20k-batches-py"
        advice = "run: python -m radioviz.data fetch rgz20k"
    else:
        where = folder or rgz_folder()
        advice = "there is no public download: point RADIOVIZ_RGZ at the folder rgz108k-batches-py"
    files = batch_files(where, advice)
    tables: list[pd.DataFrame] = []

    def stream() -> Iterator[np.ndarray]:
        tables.clear()
        for k, file in enumerate(files):
            batch = read_batch(file, SIDE)
            table = decode_batch(batch)
            keep = ~(table["las"] < las_min).to_numpy()
            table["flag"] = empty_flags(batch.images)
            tables.append(table[keep])
            yield batch.images[keep] if not keep.all() else batch.images
            progress(k + 1, len(files), "reading RGZ batches")

    with report_unwritable(str(scratch), what="the RGZ images", setting="RADIOVIZ_CACHE"):
        images = _to_disk(stream(), scratch / "images.npy") if scratch else _to_memory(stream)
    if not len(images):
        raise CatalogueError(f"no source of {where} is known to be as large as {las_min} arcsec")
    table = pd.concat(tables, ignore_index=True)
    repeat = table.groupby("source_id").cumcount()
    again = repeat > 0
    table.loc[again, "source_id"] += "-" + (repeat[again] + 1).astype(str)
    table["name"] = j2000_name(table["ra"].to_numpy(), table["dec"].to_numpy())
    table["survey"] = "FIRST"
    table["origin"] = "RGZ DR1"
    table["same_as"] = links.same_as(table)
    assign_splits(table)
    return Catalogue(info, complete_columns(table), images)


read_rgz20k = functools.partial(read_rgz, info=INFO_20K)


def decode_batch(batch: Batch) -> pd.DataFrame:
    """Table of one batch; its text columns are Arrow strings, not Python objects."""
    n = len(batch.images)
    names = pd.Series(batch.column("filenames").astype(str), dtype="str")
    names = names.str.rsplit("/", n=1).str[-1]
    columns = batch.columns
    ids = pd.Series(columns["src_ids"].astype(str), dtype="str") if "src_ids" in columns else names
    ra, dec = _positions(ids, names)
    las = columns["LAS"].astype(float) if "LAS" in columns else np.full(n, np.nan)
    las = np.where(las > 0, las, np.nan)
    return pd.DataFrame(
        {
            "source_id": "rgz-" + ids.str.removesuffix(".png"),
            "ra": ra,
            "dec": dec,
            "las": las,
            "las_origin": np.where(np.isfinite(las), "catalogue", ""),
            "mb_flag": columns["mb_flag"].astype(int) == 1 if "mb_flag" in columns else False,
            "official_split": "test" if batch.path.name == "test_batch" else "train",
        }
    )


def _positions(*names: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Positions in deg from the first name that contains one; else NaN."""
    ra, dec = np.full(len(names[0]), np.nan), np.full(len(names[0]), np.nan)
    for name in names:
        part = name.str.extract(_SEXAGESIMAL)
        fine_ra = 15.0 * from_sexagesimal(part[[0, 1, 2]].astype(float))
        fine_dec = from_sexagesimal(part[[4, 5, 6]].astype(float)) * np.where(
            part[3] == "-", -1.0, 1.0
        )
        decimal = name.str.extract(_DECIMAL).astype(float).to_numpy()
        for a, b in ((fine_ra, fine_dec), (decimal[:, 0], decimal[:, 1])):
            new = np.isnan(ra) & (a >= 0) & (a < 360) & (np.abs(b) <= 90)
            ra[new], dec[new] = a[new], b[new]
    return ra, dec


def assign_splits(table: pd.DataFrame) -> None:
    """Fill ``split`` and ``split_reason``; sources within 60 arcsec share their split.

    Reads ``ra``, ``dec`` [deg], ``official_split``, ``mb_flag`` (bool) and ``flag``.
    """
    ra, dec = table["ra"].to_numpy(), table["dec"].to_numpy()
    group = links.sky_groups(ra, dec)
    test = (table["official_split"] == "test").to_numpy()
    generator = np.random.default_rng(SEED)
    drawn = generator.random(len(table))[group] < VALID_SHARE
    cases = [
        (test, "test", "test batch"),
        (table["mb_flag"].to_numpy(), "excluded", "also in MiraBest"),
        (splits.near_test(ra, dec), "excluded", "within 60 arcsec of a test source"),
        (np.isin(group, group[test]), "excluded", "within 60 arcsec of the test batch"),
        ((table["flag"] != "").to_numpy(), "excluded", "empty image"),
        (drawn, "valid", "drawn for validation"),
    ]
    conditions = [case[0] for case in cases]
    table["split"] = np.select(conditions, [case[1] for case in cases], "train")
    table["split_reason"] = np.select(conditions, [case[2] for case in cases], "")


def _to_disk(images: Iterator[np.ndarray], path: Path) -> np.ndarray:
    """Write images one after another to an ``.npy`` file and map it."""
    n = 0
    with path.open("wb") as file:
        file.write(growing_header((n, SIDE, SIDE), np.uint8))
        for part in images:
            file.write(np.ascontiguousarray(part).data)
            n += len(part)
        file.seek(0)
        file.write(growing_header((n, SIDE, SIDE), np.uint8))
    if not n:
        path.unlink()
        return np.zeros((0, SIDE, SIDE), dtype=np.uint8)
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _to_memory(stream: Callable[[], Iterator[np.ndarray]]) -> np.ndarray:
    """All images in one array: a first pass counts them, so that they are never held twice."""
    n = sum(len(part) for part in stream())
    images = np.empty((n, SIDE, SIDE), dtype=np.uint8)
    at = 0
    for part in stream():
        images[at : at + len(part)] = part
        at += len(part)
    return images
