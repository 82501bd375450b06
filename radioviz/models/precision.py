"""Number formats while networks run: half precision where it is fast, no denormals."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


def half_where_fast(
    device: torch.device, training: bool = False, vectors: bool = False
) -> contextlib.AbstractContextManager[object]:
    """Context in which CPUs with AMX compute in bfloat16, several times faster; otherwise no-op.

    With ``vectors`` those whose vector units multiply bfloat16 do so as well, twice as fast. In
    training the run chooses the precision (:mod:`train.core.machine`).
    """
    able = ["_is_amx_tile_supported", *(["_is_avx512_bf16_supported"] if vectors else [])]
    fast = any(getattr(torch.cpu, name, lambda: False)() for name in able)
    if training or device.type != "cpu" or not fast:
        return contextlib.nullcontext()
    return torch.autocast("cpu", torch.bfloat16)


@contextlib.contextmanager
def without_denormals() -> Iterator[None]:
    """Flush denormal numbers (below 1e-38) to zero while networks run; also a decorator.

    GELU produces many of them, and processors are ten times slower on them: they take half of the
    time of a deep decoder, and no pixel depends on one. Threads that torch starts meanwhile keep
    the setting.
    """
    if float(torch.full((), 1e-39) * 1.0) == 0.0:  # nested
        yield
        return
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
