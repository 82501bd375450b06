"""What every kind of import has in common: outcomes one by one, and the facts of a survey."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.importing.outcome import FileOutcome
from radioviz.importing.source_rows import SourceList

Step = tuple[FileOutcome, np.ndarray | None]
LEFT_OUT = "left out: "
"""How the reason begins where an image is not wanted, rather than no use."""


@dataclass(frozen=True)
class SurveyFacts:
    """What holds for all images, as far as it is known.

    Attributes
    ----------
    pixel_scale : float or None
        Arcsec.
    beam : float or None
        FWHM in arcsec; None where unknown, or taken from the files one by one.
    bunit, survey : str
        Empty where unknown.
    raw : bool
        True where noise is still in the images.
    frequency : float or None
        GHz.
    """

    pixel_scale: float | None = None
    beam: float | None = None
    bunit: str = ""
    survey: str = ""
    raw: bool = True
    frequency: float | None = None
    licence: str = ""
    reference: str = ""


class Reader(ABC):
    """Reads one source of images in a fixed order.

    Attributes
    ----------
    shape : tuple of int
        ``(ny, nx)`` of every image that it gives.
    dtype : numpy.dtype
        uint8 or float32.
    total : int or None
        Number of outcomes, None where the end is not known beforehand.
    expected : int or None
        Images at most, for a look at the free space; default ``total``.
    survey : SurveyFacts
    sources : SourceList or None
        The table that goes with the images, where there is one.
    notes : list of str
        On the whole import.
    cancelled : callable
        For readers that wait: True asks them to end.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    total: int | None = None
    expected: int | None = None
    survey: SurveyFacts
    sources: SourceList | None = None

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.cancelled: Callable[[], bool] = lambda: False

    def finish(self, table: pd.DataFrame) -> pd.DataFrame:
        """What only the whole table tells, added to it."""
        return table

    @abstractmethod
    def read(self, start: int = 0) -> Iterator[Step]:
        """Outcomes and images from number ``start`` on, the same ones at each call.

        An outcome without a refusal comes with an image ``(ny, nx)`` of ``dtype``.
        """


def stored(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Float32 image in the type that it is stored in; grey levels without data become 0."""
    if dtype == np.uint8:
        return np.clip(np.rint(np.nan_to_num(image)), 0, 255).astype(np.uint8)
    return image.astype(dtype, copy=False)


def looks_clipped(images: list[np.ndarray]) -> bool:
    """True where the noise has been set to zero: most pixels of most images are exactly 0."""
    good = [image[np.isfinite(image)] for image in images]
    shares = [float(np.mean(pixels == 0)) for pixels in good if pixels.size]
    return bool(shares) and float(np.median(shares)) > 0.5
