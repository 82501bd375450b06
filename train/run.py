"""Train a run: ``python -m train METHOD --run RUN``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from radioviz.models.precision import without_denormals
from train.core import distributed, machine
from train.core.config import TrainError
from train.core.loop import fit
from train.core.task import AnyTask
from train.methods import task_of
from train.publish import publish_task


def train(
    method: str,
    run: str,
    out: Path | None = None,
    resume: bool = False,
    epochs: int | None = None,
    quick: bool = False,
    seed: int | None = None,
    device: str = "auto",
    publish: bool = False,
) -> None:
    """Train a run, and with ``publish`` write its model folder."""
    changes: dict[str, Any] = {"epochs": epochs, "seed": seed}
    if quick:
        changes |= {"epochs": epochs or 2, "limit": 64, "batch": 32, "checkpoint_every": 1}
    where = distributed.local_device(machine.device(device))
    with without_denormals(), distributed.joined(where) as group:
        task = task_of(method, run, **changes)
        folder = out or Path("runs") / task.config.name
        if group.first:
            print(f"{task.config.name} on {machine.kind(where, group.size)}, into {folder}")
        if method == "semi" or (method == "finetune" and not publish):
            _train_members(method, task.config, run, folder, where)
        else:
            _fit(task, folder, resume, where, publish)


def _train_members(method: str, config: Any, run: str, folder: Path, device: Any) -> None:
    """Train the independent small networks of a run."""
    from train.methods import finetune_members, semi

    if distributed.started_by_torchrun():
        raise TrainError(f"{config.name} trains many small networks; start one process")
    if method == "finetune":
        finetune_members.run_members(config, run, folder, device)
    else:
        print(semi.run(config, run, folder, device).to_string(index=False))


def _fit(task: AnyTask, folder: Path, resume: bool, device: torch.device, publish: bool) -> None:
    group = distributed.processes()
    data = group.in_turn(task.load)
    if group.first:
        print(f"{len(data.train)} training images, {len(data.valid)} validation images")
    outcome = fit(task, data, folder, resume=resume, device=device)
    if not group.first:
        return
    print(
        f"{outcome.epochs} epochs in {outcome.seconds:.0f} s, {outcome.images_per_second:.0f} "
        f"images/s; best validation loss {outcome.best_loss:.5g} at epoch {outcome.best_epoch}"
    )
    if publish:
        publish_task(task, folder)
