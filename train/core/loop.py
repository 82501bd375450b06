"""The training loop that every method shares; a method gives a network and a loss.

Reads top to bottom: prepare, resume, then a pass over the images an epoch, validation of the
averaged weights, a line in ``losses.jsonl``, a checkpoint, and a stop when validation no longer
improves. With one seed and one machine a run gives the same bits each time, killed and resumed
or not. Several processes share it (:mod:`train.core.distributed`).
"""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from radioviz.models.precision import without_denormals
from train.core import checkpoint, distributed, machine
from train.core import data as training_data
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.optim import build_optimiser, learning_rate

LOSSES = "losses.jsonl"
CONFIG = "run.json"

C = TypeVar("C", bound=RunConfig)
_Tensors = list[Tensor] | tuple[Tensor, ...]


class Task(ABC, Generic[C]):
    """One method of training: what ``train/<method>.py`` fills in."""

    method: ClassVar[str]
    config_class: ClassVar[type[RunConfig]] = RunConfig

    def __init__(self, config: C) -> None:
        self.config = config
        self.module: nn.Module

    def load(self) -> Data:
        """Images of the run. Default: the splits ``train`` and ``valid`` of its data sets."""
        return training_data.load(self.config)

    def order(self, data: Data) -> Tensor:
        """Rows of the training images in the order of one epoch, a permutation by default.

        May be of any length and repeat rows (balanced classes); draws from torch's generator.
        """
        return torch.randperm(len(data.train))

    def after_step(self) -> None:
        """Called after each step of the optimiser (a momentum encoder moves). Default: nothing."""

    def prepare(self, data: Data, device: torch.device) -> None:
        """Take what else is needed from the tables (labels, sizes). Default: nothing."""

    def prepare_score(self, data: Data) -> None:
        """Take what :meth:`score` needs beside its part, for weights that ship already.

        Default: nothing.
        """

    def finish(self, data: Data) -> None:
        """Last touch to the best weights, in ``self.module``, before publishing (calibration).

        Default: nothing.
        """

    def view(self, padded: Tensor) -> Tensor:
        """Random view of padded training images, ``(n, 1, size, size)`` in 0..1."""
        images = self.config.augment(padded, self.config.preprocess)
        return images.contiguous(memory_format=torch.channels_last)

    @abstractmethod
    def loss(self, padded: Tensor, rows: Tensor, epoch: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of one step (a scalar) and figures to log (scalars, detached).

        ``padded`` are training images with margin, ``rows`` their rows in ``data.train.table``,
        ``epoch`` counts from 0 and grows within an epoch.
        """

    @abstractmethod
    def validate(self, module: nn.Module, images: Tensor, rows: Tensor) -> dict[str, float]:
        """Figures of a batch of validation images; ``loss``, the lower the better, decides."""

    def published(self) -> nn.Module:
        """The network that is published. Default: all that was trained."""
        return self.module

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Fields of ModelInfo that the method knows: kind, capabilities, latent_dim, paper..."""

    @abstractmethod
    def score(self, module: nn.Module, part: Part) -> dict[str, float]:
        """Figures of the published model on validation images, for config and card."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    epochs, best_epoch : int
        Epochs done, and the one whose weights are kept.
    best_loss : float
        Validation loss of that one.
    seconds, images_per_second : float
        Of the whole run; of its training steps alone.
    machine, commit : str
        Kind of machine and commit of the code that did the last epochs.
    data : dict
        Data set to what tells its sources and splits apart.
    """

    epochs: int
    best_epoch: int
    best_loss: float
    seconds: float
    images_per_second: float
    machine: str
    commit: str
    data: dict[str, str]


@without_denormals()
def fit(
    task: Task[Any],
    data: Data,
    folder: Path,
    *,
    resume: bool = False,
    device: torch.device | None = None,
    stop: Callable[[int], bool] = lambda epoch: False,
    progress: bool = True,
) -> Outcome:
    """Train ``task.module`` and leave checkpoint and losses in ``folder``.

    Parameters
    ----------
    folder : Path
        Made if needed. A run that is there already is only touched with ``resume``.
    stop : callable
        Asked after each checkpoint, with the number of epochs done; True ends the call.

    Raises
    ------
    TrainError
        If the folder holds a run and ``resume`` is False; if it holds another configuration;
        if the loss is no longer finite.
    """
    config: RunConfig = task.config
    device = distributed.local_device(device or machine.device())
    group = distributed.processes()
    folder.mkdir(parents=True, exist_ok=True)
    state = _State()

    module = task.module.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    task.prepare(data, device)
    optimiser = build_optimiser(module, config)
    average = _average(module, config)
    images = data.train.images.to(device)
    distributed.seed(config.seed, 0)
    length = len(task.order(data))
    _refuse_uneven(config, length, group.size)
    per_epoch = max(1, length // config.batch)
    best = checkpoint.copy_of(average)

    identity = {"config": config.to_dict(), "data": data.digests}
    made = {"machine": machine.kind(device, group.size), "commit": machine.commit()}
    if resume:
        tensors, values = checkpoint.read(folder)
        _refuse_other(values["identity"], identity, folder)
        state = _State(**values["state"])
        module.load_state_dict(checkpoint.under("model", tensors))
        average.load_state_dict(checkpoint.under("average", tensors))
        best = {k: v.to(device) for k, v in checkpoint.under("best", tensors).items()}
        checkpoint.restore_optimiser(optimiser, checkpoint.under("optimiser", tensors))
        group.from_first(lambda: _truncate(folder / LOSSES, state.epoch))
    elif (folder / checkpoint.FILE).exists():
        raise TrainError(
            f"{folder} holds a run of {config.name} already; continue it with --resume, give "
            "--out another folder, or delete it"
        )
    elif group.first:
        (folder / LOSSES).write_text("")
    if group.first:
        written = json.dumps({"method": task.method, **identity}, indent=1) + "\n"
        (folder / CONFIG).write_text(written)
    shared_loss = distributed.shared_loss(task)

    def save() -> None:
        tensors = {
            **checkpoint.prefixed("model", module.state_dict()),
            **checkpoint.prefixed("average", average.state_dict()),
            **checkpoint.prefixed("best", best),
            **checkpoint.prefixed("optimiser", checkpoint.optimiser_tensors(optimiser)),
        }
        checkpoint.write(
            folder, tensors, {"identity": identity, "made": made, "state": vars(state)}
        )

    bar = tqdm(
        total=config.epochs * per_epoch,
        initial=state.epoch * per_epoch,
        desc=config.name,
        unit="step",
        disable=not (progress and group.first),
        dynamic_ncols=True,
    )
    with bar:
        while state.epoch < config.epochs and not state.finished:
            started = time.perf_counter()
            module.train()
            distributed.seed(config.seed, state.epoch)
            order = task.order(data)
            sums: dict[str, Tensor] = {}
            skipped = 0
            for step in range(per_epoch):
                epoch = state.epoch + step / per_epoch
                batch = order[step * config.batch : (step + 1) * config.batch].to(device)
                rows = group.share(batch)
                rate = learning_rate(config, epoch) * state.rate_factor
                for parameters in optimiser.param_groups:
                    parameters["lr"] = rate * parameters.get("lr_scale", 1.0)
                optimiser.zero_grad(set_to_none=True)
                found: dict[str, Tensor] = {}
                for number, part in enumerate(rows.chunk(config.accumulate)):
                    at = group.rank * config.accumulate + number
                    distributed.seed(config.seed, state.epoch, step, at)
                    share = len(part) / len(rows)
                    with distributed.last_part(shared_loss, number + 1 == config.accumulate):
                        with machine.autocast(config.precision, device):
                            loss, figures = shared_loss(images[part], part, epoch)
                        (loss * share).backward()
                    for key, value in {"loss": loss.detach(), **figures}.items():
                        found[key] = found.get(key, torch.zeros((), device=device)) + value * share
                limit = config.clip_norm or math.inf
                norm = nn.utils.clip_grad_norm_(module.parameters(), limit)
                if torch.isfinite(norm) and not (config.skip_norm and norm > config.skip_norm):
                    optimiser.step()
                    task.after_step()
                    if isinstance(average, AveragedModel):
                        average.update_parameters(module)
                    for key, value in {**found, "norm": norm}.items():
                        sums[key] = sums.get(key, torch.zeros((), device=device)) + value
                else:
                    skipped += 1
                bar.update()
            if skipped == per_epoch:
                raise TrainError(
                    f"{config.name}: no step of epoch {state.epoch + 1} had a gradient that is "
                    "finite and within skip_norm; lower learning_rate, set clip_norm or raise "
                    "skip_norm"
                )
            line = {k: v / (per_epoch - skipped) for k, v in group.mean(sums).items()}
            state.epoch += 1
            state.train_seconds += time.perf_counter() - started
            state.images += per_epoch * config.batch

            last = state.epoch == config.epochs
            if last or state.epoch % config.validate_every == 0:
                judged = group.from_first(
                    lambda: validate(task, _network(average), data.valid, device)
                )
                line.update({f"valid_{k}": v for k, v in judged.items()})
                if judged["loss"] < state.best_loss:
                    state.best_loss, state.best_epoch = judged["loss"], state.epoch
                    best = checkpoint.copy_of(average)
                    state.stale = 0
                else:
                    state.stale += 1
                if config.schedule == "plateau" and state.stale > config.plateau_patience:
                    state.rate_factor *= config.plateau_factor
                    state.stale = 0
                state.finished = state.epoch - state.best_epoch >= config.patience
                bar.set_postfix(
                    train=f"{line['loss']:.4g}",
                    valid=f"{judged['loss']:.4g}",
                    best=f"{state.best_loss:.4g}",
                )
            state.seconds += time.perf_counter() - started
            if group.first:
                told = {"epoch": state.epoch, "skipped": skipped, **line}
                with (folder / LOSSES).open("a") as file:
                    file.write(json.dumps(told) + "\n")
            if last or state.finished or state.epoch % config.checkpoint_every == 0:
                group.from_first(save)
                if stop(state.epoch):
                    break
    return state.outcome(made, data.digests)


@dataclass
class _State:
    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    finished: bool = False
    stale: int = 0
    rate_factor: float = 1.0
    seconds: float = 0.0
    train_seconds: float = 0.0
    images: int = 0

    def outcome(self, made: dict[str, str], data: dict[str, str]) -> Outcome:
        rate = self.images / self.train_seconds if self.train_seconds else 0.0
        return Outcome(
            self.epoch, self.best_epoch, self.best_loss, self.seconds, rate, **made, data=data
        )


def load_best(task: Task[Any], folder: Path) -> Outcome:
    """Put the best weights of a run into ``task.module``, for publishing.

    Raises
    ------
    TrainError
        If there is no checkpoint, or it is of another configuration.
    """
    tensors, values = checkpoint.read(folder)
    identity = values["identity"]
    _refuse_other(identity, {"config": task.config.to_dict(), "data": identity["data"]}, folder)
    average = _average(task.module, task.config)
    average.load_state_dict(checkpoint.under("best", tensors))
    task.module.load_state_dict(_network(average).state_dict())
    return _State(**values["state"]).outcome(values["made"], identity["data"])


@torch.no_grad()
def validate(
    task: Task[Any], module: nn.Module, part: Part, device: torch.device, batch: int = 256
) -> dict[str, float]:
    """Mean figures over all validation images, in evaluation mode and the run's precision.

    Draws of noise come from a generator of their own, the same at every epoch.
    """
    module.eval()
    sums: dict[str, float] = {}
    kept = checkpoint.random_tensors()
    torch.manual_seed(1)
    for start in range(0, len(part), batch):
        rows = torch.arange(start, min(start + batch, len(part)))
        images = part.images[rows].to(device).contiguous(memory_format=torch.channels_last)
        with machine.autocast(task.config.precision, device):
            found = task.validate(module, images, rows)
        for key, value in found.items():
            sums[key] = sums.get(key, 0.0) + value * len(rows)
    checkpoint.restore_random(kept)
    return {k: v / len(part) for k, v in sums.items()}


def _refuse_uneven(config: RunConfig, length: int, processes: int) -> None:
    """Raise if processes would not get equal shares of each batch."""
    if processes > 1 and (length < config.batch or config.batch % (processes * config.accumulate)):
        raise TrainError(
            f"{config.name} has {length} images an epoch in batches of {config.batch}, each in "
            f"{config.accumulate} part(s); {processes} processes cannot share them evenly. Start "
            "as many as divide it, or one"
        )


def _average(module: nn.Module, config: RunConfig) -> nn.Module:
    """Moving average of the weights, or with ``ema = 0`` the module itself."""
    if not config.ema:
        return module

    def lerp(average: _Tensors, now: _Tensors, seen: Tensor | int) -> None:
        # A young average must forget the untrained weights that it started from.
        memory = min(config.ema, (1 + float(seen)) / (10 + float(seen)))
        torch._foreach_lerp_(average, now, 1 - memory)

    return AveragedModel(module, multi_avg_fn=lerp, use_buffers=False)


def _network(average: nn.Module) -> nn.Module:
    return average.module if isinstance(average, AveragedModel) else average


def _refuse_other(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    """Raise if a checkpoint was made with another configuration or other data."""
    for part in ("config", "data"):
        for key in sorted({*found[part], *wanted[part]}):
            before, now = found[part].get(key), wanted[part].get(key)
            if before != now:
                raise TrainError(
                    f"{folder} holds a run with {key} = {before!r}, now it is {now!r}; "
                    "give --out another folder to train anew"
                )


def _truncate(path: Path, epoch: int) -> None:
    """Drop lines that were written after the checkpoint; those epochs are done again."""
    lines = path.read_text().splitlines() if path.exists() else []
    kept = []
    for line in lines:
        try:
            if json.loads(line)["epoch"] <= epoch:
                kept.append(line + "\n")
        except (ValueError, KeyError):
            break  # a line cut short by the kill
    path.write_text("".join(kept))
