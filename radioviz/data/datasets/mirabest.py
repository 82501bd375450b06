"""MiraBest (VLA FIRST version): 1,256 radio galaxies of Miraghaei & Best 2017.

CIFAR-style batches of 150x150 pixels of 1.8 arcsec, uint8, in FITS order (row 0 is south,
column 0 is east), clipped at 3 sigma and blanked outside the circle that fits into the
image (radius 75 pixels) by their authors. Class, position, redshift and
angular size are in the name of each image:
``100_123.251+043.797_0.1281_0034.09.png``.

Positions are given to 0.001 degrees (at most 1.8 arcsec, one pixel, off in declination).
Images were cut at finer declinations than the names say, so their WCS is accurate to one pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data import matching as links
from radioviz.data import splits
from radioviz.data.catalogue import Catalogue, complete_columns
from radioviz.data.datasets.cifar import Batch, batch_files, read_batches
from radioviz.data.datasets.first import first_survey
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.paths import cache_folder
from radioviz.sky import j2000_name

INFO = first_survey(
    "mirabest",
    "MiraBest",
    "Porter & Scaife 2023, arXiv:2305.11108; Miraghaei & Best 2017",
    "https://www.jb.man.ac.uk/research/MiraBest/MiraBest_F/MiraBest_F_batches.tar.gz",
)

# Digits of the class: first FRI, FRII or hybrid; second confidence; third morphology.
LABELS = {"1": "FRI", "2": "FRII", "3": "Hybrid"}
CONFIDENCES = {"0": "confident", "1": "uncertain"}
MORPHOLOGIES = {"0": "standard", "1": "double-double", "2": "wide-angle tail", "4": "head-tail"}
# Labels 0..9 of the batches, in order.
CLASSES = ("100", "102", "104", "110", "112", "200", "201", "210", "300", "310")
# MiraBest Confident: the confident FRI and FRII, 729 for training and 104 for the test.
CONFIDENT = ("100", "102", "104", "200", "201")

_NAME = r"(?:^|/)(\d{3})_(\d+\.\d+)([+-]\d+\.\d+)_(-?\d+\.\d+)_(\d+\.\d+)\.png$"
FETCH = "run: python -m radioviz.data fetch mirabest"


def mirabest_folder() -> Path:
    """Where ``python -m radioviz.data fetch mirabest`` unpacks the batches."""
    return cache_folder() / "downloads" / "mirabest" / "F_batches"


def read_mirabest(
    progress: Progress = no_progress,
    scratch: Path | None = None,
    folder: Path | None = None,
) -> Catalogue:
    """Read all galaxies, training batches first, then the test batch.

    Parameters
    ----------
    progress : callable
        Called as ``progress(done, total, what)``.
    scratch : pathlib.Path, optional
        Not used: the images fit into memory (28 MB).
    folder : pathlib.Path, optional
        Folder of the batches; default :func:`mirabest_folder`.

    Returns
    -------
    Catalogue
        Extra columns: ``confidence``, ``mbc`` (MiraBest Confident, bool),
        ``official_split`` ('train' or 'test', the batch), ``flag``, ``same_as`` and those of
        :func:`radioviz.data.splits.attach_splits`.

    Raises
    ------
    CatalogueError
        If the batches are missing, or one is damaged or not MiraBest.
    """
    files = batch_files(folder or mirabest_folder(), FETCH)

    def decode(batch: Batch) -> pd.DataFrame:
        named = decode_names(batch.column("filenames"), batch.path)
        return named.assign(class_number=batch.column("labels"))

    table, images = read_batches(files, decode, INFO.title, progress)
    expected = table.pop("class_number").map(dict(enumerate(CLASSES)))
    wrong = table["label_original"] != expected
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise CatalogueError(
            f"{files[0].parent}: image {row} is of class {table['label_original'][row]} by its "
            f"name but of class {expected[row]} by its label; this is not MiraBest"
        )
    table["source_id"] = [f"mirabest-{i}" for i in range(len(table))]
    table["survey"] = "FIRST"
    table["origin"] = "MiraBest"
    table["same_as"] = links.same_as(table)
    return Catalogue(INFO, complete_columns(splits.attach_splits(table, INFO.key)), images)


def decode_names(names: np.ndarray, where: Path | str = "the table") -> pd.DataFrame:
    """Columns that the file names of MiraBest encode.

    Parameters
    ----------
    names : array_like of str
        ``.../100_123.251+043.797_0.1281_0034.09.png``, shape ``(n,)``.
    where : path or str
        Its origin, for the message.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``ra``, ``dec`` [deg], ``redshift``, ``las`` [arcsec], ``las_origin``,
        ``label``, ``label_original`` (the three digits), ``morphology``, ``confidence``, ``mbc``.

    Raises
    ------
    CatalogueError
        If a name is not of this form or has unknown digits.
    """
    given = pd.Series(np.asarray(names).astype(str))
    part = given.str.extract(_NAME)
    digits = part[0].fillna("")
    out = pd.DataFrame(
        {
            "ra": part[1].astype(float),
            "dec": part[2].astype(float),
            "redshift": part[3].astype(float),
            "las": part[4].astype(float),
            "las_origin": "catalogue",
            "label": digits.str[0:1].map(LABELS),
            "label_original": digits,
            "morphology": digits.str[2:3].map(MORPHOLOGIES),
            "confidence": digits.str[1:2].map(CONFIDENCES),
            "mbc": digits.isin(CONFIDENT),
        }
    )
    bad = out[["ra", "label", "morphology", "confidence"]].isna().any(axis=1)
    if bad.any():
        raise CatalogueError(
            f"{where}: '{given[int(np.flatnonzero(bad)[0])]}' is not a MiraBest name such "
            "as 100_123.251+043.797_0.1281_0034.09.png"
        )
    # Missing is NaN, never a negative redshift.
    out["redshift"] = out["redshift"].where(out["redshift"] > 0)
    out["name"] = j2000_name(out["ra"].to_numpy(), out["dec"].to_numpy())
    return out
