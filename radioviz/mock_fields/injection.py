"""Generated galaxies added to an observed image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.images.reading import SkyImage
from radioviz.jobs.progress import Progress, no_progress
from radioviz.mock_fields.field import Painter, truth_table
from radioviz.mock_fields.population import draw_sources
from radioviz.mock_fields.settings import FieldSettings
from radioviz.mock_fields.templates import make_templates
from radioviz.sky import FWHM
from radioviz.store.atomic import atomic_file, report_unwritable

if TYPE_CHECKING:
    from astropy.wcs import WCS


def field_of(image: SkyImage, settings: FieldSettings) -> FieldSettings:
    """The settings with size, pixels, beam, frequency and noise of an observed image.

    Raises FieldError if the image has no WCS, no beam, or no brightness in Jy/beam.
    """
    if image.wcs is None or image.pixel_scale is None:
        raise FieldError(f"{image.file} has no celestial WCS; sources need sky positions")
    if image.beam is None:
        raise FieldError(
            f"{image.file} states no beam (BMAJ, BMIN, BPA); sources are convolved with it"
        )
    if image.bunit != "Jy/beam":
        raise FieldError(
            f"{image.file} has pixels in '{image.bunit or 'no unit'}'; fluxes need Jy/beam"
        )
    height, width = image.data.shape
    noise = 1.4826 * float(np.nanmedian(np.abs(image.data - np.nanmedian(image.data))))
    return settings.replace(
        width=width,
        height=height,
        pixel=image.pixel_scale,
        beam=Beam(image.beam.major, image.beam.minor, image.beam.pa),
        rms=1000 * noise,
        frequency=image.frequency or settings.frequency,
    )


def beam_in_pixels(beam: Beam, wcs: WCS, x: float, y: float) -> np.ndarray:
    """Covariance of a beam over the axes of an image [pixels^2], however the image is oriented."""
    ra, dec = (float(v) for v in wcs.wcs_pix2world(x, y, 0))
    step = 1.0 / 3600
    here = np.array([x, y])
    # One arcsec to the north and to the east, in pixels.
    north = np.array(wcs.wcs_world2pix(ra, dec + step, 0), float) - here
    east = np.array(wcs.wcs_world2pix(ra + step / np.cos(np.radians(dec)), dec, 0), float) - here
    angle = np.radians(beam.pa)
    along = north * np.cos(angle) + east * np.sin(angle)
    across = east * np.cos(angle) - north * np.sin(angle)
    major, minor = (beam.major / FWHM) ** 2, (beam.minor / FWHM) ** 2
    return major * np.outer(along, along) + minor * np.outer(across, across)


def inject(
    image: SkyImage, path: Path, settings: FieldSettings, progress: Progress = no_progress
) -> pd.DataFrame:
    """Write an observed image with generated galaxies added to it.

    Parameters
    ----------
    image : SkyImage
        As :func:`radioviz.images.reading.read_fits` returns; blank pixels stay blank and hold no
        source.
    path : pathlib.Path
        File to write: the header of the image, marked as simulated.
    settings : FieldSettings
        Number or density, fluxes, sizes, classes; the rest is that of the image.

    Returns
    -------
    pandas.DataFrame
        The truth catalogue (:data:`radioviz.mock_fields.field.TRUTH`); ``snr`` is over the noise
        of the whole image.

    Raises
    ------
    FieldError
        If the image has no beam, WCS or unit, or the file cannot be written.
    """
    from astropy.io import fits

    settings = field_of(image, settings)
    wcs = image.wcs
    assert wcs is not None  # field_of has refused it

    def usable(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.isfinite(image.data[np.rint(y).astype(int), np.rint(x).astype(int)])

    sources = draw_sources(settings, usable)
    templates = make_templates(settings, sources["label"].unique().tolist(), progress)
    middle = (settings.width - 1) / 2, (settings.height - 1) / 2
    beam = beam_in_pixels(settings.beam, wcs, *middle)
    painter = Painter(settings, sources, templates, templates.choose(sources, settings), beam)
    data = np.array(image.data, np.float32)
    peak, part = np.zeros(len(sources)), np.zeros(len(sources))
    height, width = data.shape
    for start, strip, drawn in painter.strips(width, height, settings.strip_rows, progress):
        data[start : start + len(strip)] += strip
        for row, (highest, share) in drawn.items():
            peak[row], part[row] = highest, share
    header = fits.Header.fromstring(image.header, sep="\n")
    for keyword in ("BSCALE", "BZERO", "BLANK", "DATAMIN", "DATAMAX"):
        header.remove(keyword, ignore_missing=True)
    header["BUNIT"] = "Jy/beam"
    header["SIMULAT"] = (True, "sources of a model were added")
    header["SEED"] = (settings.seed, "seed of the added sources")
    header["NSOURCES"] = (len(sources), "added; see the truth catalogue")
    header.add_comment(f"Simulated: {len(sources)} sources by {templates.made} were added.")
    hdu = fits.PrimaryHDU(data, header)
    with (
        report_unwritable(path, FieldError, setting="the path"),
        atomic_file(path, parents=False) as scratch,
        scratch.open("wb") as file,
    ):
        fits.HDUList([hdu]).writeto(file, output_verify="silentfix")
    x, y = sources["x"].to_numpy(float), sources["y"].to_numpy(float)
    ra, dec = wcs.wcs_pix2world(x, y, 0) if len(x) else (x, y)
    return truth_table(painter, ra, dec, peak, part)
