"""Header cards of exported images.

Cards are formatted by astropy. Those shared by all images of a data set are formatted once, so
that each header adds only a few.
"""

from __future__ import annotations

import datetime as dt
import functools
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radioviz import __version__
from radioviz.data.catalogue import IMAGE_COLUMNS, Catalogue, SurveyInfo
from radioviz.data.source_planes import RESPONSE
from radioviz.export.groups import Group, ascii_text, fits_unit, terms, timestamp
from radioviz.images.quiet import quiet
from radioviz.morphology.upper_limits import limits_of

BLOCK = 2880
ORIGIN = "RadioViz"
_BITPIX = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}


def card(keyword: str, value: Any, comment: str = "") -> str:
    """One 80-character card; text is converted to ASCII and cut to fit."""
    from astropy.io import fits

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        value = ascii_text(value).rstrip()
        while len(value.replace("'", "''")) > 68:
            value = value[:-1]
        # "KEYWORD = ", the quoted value (at least 20 characters), " / ", the comment.
        room = 80 - 10 - max(20, 2 + len(value.replace("'", "''"))) - 3
    else:
        room = 80 - 10 - 20 - 3
    comment = ascii_text(comment)[: max(0, room)] if room > 8 else ""
    return fits.Card(keyword, value, comment).image


def long_card(keyword: str, value: Any, comment: str = "") -> str:
    """Card of text that may be too long for one card (CONTINUE, FITS 4.0).

    Continued text has no comment, because readers disagree about its position.
    """
    from astropy.io import fits

    if not isinstance(value, str) or len(value) <= 60:
        return card(keyword, value, comment)
    return fits.Card(keyword, ascii_text(value)).image


def commentary(keyword: str, lines: Iterable[str]) -> str:
    """HISTORY or COMMENT cards, wrapped at 72 characters."""
    return "".join(
        f"{keyword:<8}{part}".ljust(80)
        for line in lines
        for part in textwrap.wrap(ascii_text(line), 72) or [""]
    )


def block(cards: str) -> bytes:
    """Header bytes: cards, END, and blanks up to a multiple of 2880."""
    text = cards + "END".ljust(80)
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


def primary(lines: Sequence[str], created: dt.datetime | None, number: int) -> bytes:
    """The empty primary HDU with the provenance of the file."""
    return block(
        card("SIMPLE", True, "conforms to FITS standard 4.0")
        + card("BITPIX", 8)
        + card("NAXIS", 0)
        + card("EXTEND", True)
        + card("ORIGIN", ORIGIN)
        + card("CREATOR", f"RadioViz {__version__}")
        + card("DATE", timestamp(created), "UTC of writing")
        + card("NSOURCES", number, "sources in this file")
        + commentary("HISTORY", lines)
    )


def image_bytes(image: np.ndarray) -> tuple[bytes, int]:
    """Pixels as FITS stores them (big-endian, padded) and their BITPIX.

    Integers stay integers (uint8 with 8 bits), floats keep their NaN; types that FITS lacks become
    the next wider type.
    """
    array = np.asarray(image)
    wider = {"b1": "u1", "i1": "i2", "u2": "i4", "u4": "i8", "u8": "f8", "f2": "f4", "f16": "f8"}
    kind = f"{array.dtype.kind}{array.dtype.itemsize}"
    kind = wider.get(kind, kind)
    if kind not in _BITPIX:
        kind = "f4"
    data = np.ascontiguousarray(array, dtype=f">{kind}").tobytes()
    return data + b"\0" * (-len(data) % BLOCK), _BITPIX[kind]


@functools.lru_cache(maxsize=64)
def structure(shape: tuple[int, ...], bitpix: int, *, extension: bool) -> str:
    """Mandatory cards of an image HDU; ``shape`` in numpy's order ``(ny, nx)``."""
    first = (
        card("XTENSION", "IMAGE", "image extension")
        if extension
        else card("SIMPLE", True, "conforms to FITS standard 4.0")
    )
    axes = "".join(card(f"NAXIS{i}", int(n)) for i, n in enumerate(reversed(shape), 1))
    tail = card("PCOUNT", 0) + card("GCOUNT", 1) if extension else card("EXTEND", True)
    return first + card("BITPIX", bitpix) + card("NAXIS", len(shape)) + axes + tail


class ImageHeaders:
    """Cards of the images of one group; shared cards are formatted once."""

    def __init__(self, group: Group) -> None:
        self.catalogue: Catalogue = group.catalogue
        table = self.catalogue.table
        self._columns = {
            name: table[name].to_numpy()
            for name in ("source_id", "name", "ra", "dec", "las", "label", "redshift", "survey")
        }
        self._limits = limits_of(table)
        unknown = np.full(len(table), np.nan)
        self._errors = table["las_error"].to_numpy(float) if "las_error" in table else unknown
        self._centres = image_centres(table)
        self._simulated = table["simulated"].to_numpy() if "simulated" in table else None
        self._own_wcs = table["wcs_header"].to_numpy() if "wcs_header" in table else None
        self._described_by = [*IMAGE_COLUMNS, *([RESPONSE] if RESPONSE in table else [])]
        values = table[self._described_by].to_numpy(dtype=object)
        self._described = [tuple(row) for row in values]
        self._shared: dict[tuple[Any, ...], str] = {}
        self._before: dict[float, str] = {}

    def object_name(self, row: int) -> str:
        """Name for OBJECT: the J2000 name, or the identifier without one."""
        return str(self._columns["name"][row] or self._columns["source_id"][row])

    def cards(self, row: int) -> str:
        """All cards of one image except the structural ones, EXTNAME and END."""
        ra, dec = float(self._columns["ra"][row]), float(self._columns["dec"][row])
        las, redshift = float(self._columns["las"][row]), float(self._columns["redshift"][row])
        out = [
            card("OBJECT", self.object_name(row)),
            card("SRCID", self._columns["source_id"][row]),
        ]
        out.append(card("SURVEY", self._columns["survey"][row] or self.catalogue.info.title))
        if self._simulated is not None and (made := str(self._simulated[row])):
            out.append(card("SIMULAT", True, "generated by a model, not observed"))
            out.append(long_card("MODEL", made))
        if np.isfinite(las):
            limit = bool(self._limits[row])
            what = "upper limit on the " if limit else ""
            out.append(card("LAS", las, f"[arcsec] {what}largest angular size"))
            out.append(card("LASLIM", limit, "LAS is an upper limit"))
            if not limit and np.isfinite(self._errors[row]):
                out.append(card("LASERR", float(self._errors[row]), "[arcsec] error of LAS, 68 %"))
        if self._columns["label"][row]:
            out.append(card("CLASS", self._columns["label"][row], "morphological class"))
        if np.isfinite(redshift):
            out.append(card("REDSHIFT", redshift))
        if np.isfinite(ra) and np.isfinite(dec):
            out.append(card("RA_OBJ", ra, "[deg] J2000 right ascension of the source"))
            out.append(card("DEC_OBJ", dec, "[deg] J2000 declination of the source"))
        header = self._own_wcs[row] if self._own_wcs is not None else ""
        if isinstance(header, str) and header:
            out += [card(*c) for c in wcs_cards(self.catalogue, row)]
        elif np.isfinite(self._centres[row]).all():
            out.append(self._tangent(row))
        else:
            scale = float(self.catalogue.pixel_scales[row])
            out.append(linear_cards(self.catalogue.images.shape[1:], scale))
        return "".join(out) + self._survey(row)

    def _survey(self, row: int) -> str:
        """Cards of the survey and the image; equal ones are formatted once."""
        described = dict(zip(self._described_by, self._described[row], strict=True))
        key = tuple(None if v != v else v for v in described.values())  # NaN differs from itself
        if key not in self._shared:
            if len(self._shared) > 1000:
                self._shared.clear()
            self._shared[key] = survey_cards(self.catalogue.info, described)
        return self._shared[key]

    def _tangent(self, row: int) -> str:
        """Cards of the catalogue's WCS; only CRVAL differs between images."""
        scale = float(self.catalogue.pixel_scales[row])
        if scale not in self._before:
            template = wcs_cards(self.catalogue, row)
            before = "".join(card(*c) for c in template if not c[0].startswith("CRVAL"))
            self._before = {scale: before}
        ra, dec = self._centres[row]
        return (
            self._before[scale]
            + card("CRVAL1", float(ra), "[deg] right ascension at reference pixel")
            + card("CRVAL2", float(dec), "[deg] declination at reference pixel")
        )


def image_centres(table: pd.DataFrame) -> np.ndarray:
    """Right ascension and declination of the image centres in degrees, shape ``(n, 2)``.

    As in :meth:`Catalogue.wcs`: ``image_ra`` and ``image_dec`` where both are known, else the
    position of the source; NaN without either.
    """
    centres = table[["ra", "dec"]].to_numpy(dtype=float)
    if {"image_ra", "image_dec"} <= set(table.columns):
        cut_at = table[["image_ra", "image_dec"]].to_numpy(dtype=float)
        centres = np.where(np.isfinite(cut_at).all(axis=1, keepdims=True), cut_at, centres)
    return centres


def wcs_cards(catalogue: Catalogue, row: int) -> list[tuple[str, Any, str]]:
    """Keyword, value and comment of the celestial WCS of one image."""
    with quiet():  # astropy warns when it fixes an old header; the fixed form is written
        wcs = catalogue.wcs(row).celestial
        header = wcs.to_header(relax=True)
    out = []
    usual = 0.0 if wcs.wcs.crval[wcs.wcs.lat] >= 90 else 180.0  # LONPOLE of a zenithal projection
    for c in header.cards:
        zenithal = c.keyword in ("LONPOLE", "LATPOLE") and header["CTYPE1"].endswith("TAN")
        # Skip defaults of the standard, and the time frame, since the epoch is unknown.
        if zenithal and (c.keyword == "LATPOLE" or c.value == usual):
            continue
        if c.keyword.startswith("MJDREF") or c.keyword in ("", "COMMENT", "HISTORY"):
            continue
        value = c.value
        if c.keyword in ("CRVAL1", "CRVAL2"):
            # to_header rounds to 12 digits; keep the full reference value.
            value = float(wcs.wcs.crval[int(c.keyword[-1]) - 1])
        out.append((c.keyword, value, c.comment))
    return out


def linear_cards(shape: Sequence[int], pixel_scale: float) -> str:
    """Linear axes in arcsec from the image centre, for sources without a position."""
    unknown = commentary("COMMENT", ["The position of this source on the sky is unknown."])
    return card("WCSAXES", 2) + linear_axes(shape, pixel_scale) + unknown


def linear_axes(shape: Sequence[int], pixel_scale: float) -> str:
    """Cards of two linear axes in arcsec from the centre of an image ``(ny, nx)``."""
    ny, nx = shape
    out = ""
    for axis, n, name in ((1, nx, "XOFFSET"), (2, ny, "YOFFSET")):
        out += (
            card(f"CTYPE{axis}", name, "linear, from the image centre")
            + card(f"CUNIT{axis}", "arcsec")
            + card(f"CRPIX{axis}", (n + 1) / 2)
            + card(f"CRVAL{axis}", 0.0)
            + card(f"CDELT{axis}", float(pixel_scale), "[arcsec] pixel scale")
        )
    return out


def survey_cards(info: SurveyInfo, described: Mapping[str, Any]) -> str:
    """Scale, unit, beam, frequency, noise, origin and terms of an image.

    ``described`` holds the values of :data:`IMAGE_COLUMNS` of its row, and the response of the
    primary beam where its table has it.
    """
    unit = fits_unit(info.bunit)
    known = {k: v for k, v in described.items() if v == v and v != ""}
    out = [
        card("DATASET", info.key, "data set within RadioViz"),
        card("PIXSCALE", float(known["pixel_scale"]), "[arcsec] size of a pixel"),
    ]
    if unit:
        out.append(card("BUNIT", unit))
    if "beam_major" in known and "beam_minor" in known:
        major, minor = float(known["beam_major"]), float(known["beam_minor"])
        out += [
            card("BMAJ", major / 3600.0, f"[deg] beam FWHM, {major:g} arcsec"),
            card("BMIN", minor / 3600.0, "[deg] beam FWHM"),
        ]
        if major == minor:
            angle = float(known.get("beam_pa", 0.0))
            out.append(card("BPA", angle, "[deg] the beam is taken as circular"))
        elif "beam_pa" in known:
            out.append(card("BPA", float(known["beam_pa"]), "[deg] north through east"))
    if "frequency" in known:
        out.append(card("OBSFREQ", float(known["frequency"]) * 1e9, "[Hz] observing frequency"))
    if "rms" in known:
        out.append(card("RMS", float(known["rms"]), "noise, in the unit of the pixels"))
    if "primary_beam" in known:
        corrected = known["primary_beam"] == "corrected"
        out.append(card("PBCOR", corrected, "pixels corrected for the primary beam"))
    if RESPONSE in known:
        out.append(card("PBRESP", float(known[RESPONSE]), "primary beam at the source"))
        if known.get("primary_beam") == "uncorrected":
            said = "Measured flux densities of this source are divided by PBRESP, the pixels not."
            out.append(commentary("COMMENT", [said]))
    out.append(card("ORIGIN", ORIGIN))
    if not unit:
        out.append(
            commentary(
                "COMMENT",
                ["Pixel values are uncalibrated grey levels, so there is no BUNIT."],
            )
        )
    return "".join(out) + commentary("HISTORY", terms(info))
