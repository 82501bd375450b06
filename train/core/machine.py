"""Where a run is computed: device, precision, kind of machine, commit."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from pathlib import Path

import torch

from radioviz.paths import REPOSITORY
from train.core.config import TrainError


def _cpu_lines() -> list[str]:
    with contextlib.suppress(OSError):
        return Path("/proc/cpuinfo").read_text().splitlines()
    return []


def has_amx() -> bool:
    """True if the CPU multiplies bfloat16 tiles (AMX), several times faster than float32."""
    return any(line.startswith("flags") and "amx_bf16" in line for line in _cpu_lines())


def device(name: str = "auto") -> torch.device:
    """Device of a name; ``auto`` is the GPU if there is one.

    Raises TrainError if the name is unknown, or there is no GPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise TrainError(f"device is '{name}', but there is no usable GPU; expected cpu or auto")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise TrainError(f"device '{name}' is unknown; expected cpu, cuda or auto") from error


def autocast(precision: str, on: torch.device) -> contextlib.AbstractContextManager[object]:
    """Context in which networks run; ``auto`` is bfloat16 on GPUs and on CPUs with AMX."""
    if precision == "auto":
        precision = "bfloat16" if on.type == "cuda" or has_amx() else "float32"
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(on.type, torch.bfloat16)


def kind(on: torch.device, processes: int = 1) -> str:
    """Kind of machine, e.g. ``Intel(R) Xeon(R) Processor with AMX, 2 threads``; no host name."""
    if processes > 1:
        return f"{processes} processes of {kind(on)}"
    if on.type == "cuda":
        return torch.cuda.get_device_name(on)
    models = [line.split(":", 1)[1].strip() for line in _cpu_lines() if "model name" in line]
    model = models[0] if models else platform.processor() or platform.machine()
    return f"{model}{' with AMX' if has_amx() else ''}, {_threads()}"


def _threads() -> str:
    n = torch.get_num_threads()
    return f"{n} thread{'s' if n > 1 else ''}"


def commit() -> str:
    """Short git commit of the code, with ``+`` if files differ from it; empty outside git."""
    try:
        git = ["git", "-C", str(REPOSITORY)]
        found = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", "radioviz", "train"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return found + ("+" if changed else "")
