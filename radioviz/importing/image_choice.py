"""Which image of a file and which plane of a cube an import reads, and in which unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from radioviz.data.source_planes import MOST_PLANES
from radioviz.errors import ImageError
from radioviz.images.file_content import FileContent, list_content
from radioviz.images.plane_choice import EVERY_PLANE
from radioviz.images.reading import ImageSummary, SkyImage, read_image, summarise_fits
from radioviz.importing.image_files import FileEntry, is_picture
from radioviz.importing.survey_facts import Answers, Question, unit_answer
from radioviz.jobs.watched_fork import begin

_MOST_CHOICES = 200
EVERY_EXTENSION = "all"
"""The answer for a file whose images are a source each."""


@dataclass(frozen=True)
class ImageChoice:
    """What the user chose."""

    # extension, plane: name or number; empty where files hold one image
    extension: str = ""
    plane: str = ""
    bunit: str | None = None  # unit of the pixels instead of that of the headers

    @property
    def every_plane(self) -> bool:
        """Whether all planes of a cube are kept."""
        return EVERY_PLANE in [word.strip().lower() for word in self.plane.split(",")]

    def _extension(self, content: Path | bytes, name: str) -> str | None:
        """The extension of one file: its only image, if that has no name."""
        if not self.extension:
            return None
        images = list_content(content, name=name).extensions
        return None if len(images) == 1 and images[0].isdigit() else self.extension

    def read(self, content: Path | bytes, name: str) -> SkyImage:
        """See :func:`radioviz.images.reading.read_image`."""
        begin(name)
        if is_picture(name):
            return read_image(content, name=name)
        extension, plane = self._extension(content, name), self.plane or None
        return read_image(content, extension=extension, plane=plane, bunit=self.bunit, name=name)

    def summarise(self, content: Path | bytes, name: str) -> ImageSummary:
        """See :func:`radioviz.images.reading.summarise_fits`; the unit is that of the header."""
        extension, plane = self._extension(content, name), self.plane or None
        return summarise_fits(content, extension=extension, plane=plane, name=name)


def choose_images(
    answers: Answers,
    sample: Iterable[FileEntry],
    *,
    every: bool = False,
    planes: bool = False,
) -> tuple[ImageChoice, dict[str, str], list[Question]]:
    """The choice, what was found in words, and questions.

    ``answers``: ``extension``, ``plane`` and ``bunit``; ``sample``: some of the files; ``every``:
    true where each image of the file may be a source; ``planes``: true where all planes of a cube
    may be kept, as images of one source.
    """
    extension = str(answers.get("extension") or "").strip()
    plane = str(answers.get("plane") or "").strip()
    found: dict[str, str] = {}
    needed: list[Question] = []
    questions: list[Question | None] = []
    for entry in sample:
        if entry.content is None or is_picture(entry.name):
            continue
        try:
            questions.append(_question(entry, extension, plane))
        except ImageError:
            continue
    asked = [q for q in questions if q]
    # A few cubes among images are refused with the reason; of most files the user is asked.
    if asked and 2 * len(asked) > len(questions):
        question = asked[0]
        if every and question.key == "extension":
            choices = (*question.choices, EVERY_EXTENSION)
            text = f"{question.text} Or {EVERY_EXTENSION}: each is a galaxy."
            question = dataclasses.replace(question, choices=choices, text=text)
        several = 1 < len(question.choices) <= MOST_PLANES or question.default == EVERY_PLANE
        if planes and question.key == "plane" and several:
            text = f"{question.text} Or {EVERY_PLANE}: they are kept as images of one source."
            choices = (*question.choices, EVERY_PLANE)
            question = dataclasses.replace(question, choices=choices, text=text)
        elif question.default == EVERY_PLANE:
            question = dataclasses.replace(question, default=None)
        needed.append(question)
        if question.key == "plane" and question.default:
            plane = question.default
    if extension:
        found["extension"] = f"{extension} (given)"
    if plane:
        found["plane"] = f"{plane} ({'given' if answers.get('plane') else 'by its axis'})"
    return ImageChoice(extension, plane, unit_answer(answers)), found, needed


def holds_one_source(sample: Iterable[FileEntry]) -> bool:
    """Whether RadioViz wrote the files, with the images of a source in their extensions."""
    for entry in sample:
        if entry.content is None or is_picture(entry.name):
            continue
        try:
            return list_content(entry.content, name=entry.name).one_source
        except ImageError:
            continue
    return False


def _question(entry: FileEntry, extension: str, plane: str) -> Question | None:
    """What must be chosen in one file; None if nothing is open."""
    content = _content(entry, extension)
    if len(content.extensions) > 1 and not extension:
        shown = ", ".join(content.extensions[:8])
        text = f"{entry.name} holds {len(content.extensions)} images ({shown}): which one?"
        return Question("extension", text, content.extensions[:_MOST_CHOICES])
    if content.cube and not plane:
        text = f"{entry.name} is a cube: which plane (Stokes, frequency, or number from 0)?"
        return Question("plane", text, content.planes[:_MOST_CHOICES], content.usual)
    return None


def _content(entry: FileEntry, extension: str) -> FileContent:
    content = entry.content if entry.content is not None else b""
    listed = list_content(content, name=entry.name)
    named = len(listed.extensions) > 1 or not all(e.isdigit() for e in listed.extensions)
    if extension and named:
        return list_content(content, extension=extension, name=entry.name)
    return listed
