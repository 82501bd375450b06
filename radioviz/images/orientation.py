"""Position and orientation of an image on the sky, and its rotation to north up, east left.

The local geometry is one 2x2 matrix: the step on the sky, east and north in arcsec,
for one step along each pixel axis at the centre of the image. It shows whether an
image is upright already, needs only flips (exact) or must be resampled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from radioviz.errors import ImageError
from radioviz.images.quiet import quiet
from radioviz.sky import is_j2000, tan_wcs, unit_vectors
from radioviz.sky import to_j2000 as convert_to_j2000

if TYPE_CHECKING:
    from astropy.wcs import WCS

# Images upright within these limits are left alone. Cutouts of a mosaic are rotated by up to a
# degree against the meridian through their centre; resampling would do more harm (correlated
# noise, a broader beam) than the rotation does, and their exact WCS is kept.
MAX_ROTATION = 1.0  # degrees
MAX_STRETCH = 0.01  # relative difference of the two pixel scales
MAX_OBLONG = 10  # more is a mistake in the header

_ARCSEC = 180.0 * 3600.0 / math.pi


@dataclass(frozen=True)
class Geometry:
    """Local sky geometry of an image at its centre."""

    # ra, dec: centre of the array, degrees, J2000
    ra: float
    dec: float
    # ``((dE/dx, dE/dy), (dN/dx, dN/dy))`` in arcsec per pixel, east and north at the centre.
    jacobian: tuple[tuple[float, float], tuple[float, float]]

    @property
    def matrix(self) -> np.ndarray:
        return np.array(self.jacobian)

    @property
    def pixel_scale(self) -> float:
        """Square root of the pixel area, arcsec."""
        return math.sqrt(abs(float(np.linalg.det(self.matrix))))

    @property
    def scales(self) -> tuple[float, float]:
        """Arcsec per pixel along x and along y."""
        lengths = np.hypot(*self.matrix)
        return float(lengths[0]), float(lengths[1])

    @property
    def upright(self) -> bool:
        """North up, east left, square pixels, within the tolerances."""
        return _close(self.matrix, np.array([[-1, 0], [0, 1]]))

    @property
    def rotation(self) -> float:
        """Angle of north against the y axis in degrees, counter-clockwise, -180..180."""
        # The pixel direction in which north grows fastest.
        step = np.linalg.solve(self.matrix, [0.0, 1.0])
        return math.degrees(math.atan2(-step[0], step[1]))


def _close(matrix: np.ndarray, pattern: np.ndarray) -> bool:
    scale = math.sqrt(abs(float(np.linalg.det(matrix))))
    unit = matrix / scale
    tolerance = max(math.radians(MAX_ROTATION), MAX_STRETCH)
    return bool(np.all(np.abs(unit - pattern) <= tolerance))


def to_j2000(wcs: WCS, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World coordinates [deg] of a celestial WCS as right ascension, declination J2000 [deg].

    FK5 J2000 and ICRS are not distinguished: they differ by 20 mas at most.

    Raises ValueError if the frame is not on the celestial sphere (a planet, helioprojective ...).
    """
    from astropy.wcs.utils import wcs_to_celestial_frame

    if wcs.wcs.lng == 1:
        lon, lat = lat, lon
    return convert_to_j2000(lon, lat, wcs_to_celestial_frame(wcs))


def sky_of(wcs: WCS, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right ascension, declination J2000 [deg] of pixels (from 0), in whatever frame an image is.

    Raises ValueError as :func:`to_j2000`.
    """
    with quiet():
        first, second = wcs.all_pix2world(x, y, 0)
        return to_j2000(wcs, np.asarray(first), np.asarray(second))


def pixels_of(wcs: WCS, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (from 0) of J2000 positions [deg]; NaN where the projection has none.

    Zenithal projections give pixels for the other hemisphere, too.
    """
    from astropy import units as u
    from astropy.coordinates import SkyCoord
    from astropy.wcs.utils import wcs_to_celestial_frame

    with quiet(), np.errstate(all="ignore"):
        frame = wcs_to_celestial_frame(wcs)
        lon, lat = ra, dec
        if not is_j2000(frame):
            sky = SkyCoord(ra * u.deg, dec * u.deg, frame="icrs").transform_to(frame)
            lon, lat = sky.spherical.lon.deg, sky.spherical.lat.deg
        if wcs.wcs.lng == 1:
            lon, lat = lat, lon
        try:
            x, y = wcs.all_world2pix(lon, lat, 0)
        except Exception:  # positions on the other side of the sphere
            x, y = wcs.wcs_world2pix(lon, lat, 0)
    return np.asarray(x), np.asarray(y)


def geometry(wcs: WCS, shape: tuple[int, int]) -> Geometry:
    """Geometry of an image of ``shape`` (ny, nx) at its central point.

    Raises ValueError if the WCS gives no usable position or scale there; the text says why.
    """
    ny, nx = shape
    x, y = (nx - 1) / 2, (ny - 1) / 2
    ra, dec = sky_of(wcs, x + np.array([0, -0.5, 0.5, 0, 0]), y + np.array([0, 0, 0, -0.5, 0.5]))
    if not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        raise ValueError("it gives no position at the centre of the image")
    if abs(dec[0]) > 90:
        raise ValueError(f"it gives declination {dec[0]:.3f} at the centre of the image")
    lon, lat = np.radians(ra[0]), np.radians(dec[0])
    east = np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    _, left, right, below, above = unit_vectors(ra, dec)
    steps = np.stack([right - left, above - below], axis=1)
    matrix = np.stack([east @ steps, north @ steps]) * _ARCSEC
    if not (np.isfinite(matrix).all() and abs(np.linalg.det(matrix)) > 1e-12):
        raise ValueError("its pixels have no area on the sky")
    rows = ((float(matrix[0, 0]), float(matrix[0, 1])), (float(matrix[1, 0]), float(matrix[1, 1])))
    return Geometry(float(ra[0]) % 360.0, float(dec[0]), rows)


def frame_angle(wcs: WCS, shape: tuple[int, int]) -> float:
    """Position angle of the north of the image's own frame at its centre, J2000, in degrees.

    Zero for equatorial frames of J2000; beams are given from the north of the own frame.

    ``shape``: ``(ny, nx)``.
    """
    from astropy import units as u
    from astropy.wcs.utils import wcs_to_celestial_frame

    with quiet():
        if wcs_to_celestial_frame(wcs).name in ("icrs", "fk5"):
            return 0.0
        centre = wcs.pixel_to_world((shape[1] - 1) / 2, (shape[0] - 1) / 2)
        above = centre.directional_offset_by(0 * u.deg, 10 * u.arcsec)
        return float(centre.icrs.position_angle(above.icrs).deg)


def north_up(data: np.ndarray, wcs: WCS, max_pixels: int) -> tuple[np.ndarray, WCS, str]:
    """Image with north up, east left and square pixels.

    Parameters
    ----------
    data : numpy.ndarray
        Float32, shape ``(ny, nx)``; NaN for missing data.
    wcs : astropy.wcs.WCS
        Celestial, two axes.
    max_pixels : int
        Bound on the size of the result.

    Returns
    -------
    data, wcs, note
        The inputs and an empty note if the image is upright already; otherwise float32, its
        WCS and a description of the change.

    Raises
    ------
    ImageError
        If the pixels are extremely oblong, or the result would exceed ``max_pixels``.
    """
    ny, nx = data.shape
    local = geometry(wcs, (ny, nx))
    if local.upright:
        return data, wcs, ""
    if wcs.sip is None:
        # Pixel axes as (x, y) -> (x', y') = P (x, y): a transpose, flips, or both.
        for swap in (False, True):
            for p in (1, -1):
                for q in (1, -1):
                    inverse = np.array([[0, p], [q, 0]] if swap else [[p, 0], [0, q]])
                    if _close(local.matrix @ inverse, np.array([[-1, 0], [0, 1]])):
                        return *_permute(data, wcs, inverse), "flipped to north up, east left"
    sx, sy = local.scales
    step = min(sx, sy)
    wide, high = nx * sx, ny * sy
    if abs(local.matrix[0, 0]) < abs(local.matrix[0, 1]):
        wide, high = high, wide
    shape = (max(1, round(high / step)), max(1, round(wide / step)))
    if max(sx, sy) > MAX_OBLONG * step or shape[0] * shape[1] > max_pixels:
        raise ImageError(
            f"pixels of {sx:.4g} x {sy:.4g} arcsec would need {shape[1]} x {shape[0]} square ones; "
            f"pixels up to {MAX_OBLONG} times as long as wide and {max_pixels:,} of them are "
            "accepted. Correct the WCS in the header"
        )
    target = tan_wcs(local.ra, local.dec, step, shape)
    note = f"resampled to north up, east left (rotated by {local.rotation:.1f} degrees"
    if abs(sx - sy) > MAX_STRETCH * step:
        note += f", pixels of {sx:.4g} x {sy:.4g} arcsec"
    return resample(data, wcs, target, shape), target, note + ")"


def _permute(data: np.ndarray, wcs: WCS, inverse: np.ndarray) -> tuple[np.ndarray, WCS]:
    """Apply flips and transposition exactly; ``inverse`` maps new pixel steps to old ones."""
    from astropy.wcs import WCS

    ny, nx = data.shape
    swap = inverse[0, 0] == 0
    # A negative sign reverses the old pixel coordinate along an axis.
    flip_x, flip_y = inverse[0].sum() < 0, inverse[1].sum() < 0
    out = data[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    crpix = [float(v) for v in wcs.wcs.crpix]
    crpix = [nx + 1 - crpix[0] if flip_x else crpix[0], ny + 1 - crpix[1] if flip_y else crpix[1]]
    if swap:
        out, crpix = out.T, crpix[::-1]
    new = WCS(naxis=2)
    new.wcs.ctype = list(wcs.wcs.ctype)
    new.wcs.cunit = list(wcs.wcs.cunit)
    new.wcs.crval = list(wcs.wcs.crval)
    new.wcs.crpix = crpix
    new.wcs.cd = wcs.pixel_scale_matrix @ inverse
    new.wcs.lonpole, new.wcs.latpole = wcs.wcs.lonpole, wcs.wcs.latpole
    new.wcs.radesys, new.wcs.equinox = wcs.wcs.radesys, wcs.wcs.equinox
    new.wcs.set_pv(wcs.wcs.get_pv())
    new.wcs.set()
    return np.ascontiguousarray(out), new


def resample(
    data: np.ndarray,
    wcs: WCS,
    target: WCS,
    shape: tuple[int, int],
    average: bool | None = None,
) -> np.ndarray:
    """Brightness of ``data`` on the pixels of ``target``; float32, NaN outside.

    Interpolated by cubic splines, or averaged with anti-aliasing (DeForest 2004) if the pixels
    of the target are larger. Brightness is conserved (Jy/beam stays Jy/beam), not the sum.

    Parameters
    ----------
    data : numpy.ndarray
        Shape ``(ny, nx)``; NaN for missing data.
    wcs, target : astropy.wcs.WCS
        Of the data and of the result.
    shape : tuple of int
        Of the result, ``(ny, nx)``.
    average : bool, optional
        Average rather than interpolate; by default if the pixels of the target are larger.
        Averaging broadens the beam by 1.3 target pixels in quadrature, which is not needed
        if the beam covers two of them or more.
    """
    from astropy.wcs.utils import proj_plane_pixel_area
    from reproject import reproject_adaptive, reproject_interp

    holes = ~np.isfinite(data)
    with quiet(), np.errstate(all="ignore"):
        coarser = math.sqrt(proj_plane_pixel_area(target) / proj_plane_pixel_area(wcs)) > 1.3
        if coarser if average is None else average:
            out, _ = reproject_adaptive(
                (data.astype(np.float64), wcs),
                target,
                shape_out=shape,
                bad_value_mode="ignore",
                boundary_mode="ignore",
            )
            return out.astype(np.float32)
        # A single NaN would spread over the image through the spline's recursion.
        filled = np.where(holes, 0.0, data).astype(np.float64)
        out, footprint = reproject_interp((filled, wcs), target, shape_out=shape, order="bicubic")
        out[footprint < 0.5] = np.nan
        if holes.any():
            missing, _ = reproject_interp(
                (holes.astype(np.float64), wcs), target, shape_out=shape, order="bilinear"
            )
            out[missing > 0.5] = np.nan
    return out.astype(np.float32)


def as_header_text(wcs: WCS) -> str:
    """The WCS as header cards, one a line, for the ``wcs_header`` column."""
    with quiet():
        return wcs.to_header(relax=True).tostring(sep="\n", endcard=False, padding=False)


def deviation(wcs: WCS, other: WCS, shape: tuple[int, int]) -> float:
    """Largest distance in pixels between two WCS at the corners and centre of an image."""
    ny, nx = shape
    x = np.array([0.0, nx - 1.0, 0.0, nx - 1.0, (nx - 1) / 2])
    y = np.array([0.0, 0.0, ny - 1.0, ny - 1.0, (ny - 1) / 2])
    with quiet():
        u, v = other.wcs_world2pix(*sky_of(wcs, x, y), 0)
    distance = np.hypot(np.asarray(u) - x, np.asarray(v) - y)
    return float(np.max(np.where(np.isfinite(distance), distance, np.inf)))
