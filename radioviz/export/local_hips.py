"""The image of a galaxy as a HiPS, which sky viewers show without a network.

`HiPS 1.0 <https://www.ivoa.net/documents/HiPS/>`_ by reproject, in the tiles of the galaxy alone.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.paths import cache_folder
from radioviz.store.atomic import atomic_folder

FOLDER = "sky-hips"
KEPT = 40
"""Images whose tiles are kept, each of some megabytes."""
_TILE = 256
_PLACED = ("source_id", "ra", "dec", "image_ra", "image_dec", "pixel_scale", "wcs_header")


def hips_folder(catalogue: Catalogue, row: int) -> Path:
    """Where the HiPS of one image is, once it is made; another for other pixels or positions."""
    source = catalogue.table.iloc[row]
    about = repr([catalogue.info.key, catalogue.plane, _TILE, *map(source.get, _PLACED)])
    stamp = hashlib.sha256(about.encode() + catalogue.image(row).tobytes())
    return cache_folder() / FOLDER / stamp.hexdigest()[:32]


def local_hips(catalogue: Catalogue, row: int) -> Path:
    """Folder of the HiPS of one image; it is made when first asked for, then kept in the cache.

    Pixels keep their values and unit, in FITS tiles in equatorial coordinates.

    Raises CatalogueError if the source has no sky position.
    """
    place, source = hips_folder(catalogue, row), str(catalogue.table["source_id"].iat[row])
    if (place / "properties").is_file():
        return place
    from reproject import reproject_interp
    from reproject.hips import reproject_to_hips

    image = catalogue.image(row)
    finite = image[np.isfinite(image)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    with atomic_folder(place) as scratch:
        made = scratch / "tiles"
        reproject_to_hips(
            (image, catalogue.wcs(row)), coord_system_out="equatorial", tile_size=_TILE,
            reproject_function=reproject_interp, output_directory=str(made), threads=False,
            properties={
                "obs_title": source, "hips_pixel_cut": f"{low:g} {high:g}",
                "hips_status": "private master unclonable",
            },
        )  # fmt: skip
        for part in made.iterdir():
            if part.name != "index.html":  # a page that loads a viewer from the network
                shutil.move(part, scratch / part.name)
        shutil.rmtree(made)
        _write_coverage(scratch)
    _delete_old(place.parent)
    return place


def _write_coverage(folder: Path) -> None:
    """Write ``Moc.fits``, by which a viewer knows which tiles there are."""
    from mocpy import MOC

    deepest = max((p for p in folder.glob("Norder*")), key=lambda p: int(p.name[6:]))
    order = int(deepest.name[6:])
    tiles = np.array([int(p.stem[4:]) for p in deepest.glob("Dir*/Npix*.fits")], np.uint64)
    MOC.from_healpix_cells(tiles, order, order).save(folder / "Moc.fits", format="fits")


def _delete_old(folder: Path) -> None:
    held = sorted((p for p in folder.iterdir() if (p / "properties").is_file()),
                  key=lambda p: p.stat().st_mtime)  # fmt: skip
    for old in held[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
