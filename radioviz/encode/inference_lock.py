"""Networks run one after the other, whoever asks.

One already uses all cores. Two at once, for two sessions of a server, would each take more than
twice as long, and hold twice the memory.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_one = threading.RLock()


@contextlib.contextmanager
def inference_lock() -> Iterator[None]:
    """Wait for one's turn; keep it short, a batch at a time."""
    with _one:
        yield


@contextlib.contextmanager
def inference() -> Iterator[None]:
    """Wait for one's turn, then run without gradients."""
    import torch

    from radioviz.models.precision import without_denormals

    with inference_lock(), without_denormals(), torch.inference_mode():
        yield
