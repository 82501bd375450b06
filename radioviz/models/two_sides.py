"""Models with two peaks and the column of scores of each; without torch."""

from __future__ import annotations

from collections.abc import Mapping

from radioviz.models.artefact import ModelInfo

_PREFIX = "side_"


def side_column(model: str) -> str:
    """Column of the scores of a data set that a model with two peaks makes."""
    return f"{_PREFIX}{model}"


def side_models(models: Mapping[str, ModelInfo], columns: Mapping[str, object]) -> list[str]:
    """Models with two peaks whose column is among these."""
    return [n for n, info in models.items() if info.can("side") and side_column(n) in columns]
