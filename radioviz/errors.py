"""Errors that a person can act on.

Every message names the thing (a file, a column, a model), the value that was
found, and what is accepted. Pages and command lines catch
:class:`RadioVizError` and show the message; anything else is a defect.
"""

from __future__ import annotations


class RadioVizError(Exception):
    """Base of every error that RadioViz raises on purpose."""


class CatalogueError(RadioVizError):
    """A table or data set is missing, malformed or inconsistent."""


class NoRowsError(CatalogueError):
    """A service answers that its catalogue has nothing there."""


class ImageError(RadioVizError):
    """An image cannot be read, or is not one two-dimensional sky image."""


class BlankImageError(ImageError):
    """An image has no data: every pixel is NaN."""


class ReaderError(RadioVizError):
    """The process that read a file died, took too long, or failed in a way of its own."""


class FetchError(RadioVizError):
    """A download failed, was cut short, or does not match its checksum."""


class ModelError(RadioVizError):
    """A model is missing or altered, or lacks the requested capability."""


class AtlasError(RadioVizError):
    """An Atlas is missing, malformed, or stale against its model or data."""


class ExportError(RadioVizError):
    """A selection cannot be written."""


class PreprocessError(RadioVizError):
    """A preprocessing chain has an invalid parameter."""


class SelectionError(RadioVizError):
    """A selection file or a search for a source cannot be understood."""


class UnknownNameError(SelectionError):
    """A name that no data set has, and that is not a position."""


class FilterError(RadioVizError):
    """A filter cannot be understood.

    Attributes
    ----------
    position : int or None
        Character of the filter where it fails, from 0.
    """

    def __init__(self, message: str, position: int | None = None) -> None:
        at = "" if position is None else f" (character {position + 1})"
        super().__init__(message + at)
        self.position = position


class LabelError(RadioVizError):
    """A tag, a mark or a note is not possible."""


class WorkspaceError(RadioVizError):
    """A workspace is missing, damaged, or cannot be saved."""


class SampError(RadioVizError):
    """Another program cannot be reached by SAMP, or sent unusable data."""


class SimilarityError(RadioVizError):
    """A search for similar galaxies has invalid parameters."""


class LikelihoodError(RadioVizError):
    """Outlier scores or marks cannot be ranked."""


class BusyError(RadioVizError):
    """Too many requests wait for the same thing."""


class CancelledError(RadioVizError):
    """A reader cancelled the work."""


class RelationError(RadioVizError):
    """A property cannot be predicted from the columns that were chosen."""


class VocabularyError(RadioVizError):
    """The vocabulary of tags, or what was learned of it, cannot be read."""


class FieldError(RadioVizError):
    """A mock field cannot be drawn, or its sources cannot be found again."""
