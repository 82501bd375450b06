"""Planes of one source inside a file: along the axis of a cube, or one an extension."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from radioviz.data.source_planes import MOST_PLANES, check_names
from radioviz.errors import CatalogueError, ImageError
from radioviz.images.file_content import list_content, list_planes
from radioviz.images.plane_choice import Plane
from radioviz.importing.image_choice import ImageChoice
from radioviz.importing.image_files import ImageFiles
from radioviz.importing.image_groups import Band, parse_bands
from radioviz.importing.survey_facts import Answers

_SAMPLED = 8  # files from which the planes of cubes are known


@dataclass(frozen=True)
class FilePlanes:
    """Where each plane is in a file that holds all of them."""

    names: tuple[str, ...]
    # As :func:`radioviz.images.file_content.list_planes` takes it; empty where each plane is an
    # extension.
    plane: str
    written: tuple[str, ...]  # what files call the planes

    def choices(
        self, content: Path | bytes, name: str, choice: ImageChoice
    ) -> list[ImageChoice | None]:
        """How each plane is read from one file; None where it lacks the plane.

        Raises ImageError if the file has other planes.
        """
        if self.plane:
            extension = choice.extension or None
            found: list[tuple[str, Plane | str]] = list(
                list_planes(content, self.plane, MOST_PLANES, extension=extension, name=name)
            )
        else:
            listed = list_content(content, name=name)
            found = list(zip(listed.labels, listed.extensions, strict=True))
        by_name = dict(found)
        # Frequencies differ a little between observations: of as many planes, the order counts.
        in_hertz = all(label.endswith(" GHz") for label, _ in found)
        if in_hertz and len(found) == len(self.written):
            by_name = dict(zip(self.written, (c for _, c in found), strict=True))
        other = [label for label in by_name if label not in self.written]
        if other and not set(by_name) & set(self.written):
            raise ImageError(
                f"{name}: its planes are {', '.join(by_name)}; those of most files "
                f"{', '.join(self.written)}"
            )
        out: list[ImageChoice | None] = []
        for label in self.written:
            if label not in by_name:
                out.append(None)
            elif self.plane:
                out.append(dataclasses.replace(choice, plane=_text(by_name[label])))
            else:
                out.append(dataclasses.replace(choice, extension=str(by_name[label])))
        return out


def _text(plane: Plane | str) -> str:
    return ", ".join(map(str, plane)) if isinstance(plane, tuple) else str(plane)


def planes_in_files(
    files: ImageFiles, choice: ImageChoice, answers: Answers, *, extensions: bool
) -> FilePlanes:
    """The planes of most cubes of a sample, or the extensions of most files.

    Raises CatalogueError if no file has several.
    """
    counted: Counter[tuple[str, ...]] = Counter()
    why = ""
    for entry in files.sample(_SAMPLED):
        if entry.content is None:
            continue
        try:
            if extensions:
                labels = list_content(entry.content, name=entry.name).labels
            else:
                extension = choice.extension or None
                listed = list_planes(
                    entry.content, choice.plane, MOST_PLANES, extension=extension, name=entry.name
                )
                labels = tuple(label for label, _ in listed)
        except ImageError as error:
            why = why or str(error)
            continue
        if len(labels) > 1:
            counted[labels] += 1
    if not counted:
        what = "images in extensions" if extensions else "planes"
        raise CatalogueError(why or f"{files.path}: no file has several {what}")
    written = counted.most_common(1)[0][0]
    bands = parse_bands(str(answers.get("bands") or ""))
    names, chosen = _named(written, bands) if bands else (written, written)
    return FilePlanes(check_names(names), "" if extensions else choice.plane, chosen)


def _named(
    written: tuple[str, ...], bands: tuple[Band, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that the user gave to planes, and what files call them."""
    lower = {label.lower(): label for label in written}
    lower |= {str(k): label for k, label in enumerate(written) if str(k) not in lower}
    found = [[lower[w.lower()] for w in b.written if w.lower() in lower] for b in bands]
    names = tuple(b.name for b in bands)
    if not any(found) and len(bands) == len(written):
        return names, written
    for band, labels in zip(bands, found, strict=True):
        if not labels:
            raise CatalogueError(
                f"bands: the files have no plane '{band.name}'; theirs are {', '.join(written)}"
            )
    return names, tuple(labels[0] for labels in found)
