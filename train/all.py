"""Train the compact models on your own survey: ``python -m train all --data mine``.

``train/all.toml`` lists the models in order. Each is called ``<survey>-<run>``, is written to the
user's folder of models (never among the shipped ones), and encodes FIRST and the survey, so that
both are on its maps. After an interruption the same command resumes.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from radioviz.atlas.layouts import REFERENCE
from radioviz.data.registry import DATA_SETS, open_data_set
from radioviz.encode.survey import encode_data_set
from radioviz.errors import ModelError, RadioVizError
from radioviz.models.artefact import read_info
from radioviz.paths import user_models_folder
from train.core.config import TrainError
from train.methods import METHODS, task_class
from train.splits import own_splits

PLAN = Path(__file__).with_suffix(".toml")


@dataclass(frozen=True)
class Entry:
    """One model to train: method, run, and settings that override the run."""

    method: str
    run: str
    changes: Mapping[str, Any]


def read_plan(path: Path = PLAN) -> list[Entry]:
    """Entries of a TOML file.

    Raises TrainError if it cannot be read or has an invalid entry.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TrainError(f"{path} cannot be read: {error}") from error
    entries = values.get("models")
    if set(values) != {"models"} or not isinstance(entries, list) or not entries:
        raise TrainError(f"{path}: expected a list [[models]] and nothing else")
    out = []
    for i, given in enumerate(entries, start=1):
        entry = dict(given)
        method, run = entry.pop("method", None), entry.pop("run", None)
        if method not in METHODS or not isinstance(run, str):
            raise TrainError(
                f"{path}: model {i} has method {method!r} and run {run!r}; expected one of "
                f"{', '.join(METHODS)} and a file of train/runs"
            )
        if reserved := {"name", "data"} & set(entry):
            raise TrainError(f"{path}: model {i}: '{reserved.pop()}' is set by the survey")
        out.append(Entry(method, run, entry))
    if len({e.run for e in out}) < len(out):
        raise TrainError(f"{path}: a run is listed twice; give the second one its own file")
    return out


def train_survey(
    data: str,
    config: Path = PLAN,
    out: Path | None = None,
    epochs: int | None = None,
    quick: bool = False,
    device: str = "auto",
) -> None:
    """Run :func:`train_all` from the command line; ``quick`` shows whether everything works."""
    changes: dict[str, Any] = {}
    if quick:
        # Enough images to have more than one class in a survey sorted by class.
        changes = {"epochs": 1, "limit": 600, "batch": 32, "prior_steps": 200, "trial": True}
        changes |= {"checkpoint_every": 1, "validate_every": 1}
    if epochs:
        changes["epochs"] = epochs
    train_all(data, config, out, changes, device)


def train_all(
    data: str,
    config: Path = PLAN,
    out: Path | None = None,
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
) -> dict[str, str]:
    """Train, publish and map every model of a plan.

    Parameters
    ----------
    data : str
        Key of the data set, usually an imported survey.
    config : Path
        TOML file of :func:`read_plan`.
    out : Path, optional
        Folder of the runs (default: ``runs/<data>``).
    changes : mapping, optional
        Settings for every run that has them; they override the plan.

    Returns
    -------
    dict
        Model to its outcome: ``trained``, ``was here already``, or why it was skipped.

    Raises
    ------
    TrainError
        If the plan or the survey's splits are invalid.
    """
    plan = read_plan(config)
    catalogue = open_data_set(data)
    if data not in DATA_SETS:
        counts = own_splits.record_own_splits(data)
        print(f"{data}: " + ", ".join(f"{n} {split}" for split, n in sorted(counts.items())))
    names = {entry.run: f"{data}-{Path(entry.run).stem}" for entry in plan}
    outcomes: dict[str, str] = {}
    for entry in plan:
        name = names[entry.run]
        try:
            outcomes[name] = _one(
                entry, names, data, catalogue.info.title, out or Path("runs") / data,
                dict(changes or {}), device,
            )  # fmt: skip
        except RadioVizError as error:  # a survey without classes still gets the other models
            outcomes[name] = f"left out: {error}"
        print(f"{name}: {outcomes[name]}", flush=True)
    return outcomes


def _one(
    entry: Entry,
    names: Mapping[str, str],
    data: str,
    title: str,
    runs: Path,
    changes: dict[str, Any],
    device: str,
) -> str:
    import torch

    from train.core import checkpoint, machine
    from train.core.config import read_run
    from train.core.loop import fit
    from train.publish import publish_task

    name, target = names[entry.run], user_models_folder() / names[entry.run]
    cls = task_class(entry.method)
    known = {f.name for f in dataclasses.fields(cls.config_class)}
    settings = {**entry.changes, **{k: v for k, v in changes.items() if k in known}}
    settings["data"] = [data]
    plain = read_run(cls.config_class, entry.run)
    settings["title"] = f"{plain.title or entry.run}, {title}"
    encoder = entry.changes.get("encoder", getattr(plain, "encoder", ""))
    if encoder in names:  # a flow uses the encoder that was trained on this survey
        settings["encoder"] = names[encoder]
    run = dataclasses.replace(read_run(cls.config_class, entry.run, **settings), name=name)
    torch.manual_seed(run.seed)
    task = cls(run)
    images = task.load()
    outcome = "trained"
    if _is_published(target, task.config.to_dict(), images.digests):
        outcome = "was here already"
    else:
        folder = runs / Path(entry.run).stem
        resume = (folder / checkpoint.FILE).exists()
        fit(task, images, folder, resume=resume, device=machine.device(device))
        command = f"python -m train all --data {data}"
        info = publish_task(task, folder, target, command=command)
        if info.scores:
            scores = ", ".join(f"{k} {v:.4g}" for k, v in info.scores.items())
            outcome += f" on {len(images.train)} images ({scores})"
    if read_info(target).can("encode"):
        for key in dict.fromkeys((REFERENCE, data)):
            encode_data_set(key, name)
    return outcome


def _is_published(target: Path, config: Mapping[str, Any], digests: Mapping[str, str]) -> bool:
    """True where a model was published with these settings from these images."""
    try:
        training = read_info(target).training
    except ModelError:
        return False
    same = training.get("config") == config
    return same and training.get("catalogue_digests") == dict(digests)
