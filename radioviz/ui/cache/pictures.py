"""Pictures of galaxies for galleries, kept on disk and in memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.paths import cache_folder, user_data_folder
from radioviz.ui.cache.data_sets import data_set_version
from radioviz.ui.cache.shared import shared
from radioviz.ui.image import display, sprites
from radioviz.ui.image.composite import CompositeStyle, composite, usual_colours
from radioviz.ui.image.display import ImageStyle, has_colours
from radioviz.ui.image.sprites import LevelStore

LARGEST_KEPT = 128  # pixels; larger pictures are drawn one at a time and not kept on disk


@shared(lambda folder, n, size, stamp: (str(folder), n, size, stamp), entries=32)
def _levels(folder: Path | None, n: int, size: int, stamp: object) -> LevelStore:
    return LevelStore(folder, n, size)


@shared(
    lambda catalogue, rows, style, size=96, common=False: (
        *data_set_version(catalogue.info.key),
        np.asarray(rows).tobytes(),
        repr(style),
        size,
        common,
    ),
    entries=200,
)
def picture_sheet(
    catalogue: Catalogue, rows: np.ndarray, style: ImageStyle, size: int = 96, common: bool = False
) -> sprites.Sheet:
    """Pictures of the given rows (at least one) side by side in one PNG.

    Each has its own range of brightness, or all have a ``common`` one; in colour, brightness is in
    units of the noise.
    """
    if style.composite and has_colours(catalogue.planes):
        pictures = [
            composite(catalogue, r, style, CompositeStyle(usual_colours(catalogue, r)), size)
            for r in map(int, rows)
        ]
        return sprites.colour_sheet(np.stack(pictures))
    chain = display.chain(style, size)
    catalogue = display.shown_plane(catalogue, style)
    if common:
        made = chain.in_common_range(catalogue, np.asarray(rows, dtype=np.int64))
        return sprites.sheet(np.rint(made * 255).astype(np.uint8), style.colour_map)
    stamp = data_set_version(catalogue.info.key)
    folder = cache_folder() / "pictures" / f"{catalogue.info.key}-{catalogue.digest}"
    if catalogue.folder is not None and user_data_folder() in catalogue.folder.parents:
        with suppress(OSError):  # pictures are not kept where nothing can be written
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder /= f"{chain.digest}-{size}-v{sprites.VERSION}"
    if catalogue.plane:
        folder = folder.with_name(f"{folder.name}-p{catalogue.plane + 1}")
    kept = folder if size <= LARGEST_KEPT else None
    levels = _levels(kept, len(catalogue), size, stamp).levels(
        np.asarray(rows, dtype=np.int64),
        lambda missing: chain.for_rows(catalogue, missing),
    )
    return sprites.sheet(levels, style.colour_map)
