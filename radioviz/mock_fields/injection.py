"""Generated galaxies added to an observed image."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter

from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.images.observation import NOISE_KEYWORDS
from radioviz.images.orientation import pixels_of, sky_of
from radioviz.images.reading import SkyImage
from radioviz.jobs.progress import Progress, no_progress
from radioviz.mock_fields.field import Painter, truth_table
from radioviz.mock_fields.finder_catalogue import FinderCatalogue, check_scale
from radioviz.mock_fields.population import draw_sources
from radioviz.mock_fields.recovery import find_sources, match_sources
from radioviz.mock_fields.settings import FieldSettings
from radioviz.mock_fields.templates import Templates, make_templates
from radioviz.sky import FWHM
from radioviz.store.atomic import atomic_file, report_unwritable

if TYPE_CHECKING:
    from astropy.io.fits import Header, PrimaryHDU
    from astropy.wcs import WCS


_STORED = ("BSCALE", "BZERO", "BLANK", "DATAMIN", "DATAMAX", "CHECKSUM", "DATASUM")
_OF_AXES = re.compile(
    r"(WCSAXES|(NAXIS|CTYPE|CUNIT|CRVAL|CRPIX|CDELT|CROTA|CNAME)\d+|(PC|CD|PV|PS)\d+_\d+"
    r"|(PC|CD)\d{6})$"
)

_SQUARE = 1.02
"""Longer over shorter side of a pixel, up to which sizes of galaxies are right."""

_SEEN, _GROWN = 3.0, 1.5
"""Brightness before over the noise from which a source was there, and now over that before from
which it counts as a new one."""


def field_of(image: SkyImage, settings: FieldSettings) -> FieldSettings:
    """The settings with size, pixels, beam, frequency and noise of an observed image.

    Raises FieldError if the image has no WCS, no beam, or no brightness in Jy/beam.
    """
    if image.wcs is None or image.pixel_scale is None:
        raise FieldError(f"{image.file} has no celestial WCS; sources need sky positions")
    if image.beam is None or math.isnan(image.beam.pa):
        raise FieldError(
            f"{image.file} does not state its beam (BMAJ, BMIN and BPA), with which sources are "
            "convolved"
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
    ra, dec = (float(v) for v in sky_of(wcs, np.array(x), np.array(y)))
    step = 1.0 / 3600
    here = np.array([x, y])
    # One arcsec to the north and to the east, in pixels.
    beside = ra + step / np.cos(np.radians(dec))
    columns, rows = pixels_of(wcs, np.array([ra, beside]), np.array([dec + step, dec]))
    north, east = np.column_stack([columns, rows]) - here
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
        If the image has no beam, WCS, unit or square pixels, or the file cannot be written.
    """
    hdu, truth, _ = with_galaxies(image, settings, progress=progress)
    with (
        report_unwritable(path, FieldError, setting="the path"),
        atomic_file(path, parents=False) as scratch,
        scratch.open("wb") as file,
    ):
        hdu.writeto(file, output_verify="silentfix")
    return truth


def with_galaxies(
    image: SkyImage,
    settings: FieldSettings,
    templates: Templates | None = None,
    progress: Progress = no_progress,
) -> tuple[PrimaryHDU, pd.DataFrame, FieldSettings]:
    """An observed image with generated galaxies added, as :func:`inject` writes it.

    ``templates``: generated galaxies of every class that is asked for; generated by default.
    Returns ``hdu``; ``truth``; ``settings``: with size, pixels, beam and noise of the image.
    """
    from astropy.io import fits
    from astropy.wcs.utils import proj_plane_pixel_scales

    settings = field_of(image, settings)
    wcs = image.wcs
    assert wcs is not None  # field_of has refused it
    sides = 3600 * proj_plane_pixel_scales(wcs)
    if sides.max() > _SQUARE * sides.min():
        raise FieldError(
            f"{image.file} has pixels of {sides[0]:.4g} by {sides[1]:.4g} arcsec; galaxies are "
            "drawn on square ones, such as a regridded image has"
        )

    def usable(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.isfinite(image.data[np.rint(y).astype(int), np.rint(x).astype(int)])

    sources = draw_sources(settings, usable)
    if templates is None:
        templates = make_templates(settings, sources["label"].unique().tolist(), progress)
    middle = (settings.width - 1) / 2, (settings.height - 1) / 2
    beam = beam_in_pixels(settings.beam, wcs, *middle)
    painter = Painter(settings, sources, templates, templates.choose(sources, settings), beam)
    data = np.array(image.data, np.float32)
    peak, part = np.zeros(len(sources)), np.zeros(len(sources))
    height, width = data.shape
    seen = np.isfinite(image.data)
    for start, strip, drawn in painter.strips(width, height, settings.strip_rows, progress, seen):
        data[start : start + len(strip)] += strip
        for row, (highest, share) in drawn.items():
            peak[row], part[row] = highest, share
    header = _header_of(image)
    header["SIMULAT"] = (True, "sources of a model were added")
    header["SEED"] = (settings.seed, "seed of the added sources")
    header["NSOURCES"] = (len(sources), "added; see the truth catalogue")
    header.add_comment(f"Simulated: {len(sources)} sources by {templates.made} were added.")
    x, y = sources["x"].to_numpy(float), sources["y"].to_numpy(float)
    ra, dec = sky_of(wcs, x, y) if len(x) else (x, y)
    truth = truth_table(painter, ra, dec, peak, part)
    return fits.PrimaryHDU(data, header), truth, settings


def _header_of(image: SkyImage) -> Header:
    """The header of an image for its pixels alone: two axes, Jy/beam, nothing that was stored."""
    from astropy.io import fits

    header = fits.Header.fromstring(image.header, sep="\n")
    for keyword in (*_STORED, *NOISE_KEYWORDS):
        header.remove(keyword, ignore_missing=True)
    header["BUNIT"] = "Jy/beam"
    if image.rms is not None:
        header["RMS"] = (image.rms, "[Jy/beam] noise of the image before")
    if header.get("NAXIS", 2) > 2 or "CTYPE3" in header:
        assert image.wcs is not None  # field_of has refused it
        for keyword in [k for k in header if _OF_AXES.match(k)]:
            header.remove(keyword, ignore_missing=True, remove_all=True)
        header.update(image.wcs.to_header(relax=True))
        if image.frequency is not None and "frequency" not in image.implied:
            header["OBSFREQ"] = (1e9 * image.frequency, "[Hz]")
            header["FREQ"] = (1e9 * image.frequency, "[Hz] where PyBDSF looks for it")
    return header


def gained(
    before: np.ndarray, after: np.ndarray, found: pd.DataFrame, noise: float, pixels: float
) -> np.ndarray:
    """Which found sources the added galaxies made, bool ``(n,)``.

    Not those where the image was above :data:`_SEEN` times its noise before, half a beam around,
    and is not brighter by half now: a source that was there.

    ``before``, ``after``: the image without and with the galaxies, ``(ny, nx)``, in one unit;
    ``found``: ``x``, ``y`` (FITS pixels) on the image; ``noise``: in the same unit; ``pixels``:
    FWHM of the beam.
    """
    rows, columns = (
        np.rint(found[name].to_numpy(float) - 1).astype(int).clip(0, side - 1)
        for name, side in zip(("y", "x"), before.shape, strict=True)
    )
    was, now = (
        maximum_filter(np.where(np.isnan(data), -np.inf, data), 2 * max(1, round(pixels / 2)) + 1)[
            rows, columns
        ]
        for data in (before, after)
    )
    old = (was > _SEEN * noise) & (now < _GROWN * was)
    return ~old


def found_again(
    image: SkyImage,
    settings: FieldSettings,
    templates: Templates,
    catalogue: FinderCatalogue | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, FieldSettings, tuple[str, ...]]:
    """Add galaxies to an image and see which of them photutils, or another finder, found.

    Sources that were there before are found as well, and do not count; see :func:`gained`.

    Parameters
    ----------
    catalogue : FinderCatalogue, optional
        What another finder found on the image with the galaxies.

    Returns
    -------
    truth : pandas.DataFrame
        With the column ``found``.
    listed : pandas.DataFrame
        What the finder found, and ``new``: what the image did not have before.
    data : numpy.ndarray
        The image with the galaxies, Jy/beam, float32 ``(ny, nx)``.
    settings : FieldSettings
        With size, pixels, beam and noise of the image.
    notes : tuple of str
        What of the catalogue was left out.

    Raises
    ------
    FieldError
        As :func:`with_galaxies`, :meth:`FinderCatalogue.on_image` and :func:`check_scale`.
    """
    hdu, truth, settings = with_galaxies(image, settings, templates)
    beam, pixel = settings.beam, settings.pixel
    notes: tuple[str, ...] = ()
    radius = None
    if catalogue is None:
        listed = find_sources(hdu.data, beam, pixel)
    else:
        assert image.wcs is not None  # field_of has refused it
        listed, notes = catalogue.on_image(image.wcs, hdu.data.shape)
        radius = catalogue.radius
    noise = settings.rms / 1000
    listed = listed.assign(new=gained(image.data, hdu.data, listed, noise, beam.fwhm / pixel))
    found = listed[listed["new"]]
    if catalogue is not None:
        check_scale(truth, found, beam, pixel, catalogue.name)
    seen, _ = match_sources(truth, found, beam, pixel, radius)
    return truth.assign(found=seen), listed, hdu.data, settings, notes
