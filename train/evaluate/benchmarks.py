"""The one file of figures, ``trained/benchmarks.json``.

A flat object from a dotted name to value, 95 % interval, number of objects, split, seeds,
command, commit and machine; read by the Benchmarks page, the README and the cards.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from radioviz.metrics.resampling import bootstrap
from radioviz.paths import trained_folder
from train.core.config import TrainError

__all__ = ["benchmarks_file", "bootstrap", "read", "record"]


def benchmarks_file() -> Path:
    """Where the figures are."""
    return trained_folder() / "benchmarks.json"


def read(path: Path | None = None) -> dict[str, Any]:
    """All figures; empty when none was recorded yet.

    Raises
    ------
    TrainError
        If the file is damaged.
    """
    path = path or benchmarks_file()
    if not path.exists():
        return {}
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainError(f"{path} cannot be read ({error}); restore it or delete it") from error
    if not isinstance(figures, dict):
        raise TrainError(f"{path} holds {type(figures).__name__}; expected a JSON object")
    return figures


def record(
    name: str,
    value: float | None,
    *,
    low: float | None = None,
    high: float | None = None,
    n: int,
    split: str,
    seeds: list[int] | tuple[int, ...] = (),
    command: str,
    why: str = "",
    path: Path | None = None,
) -> dict[str, Any]:
    """Record one figure, replacing what was there under its name; returns the entry.

    Parameters
    ----------
    name : str
        Dotted, as the figure is called everywhere: ``rec.ssim``.
    value, low, high : float or None
        The figure and its 95 % interval; a value of None needs ``why``.
    n : int
        Objects that it was measured on.
    split : str
        Which data, e.g. ``first/test``.
    seeds : sequence of int
        Seeds that it was averaged over.
    command : str
        What gives it again.

    Raises
    ------
    TrainError
        If a value is not finite, the interval does not hold it, or ``why`` is missing.
    """
    from train.core import machine

    numbers = {"value": value, "low": low, "high": high}
    for what, number in numbers.items():
        if number is not None and not math.isfinite(number):
            raise TrainError(f"figure '{name}': {what} is {number}; expected a finite number")
    if value is None and not why:
        raise TrainError(f"figure '{name}' has no value; say why")
    if value is not None and not (
        (low is None or low <= value) and (high is None or value <= high)
    ):
        raise TrainError(f"figure '{name}': {value} lies outside of its interval {low}..{high}")
    entry: dict[str, Any] = {
        **{k: None if v is None else float(f"{v:.6g}") for k, v in numbers.items()},
        "n": n,
        "split": split,
        "seeds": list(seeds),
        "command": command,
        "commit": machine.commit(),
        "machine": machine.kind(machine.device()),
    }
    if why:
        entry["why"] = why
    path = path or benchmarks_file()
    figures = {**read(path), name: entry}
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        json.dump(dict(sorted(figures.items())), file, indent=1)
        file.write("\n")
    os.chmod(file.name, 0o644)  # noqa: PTH101
    Path(file.name).replace(path)
    return entry
