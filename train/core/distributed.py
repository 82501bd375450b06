"""Train in several processes, started by ``torchrun -m -- train METHOD --run RUN``.

Every process holds all images and processes its share of each batch;
:class:`torch.nn.parallel.DistributedDataParallel` averages the gradients, so all take the same
step. N processes equal one with ``accumulate = N``: each part of a batch has its own random draws,
and batch norm sees one part at a time. Only the first process validates, writes and publishes.
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
    from train.core.task import AnyTask

LONGEST_WAIT = timedelta(hours=2)
"""How long processes wait for the first one, which validates and publishes."""


@dataclass(frozen=True)
class Processes:
    """Number of processes that train together, and the rank of this one, from 0."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """True in the process that validates, writes and prints."""
        return self.rank == 0

    def share(self, rows: Tensor) -> Tensor:
        """This process's share of the rows of a batch."""
        return rows.chunk(self.size)[self.rank]

    def mean(self, values: dict[str, Tensor]) -> dict[str, float]:
        """Scalars (the same names in every process) averaged over the processes."""
        if self.size > 1 and values:
            stacked = torch.stack([v.double() for v in values.values()]) / self.size
            distributed.all_reduce(stacked)
            return dict(zip(values, stacked.tolist(), strict=True))
        return {k: float(v) for k, v in values.items()}

    def from_first(self, make: Callable[[], Any]) -> Any:
        """Result of ``make``, which runs in the first process only; the others wait."""
        made = [make() if self.first else None]
        if self.size > 1:
            distributed.broadcast_object_list(made)
        return made[0]

    def in_turn(self, make: Callable[[], Any]) -> Any:
        """What ``make`` returns, in the first process before the others: what it locks is free."""
        made = make() if self.first else None
        self.from_first(lambda: None)
        return made if self.first else make()


def processes() -> Processes:
    """The processes of this run: one, outside :func:`joined`."""
    if distributed.is_available() and distributed.is_initialized():
        return Processes(distributed.get_rank(), distributed.get_world_size())
    return Processes()


def started_by_torchrun() -> bool:
    """True if torchrun started several processes."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Connect to the other processes that torchrun started, if any.

    Raises TrainError if this PyTorch lacks torch.distributed, or the processes cannot connect.
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
        raise TrainError(f"the processes of this run cannot connect: {error}") from error
    try:
        yield processes()
    finally:
        distributed.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """This process's own GPU under torchrun, otherwise ``device``."""
    if device.type == "cuda" and device.index is None and started_by_torchrun():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device


class _Loss(nn.Module):
    """A task's loss as a forward pass, which DistributedDataParallel can wrap."""

    def __init__(self, task: AnyTask) -> None:
        super().__init__()
        self.module = task.module
        self._loss = task.loss

    def forward(
        self, padded: Tensor, rows: Tensor, epoch: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return self._loss(padded, rows, epoch)


def shared_loss(task: AnyTask) -> nn.Module:
    """``task.loss`` as a module whose gradients are averaged over all processes."""
    loss = _Loss(task)
    if processes().size == 1:
        return loss
    # A step may not use every part of a network, and not the same parts in every process.
    return DistributedDataParallel(loss, find_unused_parameters=True)


def last_part(loss: nn.Module, last: bool) -> contextlib.AbstractContextManager[Any]:
    """Context of one part of a batch; only the last part synchronises gradients."""
    if isinstance(loss, DistributedDataParallel) and not last:
        return loss.no_sync()
    return contextlib.nullcontext()


def seed(*numbers: int) -> None:
    """Seed torch's generators by the seed of the run, the epoch, the step and the part.

    A draw then depends neither on earlier draws nor on the process that makes it.
    """
    state = np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(state >> np.uint64(1)))
