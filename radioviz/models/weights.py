"""Read and write model folders: half precision on disk, checked by hash, never pickled."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from radioviz.errors import ModelError
from radioviz.models.artefact import CARD, CONFIG, WEIGHTS, ModelInfo, file_sha256, read_info
from radioviz.models.precision import without_denormals
from radioviz.models.registry import build
from radioviz.store.atomic import atomic_folder, write_json


def save(folder: Path, module: nn.Module, info: ModelInfo, card: str) -> ModelInfo:
    """Write a model folder in one step and return ``info`` with the hash of what was written.

    Floating-point tensors are stored as float16; others (counters, tables) as they are.

    Raises ModelError if a weight is not finite in half precision, or the folder cannot be written.
    """
    folder = Path(folder)
    state = {}
    for key, value in module.state_dict().items():
        half = value.detach().to("cpu", torch.float16 if value.is_floating_point() else None)
        if half.is_floating_point() and not torch.isfinite(half).all():
            raise ModelError(f"model '{info.name}': weight '{key}' is not finite in half precision")
        state[key] = half.contiguous()
    try:
        with atomic_folder(folder) as scratch:
            save_file(state, scratch / WEIGHTS)
            (scratch / WEIGHTS).chmod(0o644)  # safetensors makes it readable by the owner only
            info = dataclasses.replace(info, weights_sha256=file_sha256(scratch / WEIGHTS))
            write_json(scratch / CONFIG, info.to_dict())
            (scratch / CARD).write_text(card, encoding="utf-8")
    except (OSError, SafetensorError) as error:  # a full disk can raise either
        raise ModelError(f"model '{info.name}' cannot be written to {folder}: {error}") from error
    return info


@without_denormals()  # also in threads that torch starts here
def load(folder: Path) -> tuple[nn.Module, ModelInfo]:
    """Network in evaluation mode, float32, and its information.

    Raises ModelError if a file is missing or damaged, the hash differs, or names and shapes of the
    weights are not exactly those of the architecture.
    """
    folder = Path(folder)
    info = read_info(folder)
    path = folder / WEIGHTS
    digest = file_sha256(path)
    if digest != info.weights_sha256:
        raise ModelError(
            f"model '{info.name}': {WEIGHTS} has SHA-256 {digest[:12]}..., {CONFIG} says "
            f"{info.weights_sha256[:12]}...; the file was altered or cut short, restore it"
        )
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"model '{info.name}': {path} cannot be read: {error}") from error
    _check_fit(info, state)
    module = build(info.kind, info.architecture)
    try:
        module.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise ModelError(
            f"model '{info.name}': weights do not fit the architecture in {CONFIG}: {error}"
        ) from error
    return module.float().eval(), info


def _check_fit(info: ModelInfo, state: dict[str, torch.Tensor]) -> None:
    """Refuse an architecture that does not fit the weights, before allocating memory for it."""
    with torch.device("meta"):  # shapes alone
        wanted = {
            k: tuple(v.shape) for k, v in build(info.kind, info.architecture).state_dict().items()
        }
    found = {k: tuple(v.shape) for k, v in state.items()}
    if differing := sorted(
        k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k)
    ):
        key = differing[0]
        raise ModelError(
            f"model '{info.name}': weights do not fit the architecture in {CONFIG}: '{key}' has "
            f"shape {found.get(key)} in {WEIGHTS}, the architecture {wanted.get(key)}; restore "
            "both or train again"
        )
