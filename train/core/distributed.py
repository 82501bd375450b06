"""Train in several processes, started by ``torchrun -m -- train METHOD --run RUN``.

Every process holds all images and goes through its share of each batch; gradients are averaged
by :class:`torch.nn.parallel.DistributedDataParallel`, so all take the same step. N processes do
what one does with ``accumulate = N``: the random draws of each part of a batch are its own, and
batch norm sees one part at a time. The first process alone validates, writes and publishes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from train.core.config import TrainError

if TYPE_CHECKING:
    from train.core.loop import Task

LONGEST_WAIT = timedelta(hours=2)
"""Processes wait as long for the first one, which validates and publishes."""


@dataclass(frozen=True)
class Processes:
    """Those that train together: how many, and which of them this is, from 0."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True in the process that validates, writes and speaks."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """Rows of a batch that are this process's."""
        return rows.chunk(self.size)[self.rank]

    def mean(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Figures (scalars, the same names everywhere) averaged over the processes."""
        if self.size > 1 and values:
            stacked = torch.stack([v.double() for v in values.values()]) / self.size
            distributed.all_reduce(stacked)
            return dict(zip(values, stacked.tolist(), strict=True))
        return {k: float(v) for k, v in values.items()}

    def from_first(self, make: Callable[[], Any]) -> Any:
        """What ``make`` returns in the first process; the others wait for it."""
        made = [make() if self.first else None]
        if self.size > 1:
            distributed.broadcast_object_list(made)
        return made[0]


def processes() -> Processes:
    """The processes of this run: one, unless within :func:`joined`."""
    if distributed.is_available() and distributed.is_initialized():
        return Processes(distributed.get_rank(), distributed.get_world_size())
    return Processes()


def started_by_torchrun() -> bool:
    """True where torchrun started more than this process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Meet the other processes that torchrun started; does nothing where there are none.

    Raises
    ------
    TrainError
        If this PyTorch cannot, or the others do not come.
    """
    if not started_by_torchrun():
        yield Processes()
        return
    if not distributed.is_available():
        raise TrainError("this PyTorch was built without torch.distributed; train in one process")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT
        )
    except (ValueError, RuntimeError) as error:
        raise TrainError(f"the processes of this run do not find each other: {error}") from error
    try:
        yield processes()
    finally:
        distributed.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """This process's own GPU, where each has one; else the device itself."""
    if device.type == "cuda" and device.index is None and started_by_torchrun():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device


class _Loss(nn.Module):
    """A task's loss as the forward pass of its network, which is what gets wrapped."""

    def __init__(self, task: Task[Any]) -> None:
        super().__init__()
        self.module = task.module
        self._loss = task.loss

    def forward(
        self, padded: Tensor, rows: Tensor, epoch: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return self._loss(padded, rows, epoch)


def shared_loss(task: Task[Any]) -> nn.Module:
    """``task.loss`` as a module; its gradients are those of all processes, averaged."""
    loss = _Loss(task)
    if processes().size == 1:
        return loss
    # A step may leave parts of a network alone, and not the same parts in every process.
    return DistributedDataParallel(loss, find_unused_parameters=True)


def last_part(loss: nn.Module, last: bool) -> contextlib.AbstractContextManager[Any]:
    """Context of one part of a batch: gradients are averaged with those of the last."""
    if isinstance(loss, DistributedDataParallel) and not last:
        return loss.no_sync()
    return contextlib.nullcontext()


def seed(*numbers: int) -> None:
    """Seed torch's generators by the run's seed and where it is: epoch, step, part.

    So a draw depends neither on what was drawn before nor on which process draws it.
    """
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(state >> np.uint64(1)))
