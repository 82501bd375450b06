"""What can be chosen in a FITS file: images and planes."""

from __future__ import annotations

from dataclasses import dataclass

from radioviz.images.hdus import open_source
from radioviz.images.headers import sky_axes
from radioviz.images.opening import Source
from radioviz.images.plane_choice import plane_names, usual_plane

_LIMIT = 1 << 29  # bytes that a gzip stream is inflated to


@dataclass(frozen=True)
class FileContent:
    """What can be chosen in a FITS file.

    Attributes
    ----------
    extensions : tuple of str
        Names of its images, or numbers where they have none of their own.
    planes : tuple of str
        Of the image along its one axis that is not on the sky and longer than 1; empty if it has
        none, or if there are several images.
    cube : bool
        True where a plane must be chosen.
    usual : str or None
        The plane of total brightness.
    """

    extensions: tuple[str, ...]
    planes: tuple[str, ...] = ()
    cube: bool = False
    usual: str | None = None


def list_content(
    source: Source, *, extension: int | str | None = None, name: str = ""
) -> FileContent:
    """The images and planes of a FITS file, from its headers.

    Raises
    ------
    ImageError
        If it is not FITS, or ``extension`` names no image.
    """
    with open_source(source, name, limit=_LIMIT) as file:
        images = [h for h in file.hdus if h.is_image]
        given = [h.name for h in images]
        names = [h.name if h.name and given.count(h.name) == 1 else str(h.index) for h in images]
        if len(images) != 1 and extension is None:
            return FileContent(tuple(names))
        hdu = file.choose(extension)
    header = hdu.image_header
    pair = sky_axes(header, hdu.axes)
    long = [i for i, n in enumerate(hdu.axes) if n != 1 and pair is not None and i not in pair]
    if len(long) != 1:
        return FileContent(tuple(names), cube=bool(long))
    planes = tuple(plane_names(header, long[0], hdu.axes[long[0]]))
    return FileContent(tuple(names), planes, True, usual_plane(header, long[0], len(planes)))
