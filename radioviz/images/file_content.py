"""What can be chosen in a FITS file: images and planes."""

from __future__ import annotations

from dataclasses import dataclass

from radioviz.errors import ImageError
from radioviz.images.hdus import open_source
from radioviz.images.headers import sky_axes
from radioviz.images.opening import Source
from radioviz.images.plane_choice import Plane, every_plane, plane_names, usual_plane

_LIMIT = 1 << 29  # bytes that a gzip stream is inflated to


@dataclass(frozen=True)
class FileContent:
    """What can be chosen in a FITS file."""

    extensions: tuple[str, ...]  # names of its images, or numbers where they have none of their own
    # Of the image along its one axis that is not on the sky and longer than 1; empty if it has
    # none, or if there are several images.
    planes: tuple[str, ...] = ()
    cube: bool = False  # True where a plane must be chosen
    usual: str | None = None  # the plane of total brightness
    # What the images show: bands or epochs where RadioViz wrote so, else as ``extensions``.
    labels: tuple[str, ...] = ()
    one_source: bool = False  # True where RadioViz wrote them as images of one source


def list_content(
    source: Source, *, extension: int | str | None = None, name: str = ""
) -> FileContent:
    """The images and planes of a FITS file, from its headers.

    Raises ImageError if it is not FITS, or ``extension`` names no image.
    """
    with open_source(source, name, limit=_LIMIT) as file:
        images = [h for h in file.hdus if h.is_image]
        given = [h.name for h in images]
        names = [h.name if h.name and given.count(h.name) == 1 else str(h.index) for h in images]
        if len(images) != 1 and extension is None:
            labels = [h.header.string("PLANE") or n for h, n in zip(images, names, strict=True)]
            labels = labels if len(set(labels)) == len(labels) else names
            ours = "NPLANES" in file.hdus[0].header
            return FileContent(tuple(names), labels=tuple(labels), one_source=ours)
        hdu = file.choose(extension)
    header = hdu.image_header
    pair = sky_axes(header, hdu.axes)
    long = [i for i, n in enumerate(hdu.axes) if n != 1 and pair is not None and i not in pair]
    if len(long) != 1:
        return FileContent(tuple(names), cube=bool(long), labels=tuple(names))
    planes = tuple(plane_names(header, long[0], hdu.axes[long[0]]))
    usual = usual_plane(header, long[0], len(planes))
    return FileContent(tuple(names), planes, True, usual, tuple(names))


def plane_of(source: Source) -> str:
    """Band or epoch that RadioViz wrote to the only image of a file; empty if it did not.

    Raises ImageError if it is not FITS, or holds no image or several.
    """
    with open_source(source, limit=_LIMIT) as file:
        return file.choose().header.string("PLANE")


def list_planes(
    source: Source, plane: str, most: int, *, extension: int | str | None = None, name: str = ""
) -> list[tuple[str, Plane]]:
    """Name and choice of each plane of a cube along the axis for which ``plane`` says ``all``.

    Raises ImageError if it is not a FITS cube, ``plane`` names no such axis, or it has more than
    ``most``.
    """
    with open_source(source, name, limit=_LIMIT) as file:
        hdu, title = file.choose(extension), file.name
    header = hdu.image_header
    pair = sky_axes(header, hdu.axes)
    shape = " x ".join(map(str, hdu.axes))
    others = [i for i in range(len(hdu.axes)) if pair is not None and i not in pair]
    if not any(hdu.axes[i] > 1 for i in others):
        raise ImageError(f"{title}: {shape} pixels are one image, not several planes")
    try:
        return every_plane(header, hdu.axes, others, plane, most)
    except ValueError as error:
        raise ImageError(f"{title}: a cube of {shape} pixels, {error}") from None
