"""FIRST galaxies of Griese et al. 2023, from the installed package ``firstgalaxydata``.

The package's own HDF5 file is read without importing the package, which would
import torchvision. The 2,158 images are 300x300 pixels of 1.8 arcsec, uint8, in FITS
order (row 0 is south, column 0 is east), already clipped at 3 sigma by their authors.

They were cut at the attributes ``RA`` and ``DEC``, which are rounded to 0.001 degrees:
overlapping images match to the pixel at those positions only. The source itself is at the
position of its catalogue (``coord_str``), up to 2.5 arcsec away. Both are kept: ``ra``/``dec``
and ``image_ra``/``image_dec``.
"""

from __future__ import annotations

import importlib.metadata
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data import matching as links
from radioviz.data import splits
from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns
from radioviz.data.datasets.cifar import empty_flags
from radioviz.errors import CatalogueError
from radioviz.jobs.progress import Progress, no_progress
from radioviz.sky import from_sexagesimal, j2000_name, separation_arcsec

FIRST_LICENCE = (
    "FIRST images: copyright 1994 University of California; free for scholarly, "
    "educational and private non-commercial use."
)


def first_survey(key: str, title: str, reference: str, origin: str) -> SurveyInfo:
    """Facts of a data set of FIRST images (Becker et al. 1995) in 8-bit grey levels."""
    return SurveyInfo(
        key,
        title,
        pixel_scale=1.8,
        beam=5.4,
        frequency=1.4,
        licence=FIRST_LICENCE,
        reference=f"{reference}; Becker et al. 1995",
        origin=origin,
    )


INFO = first_survey(
    "first",
    "FIRST (Griese et al. 2023)",
    "Griese et al. 2023, Zenodo DOI 10.5281/zenodo.7120632",
    "Python package firstgalaxydata",
)

# Label_literature, as the package numbers it.
LABELS = ("FRI", "FRII", "Compact", "Bent")
# The finer label of the package (folder of Filepath_CDL1) and the field's word for it.
MORPHOLOGIES = {
    "FRI-Sta": "standard",
    "FRI-WAT": "wide-angle tail",
    "FRI-NAT": "narrow-angle tail",
    "FRII": "standard",
    "Compact": "compact",
}
# MiraBest rows repeat the file name of that catalogue: class_RA+Dec_z_LAS.
_MIRABEST = r"^\d{3}_(\d+\.\d+)([+-]\d+\.\d+)_(-?\d+\.\d+)_(\d+\.\d+)"
_SEXAGESIMAL = r"^(\d+) (\d+) ([\d.]+) ([+-]) ?(\d+) (\d+) ([\d.]+)$"
# Rounding RA and Dec to 0.001 deg moves a position by 0.0005 * sqrt(2) deg = 2.55 arcsec at most.
_ROUNDING_ARCSEC = 3.0


def package_file(name: str = "galaxy_data_h5.zip") -> Path:
    """Path of a data file of the installed package.

    Raises CatalogueError if the package is not installed or lacks the file.
    """
    try:
        files = importlib.metadata.files("firstgalaxydata") or []
    except importlib.metadata.PackageNotFoundError:
        raise CatalogueError(
            "the package firstgalaxydata, which holds the FIRST galaxies, is not installed; "
            "run: pip install firstgalaxydata==0.2.1"
        ) from None
    for file in files:
        if file.name == name:
            return Path(str(file.locate()))
    raise CatalogueError(
        f"the installed firstgalaxydata holds no file '{name}'; version 0.2.1 does"
    )


def read_first(progress: Progress = no_progress, scratch: Path | None = None) -> Catalogue:
    """Read the 2,158 galaxies (about 3 s).

    Parameters
    ----------
    progress : callable
        Called as ``progress(done, total, what)``.
    scratch : pathlib.Path, optional
        Not used: the images fit into memory (194 MB).

    Returns
    -------
    Catalogue
        Extra columns: ``image_ra``, ``image_dec`` [deg], ``flag`` ('empty image'
        or ''), ``same_as``, and those of :func:`radioviz.data.splits.attach_splits`, here
        ``cv_fold`` (0 to 4, the package's cross-validation fold in which the galaxy is
        validated, -1 for none) and ``cv_test`` (in the package's balanced test set of 400).

    Raises
    ------
    CatalogueError
        If the package is not installed or its file is damaged.
    """
    raw, images = read_package(package_file(), progress)
    table = pd.DataFrame(
        {
            "source_id": "first-" + raw["number"].astype(str),
            "label": raw["label"].map(dict(enumerate(LABELS))),
            "label_original": raw["path_cdl1"].str.split("/").str[0],
            "survey": "FIRST",
            "origin": raw["source"],
            "official_split": raw["split"],
            "image_ra": raw["ra"],
            "image_dec": raw["dec"],
        }
    )
    table["morphology"] = table["label_original"].map(MORPHOLOGIES)
    table[["ra", "dec"]] = precise_positions(raw["coord_str"], raw["ra"], raw["dec"])
    table["name"] = j2000_name(table["ra"].to_numpy(), table["dec"].to_numpy())
    named = raw["coord_str"].str.extract(_MIRABEST)
    redshift = named[2].astype(float)
    table["redshift"] = redshift.where(redshift > 0)
    table["las"] = named[3].astype(float)
    table["las_origin"] = np.where(table["las"].notna(), "catalogue", "")
    table["flag"] = empty_flags(images)
    table["same_as"] = links.same_as(table)
    return Catalogue(INFO, complete_columns(splits.attach_splits(table, INFO.key)), images)


def read_package(path: Path, progress: Progress = no_progress) -> tuple[pd.DataFrame, np.ndarray]:
    """Content of one HDF5 file of the package, in order of its group numbers.

    Returns
    -------
    pandas.DataFrame
        ``number``, ``ra``, ``dec`` (the rounded attributes, deg), ``label``, ``split``,
        ``source``, ``coord_str``, ``path`` and ``path_cdl1``.
    numpy.ndarray
        uint8, shape ``(n, 300, 300)``.
    """
    import h5py

    rows = []
    try:
        with zipfile.ZipFile(path) as archive:
            payload = archive.read(archive.namelist()[0])
        with h5py.File(io.BytesIO(payload), "r") as file:
            groups = sorted(file, key=lambda g: int(g.rsplit("_", 1)[1]))
            images = np.zeros((len(groups), 300, 300), dtype=np.uint8)
            for i, name in enumerate(groups):
                group = file[name]
                group["Img"].read_direct(images[i])
                given = dict(group["Img"].attrs)
                rows.append(
                    (
                        int(name.rsplit("_", 1)[1]),
                        float(given["RA"]),
                        float(given["DEC"]),
                        int(group["Label_literature"][()]),
                        group["Split_literature"][()].decode(),
                        str(given["Source"]),
                        str(given["coord_str"]),
                        str(given["Filepath_literature"]),
                        str(given["Filepath_CDL1"]),
                    )
                )
                if i % 100 == 99 or i + 1 == len(groups):
                    progress(i + 1, len(groups), "reading FIRST galaxies")
    except (OSError, zipfile.BadZipFile, KeyError, IndexError, ValueError, TypeError) as error:
        raise CatalogueError(f"{path} is damaged ({error}); reinstall firstgalaxydata") from error
    columns = ["number", "ra", "dec", "label", "split", "source", "coord_str", "path", "path_cdl1"]
    return pd.DataFrame(rows, columns=columns), images


def cross_validation() -> pd.DataFrame:
    """Cross-validation folds and test set of the package (takes 20 s).

    Returns a table indexed by ``path``, the name of the image: ``cv_fold`` (0 to 4, the fold in
    which it is validated, -1 for none) and ``cv_test`` (in the balanced test set of 400).
    """
    folds = {}
    for fold in range(5):
        rows, _ = read_package(package_file(f"galaxy_data_crossvalid_{fold}_h5.zip"))
        folds.update(dict.fromkeys(rows["path"][rows["split"] == "valid"], fold))
    test, _ = read_package(package_file("galaxy_data_crossvalid_test_h5.zip"))
    every = [*folds, *test["path"]]
    return pd.DataFrame(
        {
            "cv_fold": [folds.get(path, -1) for path in every],
            "cv_test": np.isin(every, test["path"]),
        },
        index=pd.Index(every, name="path"),
    )


def precise_positions(coord_str: pd.Series, ra: pd.Series, dec: pd.Series) -> pd.DataFrame:
    """Positions of the origin catalogues if they agree with the rounded ones.

    ``coord_str``: ``HH MM SS.ss +DD MM SS.s``, with a hyphen or a true minus, or a MiraBest file
    name; ``ra``, ``dec``: rounded positions, deg. Returns ``ra``, ``dec`` in deg; the rounded ones
    if ``coord_str`` cannot be read or is further away than rounding explains.
    """
    part = coord_str.str.replace("\u2212", "-").str.extract(_SEXAGESIMAL)
    fine_ra = 15.0 * from_sexagesimal(part[[0, 1, 2]].astype(float))
    fine_dec = from_sexagesimal(part[[4, 5, 6]].astype(float))
    fine_dec = np.where(part[3] == "-", -fine_dec, fine_dec)
    coarse_ra, coarse_dec = ra.to_numpy(float), dec.to_numpy(float)
    with np.errstate(invalid="ignore"):
        good = separation_arcsec(fine_ra, fine_dec, coarse_ra, coarse_dec) < _ROUNDING_ARCSEC
    return pd.DataFrame(
        {"ra": np.where(good, fine_ra, coarse_ra), "dec": np.where(good, fine_dec, coarse_dec)},
        index=ra.index,
    )
