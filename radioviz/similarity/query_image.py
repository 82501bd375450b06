"""An uploaded picture as a query: read, cropped, matched to the beam and scale of a survey.

:mod:`radioviz.images.reading` reads FITS, PNG and JPEG files as untrusted input and gives one
upright plane, or an error that names the file. The picture then passes through the Preprocess chain
of the model like every survey image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from radioviz.data.catalogue import Catalogue, SurveyInfo
from radioviz.data.preprocess import Preprocess
from radioviz.errors import ImageError
from radioviz.images.reading import SkyImage, read_image
from radioviz.sky import FWHM

MAX_PIXELS = 25_000_000  # 5000 x 5000: a mosaic of a square degree
MAX_SQUARE = 4 * MAX_PIXELS  # the square around a box four times as wide as high
MAX_MEGABYTES = 128
_SAME_BEAM = 1.02  # beams within 2 % count as equal
_WIDER = 1.25  # how much wider a beam is before galaxies are smoothed to it


@dataclass(frozen=True)
class Box:
    """Pixels ``left <= x < right``, ``bottom <= y < top`` of an image ``(ny, nx)``."""

    left: int
    right: int
    bottom: int
    top: int

    @classmethod
    def whole(cls, image: np.ndarray) -> Box:
        return cls(0, image.shape[1], 0, image.shape[0])

    @property
    def centre(self) -> tuple[float, float]:
        """Pixel coordinates (x, y) of the middle, 0-based."""
        return (self.left + self.right - 1) / 2, (self.bottom + self.top - 1) / 2


def images_in(payload: bytes, name: str) -> list[tuple[int, str]]:
    """Number and description of every image of a FITS file; empty for a PNG or JPEG picture.

    Raises ImageError if it is neither.
    """
    if not payload:
        raise ImageError(f"{name}: the file is empty; expected FITS, PNG or JPEG")
    if payload.startswith((b"\x89PNG", b"\xff\xd8\xff")):
        return []
    from radioviz.images.hdus import open_source

    # Only headers are read here; read_picture applies MAX_PIXELS.
    with open_source(payload, name) as file:
        return [(hdu.index, hdu.describe()) for hdu in file.hdus if hdu.is_image]


def read_picture(payload: bytes, name: str, extension: int | None = None) -> SkyImage:
    """The one image of a file, upright.

    Raises ImageError if it is not an image, is too large, or its finite pixels are absent or all
    equal.
    """
    if len(payload) > MAX_MEGABYTES * 1_000_000:
        raise ImageError(
            f"{name}: {len(payload) / 1e6:,.0f} MB; a query may have at most {MAX_MEGABYTES} "
            "MB. Cut the source out first"
        )
    image = read_image(payload, extension=extension, name=name, max_pixels=MAX_PIXELS)
    finite = image.data[np.isfinite(image.data)]
    if finite.size and finite.min() == finite.max():
        raise ImageError(f"{name}: every pixel has the value {finite[0]:.4g}, so it has no source")
    return image


def holds_noise(image: SkyImage) -> bool:
    """Whether the image probably contains noise: it is calibrated or has negative pixels."""
    return bool(image.bunit) or bool((image.data < 0).any())


def crop_square(data: np.ndarray, box: Box) -> np.ndarray:
    """A square about the centre of a box, NaN outside the box (no data).

    Raises ImageError if the box holds no finite pixel.
    """
    ny, nx = data.shape
    left, right = max(0, box.left), min(nx, box.right)
    bottom, top = max(0, box.bottom), min(ny, box.top)
    if right - left < 2 or top - bottom < 2:
        raise ImageError(
            f"a crop box of {max(0, right - left)} x {max(0, top - bottom)} pixels; expected at "
            f"least 2 x 2 of the {nx} x {ny} pixels of the image"
        )
    inside = data[bottom:top, left:right]
    if not np.isfinite(inside).any():
        raise ImageError("the crop box holds no finite pixel; move it onto the source")
    height, width = inside.shape
    side = max(height, width)
    if side * side > MAX_SQUARE:
        raise ImageError(
            f"a crop box of {width} x {height} pixels makes a square of {side:,} x {side:,}; "
            f"at most {MAX_SQUARE:,} pixels. Draw a smaller box about the source"
        )
    out = np.full((side, side), np.nan, dtype=np.float32)
    y, x = (side - height) // 2, (side - width) // 2
    out[y : y + height, x : x + width] = inside
    return out


def beam_of(catalogue: Catalogue) -> float | None:
    """Median beam of a data set, FWHM in arcsec; None where it is unknown."""
    known = catalogue.beams[np.isfinite(catalogue.beams) & (catalogue.beams > 0)]
    return float(np.median(known)) if len(known) else None


def wider_beam(examples: Catalogue, searched: Catalogue) -> float | None:
    """Beam of the data set searched where it is wider than that of the examples, else None."""
    own, target = beam_of(examples), beam_of(searched)
    return target if own and target and target > _WIDER * own else None


def match_beam(data: np.ndarray, pixel_scale: float, beam: float, target: float) -> np.ndarray:
    """Smooth an image to a larger beam with a Gaussian of FWHM sqrt(target^2 - beam^2).

    ``data``: shape ``(ny, nx)``; NaN stays NaN and counts as 0 for its neighbours. ``pixel_scale``,
    ``beam``, ``target``: arcsec; FWHM of circular beams. A target that is not larger leaves the
    data unchanged.
    """
    if target <= beam * _SAME_BEAM:
        return data
    from scipy.ndimage import gaussian_filter

    sigma = np.sqrt(target**2 - beam**2) / FWHM / pixel_scale
    missing = ~np.isfinite(data)
    kind = np.result_type(data, np.float32)
    smooth: np.ndarray = gaussian_filter(
        np.where(missing, 0, data), sigma, mode="constant", output=kind
    )
    smooth[missing] = np.nan
    return smooth


def prepare_picture(
    image: SkyImage,
    box: Box,
    *,
    pixel_scale: float,
    beam: float | None,
    noisy: bool,
    survey: SurveyInfo,
    chain: Preprocess,
) -> tuple[np.ndarray, str]:
    """The picture as the input of an encoder.

    A sharper picture is smoothed to the beam of the survey at its angular scale. One with a larger
    beam cannot be sharpened: it is scaled beam by beam, like a survey of that beam.

    Parameters
    ----------
    pixel_scale : float
        Arcsec.
    beam : float or None
        FWHM in arcsec; None for that of the survey.
    noisy : bool
        Whether to clip the noise.
    survey : SurveyInfo
        The survey that is searched.

    Returns
    -------
    numpy.ndarray
        Float32 of shape ``(1, size, size)``, 0..1.
    str
        How the beam was matched; empty where nothing was necessary.

    Raises
    ------
    ImageError
        If the box is empty or holds no source.
    PreprocessError
        If the scale or the beam is not a positive number.
    """
    data = crop_square(image.data, box)
    chain.field_in_pixels(pixel_scale, beam)  # raises for an invalid scale or beam
    note = ""
    target = survey.beam
    if target and beam and target > beam * _SAME_BEAM:
        data = match_beam(data, pixel_scale, beam, target)
        note = f"smoothed from {beam:g} to the {target:g} arcsec beam of {survey.title}"
        beam = target
    elif target and beam and beam > target * _SAME_BEAM:
        note = (
            f"its beam of {beam:g} arcsec is larger than the {target:g} arcsec of {survey.title}: "
            "compared in units of the beam, not at its true angular size"
        )
    else:
        beam = target
    seen = chain(data[None], pixel_scale, beam=beam, raw=noisy)
    if not seen.any():
        field = chain.field_in_pixels(pixel_scale, beam) * pixel_scale
        raise ImageError(
            f"{image.file}: nothing stands out in the {field:.0f} arcsec about the middle of the "
            "box" + (" once the noise is clipped" if noisy else "") + "; move the box onto the "
            "source, or check the pixel scale"
        )
    return seen, note


def position_of(image: SkyImage, box: Box) -> tuple[float, float] | None:
    """J2000 position of the centre of a box in degrees, None without a WCS."""
    if image.wcs is None:
        return None
    from radioviz.images.quiet import quiet

    with quiet():
        sky = image.wcs.pixel_to_world(*box.centre).icrs
    place = (float(sky.ra.deg), float(sky.dec.deg))
    return place if np.isfinite(place).all() else None
