"""One network at a time, in the order of the requests."""

from __future__ import annotations

import threading
import time

from radioviz.encode.inference_lock import _LOCK, inference_lock


def test_threads_get_it_in_order() -> None:
    order: list[int] = []
    threads = []
    with inference_lock():
        for number in range(5):
            threads.append(threading.Thread(target=_append, args=(order, number)))
            threads[-1].start()
            while len(_LOCK._waiting) <= number:
                time.sleep(0.001)
        assert order == []
    for thread in threads:
        thread.join(10)
    assert order == list(range(5))


def _append(order: list[int], number: int) -> None:
    with inference_lock():
        order.append(number)


def test_a_thread_in_a_loop_does_not_keep_it() -> None:
    stop = threading.Event()
    entered = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            with inference_lock():
                entered.set()
                time.sleep(0.005)

    thread = threading.Thread(target=loop)
    thread.start()
    assert entered.wait(10)
    began = time.monotonic()
    for _ in range(20):
        with inference_lock():
            pass
    seconds = time.monotonic() - began
    stop.set()
    thread.join(10)
    assert seconds < 20


def test_it_is_reentrant_and_free_after_an_error() -> None:
    try:
        with inference_lock(), inference_lock():
            raise ValueError
    except ValueError:
        pass
    order: list[int] = []
    thread = threading.Thread(target=_append, args=(order, 1))
    thread.start()
    thread.join(10)
    assert order == [1]
