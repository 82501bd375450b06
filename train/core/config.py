"""Runs: a frozen dataclass of defaults, and TOML files that hold only the differences."""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from radioviz.data.preprocess import PRESETS, Preprocess
from radioviz.errors import PreprocessError, RadioVizError
from train.core.augment import Augment

OPTIMISERS = ("adamw", "adam", "rmsprop", "adagrad", "sgd", "lars")
SCHEDULES = ("cosine", "constant", "plateau")
RUNS = Path(__file__).resolve().parents[1] / "runs"


class TrainError(RadioVizError):
    """A run cannot be started, resumed or published."""


@dataclass(frozen=True)
class RunConfig:
    """What every method shares.

    Attributes
    ----------
    name : str
        Name of the run, and of the model that it publishes.
    title : str
        Name shown to people.
    data : tuple of str
        Data sets; their ``train`` splits are learned from, their ``valid`` splits decide.
    preprocess : Preprocess
        In TOML the name of a preset, or a table of its fields.
    augment : Augment
        What happens to training images.
    epochs, batch : int
        Passes over the training images, images a step.
    optimiser : str
        A name of :data:`OPTIMISERS`.
    learning_rate, weight_decay, momentum : float
        Of the optimiser; momentum where it has one.
    betas : tuple of float
        Memory of the moments of Adam and AdamW.
    schedule : str
        What follows the linear warm-up: ``cosine`` (half a cosine to a fiftieth), ``constant``,
        or ``plateau`` (times ``plateau_factor`` whenever the validation loss has not improved
        over ``plateau_patience`` validations).
    warmup_epochs : float
        Epochs over which the learning rate rises.
    accumulate : int
        Parts that a batch is gone through in, to save memory; gradients are averaged.
    clip_norm : float
        Gradients longer than this are shortened to it; 0 leaves them.
    skip_norm : float
        Steps with a gradient longer than this are skipped; 0 skips only those that are not
        finite.
    ema : float
        Memory of the exponential moving average of the weights, which is what gets validated
        and published; 0 publishes the last weights themselves.
    patience : int
        Epochs without a better validation loss before stopping.
    validate_every, checkpoint_every : int
        In epochs.
    seed : int
        Of weights, order, augmentation and noise.
    precision : str
        ``float32``, ``bfloat16`` (autocast), or ``auto``: bfloat16 where it is fast.
    limit : int
        Use only so many images of each split (tests); 0 uses all.
    """

    name: str
    title: str = ""
    data: tuple[str, ...] = ("first",)
    preprocess: Preprocess = PRESETS["compact64"]
    augment: Augment = field(default_factory=Augment)
    epochs: int = 300
    batch: int = 64
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    warmup_epochs: float = 3.0
    schedule: str = "cosine"
    plateau_factor: float = 0.5
    plateau_patience: int = 10
    weight_decay: float = 1e-3
    betas: tuple[float, ...] = (0.9, 0.99)
    accumulate: int = 1
    clip_norm: float = 100.0
    skip_norm: float = 0.0
    ema: float = 0.995
    patience: int = 100
    validate_every: int = 1
    checkpoint_every: int = 5
    seed: int = 0
    precision: str = "auto"
    limit: int = 0

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

    ``changes`` (None is ignored) win over the file.

    Raises
    ------
    TrainError
        If there is no such file, it is no TOML, or a field or a value is not understood.
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
    """Configuration from plain values; fields left out have their default.

    Raises
    ------
    TrainError
        If a field is unknown or a value is of the wrong type.
    """
    result: C = _build(cls, values, where)
    return result


def _build(cls: Any, values: Mapping[str, Any], where: str) -> Any:
    hints = typing.get_type_hints(cls)
    known = [f.name for f in dataclasses.fields(cls)]
    for key in values:
        if key not in known:
            raise TrainError(f"{where}: '{key}' is unknown; expected one of {', '.join(known)}")
    ready = {k: _convert(hints[k], v, f"{where}: {k}") for k, v in values.items()}
    try:
        return cls(**ready)
    except (TypeError, PreprocessError) as error:
        raise TrainError(f"{where}: {error}") from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if hint is Preprocess and isinstance(value, str):
        if value not in PRESETS:
            raise TrainError(f"{where} is '{value}'; presets are {', '.join(PRESETS)}")
        return PRESETS[value]
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise TrainError(f"{where} is {value!r}; expected a table")
        return _build(hint, value, where)
    origin = typing.get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise TrainError(f"{where} is {value!r}; expected a list")
        inner = typing.get_args(hint)[0]
        return tuple(_convert(inner, v, where) for v in value)
    if origin in (types.UnionType, typing.Union):
        options = [h for h in typing.get_args(hint) if h is not type(None)]
        return None if value is None else _convert(options[0], value, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    kind = origin or hint
    wrong_bool = isinstance(value, bool) and kind is not bool
    if kind is not Any and (wrong_bool or not isinstance(value, kind)):
        raise TrainError(f"{where} is {value!r}; expected {getattr(kind, '__name__', kind)}")
    return value
