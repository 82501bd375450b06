"""FIRST galaxies of Griese et al. 2023, from the installed package ``firstgalaxydata``.

The package's own HDF5 file is read without importing the package, which would
import torchvision. The 2,158 images are 300x300 pixels of 1.8 arcsec, uint8,
already clipped at 3 sigma by their authors.
"""

from __future__ import annotations

import importlib.metadata
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from radioviz.data.catalogue import Catalogue, SurveyInfo, complete_columns, j2000_name
from radioviz.errors import CatalogueError

Progress = Callable[[int, int, str], None]

FIRST_LICENCE = (
    "FIRST images: copyright 1994 University of California; free for scholarly, "
    "educational and private non-commercial use."
)

INFO = SurveyInfo(
    key="first",
    title="FIRST (Griese et al. 2023)",
    pixel_scale=1.8,
    beam=5.4,
    bunit="",
    raw=False,
    frequency=1.4,
    licence=FIRST_LICENCE,
    reference="Griese et al. 2023, Zenodo DOI 10.5281/zenodo.7120632; Becker et al. 1995",
    origin="Python package firstgalaxydata",
)

_LABELS = ("FRI", "FRII", "Compact", "Bent")
# MiraBest rows repeat the file name of that catalogue: class_RA+Dec_z_LAS.
_MIRABEST = re.compile(r"^(\d{3})_(\d+\.\d+)([+-]\d+\.\d+)_(-?\d+\.\d+)_(\d+\.\d+)")


def package_file(name: str = "galaxy_data_h5.zip") -> Path:
    """Path of a data file of the installed package.

    Raises
    ------
    CatalogueError
        If the package is not installed or lacks the file.
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
    raise CatalogueError(f"the installed firstgalaxydata holds no file '{name}'; version 0.2.1 does")


def read(progress: Progress = lambda done, total, what: None) -> Catalogue:
    """Read all galaxies (about 5 s); ``progress(done, total, what)`` is called on the way."""
    import h5py

    path = package_file()
    try:
        with zipfile.ZipFile(path) as archive:
            payload = archive.read(archive.namelist()[0])
        file = h5py.File(io.BytesIO(payload), "r")
    except (OSError, zipfile.BadZipFile, KeyError, IndexError) as error:
        raise CatalogueError(f"{path} is damaged ({error}); reinstall firstgalaxydata") from error
    with file:
        groups = sorted(file, key=lambda g: int(g.rsplit("_", 1)[1]))
        images = np.zeros((len(groups), 300, 300), dtype=np.uint8)
        rows = []
        for i, group in enumerate(groups):
            image = file[group]["Img"]
            image.read_direct(images[i])
            attributes = image.attrs
            named = _MIRABEST.match(str(attributes["coord_str"]))
            redshift = float(named[4]) if named else np.nan
            rows.append(
                {
                    "source_id": f"first-{group.rsplit('_', 1)[1]}",
                    "ra": float(attributes["RA"]),
                    "dec": float(attributes["DEC"]),
                    "las": float(named[5]) if named else np.nan,
                    "las_origin": "catalogue" if named else "",
                    "label": _LABELS[int(file[group]["Label_literature"][()])],
                    "label_original": str(attributes["Filepath_CDL1"]).split("/")[0],
                    "redshift": redshift if redshift > 0 else np.nan,
                    "survey": "FIRST",
                    "origin": str(attributes["Source"]),
                    "split": file[group]["Split_literature"][()].decode(),
                }
            )
            if i % 100 == 99 or i + 1 == len(groups):
                progress(i + 1, len(groups), "reading FIRST galaxies")
    table = pd.DataFrame(rows)
    table["name"] = j2000_name(table["ra"].to_numpy(), table["dec"].to_numpy())
    return Catalogue(INFO, complete_columns(table), images)
