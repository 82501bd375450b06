"""Read a FITS, PNG or JPEG file as a float32 array with its unit, beam, position and scale.

Files are untrusted; a server reads them in a confined process (:mod:`radioviz.api.confined`).
Problems raise an :class:`~radioviz.errors.ImageError` that
names the file, or become a note if the image can be read nevertheless. There are no warnings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import BlankImageError, ImageError
from radioviz.images.hdus import FitsFile, open_source
from radioviz.images.headers import Header, find_wcs, pixel_steps, sky_axes
from radioviz.images.known_surveys import Beam
from radioviz.images.observation import brightness_unit, find_pixel_size, observe
from radioviz.images.opening import Source, open_handle, other_format
from radioviz.images.orientation import frame_angle, geometry, north_up
from radioviz.images.picture_levels import grey_levels
from radioviz.images.plane_choice import Plane
from radioviz.images.planes import find_layout, read_plane
from radioviz.images.quiet import quiet

if TYPE_CHECKING:
    from astropy.wcs import WCS

MAX_PIXELS = 64_000_000  # 256 MB of float32: an 8000 x 8000 mosaic


@dataclass(frozen=True, eq=False)
class SkyImage:
    """One two-dimensional sky image."""

    # Float32, shape ``(ny, nx)``, row 0 first in the file (FITS order, origin at the lower left);
    # NaN for missing data. In the unit ``bunit``.
    data: np.ndarray
    file: str  # name for messages
    # FITS cards, one a line, unprintable characters as spaces; empty for PNG and JPEG.
    header: str = ""
    extension: int = 0  # HDU that was read
    wcs: WCS | None = None  # celestial, two axes, of ``data``
    # Right ascension and declination, J2000 degrees, of the centre of the array.
    position: tuple[float, float] | None = None
    pixel_scale: float | None = None  # arcsec per pixel: square root of the pixel area
    beam: Beam | None = None  # from the header, or that of a known survey (then a note says so)
    bunit: str = ""  # ``Jy/beam``, another unit as the file gives it, or empty
    survey: str = ""  # SURVEY keyword, or empty
    frequency: float | None = None  # GHz
    rms: float | None = None  # noise as the header gives it, in the unit of ``data``
    primary_beam: str = ""  # ``corrected`` or ``uncorrected`` where the header says so, or empty
    simulated: str = ""  # what made a simulated image, in words; empty for an observed one
    # ``beam`` and ``frequency`` where the name of the survey gives them, not the header.
    implied: tuple[str, ...] = ()
    # Of the primary beam at the source, 0 to 1, where the header gives it.
    response: float | None = None
    notes: tuple[str, ...] = ()  # problems and repairs, as text


def read_fits(
    source: Source,
    *,
    extension: int | str | None = None,
    plane: Plane | None = None,
    bunit: str | None = None,
    name: str = "",
    max_pixels: int = MAX_PIXELS,
) -> SkyImage:
    """Read one sky image from a FITS file, in the orientation of the file.

    Parameters
    ----------
    source
        Path, bytes, or binary file object; plain or gzipped, tile-compressed or not.
    extension : int or str, optional
        HDU number or EXTNAME; needed only if the file has several images.
    plane : int, tuple of int or str, optional
        For a cube: which plane along its other axes, counted from 0 (one number for each axis
        longer than 1, in FITS order), or by name: ``I``, ``1.4 GHz``, ``I, 3``.
    bunit : str, optional
        Unit of the pixels as they are stored, instead of that of the header; empty for unknown.
    name : str
        Name for messages, default the file's own.
    max_pixels : int
        Largest image that is read.

    Raises
    ------
    ImageError
        If the file is not one two-dimensional sky image; the message names the file, what was
        found and what is accepted.
    """
    with open_source(source, name, limit=_gzip_limit(max_pixels)) as file:
        hdu = file.choose(extension)
        header = hdu.image_header
        data, index, notes = read_plane(file, hdu, header, plane, max_pixels)
        beam = beam_of_plane(file, header, index)
        # Unit, beam and survey may be in the primary header only.
        fallback = file.hdus[0].header if hdu.index else header
        notes = [*file.notes, *notes]
        title = file.name
    written = header.string("BUNIT") or fallback.string("BUNIT")
    if bunit is not None and bunit != written:
        notes.append(f"unit '{bunit or 'unknown'}' given, '{written or 'none'}' in the header")
    factor, unit, note = brightness_unit(written if bunit is None else bunit)
    if note:
        notes.append(note)
    if factor != 1:
        data *= np.float32(factor)
    if hdu.header.unprintable:
        notes.append("header cards with unprintable characters were read with spaces instead")
    data = _check_content(data, title, notes)
    wcs, trouble = find_wcs(header, max(len(hdu.axes), 2))
    image = SkyImage(
        data, title, header=header.text, extension=hdu.index, bunit=unit, notes=tuple(notes)
    )
    image = _located(image, wcs, trouble)
    if image.pixel_scale is None and (size := find_pixel_size(header)):
        image = dataclasses.replace(image, pixel_scale=size)
    scale = image.pixel_scale
    seen = observe(
        (header, fallback),
        width=max(data.shape) * scale if scale else None,
        pixel=scale or 0.0,
        dec=image.position[1] if image.position else None,
        plane=index,
        name=title,
    )
    found = beam or seen.beam
    return dataclasses.replace(
        image,
        beam=beam_from_north(found, wcs, data.shape) if image.wcs is not None else found,
        survey=seen.survey,
        frequency=seen.frequency,
        rms=None if seen.rms is None else seen.rms * factor,
        primary_beam=seen.primary_beam,
        simulated=seen.simulated,
        implied=tuple(fact for fact in seen.implied if fact != "beam" or beam is None),
        response=seen.response,
        notes=(*image.notes, *seen.notes),
    )


def beam_from_north(beam: Beam | None, wcs: WCS | None, shape: tuple[int, ...]) -> Beam | None:
    """The beam with its angle from J2000 north; headers give it from that of the own frame."""
    if beam is None or wcs is None or beam.major == beam.minor:
        return beam
    angle = frame_angle(wcs, (shape[0], shape[1]))
    return dataclasses.replace(beam, pa=(beam.pa + angle) % 180.0) if angle else beam


@dataclass(frozen=True)
class ImageSummary:
    """Facts from the headers of an image; ``shape`` is (ny, nx) in the file."""

    shape: tuple[int, int]
    pixel_scale: float | None
    bunit: str
    survey: str


def summarise_fits(
    source: Source,
    *,
    extension: int | str | None = None,
    plane: Plane | None = None,
    name: str = "",
) -> ImageSummary:
    """Shape, scale, unit and survey of a FITS image without reading its pixels.

    Raises ImageError if :func:`read_fits` would refuse it because of its headers.
    """
    with open_source(source, name, limit=_gzip_limit(MAX_PIXELS)) as file:
        hdu = file.choose(extension)
        header = hdu.image_header
        fallback = file.hdus[0].header if hdu.index else header
        layout = find_layout(file, hdu, header, plane, MAX_PIXELS)
    shape = (hdu.axes[layout.sky[1]], hdu.axes[layout.sky[0]])
    steps = pixel_steps(header, layout.sky)
    _, unit, _ = brightness_unit(header.string("BUNIT") or fallback.string("BUNIT"))
    survey = header.string("SURVEY") or fallback.string("SURVEY")
    scale = min(steps) if steps else find_pixel_size(header)
    return ImageSummary(shape, scale, unit, survey)


def centre_of(source: Source, name: str = "") -> tuple[float, float] | None:
    """Position of the centre of a FITS image, J2000 degrees, from its header; None without one.

    Raises ImageError if it is not FITS, or holds no image or several.
    """
    with open_source(source, name, limit=_gzip_limit(MAX_PIXELS)) as file:
        hdu = file.choose()
        header = hdu.image_header
    pair = sky_axes(header, hdu.axes)
    wcs, _ = find_wcs(header, max(len(hdu.axes), 2))
    if wcs is None or pair is None:
        return None
    try:
        local = geometry(wcs, (hdu.axes[pair[1]], hdu.axes[pair[0]]))
    except Exception:  # wcslib and astropy raise a dozen kinds of errors
        return None
    return local.ra, local.dec


def _gzip_limit(max_pixels: int) -> int:
    # The widest pixels have 8 bytes; 32 MB more for headers, tables and small extensions.
    return 8 * max_pixels + (1 << 25)


def _located(image: SkyImage, wcs: WCS | None, trouble: str = "") -> SkyImage:
    """The image with position and scale from ``wcs``, or a note why it has none."""
    if wcs is not None:
        try:
            local = geometry(wcs, (image.data.shape[0], image.data.shape[1]))
            return dataclasses.replace(
                image, wcs=wcs, position=(local.ra, local.dec), pixel_scale=local.pixel_scale
            )
        # wcslib and astropy raise a dozen kinds of errors for impossible projections.
        except Exception as error:
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            trouble = f"the WCS cannot be used ({reason}): position and pixel scale unknown"
    return dataclasses.replace(image, notes=(*image.notes, trouble))


def upright(image: SkyImage, max_pixels: int = MAX_PIXELS) -> SkyImage:
    """The image with north up, east left and square pixels; unchanged without a WCS.

    Flipped or transposed (exact) if that is enough, resampled otherwise (any frame, any
    rotation); tolerances in :mod:`radioviz.images.orientation`. A note describes the change.

    Raises ImageError if the result would exceed ``max_pixels``.
    """
    if image.wcs is None:
        return image
    try:
        data, wcs, note = north_up(image.data, image.wcs, max_pixels)
    except ImageError as error:
        raise ImageError(f"{image.file}: {error}") from error
    if not note:
        return image
    return _located(dataclasses.replace(image, data=data, notes=(*image.notes, note)), wcs)


def read_image(
    source: Source,
    *,
    extension: int | str | None = None,
    plane: Plane | None = None,
    bunit: str | None = None,
    name: str = "",
    max_pixels: int = MAX_PIXELS,
) -> SkyImage:
    """Read a FITS, PNG or JPEG file, north up and east left.

    Parameters and errors as :func:`read_fits`, :func:`read_png_jpeg` and :func:`upright`.
    """
    with open_handle(source, name, 8 * max_pixels) as opened:
        if other_format(opened.magic) in ("a PNG image", "a JPEG image"):
            return read_png_jpeg(opened.handle, name=opened.name, max_pixels=max_pixels)
        image = read_fits(
            opened.handle,
            extension=extension,
            plane=plane,
            bunit=bunit,
            name=opened.name,
            max_pixels=max_pixels,
        )
    return upright(image, max_pixels)


def _check_content(data: np.ndarray, name: str, notes: list[str]) -> np.ndarray:
    """Refuse an image without finite pixels; infinities become NaN."""
    finite = np.isfinite(data)
    values = data[finite]
    if values.size == 0:
        raise BlankImageError(
            f"{name}: all {data.size:,} pixels are NaN (no data): "
            "the position may be outside the survey"
        )
    infinite = int(np.count_nonzero(np.isinf(data)))
    missing = data.size - values.size
    if missing:
        # Also replaces signalling NaN, which break minima and maxima.
        data = np.where(finite, data, np.float32(np.nan))
        notes.append(f"{missing} pixel(s) without data (NaN)")
    if infinite:
        notes.append(f"{infinite} infinite pixel(s) treated as missing")
    if values.min() == values.max():
        notes.append(f"all pixels have the same value, {float(values[0]):g}")
    return data


# -- PNG and JPEG ------------------------------------------------------------------------


def read_png_jpeg(source: Source, *, name: str = "", max_pixels: int = MAX_PIXELS) -> SkyImage:
    """Read an 8-bit (PNG: or 16-bit) picture as grey levels.

    North is assumed to be up and east left, so that the lowest line becomes row 0. The image
    has no position, scale or unit.

    Raises ImageError if it is not a PNG or JPEG, is damaged, has one line or column, or more than
    ``max_pixels``.
    """
    with open_handle(source, name, 8 * max_pixels) as opened:
        title = opened.name
        grey, notes = grey_levels(opened, max_pixels)
    data = np.ascontiguousarray(grey[::-1])
    notes.append("a picture: no position, pixel scale or unit")
    return SkyImage(_check_content(data, title, notes), title, notes=tuple(notes))


def beam_of_plane(file: FitsFile, header: Header, index: Mapping[int, int]) -> Beam | None:
    """Beam of a plane where each has its own (CASAMBM); None where the header does not say so.

    ``index`` is that of the plane along each axis that is not on the sky, as
    :func:`radioviz.images.planes.read_plane` gives it.
    """
    if header.get("CASAMBM") is not True:
        return None
    tables = [h for h in file.hdus if h.kind == "table" and h.name.upper() == "BEAMS"]
    if not tables:
        return None
    at = {"CHAN": 0, "POL": 0}
    for axis, k in index.items():
        kind = header.string(f"CTYPE{axis + 1}").upper()
        at["POL" if kind.startswith("STOKES") else "CHAN"] = k
    from astropy.units import Unit

    try:
        with quiet(), np.errstate(all="ignore"):
            table = file.table(tables[0])
            rows = (table.data["CHAN"] == at["CHAN"]) & (table.data["POL"] == at["POL"])
            row = int(np.flatnonzero(rows)[0])
            sizes = []
            for name, unit in (("BMAJ", "arcsec"), ("BMIN", "arcsec"), ("BPA", "deg")):
                factor = Unit(table.columns[name].unit or unit).to(unit)
                sizes.append(float(table.data[name][row]) * factor)
    # A damaged table raises any of a dozen exceptions.
    except ImageError:
        raise
    except Exception:
        return None
    major, minor, angle = sizes
    good = np.isfinite(sizes).all() and 0 < minor <= major
    return Beam(major, minor, angle % 180.0) if good else None
