"""FR-DEEP (Tang, Scaife & Leahy 2019): the same radio galaxies in NVSS and in FIRST.

Two data sets of 600 images, 150x150 pixels, uint8, in FITS order (row 0 is south, column 0
is east): NVSS with 15 arcsec a pixel, FIRST with 1.8 arcsec. They have no positions.

The name of an image is its number in the list it was taken from: FRICAT (Capetti et al.
2017), or the FRI or FRII of CoNFIG (Gendre et al. 2010). Equal numbers in one list are the
same source in both surveys: the lists run through right ascension in the same order, and the
NVSS image most similar to a FIRST image smoothed to the NVSS beam is that of its number. The
column ``pair`` links the two.
"""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data import matching as links
from radioviz.data import splits
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.datasets.cifar import Batch, batch_files, read_batches
from radioviz.data.datasets.first import first_survey
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.paths import cache_folder

_REFERENCE = "Tang, Scaife & Leahy 2019, Zenodo DOI 10.5281/zenodo.4255826"

NVSS = SurveyInfo(
    key="frdeep-nvss",
    title="FR-DEEP NVSS",
    pixel_scale=15.0,
    beam=45.0,
    frequency=1.4,
    licence="NVSS images: National Radio Astronomy Observatory, Condon et al. 1998.",
    reference=f"{_REFERENCE}; Condon et al. 1998",
    origin="https://www.jb.man.ac.uk/research/ascaife/NVSS_PNG_dataset.tar.gz",
)
FIRST = first_survey(
    "frdeep-first",
    "FR-DEEP FIRST",
    _REFERENCE,
    "https://www.jb.man.ac.uk/research/ascaife/FIRST_PNG_dataset.tar.gz",
)
FOLDERS = {NVSS.key: "NVSS_PNG_dataset", FIRST.key: "FIRST_PNG_dataset"}
LABELS = ("FRI", "FRII")
FETCH = "run: python -m radioviz.data fetch fr-deep"


def frdeep_folder(key: str) -> Path:
    """Where ``python -m radioviz.data fetch fr-deep`` unpacks the batches of a data set."""
    return cache_folder() / "downloads" / "fr-deep" / FOLDERS[key]


def read_frdeep(
    info: SurveyInfo,
    progress: Progress = no_progress,
    scratch: Path | None = None,
    folder: Path | None = None,
) -> Catalogue:
    """Read one of the two data sets, training batches first, then the test batch.

    ``info`` is :data:`NVSS` or :data:`FIRST`; the other parameters are those of
    :func:`radioviz.data.datasets.mirabest.read_mirabest`.

    Returns
    -------
    Catalogue
        Without positions. Extra columns: ``list`` (fricat, config-fr1 or
        config-fr2) and ``number`` in it, ``pair`` (source_id in the other data set, '' if
        it has none), ``official_split`` ('train' or 'test'), ``flag``, ``same_as``
        (equal images, or the same galaxy of another data set), and from the recorded split
        ``matched_id``, ``match_score``, ``match_method``, ``matched_ra`` and ``matched_dec``
        [deg] of the galaxy of another data set that shows the same source.

    Raises
    ------
    CatalogueError
        If the batches are missing, or one is damaged or not FR-DEEP.
    """
    files = batch_files(folder or frdeep_folder(info.key), FETCH)
    table, images = read_batches(files, _decode, info.title, progress)
    entry = table["list"] + "-" + table["number"].astype(str)
    table["source_id"] = info.key + "-" + entry
    other = NVSS if info.key == FIRST.key else FIRST
    # The recorded split lists the other's numbers, so that its files are not needed.
    record = splits.recorded(other.key)
    there = set() if record is None else set(record["source_id"])
    pair = other.key + "-" + entry
    table["pair"] = pair.where(pair.isin(there), "")
    table["survey"] = "NVSS" if info.key == NVSS.key else "FIRST"
    table["origin"] = "FR-DEEP"
    table = splits.attach_splits(table, info.key)
    table["same_as"] = _repeats(table, images)
    return Catalogue(info, complete_columns(table), images)


read_frdeep_nvss = functools.partial(read_frdeep, NVSS)
read_frdeep_first = functools.partial(read_frdeep, FIRST)


def _decode(batch: Batch) -> pd.DataFrame:
    """List, number and label of each image; FRI and FRII of CoNFIG are separate lists."""
    labels = batch.column("labels")
    given = pd.Series(batch.column("filenames").astype(str))
    number = given.str.extract(r"^(\d+)_?[A-Za-z]")[0]
    label = pd.Series(labels).map(dict(enumerate(LABELS)))
    bad = number.isna() | label.isna()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise CatalogueError(
            f"{batch.path}: '{given[row]}' with label {labels[row]} is not an FR-DEEP image; "
            "names begin with a number, labels are 0 (FRI) and 1 (FRII)"
        )
    fricat = given.str.contains("FRICAT")
    config = label.map({"FRI": "config-fr1", "FRII": "config-fr2"})
    return pd.DataFrame(
        {
            "label": label,
            "label_original": label,
            "list": config.where(~fricat, "fricat"),
            "number": number.astype(int),
        }
    )


def equal_images(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows with the same pixels, without empty images; int64, shape ``(k,)`` each."""
    flat = images.reshape(len(images), -1)
    # Digests, because sorting whole images takes half a minute.
    digests = [hashlib.sha256(row.tobytes()).digest() for row in flat]
    group, _ = pd.factorize(np.array(digests, dtype=object))
    return _neighbours(np.where(flat.any(axis=1), group, -1))


def _neighbours(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that chain the members of each group; negative numbers are not groups."""
    order = np.argsort(group, kind="stable")
    i, j = order[:-1], order[1:]
    same = (group[i] == group[j]) & (group[i] >= 0)
    return i[same], j[same]


def _repeats(table: pd.DataFrame, images: np.ndarray) -> np.ndarray:
    """Identifier of the first row of the same source, '' for first or only ones.

    The same source is one with the same pixels, or one found to be the same galaxy of
    another data set.
    """
    i, j = equal_images(images)
    if "matched_id" in table:
        matched = pd.factorize(table["matched_id"].replace("", np.nan))[0]
        more_i, more_j = _neighbours(matched)
        i, j = np.concatenate([i, more_i]), np.concatenate([j, more_j])
    first = links.first_of_group(len(table), i, j)
    named = table["source_id"].to_numpy(dtype=object)
    return np.where(first == np.arange(len(table)), "", named[first])
