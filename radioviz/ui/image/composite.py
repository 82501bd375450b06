"""Images of a source as one in colour (Lupton et al. 2004, PASP 116, 133)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.channels import centre_offsets, lacking_planes
from radioviz.data.preprocess import resampling
from radioviz.morphology import noise_of
from radioviz.ui.image.display import ImageStyle, field_arcsec

SIZE = 480
"""Pixels along an edge of a composite."""


@dataclass(frozen=True)
class CompositeStyle:
    """How three planes become colours."""

    planes: tuple[str, str, str]  # names of the planes that are red, green and blue
    # stretch, softening: ``stretch`` and ``Q`` of :func:`astropy.visualization.make_lupton_rgb`; in
    # units of the noise where ``in_noise``
    stretch: float = 5.0
    softening: float = 8.0
    # True divides each plane by its own noise, which puts bands of different depth or unit on one
    # scale; False keeps the unit of the pixels.
    in_noise: bool = True


def usual_colours(catalogue: Catalogue, row: int) -> tuple[str, str, str]:
    """Red, green and blue: from the lowest to the highest frequency, as far apart as there are.

    Of two planes the higher one is green and blue.
    Where frequencies are unknown or the same, bands are taken to be in the order of rising
    frequency, as ``z, i, r, g, u``, unless their names are those of the optical bands. Of five of
    these, the deep ones in the middle are taken.
    """
    names = catalogue.planes
    views = [catalogue.of_plane(k) for k in range(len(names))]
    found = [view.info_of(row).frequency or np.nan for view in views]
    order = list(range(len(names)))
    if np.isfinite(found).all() and len(set(found)) == len(found):
        order = [int(k) for k in np.argsort(found)]
    elif [n.lower() for n in names] == [b for b in "ugrizy" if b in "".join(names).lower()]:
        order.reverse()
        if {"g", "r", "i"} <= set(map(str.lower, names)):
            order = [k for k in order if names[k].lower() in "gri"]
    middle = order[len(order) // 2]
    return names[order[0]], names[middle], names[order[-1]]


def composite(
    catalogue: Catalogue, row: int, style: ImageStyle, colours: CompositeStyle, size: int = SIZE
) -> np.ndarray:
    """Colours 0 to 255 of one source, uint8 ``(size, size, 3)``; row 0 is south.

    All planes show the same piece of the sky, that of the first, whatever their pixels are. One
    that the source lacks is black.

    Raises CatalogueError if there is no such plane.
    """
    from astropy.visualization import make_lupton_rgb

    first = catalogue.of_plane(0)
    field = field_arcsec(first.info_of(row), style)
    lacking = lacking_planes(catalogue, row)
    layers = []
    for name in colours.planes:
        view = catalogue.of_plane(name)
        if name in lacking:
            layers.append(np.zeros((size, size), np.float32))
            continue
        noise = noise_of(view, row)
        image = np.nan_to_num(view.image(row) - np.float32(noise.background))
        if colours.in_noise and noise.sigma > 0:
            image /= np.float32(noise.sigma)
        scale = float(view.pixel_scales[row])
        shift = centre_offsets(first, view, np.array([row]))[0] / scale
        (y0, y1, rows), (x0, x1, columns) = (
            resampling(n, field / scale, size, float(at))
            for n, at in zip(image.shape, shift, strict=True)
        )
        layers.append(rows @ (image[y0:y1, x0:x1] @ columns.T))
    return make_lupton_rgb(*layers, minimum=0, stretch=colours.stretch, Q=colours.softening)
