"""Recorded results, ``trained/benchmarks.json``.

A flat JSON object from a dotted name to value, 95 % interval, number of objects, split, seeds,
command, commit, machine and hashes of the models that the command names. The Benchmarks page, the
guides and the model cards quote it.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from radioviz.metrics.resampling import bootstrap
from radioviz.models.registry import list_models
from radioviz.paths import trained_folder
from radioviz.store.atomic import write_json
from radioviz.store.records import read_json_object
from train.core import machine
from train.core.config import TrainError

__all__ = ["Estimate", "benchmarks_file", "bootstrap", "read", "record"]

Estimate = tuple[float, float | None, float | None]
"""A value and the ends of its 95 % interval."""


def benchmarks_file() -> Path:
    """Path of the recorded results."""
    return trained_folder() / "benchmarks.json"


def read(path: Path | None = None) -> dict[str, Any]:
    """All recorded results; empty if there are none yet.

    Raises TrainError if the file is damaged.
    """
    path = path or benchmarks_file()
    try:
        return read_json_object(path) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise TrainError(f"{path} cannot be read ({error}); restore it or delete it") from error


def weights_of(command: str) -> str:
    """First digits of the hashes of the models that a command names after ``--model``."""
    words = command.split()
    named = words[words.index("--model") + 1] if "--model" in words[:-1] else ""
    models = list_models()
    names = dict.fromkeys(re.split(r"[,+]", named))
    return ", ".join(f"{n} {models[n].weights_sha256[:12]}" for n in names if n in models)


def record(
    name: str,
    value: float | Estimate | None,
    *,
    n: int,
    split: str,
    seeds: list[int] | tuple[int, ...] = (),
    command: str,
    why: str = "",
    path: Path | None = None,
) -> dict[str, Any]:
    """Record one result, replacing an earlier one of the same name; returns the entry.

    Parameters
    ----------
    name : str
        Dotted name, such as ``rec.ssim``.
    value : float, Estimate or None
        The result, with its 95 % interval if it has one; None needs ``why``.
    n : int
        Number of objects that it was measured on.
    split : str
        Which data, such as ``first/test``.
    seeds : sequence of int
        Seeds that it is averaged over.
    command : str
        The command that measures it again.

    Raises
    ------
    TrainError
        If a number is not finite, the interval does not contain the value, or ``why`` is missing.
    """
    found, low, high = value if isinstance(value, tuple) else (value, None, None)
    numbers = {"value": found, "low": low, "high": high}
    for what, number in numbers.items():
        if number is not None and not math.isfinite(number):
            raise TrainError(f"result '{name}': {what} is {number}; expected a finite number")
    if found is None and not why:
        raise TrainError(f"result '{name}' has no value; say why")
    if found is not None and not (
        (low is None or low <= found) and (high is None or found <= high)
    ):
        raise TrainError(f"result '{name}': {found} is outside its interval {low}..{high}")
    entry: dict[str, Any] = {
        **{k: None if v is None else float(f"{v:.6g}") for k, v in numbers.items()},
        "n": n,
        "split": split,
        "seeds": list(seeds),
        "command": command,
        "commit": machine.commit(),
        "machine": machine.kind(machine.device()),
        "weights": weights_of(command),
    }
    if why:
        entry["why"] = why
    path = path or benchmarks_file()
    write_json(path, dict(sorted({**read(path), name: entry}.items())))
    return entry
