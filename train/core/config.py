"""Configuration of runs: a frozen dataclass of defaults, TOML files with the differences."""

from __future__ import annotations

import dataclasses
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from radioviz.data.preprocess import PRESETS, Preprocess
from radioviz.errors import PreprocessError, RadioVizError
from radioviz.morphology.frame import read_chain
from radioviz.store.records import to_record
from train.core.augment import Augment

OPTIMISERS = ("adamw", "adam", "rmsprop", "adagrad", "sgd", "lars")
SCHEDULES = ("cosine", "constant", "plateau")
RUNS = Path(__file__).resolve().parents[1] / "runs"


class TrainError(RadioVizError):
    """A run cannot be started, resumed or published."""


@dataclass(frozen=True)
class RunConfig:
    """Settings that every method shares."""

    name: str  # name of the run and of the published model
    title: str = ""  # name that the app shows
    # Data sets. Training uses their ``train`` splits, selection their ``valid`` splits.
    data: tuple[str, ...] = ("first",)
    # In TOML the name of a preset, or a table of its fields.
    preprocess: Preprocess = PRESETS["compact64"]
    augment: Augment = field(default_factory=Augment)  # augmentation of training images
    # epochs, batch: passes over the training images; images per step
    epochs: int = 300
    batch: int = 64
    optimiser: str = "adamw"  # a name of :data:`OPTIMISERS`
    # learning_rate, weight_decay, momentum: of the optimiser; momentum if it has one
    learning_rate: float = 1e-3
    momentum: float = 0.9
    warmup_epochs: float = 3.0  # epochs over which the learning rate rises
    # Learning rate after the linear warm-up: ``cosine`` (half a cosine down to 2 %), ``constant``,
    # or ``plateau`` (multiplied by ``plateau_factor`` whenever the validation loss has not improved
    # over ``plateau_patience`` validations).
    schedule: str = "cosine"
    plateau_factor: float = 0.5
    plateau_patience: int = 10
    weight_decay: float = 1e-3
    betas: tuple[float, ...] = (0.9, 0.99)  # decay rates of the moments of Adam and AdamW
    # Parts that a batch is processed in, to save memory; gradients are averaged.
    accumulate: int = 1
    clip_norm: float = 100.0  # clip gradients to this norm; 0 does not clip
    # Skip steps with a larger gradient norm; 0 skips only gradients that are not finite.
    skip_norm: float = 0.0
    # Decay rate of the exponential moving average of the weights, which is validated and published;
    # 0 publishes the plain weights.
    ema: float = 0.995
    patience: int = 100  # stop after this many epochs without a better validation loss
    # validate_every, checkpoint_every: in epochs
    validate_every: int = 1
    checkpoint_every: int = 5
    seed: int = 0  # seed of weights, order, augmentation and noise
    # ``float32``, ``bfloat16`` (autocast), or ``auto``: bfloat16 on hardware that is fast at it.
    precision: str = "auto"
    limit: int = 0  # use only this many images of each split (for tests); 0 uses all

    def __post_init__(self) -> None:
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise TrainError(f"precision is '{self.precision}'; expected auto, float32 or bfloat16")
        if self.optimiser not in OPTIMISERS:
            known = ", ".join(OPTIMISERS)
            raise TrainError(f"optimiser is '{self.optimiser}'; expected one of {known}")
        if self.schedule not in SCHEDULES:
            known = ", ".join(SCHEDULES)
            raise TrainError(f"schedule is '{self.schedule}'; expected one of {known}")
        if self.accumulate < 1 or self.batch % self.accumulate:
            raise TrainError(
                f"accumulate is {self.accumulate}; expected a divisor of the batch, {self.batch}"
            )
        for name in ("epochs", "batch", "validate_every", "checkpoint_every", "patience"):
            if getattr(self, name) < 1:
                raise TrainError(f"{name} is {getattr(self, name)}; expected 1 or more")
        if not 0 <= self.ema < 1:
            raise TrainError(f"ema is {self.ema}; expected 0 (off) to below 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; :func:`from_dict` reads them back."""
        return _plain(dataclasses.asdict(self))


C = TypeVar("C", bound=RunConfig)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (tuple, list)) else value


def read_run(cls: type[C], name: str, **changes: Any) -> C:
    """Configuration of a run: ``train/runs/<name>.toml``, or a path to a TOML file.

    ``changes`` override the file; None is ignored.

    Raises TrainError if the file is missing or is not TOML, or a field or value is not accepted.
    """
    path = Path(name) if name.endswith(".toml") else RUNS / f"{name}.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in RUNS.glob("*.toml")))
        raise TrainError(f"no run '{name}' ({path} is missing); there are {known}") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise TrainError(f"{path} cannot be read: {error}") from error
    values.setdefault("name", path.stem)
    values.update({k: v for k, v in changes.items() if v is not None})
    return from_dict(cls, values, str(path))


def from_dict(cls: type[C], values: Mapping[str, Any], where: str = "config") -> C:
    """Configuration from plain values; missing fields get their default.

    Raises TrainError if a field is unknown or a value is of the wrong type.
    """
    result: C = _build(cls, values, where)
    return result


def _build(cls: Any, values: Any, where: str) -> Any:
    """A dataclass, and those in its fields, from plain values."""
    if not isinstance(values, Mapping):
        raise TrainError(f"{where} is {values!r}; expected a table")
    hints = typing.get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls)]
    ready = dict(values)
    chains: dict[str, Preprocess] = {}
    for key, value in values.items():
        if key not in known:
            raise TrainError(f"{where}: '{key}' is unknown; expected one of {', '.join(known)}")
        if hints[key] is Preprocess and isinstance(value, str):
            if value not in PRESETS:
                raise TrainError(f"{where}: {key} is '{value}'; presets are {', '.join(PRESETS)}")
            ready[key] = PRESETS[value]
        elif hints[key] is Preprocess and isinstance(value, Mapping):
            try:
                chains[key] = read_chain(value)
                del ready[key]
            except (TypeError, PreprocessError) as error:
                raise TrainError(f"{where}: {key}: {error}") from error
        elif dataclasses.is_dataclass(hints[key]):
            ready[key] = _build(hints[key], value, f"{where}: {key}")
    try:
        # Records are made of exact types; a chain may be of a derived one.
        return dataclasses.replace(to_record(ready, cls), **chains)
    except (ValueError, PreprocessError) as error:
        raise TrainError(f"{where}: {error}") from error
