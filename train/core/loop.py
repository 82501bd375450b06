"""The training loop that every method shares; a method supplies a network and a loss.

:func:`fit` prepares or resumes a run, then for each epoch goes through the images, validates the
averaged weights, appends a line to ``losses.jsonl``, writes a checkpoint, and stops when the
validation loss no longer improves. One seed on one machine gives the same bits each time, even if
the run is killed and resumed. Several processes can share a run (:mod:`train.core.distributed`).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from radioviz.models.precision import without_denormals
from radioviz.paths import make_folder
from train.core import checkpoint, distributed, machine
from train.core.config import RunConfig, TrainError
from train.core.data import Data, Part
from train.core.optim import build_optimiser, learning_rate
from train.core.task import AnyTask

LOSSES = "losses.jsonl"
CONFIG = "run.json"

_Tensors = list[Tensor] | tuple[Tensor, ...]


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    # epochs, best_epoch: epochs done, and the one whose weights are kept
    epochs: int
    best_epoch: int
    best_loss: float  # validation loss of that epoch
    # seconds, images_per_second: duration of the whole run, and speed of its training steps
    seconds: float
    images_per_second: float
    # machine, commit: kind of machine and commit of the code of the last epochs
    machine: str
    commit: str
    data: dict[str, str]  # data set to the digest of its sources and splits


@without_denormals()
def fit(
    task: AnyTask,
    data: Data,
    folder: Path,
    *,
    resume: bool = False,
    device: torch.device | None = None,
    stop: Callable[[int], bool] = lambda epoch: False,
    progress: bool = True,
) -> Outcome:
    """Train ``task.module`` and write checkpoints and losses into ``folder``.

    Parameters
    ----------
    folder : Path
        Created if missing. A run that it holds already is only continued with ``resume``.
    stop : callable
        Called after each checkpoint with the number of epochs done; True ends the training.

    Raises
    ------
    TrainError
        If the folder holds a run and ``resume`` is False, or a run of another configuration;
        if no step of an epoch has a finite gradient.
    """
    run = _Run(task, data, folder, distributed.local_device(device or machine.device()))
    config, state = run.config, run.resume() if resume else run.begin()
    bar = tqdm(
        total=config.epochs * run.steps,
        initial=state.epoch * run.steps,
        desc=config.name,
        unit="step",
        disable=not (progress and run.group.first),
        dynamic_ncols=True,
    )
    with bar:
        while state.epoch < config.epochs and not state.finished:
            began = time.perf_counter()
            line = run.train_epoch(bar)
            state.train_seconds += time.perf_counter() - began
            last = state.epoch == config.epochs
            if last or state.epoch % config.validate_every == 0:
                line |= run.validate()
                bar.set_postfix(
                    train=f"{line['loss']:.4g}",
                    valid=f"{line['valid_loss']:.4g}",
                    best=f"{state.best_loss:.4g}",
                )
            state.seconds += time.perf_counter() - began
            run.log(line)
            if last or state.finished or state.epoch % config.checkpoint_every == 0:
                run.group.from_first(run.save)
                if stop(state.epoch):
                    break
    return state.outcome(run.made, data.digests)


@dataclass
class _State:
    """Progress of a run, as its checkpoint stores it."""

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


class _Run:
    """Everything that changes while a task trains: weights, average, optimiser, progress."""

    def __init__(self, task: AnyTask, data: Data, folder: Path, device: torch.device) -> None:
        self.task, self.data, self.folder, self.device = task, data, folder, device
        self.config: RunConfig = task.config
        self.group = distributed.processes()
        self.state = _State()
        make_folder(folder)
        self.module = task.module.to(device=device, memory_format=torch.channels_last)
        task.prepare(data, device)
        self.optimiser = build_optimiser(self.module, self.config)
        self.average = _average(self.module, self.config)
        self.images = data.train.images.to(device)
        distributed.seed(self.config.seed, 0)
        length = len(task.order(data))
        _refuse_uneven(self.config, length, self.group.size)
        self.steps = max(1, length // self.config.batch)
        self.best = checkpoint.copy_of(self.average)
        self.identity = {"config": self.config.to_dict(), "data": data.digests}
        self.made = {"machine": machine.kind(device, self.group.size), "commit": machine.commit()}

    def begin(self) -> _State:
        """Start the run in an empty folder."""
        if (self.folder / checkpoint.FILE).exists():
            raise TrainError(
                f"{self.folder} holds a run of {self.config.name} already; continue it with "
                "--resume, give --out another folder, or delete it"
            )
        if self.group.first:
            (self.folder / LOSSES).write_text("")
        return self._ready()

    def resume(self) -> _State:
        """Restore everything from the checkpoint."""
        tensors, values = checkpoint.read(self.folder)
        _refuse_other(values["identity"], self.identity, self.folder)
        self.state = _State(**values["state"])
        self.module.load_state_dict(checkpoint.under("model", tensors))
        self.average.load_state_dict(checkpoint.under("average", tensors))
        best = checkpoint.under("best", tensors)
        self.best = {k: v.to(self.device) for k, v in best.items()}
        checkpoint.restore_optimiser(self.optimiser, checkpoint.under("optimiser", tensors))
        self.group.from_first(lambda: _truncate(self.folder / LOSSES, self.state.epoch))
        return self._ready()

    def _ready(self) -> _State:
        if self.group.first:
            run = {"method": self.task.method, **self.identity}
            (self.folder / CONFIG).write_text(json.dumps(run, indent=1) + "\n")
        self.loss = distributed.shared_loss(self.task)
        return self.state

    def save(self) -> None:
        """Write the checkpoint."""
        tensors = {
            **checkpoint.prefixed("model", self.module.state_dict()),
            **checkpoint.prefixed("average", self.average.state_dict()),
            **checkpoint.prefixed("best", self.best),
            **checkpoint.prefixed("optimiser", checkpoint.optimiser_tensors(self.optimiser)),
        }
        values = {"identity": self.identity, "made": self.made, "state": vars(self.state)}
        checkpoint.write(self.folder, tensors, values)

    def train_epoch(self, bar: tqdm) -> dict[str, float]:
        """Go through the images once; the line for the log, with means over the steps."""
        config, state = self.config, self.state
        self.module.train()
        distributed.seed(config.seed, state.epoch)
        order = self.task.order(self.data)
        sums: dict[str, Tensor] = {}
        skipped = 0
        for step in range(self.steps):
            batch = order[step * config.batch : (step + 1) * config.batch].to(self.device)
            figures = self._step(batch, step)
            if figures is None:
                skipped += 1
            else:
                self._add(figures, sums)
            bar.update()
        if skipped == self.steps:
            raise TrainError(
                f"{config.name}: no step of epoch {state.epoch + 1} had a gradient that is "
                "finite and within skip_norm; lower learning_rate, set clip_norm or raise "
                "skip_norm"
            )
        means = {k: v / (self.steps - skipped) for k, v in self.group.mean(sums).items()}
        state.epoch += 1
        state.images += self.steps * config.batch
        return {"epoch": state.epoch, "skipped": skipped, **means}

    def _step(self, batch: Tensor, step: int) -> dict[str, Tensor] | None:
        """One step of the optimiser; its losses, or None where the gradient is refused."""
        config, epoch = self.config, self.state.epoch + step / self.steps
        rate = learning_rate(config, epoch) * self.state.rate_factor
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = rate * parameters.get("lr_scale", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        found = self._gradient(self.group.share(batch), epoch, step)
        limit = config.clip_norm or math.inf
        norm = nn.utils.clip_grad_norm_(self.module.parameters(), limit)
        if not torch.isfinite(norm) or (config.skip_norm and norm > config.skip_norm):
            return None
        self.optimiser.step()
        self.task.after_step()
        if isinstance(self.average, AveragedModel):
            self.average.update_parameters(self.module)
        return {**found, "norm": norm}

    def _gradient(self, rows: Tensor, epoch: float, step: int) -> dict[str, Tensor]:
        """Gradient of the loss of some images, in ``accumulate`` parts; the losses."""
        config = self.config
        found: dict[str, Tensor] = {}
        for number, part in enumerate(rows.chunk(config.accumulate)):
            at = self.group.rank * config.accumulate + number
            distributed.seed(config.seed, self.state.epoch, step, at)
            share = len(part) / len(rows)
            with distributed.last_part(self.loss, number + 1 == config.accumulate):
                with machine.autocast(config.precision, self.device):
                    loss, figures = self.loss(self.images[part], part, epoch)
                (loss * share).backward()
            self._add({"loss": loss.detach(), **figures}, found, share)
        return found

    def _add(self, values: dict[str, Tensor], sums: dict[str, Tensor], factor: float = 1.0) -> None:
        for key, value in values.items():
            sums[key] = sums.get(key, torch.zeros((), device=self.device)) + value * factor

    def validate(self) -> dict[str, float]:
        """Judge the average weights; keep the best ones, stop or slow down a stale run."""
        config, state = self.config, self.state
        judged = self.group.from_first(
            lambda: validate(self.task, _network(self.average), self.data.valid, self.device)
        )
        if judged["loss"] < state.best_loss:
            state.best_loss, state.best_epoch = judged["loss"], state.epoch
            self.best = checkpoint.copy_of(self.average)
            state.stale = 0
        else:
            state.stale += 1
        if config.schedule == "plateau" and state.stale > config.plateau_patience:
            state.rate_factor *= config.plateau_factor
            state.stale = 0
        state.finished = state.epoch - state.best_epoch >= config.patience
        return {f"valid_{k}": v for k, v in judged.items()}

    def log(self, line: dict[str, float]) -> None:
        """Append a line to the losses."""
        if self.group.first:
            with (self.folder / LOSSES).open("a") as file:
                file.write(json.dumps(line) + "\n")


def load_best(task: AnyTask, folder: Path) -> Outcome:
    """Load the best weights of a run into ``task.module``, for publishing.

    Raises TrainError if there is no checkpoint, or it has another configuration.
    """
    tensors, values = checkpoint.read(folder)
    identity = values["identity"]
    now = task.config.to_dict()
    then = {**identity["config"], **{k: now[k] for k in task.chosen_later}}
    data = identity["data"]
    _refuse_other({"config": then, "data": data}, {"config": now, "data": data}, folder)
    average = _average(task.module, task.config)
    average.load_state_dict(checkpoint.under("best", tensors))
    task.module.load_state_dict(_network(average).state_dict())
    return _State(**values["state"]).outcome(values["made"], identity["data"])


@torch.no_grad()
def validate(
    task: AnyTask, module: nn.Module, part: Part, device: torch.device, batch: int = 256
) -> dict[str, float]:
    """Mean metrics over all validation images, in evaluation mode and the run's precision.

    Noise comes from a separate generator, the same at every epoch.
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
            f"{config.name} has {length} images per epoch in batches of {config.batch}, each in "
            f"{config.accumulate} part(s); {processes} processes cannot share them evenly. Start "
            "one process, or a number that divides the parts"
        )


def _average(module: nn.Module, config: RunConfig) -> nn.Module:
    """Moving average of the weights, or with ``ema = 0`` the module itself."""
    if not config.ema:
        return module

    def lerp(average: _Tensors, now: _Tensors, seen: Tensor | int) -> None:
        # A young average must forget the untrained weights.
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
                    "give --out another folder to start a new run"
                )


def _truncate(path: Path, epoch: int) -> None:
    """Drop lines that were written after the checkpoint; those epochs are repeated."""
    lines = path.read_text().splitlines() if path.exists() else []
    kept = []
    for line in lines:
        try:
            if json.loads(line)["epoch"] <= epoch:
                kept.append(line + "\n")
        except (ValueError, KeyError):
            break  # the kill cut this line short
    path.write_text("".join(kept))
