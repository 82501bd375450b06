"""Networks run one at a time in this process, in the order in which they were requested.

One network already uses all cores. Two at once, for two sessions of a server, would each take more
than twice as long, and need twice the memory.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class _FairLock:
    """A reentrant lock that threads get in the order in which they asked.

    ``threading.RLock`` has no order: a thread that runs batch after batch can keep it from others
    for minutes.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: deque[tuple[int, threading.Event]] = deque()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        mine = threading.get_ident(), threading.Event()
        with self._guard:
            if self._owner in (None, mine[0]):
                self._owner = mine[0]
                self._depth += 1
                return
            self._waiting.append(mine)
        try:
            mine[1].wait()
        except BaseException:  # interrupted from the keyboard
            with self._guard:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                else:
                    self._release()
            raise

    def __exit__(self, *error: object) -> None:
        with self._guard:
            self._release()

    def _release(self) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._owner = None
        if self._waiting:
            self._owner, ready = self._waiting.popleft()
            self._depth = 1
            ready.set()


_LOCK = _FairLock()


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
