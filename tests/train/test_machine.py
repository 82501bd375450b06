"""Device, precision and kind of machine."""

from __future__ import annotations

import contextlib
import socket

import pytest
import torch

from train.core import machine
from train.core.config import TrainError

CPU = torch.device("cpu")


def test_a_missing_gpu_is_said_or_done_without() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert machine.device() == CPU
    with pytest.raises(TrainError, match="there is no usable GPU; expected cpu or auto"):
        machine.device("cuda")
    with pytest.raises(TrainError, match="device 'warp' is unknown"):
        machine.device("warp")


def test_precision_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for amx, wanted in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(machine, "has_amx", lambda amx=amx: amx)
        with machine.autocast("auto", CPU):
            product = torch.ones(2, 2) @ torch.ones(2, 2)
        assert product.dtype == wanted
    assert isinstance(machine.autocast("float32", CPU), contextlib.nullcontext)
    with machine.autocast("bfloat16", CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_the_kind_of_machine_names_no_host() -> None:
    kind = machine.kind(CPU)
    assert "thread" in kind
    host = socket.gethostname()
    assert len(host) < 4 or host not in kind
