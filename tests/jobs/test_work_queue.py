"""The line for heavy work: order, turns, limits, and work that ends early."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from radioviz.errors import BusyError
from radioviz.jobs.work_queue import WorkQueue


class Left(BaseException):
    """A reader left, as Streamlit ends a run of a page."""


def ignore(before: int) -> None:
    pass


class Readers:
    """Readers with requests, each in a thread, and a gate that keeps the line closed."""

    def __init__(self, queue: WorkQueue, count: int = 8) -> None:
        self.queue = queue
        self.done: list[str] = []
        self.pool = ThreadPoolExecutor(count)
        self.gate = threading.Event()
        self.first = self.pool.submit(self._hold)
        wait_until(lambda: len(queue) == 1)

    def _hold(self) -> None:
        with self.queue.turn("gate", 1, ignore):
            assert self.gate.wait(20)

    def ask(
        self, name: str, slices: int, watch: Callable[[int], None] = ignore, owner: str = ""
    ) -> Future[None]:
        expected = len(self.queue) + 1

        def work() -> None:
            with self.queue.turn(owner or name, slices, watch) as hand_over:
                for i in range(slices):
                    self.done.append(name)
                    if i + 1 < slices:
                        hand_over()

        future = self.pool.submit(work)
        wait_until(lambda: len(self.queue) == expected or future.done())
        return future


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def test_small_requests_come_first_then_those_that_came_first() -> None:
    readers = Readers(WorkQueue())
    asked = [readers.ask(*r) for r in (("a", 3), ("b", 3), ("c", 1), ("d", 2), ("e", 1))]
    readers.gate.set()
    for future in asked:
        future.result(20)
    assert readers.done == [*"ce", *"dd", *"aaa", *"bbb"]
    assert len(readers.queue) == 0


def test_a_short_request_waits_for_one_slice_of_a_long_one() -> None:
    queue = WorkQueue()
    order: list[str] = []
    between = threading.Event()
    asked = threading.Event()

    def long() -> None:
        with queue.turn("long", 64, ignore) as hand_over:
            for i in range(64):
                order.append("long")
                if i == 3:
                    between.set()
                    assert asked.wait(20)
                hand_over()

    def short() -> None:
        with queue.turn("short", 1, ignore):
            order.append("short")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(long)
        assert between.wait(20)
        second = pool.submit(short)
        wait_until(lambda: len(queue) == 2)
        asked.set()
        first.result(20), second.result(20)
    assert order.index("short") == 4
    assert order.count("long") == 64


def test_only_one_has_the_turn() -> None:
    queue = WorkQueue()
    inside = 0

    def work(number: int) -> None:
        nonlocal inside
        with queue.turn(str(number), 5, ignore) as hand_over:
            for _ in range(5):
                inside += 1
                assert inside == 1
                time.sleep(0.001)
                inside -= 1
                hand_over()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert len(queue) == 0


def test_a_reader_sees_how_many_come_before() -> None:
    readers = Readers(WorkQueue())
    seen: dict[str, list[int]] = {"large": [], "small": []}
    large = readers.ask("large", 9, seen["large"].append)
    small = readers.ask("small", 2, seen["small"].append)
    wait_until(lambda: seen["large"][-1:] == [2] and seen["small"][-1:] == [1])
    assert seen["large"][0] == 1, "only the running one came before it then"
    readers.gate.set()
    large.result(20), small.result(20)
    assert seen["large"][-1] == seen["small"][-1] == 0


def test_a_reader_who_leaves_while_waiting_gives_up_the_place() -> None:
    readers = Readers(WorkQueue())
    gone = threading.Event()

    def watch(before: int) -> None:
        if gone.is_set():
            raise Left

    left = readers.ask("left", 1, watch)
    stays = readers.ask("stays", 2)
    gone.set()
    with pytest.raises(Left):
        left.result(20)
    assert len(readers.queue) == 2
    readers.gate.set()
    stays.result(20)
    assert readers.done == ["stays", "stays"]


def test_work_ends_between_two_slices_when_its_reader_leaves() -> None:
    queue = WorkQueue()
    slices = 0

    def watch(before: int) -> None:
        if slices == 3:
            raise Left

    with pytest.raises(Left), queue.turn("left", 64, watch) as hand_over:
        while True:
            slices += 1
            hand_over()
    assert slices == 3
    assert len(queue) == 0
    with queue.turn("next", 1, ignore):
        pass


@pytest.mark.parametrize("error", [ValueError, Left, KeyboardInterrupt])
def test_an_error_in_work_does_not_block_the_line(error: type[BaseException]) -> None:
    readers = Readers(WorkQueue())

    def fail() -> None:
        with readers.queue.turn("fails", 1, ignore):
            raise error

    failing = readers.pool.submit(fail)
    wait_until(lambda: len(readers.queue) == 2)
    after = readers.ask("after", 1)
    readers.gate.set()
    with pytest.raises(error):
        failing.result(20)
    after.result(20)
    assert readers.done == ["after"]
    assert len(readers.queue) == 0


def test_limits() -> None:
    readers = Readers(WorkQueue(per_owner=2, total=4))
    held = [readers.ask(name, 1, owner="one") for name in "ab"]
    with pytest.raises(BusyError, match="2 of your requests"):
        readers.ask("c", 1, owner="one").result(20)
    held.append(readers.ask("d", 1, owner="two"))
    with pytest.raises(BusyError, match="4 requests already wait"):
        readers.ask("e", 1, owner="three").result(20)
    readers.gate.set()
    for future in held:
        future.result(20)
    readers.ask("f", 1, owner="one").result(20)
    assert readers.done == [*"abdf"]


def test_a_turn_inside_a_turn_is_the_same() -> None:
    queue = WorkQueue(per_owner=1)
    with queue.turn("one", 3, ignore) as outer:
        with queue.turn("one", 5, ignore) as inner:
            assert inner is outer
            assert len(queue) == 1
        outer()
        assert len(queue) == 1
    assert len(queue) == 0


def test_work_of_more_slices_than_expected_ends() -> None:
    queue = WorkQueue()
    with queue.turn("one", 1, ignore) as hand_over:
        for _ in range(5):
            hand_over()
    assert len(queue) == 0


def test_six_readers_of_many_and_one_of_few() -> None:
    """Five with 64 slices each; the sixth has its one within a few slices."""
    queue = WorkQueue()
    counted = 0
    started = threading.Event()

    def many(number: int) -> None:
        nonlocal counted
        with queue.turn(str(number), 64, ignore) as hand_over:
            for _ in range(64):
                time.sleep(0.002)
                counted += 1
                if counted == 20:
                    started.set()
                hand_over()

    with ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(many, i) for i in range(5)]
        assert started.wait(20)
        before = counted
        with queue.turn("few", 1, ignore):
            waited = counted - before
        for future in futures:
            future.result(60)
    assert waited <= 2
    assert counted == 5 * 64
