"""One file with the whole state of a run: weights, average, optimiser, progress.

A safetensors file with the plain values as JSON in its header, replaced atomically, so that a run
killed at any moment resumes from the last checkpoint with the same bits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from radioviz.store.atomic import atomic_file
from train.core.config import TrainError

FILE = "checkpoint.safetensors"


def write(folder: Path, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """Replace the checkpoint of a run folder; keys of ``tensors`` are dotted names."""
    ready = {k: v.detach().to("cpu", copy=True).contiguous() for k, v in tensors.items()}
    with atomic_file(folder / FILE, sync=True) as scratch:
        save_file(ready, scratch, metadata={"state": json.dumps(values)})


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write` wrote.

    Raises TrainError if there is no checkpoint, or it is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        raise TrainError(f"no checkpoint in {folder}; start the run without --resume")
    try:
        with safe_open(path, "pt") as file:
            values = json.loads(file.metadata()["state"])
            return {k: file.get_tensor(k) for k in file.keys()}, values  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainError(f"{path} is damaged ({error}); start the run without --resume") from error


def prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """``{"a": t}`` to ``{"prefix.a": t}``."""
    return {f"{prefix}.{k}": v for k, v in tensors.items()}


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of :func:`prefixed`: keys below a prefix, without it."""
    return {k[len(prefix) + 1 :]: v for k, v in tensors.items() if k.startswith(f"{prefix}.")}


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """State of an optimiser as ``<number of the parameter>.<name>``."""
    state = optimiser.state_dict()["state"]
    return {f"{i}.{k}": v for i, entry in state.items() for k, v in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Restore what :func:`optimiser_tensors` returned.

    Moments get the memory layout of their parameter: in another layout the same arithmetic could
    run in another kernel and round differently.
    """
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        parameter = parameters[int(number)]
        if value.shape == parameter.shape:
            value = torch.empty_like(parameter).copy_(value)
        state.setdefault(int(number), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})


def random_tensors() -> dict[str, Tensor]:
    """State of torch's random generators on the CPU and, if there is one, the GPU."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def restore_random(tensors: dict[str, Tensor]) -> None:
    """Restore what :func:`random_tensors` returned."""
    torch.set_rng_state(tensors["cpu"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])


def copy_of(module: nn.Module) -> dict[str, Tensor]:
    """Weights of a module, detached from it."""
    return {k: v.detach().clone() for k, v in module.state_dict().items()}
