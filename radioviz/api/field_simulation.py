"""Mock fields with a truth catalogue, galaxies injected into an observed image, and recovery."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.images.orientation import sky_of
from radioviz.images.reading import read_fits
from radioviz.jobs.progress import Progress, no_progress
from radioviz.sky import separation_arcsec

if TYPE_CHECKING:
    from radioviz.images.reading import SkyImage
    from radioviz.mock_fields.settings import FieldSettings


def field_settings(**options: Any) -> FieldSettings:
    """Settings of a field; ``beam`` as FWHM, or as major, minor axis and position angle.

    Raises
    ------
    FieldError
        If a setting is unknown or out of range.
    """
    from radioviz.mock_fields.settings import FieldSettings

    unknown = [name for name in options if name not in FieldSettings.__dataclass_fields__]
    if unknown:
        known = ", ".join(FieldSettings.__dataclass_fields__)
        raise FieldError(f"unknown setting '{unknown[0]}'; expected {known}")
    if "beam" in options and not isinstance(options["beam"], Beam):
        beam = options["beam"]
        numbers = [float(v) for v in beam] if isinstance(beam, list | tuple) else [float(beam)] * 2
        options = {**options, "beam": Beam(*numbers)}
    return FieldSettings(**options)


def mock_field(
    path: str | PathLike[str], *, progress: Progress = no_progress, **settings: Any
) -> pd.DataFrame:
    """Write a simulated field of generated radio galaxies, and the catalogue of what is in it.

    Beside ``name.fits`` (Jy/beam, with WCS and beam) lie ``name.truth.fits``, ``name.truth.vot``
    and ``name.reg``. The field is drawn in strips, so that its size is limited by the disk alone.

    Parameters
    ----------
    path : str or path
        The image, ``.fits``.
    progress : callable
        Called as ``progress(done, total, what)``.
    **settings
        ``width``, ``height``, ``pixel`` [arcsec], ``beam`` [arcsec; one number, or major, minor,
        position angle], ``rms`` [mJy/beam], ``number`` or ``density`` [per square degree],
        ``flux_range`` [mJy], ``slope``, ``shares`` of classes, ``sizes`` [arcsec],
        ``cluster_members``, ``cluster_radius`` [arcmin], ``seed`` and others of
        :class:`radioviz.mock_fields.settings.FieldSettings`.

    Returns
    -------
    pandas.DataFrame
        The truth catalogue: ``ra``, ``dec`` (centroids), ``x``, ``y`` (FITS pixels), ``label``,
        ``las`` [arcsec], ``flux_mjy``, ``peak_mjy``, ``snr``, ``in_field`` and more.

    Raises
    ------
    FieldError
        If a setting cannot be drawn, or the field does not fit on the disk.

    Examples
    --------
    >>> import radioviz, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     truth = radioviz.mock_field(
    ...         f"{folder}/field.fits", width=300, height=300, number=5, templates=16, model="cvae"
    ...     )
    >>> len(truth), bool((truth["flux_mjy"] >= 1).all())
    (5, True)
    """
    from radioviz.mock_fields.field import write_mock_field

    return write_mock_field(Path(path), field_settings(**settings), progress)


def inject_galaxies(
    image: str | PathLike[str],
    path: str | PathLike[str],
    *,
    progress: Progress = no_progress,
    extension: int | str | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Add generated galaxies to an observed image, whose noise and artefacts stay.

    Parameters
    ----------
    image : str or path
        FITS image in Jy/beam with a celestial WCS and a beam.
    path : str or path
        File to write.
    extension : int or str, optional
        Image of a file that holds several.
    **settings
        ``number`` or ``density``, ``flux_range``, ``slope``, ``shares``, ``sizes``, ``seed`` and
        others, as for :func:`mock_field`; pixels, beam and noise are those of the image.

    Returns
    -------
    pandas.DataFrame
        The truth catalogue, as of :func:`mock_field`.

    Raises
    ------
    FieldError, ImageError
        If the image has no WCS, beam, unit or square pixels, or cannot be read.

    Examples
    --------
    >>> import radioviz, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     options = dict(width=300, height=300, templates=16, model="cvae")
    ...     _ = radioviz.mock_field(f"{folder}/sky.fits", number=0, **options)
    ...     added = radioviz.inject_galaxies(
    ...         f"{folder}/sky.fits", f"{folder}/more.fits", number=3, templates=16, model="cvae"
    ...     )
    >>> len(added)
    3
    """
    from radioviz.mock_fields.injection import inject

    return inject(
        read_fits(Path(image), extension=extension),
        Path(path),
        field_settings(**settings),
        progress,
    )


def find_sources(
    image: str | PathLike[str], *, threshold: float = 5.0, progress: Progress = no_progress
) -> pd.DataFrame:
    """Islands of a FITS image above a threshold in sigma, by photutils.

    Parameters
    ----------
    image : str or path
        In Jy/beam, with a beam.
    threshold : float
        In units of the noise, which is measured.

    Returns
    -------
    pandas.DataFrame
        ``x``, ``y`` (FITS pixels), ``flux_mjy``, ``peak_mjy``, ``ra``, ``dec`` [deg].

    Raises
    ------
    FieldError, ImageError
        If the image has no beam, WCS or unit, or cannot be read.

    Examples
    --------
    >>> import radioviz, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sky = f"{folder}/sky.fits"
    ...     _ = radioviz.mock_field(
    ...         sky, width=300, height=300, number=1, flux_range=(50, 50), shares={"Compact": 1}
    ...     )
    ...     found = radioviz.find_sources(sky)
    >>> len(found), bool(40 < found["peak_mjy"][0] < 52)
    (1, True)
    """
    from radioviz.mock_fields import recovery

    seen = read_fits(Path(image))
    settings = _field_of(seen)
    found = recovery.find_sources(
        seen.data, settings.beam, settings.pixel, threshold=threshold, progress=progress
    )
    assert seen.wcs is not None  # _field_of has refused it
    x, y = (found[name].to_numpy(float) - 1 for name in ("x", "y"))
    ra, dec = sky_of(seen.wcs, x, y) if len(found) else (x, y)
    return found.assign(ra=ra, dec=dec)


def field_recovery(
    truth: pd.DataFrame,
    found: pd.DataFrame | str | PathLike[str],
    image: str | PathLike[str],
    *,
    before: str | PathLike[str] | None = None,
    radius: float | None = None,
    flux_unit: str = "",
) -> pd.DataFrame:
    """Completeness and reliability of a source finder against flux.

    Parameters
    ----------
    truth : pandas.DataFrame
        As of :func:`mock_field` or :func:`inject_galaxies`.
    found : pandas.DataFrame, str or path
        As of :func:`find_sources`, or of another finder: ``ra``, ``dec`` [deg], ``flux_mjy``; or
        the finder's own catalogue as a file (CSV, VOTable, FITS table), whose columns and units
        are recognised.
    image : str or path
        The field, for its beam and its WCS.
    before : str or path, optional
        The image that galaxies were added to: sources that were there do not count as found.
    radius : float, optional
        Arcsec within which a source counts as found, or half its size if that is more; by default
        a beam.
    flux_unit : str
        ``mJy``, ``Jy`` or ``uJy``, of a file that does not say.

    Returns
    -------
    pandas.DataFrame
        One row for each bin of flux: ``flux_low``, ``flux_high``, ``completeness``,
        ``reliability``, their intervals, and ``chance``.

    Raises
    ------
    FieldError
        If a column is missing, there is no true source, or the catalogue has no position on the
        image or fluxes of another unit.

    Examples
    --------
    >>> import radioviz, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sky = f"{folder}/sky.fits"
    ...     truth = radioviz.mock_field(
    ...         sky, width=400, height=400, number=4, flux_range=(50, 90), shares={"Compact": 1}
    ...     )
    ...     table = radioviz.field_recovery(truth, radioviz.find_sources(sky), sky)
    >>> float(table["completeness"].min())
    1.0
    """
    from radioviz.mock_fields.recovery import by_flux

    _require(truth, "the truth catalogue", ("x", "y", "las", "flux_mjy"))
    listed, _, settings = _placed(truth, found, image, before, flux_unit)
    return by_flux(truth, listed[listed["new"]], settings.beam, settings.pixel, radius)


def selection_function(
    truth: pd.DataFrame,
    found: pd.DataFrame | str | PathLike[str],
    image: str | PathLike[str],
    *,
    before: str | PathLike[str] | None = None,
    radius: float | None = None,
    flux_unit: str = "",
) -> pd.DataFrame:
    """Share of true sources that a finder found, in flux, size and class.

    Parameters
    ----------
    truth, found, image, before, radius, flux_unit
        As for :func:`field_recovery`.

    Returns
    -------
    pandas.DataFrame
        ``of`` (``flux_mjy``, ``las`` or ``label``), ``from``, ``to`` or ``class``, ``n``, ``rate``
        and its 95 % interval, ``low`` and ``high``.

    Raises
    ------
    FieldError
        As :func:`field_recovery`.

    Examples
    --------
    >>> import radioviz, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sky = f"{folder}/sky.fits"
    ...     truth = radioviz.mock_field(
    ...         sky, width=400, height=400, number=4, flux_range=(50, 90), shares={"Compact": 1}
    ...     )
    ...     table = radioviz.selection_function(truth, radioviz.find_sources(sky), sky)
    >>> table[table["of"] == "label"][["class", "n", "rate"]].values.tolist()
    [['Compact', 4, 1.0]]
    """
    from radioviz.mock_fields import recovery

    _require(truth, "the truth catalogue", ("x", "y", "las", "flux_mjy", "label"))
    if not len(truth):
        raise FieldError("the truth catalogue has no source")
    listed, _, settings = _placed(truth, found, image, before, flux_unit)
    new = listed[listed["new"]]
    seen, _ = recovery.match_sources(truth, new, settings.beam, settings.pixel, radius)
    return recovery.selection_function(truth, seen)


def search_recovery(
    truth: pd.DataFrame,
    found: pd.DataFrame | str | PathLike[str],
    image: str | PathLike[str],
    *,
    before: str | PathLike[str] | None = None,
    radius: float | None = None,
    flux_unit: str = "",
    data_set: str = "first",
    model: str = "",
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """What a search by likeness and outlier scores say of the galaxies that a finder found.

    Each is cut out of the image where it was found, encoded, and searched for in a data set with
    classes. Outlier scores rank it among the sources of the image that were not added.

    Parameters
    ----------
    truth, found, image, before, radius, flux_unit
        As for :func:`field_recovery`; the image with the galaxies.
    data_set : str
        Searched in; with classes and an Atlas of the model.
    model : str
        Encoder; by default the first there is.
    progress : callable
        Called as ``progress(done, total, what)``.

    Returns
    -------
    pandas.DataFrame
        One row for each class: ``class``; ``n`` galaxies found; ``same_class``, the share of the
        class among the first ten results, and its 95 % interval, ``low`` and ``high``; ``real``,
        the same for searches with galaxies of the data set itself; ``by_chance``, the share of the
        class in the data set; ``stranger_than_neighbours`` and ``stranger_than_isolation``, the
        median share of the image's own sources that are less strange by the distance to their 20
        nearest, and by an isolation forest (NaN with fewer than 20 such sources in ``found``).

    Raises
    ------
    FieldError
        As :func:`field_recovery`, or if no galaxy was found, or the data set has no classes.
    CatalogueError, ModelError, AtlasError
        If the data set, the model or its Atlas is missing.

    Examples
    --------
    >>> import radioviz, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     sky = f"{folder}/sky.fits"
    ...     truth = radioviz.mock_field(
    ...         sky, width=400, height=400, number=4, flux_range=(50, 90), shares={"Compact": 1}
    ...     )
    ...     table = radioviz.search_recovery(truth, radioviz.find_sources(sky), sky)
    >>> table[["class", "n"]].values.tolist(), bool(table["same_class"][0] > 0.7)
    ([['Compact', 4]], True)
    """
    from radioviz.api.samples import default_encoder, open_atlas, open_data_set
    from radioviz.encode import Encoder
    from radioviz.mock_fields import recovery
    from radioviz.mock_fields.seen_by_search import recognised

    _require(truth, "the truth catalogue", ("x", "y", "las", "flux_mjy", "label"))
    listed, seen, settings = _placed(truth, found, image, before, flux_unit)
    beam, pixel = settings.beam, settings.pixel
    again, _ = recovery.match_sources(truth, listed[listed["new"]], beam, pixel, radius)
    encoder = Encoder.load(model or default_encoder())
    survey = open_atlas(data_set, encoder.info.name)
    return recognised(
        seen.data, truth.assign(found=again), listed, beam, pixel, encoder, survey.latents,
        open_data_set(data_set).table["label"].to_numpy(str), progress,
    )  # fmt: skip


def _placed(
    truth: pd.DataFrame,
    found: pd.DataFrame | str | PathLike[str],
    image: str | PathLike[str],
    before: str | PathLike[str] | None,
    flux_unit: str,
) -> tuple[pd.DataFrame, SkyImage, FieldSettings]:
    """Found sources on the image, and which are ``new``; the image and its settings."""
    from radioviz.mock_fields.finder_catalogue import (
        check_scale,
        middle_of,
        on_pixels,
        sources_on,
    )
    from radioviz.mock_fields.injection import gained

    seen = read_fits(Path(image))
    settings = _field_of(seen)
    beam, pixel = settings.beam, settings.pixel
    assert seen.wcs is not None  # _field_of has refused it
    name = "the catalogue of found sources"
    if isinstance(found, pd.DataFrame):
        _require(found, name, ("ra", "dec", "flux_mjy"))
        listed, _ = on_pixels(found, seen.wcs, seen.data.shape)
    else:
        name = Path(found).name
        listed, _ = sources_on(seen.wcs, seen.data.shape, Path(found), flux_unit=flux_unit)
    listed = listed.assign(new=True)
    if before is not None:
        old = read_fits(Path(before))
        noise = _field_of(old).rms / 1000
        assert old.wcs is not None  # _field_of has refused it
        places = middle_of(old.wcs, old.data.shape), middle_of(seen.wcs, seen.data.shape)
        apart = separation_arcsec(*places[0], *places[1])
        if old.data.shape != seen.data.shape or apart > pixel:
            (ny, nx), (ra, dec) = old.data.shape, places[0]
            raise FieldError(
                f"{old.file} has {nx:,} x {ny:,} pixels about RA {ra:.4f}, Dec {dec:+.4f}, and "
                f"{seen.file} {settings.width:,} x {settings.height:,} about RA "
                f"{places[1][0]:.4f}, Dec {places[1][1]:+.4f}; give the image that the galaxies "
                "were added to"
            )
        listed["new"] = gained(old.data, seen.data, listed, noise, beam.fwhm / pixel)
    check_scale(truth, listed[listed["new"]], beam, pixel, name)
    return listed, seen, settings


def _require(table: pd.DataFrame, what: str, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in table]
    if missing:
        raise FieldError(f"{what} has no column '{missing[0]}'; expected {', '.join(names)}")


def _field_of(image: SkyImage) -> FieldSettings:
    from radioviz.mock_fields.injection import field_of

    return field_of(image, field_settings())
