"""Train the runs of a plan one after another: ``python -m train queue``.

The plan, ``train/surveys.toml``, lists runs in order of their worth. Finished runs are passed over
and interrupted ones resumed, so that the same command continues after any stop. ``cpu.json`` in the
folder of each run holds the core-hours that it took, those of epochs that were repeated included;
``hours`` in the plan limits their sum.
"""

from __future__ import annotations

import dataclasses
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from radioviz.paths import make_folder
from radioviz.store.atomic import write_json
from radioviz.store.records import read_json_object
from train.core.config import TrainError, read_run
from train.methods import METHODS, seeded, task_class

if TYPE_CHECKING:
    import torch

PLAN = Path(__file__).with_name("surveys.toml")
CPU = "cpu.json"
_ENTRY = ("method", "run", "name", "seed", "changes")


@dataclass(frozen=True)
class Queued:
    """One run of a plan; ``name`` is that of its folder and model."""

    method: str
    run: str
    name: str
    changes: dict[str, Any]


def read_queue(path: Path = PLAN) -> tuple[float, list[Queued]]:
    """Limit in core-hours, and the runs in order.

    Raises TrainError if the file cannot be read or has an invalid entry.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TrainError(f"{path} cannot be read: {error}") from error
    hours, entries = values.get("hours"), values.get("runs")
    if not isinstance(hours, int | float) or not isinstance(entries, list) or not entries:
        raise TrainError(f"{path}: expected hours = a number and a list [[runs]]")
    out = []
    for i, entry in enumerate(entries, start=1):
        method, run, name = (entry.get(key) for key in ("method", "run", "name"))
        if method not in METHODS or not isinstance(run, str) or not isinstance(name, str):
            raise TrainError(
                f"{path}: run {i} has method {method!r}, run {run!r} and name {name!r}; expected "
                f"one of {', '.join(METHODS)}, a file of train/runs, and a name"
            )
        if odd := sorted(set(entry) - set(_ENTRY)):
            raise TrainError(
                f"{path}: run {i}: '{odd[0]}' is unknown; expected {', '.join(_ENTRY)}"
            )
        changes = {"seed": entry.get("seed", 0), **entry.get("changes", {})}
        out.append(Queued(method, run, name, changes))
    if len({entry.name for entry in out}) < len(out):
        raise TrainError(f"{path}: two runs have the same name")
    return float(hours), out


def queue(
    config: Path = PLAN, out: Path | None = None, quick: bool = False, device: str = "auto"
) -> dict[str, int]:
    """Train every run of a plan; the number of epochs done, by name.

    ``quick``: two epochs on 64 images of each data set, to see whether everything works. Raises
    TrainError if the plan is invalid, its core-hours are spent, or another process trains it.
    """
    from train.core import machine

    hours, runs = read_queue(config)
    root = out or Path("runs")
    make_folder(root)
    try:
        with FileLock(root / ".queue.lock", timeout=0):
            return _train(runs, hours, root, quick, machine.device(device))
    except Timeout:
        raise TrainError(
            f"another process trains a plan into {root}; wait for it, or give --out another folder"
        ) from None


def _train(
    runs: list[Queued], hours: float, root: Path, quick: bool, device: torch.device
) -> dict[str, int]:
    from train.core import checkpoint
    from train.core.loop import fit

    done = {}
    for entry in runs:
        spent = sum(core_hours(root / other.name) for other in runs)
        if spent >= hours:
            raise TrainError(f"{spent:.1f} of {hours:g} core-hours of this plan are spent")
        small = {"epochs": 2, "limit": 64, "batch": 32, "warmup_epochs": 1.0} if quick else {}
        cls = task_class(entry.method)
        run = read_run(cls.config_class, entry.run, **{**entry.changes, **small})
        task = seeded(cls, dataclasses.replace(run, name=entry.name))
        folder = root / entry.name
        resume = (folder / checkpoint.FILE).is_file()
        if resume and checkpoint.read(folder)[1]["state"]["epoch"] >= task.config.epochs:
            done[entry.name] = task.config.epochs
            continue
        print(f"{entry.name}: {'resumed' if resume else 'started'}, {spent:.2f} core-hours so far")
        clock = _Clock(folder)
        found = fit(task, task.load(), folder, resume=resume, device=device, stop=clock.note)
        done[entry.name] = found.epochs
    return done


def core_hours(folder: Path) -> float:
    """Core-hours that a run has taken so far, 0 before its first checkpoint."""
    try:
        return float(read_json_object(folder / CPU)["core_hours"])
    except FileNotFoundError:
        return 0.0


class _Clock:
    """Adds the CPU time of this process to that of earlier ones in a run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.before, self.began = folder, core_hours(folder), time.process_time()

    def note(self, epoch: int) -> bool:
        """Write the core-hours so far; never ends the training."""
        used = self.before + (time.process_time() - self.began) / 3600
        write_json(self.folder / CPU, {"core_hours": round(used, 4), "epoch": epoch})
        return False
