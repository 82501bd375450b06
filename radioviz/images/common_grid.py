"""Put images on a common grid: same scale, shape and unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from radioviz.errors import BlankImageError, ImageError
from radioviz.images.known_surveys import Beam
from radioviz.images.orientation import as_header_text, deviation, geometry, resample
from radioviz.images.reading import SkyImage
from radioviz.sky import tan_wcs

if TYPE_CHECKING:
    from astropy.wcs import WCS

_RESAMPLED = 0.01  # relative difference of pixel scales from which images are resampled
_SAME_SCALE = 0.001  # relative difference of pixel scales that count as one
_MAX_RESCALE = 4.0  # beyond this the images are not comparable
_PLAIN_WCS = 0.1  # pixels; a WCS that differs less from a TAN WCS is replaced by it


@dataclass(frozen=True)
class CommonGrid:
    """Shape, scale and unit of most files, to which all images are converted."""

    shape: tuple[int, int]  # ``(ny, nx)``
    scale: float  # arcsec per pixel of images without one of their own
    bunit: str
    survey: str
    # True to resample all images to ``scale``; otherwise each keeps its own.
    resampled: bool = False


@dataclass(frozen=True)
class GridImage(SkyImage):
    """An image on the common grid, with the position of its centre and the WCS as text.

    ``pixel_scale`` is None where only the user or a table knows it.
    """

    centre: tuple[float, float] | None = None
    wcs_text: str = ""


def to_common_grid(image: SkyImage, common: CommonGrid, bunit: str | None) -> GridImage:
    """The image with the common shape; ``bunit`` is the unit of files without one.

    Raises ImageError if it is not comparable: another unit, a very different scale, or no data.
    """
    unit = image.bunit or bunit or ""
    if unit != common.bunit:
        raise ImageError(
            f"{image.file}: its unit is '{unit or 'none'}', that of most files here "
            f"'{common.bunit or 'none'}'; put it into a separate folder"
        )
    notes = list(image.notes)
    if unit and not image.bunit:
        notes.append(f"no unit in its header: {unit} assumed")
    data, wcs, scale = image.data, image.wcs, image.pixel_scale
    own: float | None = common.scale
    if wcs is None or scale is None or image.position is None:
        own = scale
        notes.append(f"assumed to be north up with {scale or common.scale:.4g} arcsec per pixel")
    elif not common.resampled:
        own = common.scale if abs(scale / common.scale - 1) < _SAME_SCALE else float(f"{scale:.8g}")
    elif abs(scale / common.scale - 1) > _RESAMPLED:
        ratio = scale / common.scale
        if not 1 / _MAX_RESCALE <= ratio <= _MAX_RESCALE:
            raise ImageError(
                f"{image.file}: {scale:.4g} arcsec per pixel cannot be resampled to the "
                f"{common.scale:.4g} that were given; leave the pixel scale open to keep its own"
            )
        ny, nx = (max(2, round(n * ratio)) for n in data.shape)
        ny, nx = min(ny, 2 * common.shape[0]), min(nx, 2 * common.shape[1])
        target = tan_wcs(*image.position, common.scale, (ny, nx))
        # A beam of two pixels or more can be interpolated, which keeps its peak.
        sampled = image.beam is not None and image.beam.fwhm >= 2 * common.scale
        average = False if sampled else None
        data, wcs = resample(data, wcs, target, (ny, nx), average=average), target
        notes.append(f"resampled from {scale:.4g} to {common.scale:.4g} arcsec per pixel")
    ny, nx = common.shape
    if data.shape != common.shape:
        notes.append(f"{data.shape[1]} x {data.shape[0]} pixels {_changed(data.shape, ny, nx)}")
    before = data
    data, (dx, dy) = _centred(data, common.shape)
    if np.isnan(data).all():
        raise BlankImageError(f"{image.file}: no data (NaN) within the central {nx} x {ny} pixels")
    centre, text = image.position, ""
    if wcs is not None and centre is not None:
        if data is not before:
            wcs = shifted(wcs, dx, dy)
            local = geometry(wcs, common.shape)
            centre = (local.ra, local.dec)
        plain = tan_wcs(*centre, own or common.scale, common.shape)
        if deviation(wcs, plain, common.shape) > _PLAIN_WCS:
            text = as_header_text(wcs)
    return GridImage(
        data,
        image.file,
        beam=image.beam,
        survey=image.survey or common.survey,
        bunit=unit,
        frequency=image.frequency,
        rms=image.rms,
        primary_beam=image.primary_beam,
        simulated=image.simulated,
        response=image.response,
        pixel_scale=own,
        position=image.position,
        notes=tuple(notes),
        centre=centre,
        wcs_text=text,
    )


def _changed(shape: tuple[int, ...], ny: int, nx: int) -> str:
    """How an image of ``shape`` becomes one of ``(ny, nx)``, in words."""
    cropped, padded = shape[0] > ny or shape[1] > nx, shape[0] < ny or shape[1] < nx
    how = "cropped and padded" if cropped and padded else "cropped" if cropped else "padded"
    return f"{how} to {nx} x {ny}"


def shifted(wcs: WCS, dx: int, dy: int) -> WCS:
    """The WCS after a shift of every pixel by (dx, dy)."""
    from astropy.wcs import Sip

    moved = wcs.deepcopy()
    moved.wcs.crpix = [wcs.wcs.crpix[0] + dx, wcs.wcs.crpix[1] + dy]
    if (sip := wcs.sip) is not None:
        crpix = [sip.crpix[0] + dx, sip.crpix[1] + dy]
        moved.sip = Sip(sip.a, sip.b, sip.ap, sip.bp, crpix)
    return moved


def _centred(data: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Data cropped or padded about the centre, and the shift ``(dx, dy)`` of its pixels."""
    if data.shape == shape:
        return data, (0, 0)
    out = np.full(shape, np.nan, np.float32)
    shifts, sources, targets = [], [], []
    for have, want in zip(data.shape, shape, strict=True):
        shift = (want - have) // 2
        shifts.append(shift)
        sources.append(slice(max(0, -shift), max(0, -shift) + min(have, want)))
        targets.append(slice(max(0, shift), max(0, shift) + min(have, want)))
    out[tuple(targets)] = data[tuple(sources)]
    return out, (shifts[1], shifts[0])


def row_values(placed: GridImage, name: str, common: CommonGrid) -> dict[str, Any]:
    """Values of one table row; positions in degrees."""
    nan = (np.nan, np.nan)
    ra, dec = placed.position or nan
    image_ra, image_dec = placed.centre or nan
    return {
        "file": name,
        "survey": placed.survey or common.survey,
        "ra": ra,
        "dec": dec,
        "image_ra": image_ra,
        "image_dec": image_dec,
        "wcs_header": placed.wcs_text,
        **describe_image(placed.beam, placed.frequency, placed.pixel_scale),
        "rms": placed.rms,
        "primary_beam": placed.primary_beam,
        "simulated": placed.simulated,
        **({} if placed.response is None else {"primary_beam_response": placed.response}),
    }


def describe_image(
    beam: Beam | None, frequency: float | None, pixel_scale: float | None
) -> dict[str, Any]:
    """Cells of a row that describe its image; None where unknown."""
    return {
        "beam_major": beam.major if beam else None,
        "beam_minor": beam.minor if beam else None,
        "beam_pa": beam.pa if beam else None,
        "frequency": frequency,
        "pixel_scale": pixel_scale,
    }
