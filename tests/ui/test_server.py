"""The garbage collector has little to walk over, and garbage goes all the same."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import types
import weakref

import pytest

from radioviz.ui import server


class Node:
    other: Node


def ring() -> weakref.ref[Node]:
    """Two objects that hold each other and that nobody else holds: only a collection frees them."""
    a, b = Node(), Node()
    a.other, b.other = b, a
    return weakref.ref(a)


@pytest.fixture
def many_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_modules", 0)
    for i in range(server.MANY_MODULES):
        monkeypatch.setitem(sys.modules, f"made_up_{i}", types.ModuleType(f"made_up_{i}"))


@pytest.mark.parametrize("asked", [None, "active"])
def test_threads_that_wait_do_not_keep_a_core(asked: str | None) -> None:
    """Before OpenMP is loaded, which looks once; a choice of the reader's own counts."""
    script = (
        "import os, sys; import radioviz.ui.server; "
        "print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules, 'sklearn' in sys.modules)"
    )
    given = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    given |= {} if asked is None else {"OMP_WAIT_POLICY": asked}
    ran = subprocess.run(
        [sys.executable, "-c", script], env=given, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == [asked or "passive", "False", "False"]


def test_old_objects_are_set_aside_and_garbage_goes(many_modules: None) -> None:
    before = ring()
    assert server.freeze_gc()
    assert before() is None
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    after = ring()
    gc.collect()
    assert after() is None
    assert not server.freeze_gc()  # no module came since


def test_garbage_that_was_set_aside_goes_with_the_next_modules(
    many_modules: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = Node(), Node()
    a.other, b.other = b, a
    found = weakref.ref(a)
    server.freeze_gc()
    del a, b
    gc.collect()
    assert found() is not None
    monkeypatch.setattr(server, "_modules", 0)
    assert server.freeze_gc()
    assert found() is None
