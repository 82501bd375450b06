"""Header cards of sources with several images: a cube where they share a grid, else one each."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np

from radioviz.data.catalogue import Catalogue
from radioviz.data.source_planes import MISSING, RESPONSE
from radioviz.errors import CatalogueError
from radioviz.export.cards import ImageHeaders, card
from radioviz.export.groups import Group
from radioviz.images.observation import plane_card
from radioviz.images.orientation import deviation
from radioviz.images.quiet import quiet

_ONE_GRID = 0.1  # pixels between two WCS that count as one
_EVEN = 1e-6  # relative difference of the steps of a frequency axis


class PlaneHeaders:
    """Cards of the images of a group whose sources have several.

    ``catalogue`` is in its first plane. ``one_grid``: whether the planes of each source have the
    same pixels on the sky, and one unit: a cube.
    """

    def __init__(self, group: Group) -> None:
        self.catalogue = group.catalogue.of_plane(0)
        self.of_plane = [
            ImageHeaders(dataclasses.replace(group, catalogue=self.catalogue.of_plane(k)))
            for k in range(len(self.catalogue.planes))
        ]
        self.one_grid = not self.catalogue.units and all(
            _on_one_grid([h.catalogue for h in self.of_plane], int(row)) for row in group.rows
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the planes."""
        return self.catalogue.planes

    def name_cards(self) -> str:
        """Number and names of the planes."""
        out = card("NPLANES", len(self.names), "images of one source")
        return out + "".join(card(f"PLANE{k}", name) for k, name in enumerate(self.names, 1))

    def cube_cards(self, row: int) -> str:
        """All cards of the cube of a source, except the structural ones."""
        text = self.of_plane[0].cards(row)
        axes = card("WCSAXES", 3)
        text = re.sub(r"WCSAXES =.{71}", axes, text, count=1)
        return text + self._third_axis(row) + self.name_cards() + self._facts(row)

    def plane_cards(self, row: int, plane: int) -> str:
        """All cards of one plane in an image of its own."""
        name = card("PLANE", self.names[plane], "band or epoch of the source")
        return name + self.of_plane[plane].cards(row)

    def _third_axis(self, row: int) -> str:
        """A frequency axis where the planes are evenly spaced in it, else one that counts them."""
        found = [h.catalogue.table["frequency"].to_numpy(float)[row] for h in self.of_plane]
        hertz = np.array(found) * 1e9
        steps = np.diff(hertz)
        even = np.isfinite(steps).all() and steps[0] != 0
        even = even and bool(np.all(np.abs(steps - steps[0]) <= _EVEN * np.abs(steps[0])))
        if even:
            return (
                card("CTYPE3", "FREQ", "observing frequency")
                + card("CUNIT3", "Hz")
                + card("CRPIX3", 1.0)
                + card("CRVAL3", float(hertz[0]))
                + card("CDELT3", float(steps[0]))
            )
        return (
            card("CTYPE3", "PLANE", "image of the source, named in PLANEn")
            + card("CRPIX3", 1.0)
            + card("CRVAL3", 1.0)
            + card("CDELT3", 1.0)
        )

    def _facts(self, row: int) -> str:
        """What is known of each plane behind the first; the plain keywords are of the first."""
        out = ""
        for k, headers in list(enumerate(self.of_plane))[1:]:
            table = headers.catalogue.table
            numbers = {
                "BMAJ": ("beam_major", 1 / 3600),
                "BMIN": ("beam_minor", 1 / 3600),
                "BPA": ("beam_pa", 1.0),
                "OBSFREQ": ("frequency", 1e9),
                "RMS": ("rms", 1.0),
                "PBRESP": (RESPONSE, 1.0),
            }
            about: dict[str, Any] = {
                key: float(table[name].to_numpy(float)[row]) * factor
                for key, (name, factor) in numbers.items()
                if name in table
            }
            if state := str(table["primary_beam"].iat[row]):
                about["PBCOR"] = state == "corrected"
            if survey := str(table["survey"].iat[row]):
                about["SURVEY"] = survey
            for key, value in about.items():
                if value == value:
                    out += card(plane_card(key, k), value, f"{key} of plane {k + 1}")
        return out


def _on_one_grid(planes: list[Catalogue], row: int) -> bool:
    """Whether the images of a source, as far as it has them, have the same pixels on the sky."""
    table = planes[0].table
    lacking = str(table[MISSING].iat[row]).split(", ") if MISSING in table else []
    there = [c for k, c in enumerate(planes) if planes[0].planes[k] not in lacking]
    shape = (planes[0].images.shape[1], planes[0].images.shape[2])
    scales = np.array([c.pixel_scales[row] for c in there])
    if np.ptp(scales) * max(shape) / 2 > _ONE_GRID * scales.min():
        return False
    try:
        with quiet():
            found = [c.wcs(row).celestial for c in there]
            return all(deviation(found[0], wcs, shape) <= _ONE_GRID for wcs in found[1:])
    except CatalogueError:  # without a position there are only offsets from the centre
        return True
