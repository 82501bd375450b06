"""Networks run one at a time in this process.

One network already uses all cores. Two at once, for two sessions of a server, would each take more
than twice as long, and need twice the memory.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_LOCK = threading.RLock()


def inference_lock() -> contextlib.AbstractContextManager[object]:
    """Context in which no other network runs; hold it for one batch at a time."""
    return _LOCK


@contextlib.contextmanager
def inference() -> Iterator[None]:
    """Context of :func:`inference_lock`, without gradients."""
    import torch

    from radioviz.models.precision import without_denormals

    with inference_lock(), without_denormals(), torch.inference_mode():
        yield
