"""Galaxies of a data set on either side of a threshold, and their labels where they have any."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from radioviz.errors import AtlasError
from radioviz.models.artefact import ModelInfo
from radioviz.models.two_sides import side_column, side_models
from radioviz.ui import cache, filtering
from radioviz.ui.code.filter_lines import shown_call
from radioviz.ui.code.script import Expression, Script, literal
from radioviz.ui.controls import View


@dataclass(frozen=True, eq=False)
class SideSample:
    """Galaxies in view with a side under one model."""

    info: ModelInfo
    # source_ids, labels: shape ``(n,)``; a label is empty where there is none
    source_ids: np.ndarray
    labels: np.ndarray
    value: np.ndarray  # latent coordinate, float64 ``(n,)``
    threshold: float = 0.0  # galaxies above it are of the second class

    @property
    def classes(self) -> tuple[str, str]:
        """Names of the classes below and above."""
        low, high = self.info.architecture["classes"]
        return str(low), str(high)

    @property
    def above(self) -> np.ndarray:
        """Whether each galaxy is above the threshold, bool ``(n,)``."""
        return self.value > self.threshold

    def furthest_first(self, above: bool) -> np.ndarray:
        """Identifiers of one side, those furthest from the threshold first."""
        rows = np.flatnonzero(self.above == above)
        away = np.abs(self.value[rows] - self.threshold)
        return self.source_ids[rows[np.argsort(-away, kind="stable")]]

    def labelled(self) -> tuple[list[str], list[str], np.ndarray]:
        """Labels of the first and of the second class, and the rows that have one of them.

        A class without a label of its name, such as "extended", has all that the other leaves.
        """
        known = sorted({str(label) for label in self.labels} - {""})
        low, high = ([k for k in known if k.lower() == c.lower()] for c in self.classes)
        low, high = (
            low or [k for k in known if k not in high],
            high or [k for k in known if k not in low],
        )
        return low, high, np.flatnonzero(np.isin(self.labels, [*low, *high]))


@dataclass(frozen=True, eq=False)
class Roc:
    """Receiver operating characteristic, and the place of the threshold on it."""

    # false, true: shares of the first class that are taken for the second, and of the second
    false: np.ndarray
    true: np.ndarray
    area: tuple[float, float, float]  # under the curve, and its 95 % interval
    at: tuple[float, float]  # at the threshold


def models_with_sides(data_set: str) -> list[str]:
    """Models whose sides are among the scores of a data set.

    Raises AtlasError if the scores are damaged.
    """
    return side_models(cache.models(), cache.galaxy_scores(data_set).columns)


def side_sample(view: View, model: str, threshold: float) -> SideSample:
    """Galaxies that pass the filter and have a side.

    Raises AtlasError or CatalogueError if the data set or its scores cannot be read, or the model
    has no sides there.
    """
    catalogue = cache.data_set(view.data_set)
    ids = catalogue.table["source_id"].to_numpy(object)
    column = side_column(model)
    scores = cache.galaxy_scores(view.data_set)
    if column not in scores.columns:
        raise AtlasError(f"'{view.data_set}' has no scores '{column}'")
    values = scores.of(ids)[column].to_numpy(float)
    keep = np.isfinite(values)
    mask = filtering.passing(view.data_set, view.model)
    keep &= True if mask is None else mask
    labels = catalogue.table["label"].to_numpy(object)
    return SideSample(cache.models()[model], ids[keep], labels[keep], values[keep], threshold)


def roc(value: np.ndarray, truth: np.ndarray, threshold: float) -> Roc | None:
    """Curve of values ``(n,)`` against bool ``(n,)``; None without galaxies of both classes.

    The interval is from the standard error of Hanley & McNeil (1982).
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    ones = int(truth.sum())
    others = len(truth) - ones
    if not ones or not others:
        return None
    false, true, _ = roc_curve(truth, value)
    a = float(roc_auc_score(truth, value))
    spread = (ones - 1) * (a / (2 - a) - a * a) + (others - 1) * (2 * a * a / (1 + a) - a * a)
    error = math.sqrt(max(0.0, a * (1 - a) + spread) / (ones * others))
    area = a, max(0.0, a - 1.96 * error), min(1.0, a + 1.96 * error)
    above = value > threshold
    return Roc(false, true, area, (float(above[~truth].mean()), float(above[truth].mean())))


def side_script(view: View, sample: SideSample) -> Script:
    """The galaxies that pass the filter, and those of either class."""
    script, column = Script(), literal(side_column(sample.info.name))
    script.put("shown", shown_call(script, view.data_set, view.model))
    script.put("side", Expression(f"shown[{column}]"))
    script.put("below", Expression(f"shown[side <= {sample.threshold!r}]"))
    script.put("above", Expression(f"shown[side > {sample.threshold!r}]"))
    return script
