"""Two processes started by torchrun train what one trains; real galaxies, real processes."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from radioviz.paths import REPOSITORY
from tests.browser.server import free_port
from train import run as train_run
from train.__main__ import main
from train.core import checkpoint
from train.core.config import TrainError
from train.core.loop import fit
from train.methods import task_of

RUN = """
epochs = 2
batch = 32
limit = 96
checkpoint_every = 1
precision = "float32"
"""
SMALL = """
[architecture]
latent_dim = 2
width = 8
multipliers = [1, 1, 1, 1]
"""


pytestmark = pytest.mark.slow


FORKED = multiprocessing.get_context("forkserver")


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Other runs are forked from a process that has torch: most of a start is importing it."""
    FORKED.set_forkserver_preload(["torch._dynamo", "train.core.loop", "train.methods.vae"])


def torchrun(run: Path, method: str) -> str:
    """Train a run in two processes by torchrun, in its own folder; what it said."""
    command = ["torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "--", "train"]
    done = subprocess.run(
        [sys.executable, "-m", *command, *arguments(run, method)],
        capture_output=True, text=True, timeout=300, cwd=REPOSITORY,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def arguments(run: Path, method: str, *more: str) -> list[str]:
    return [method, f"--run={run}", f"--out={run.with_suffix('')}", "--threads=1", *more]


def begin(words: list[str], variables: dict[str, str], log: Path) -> None:
    """In a process of its own: the command, with what torchrun sets."""
    os.environ.update(variables)
    with log.open("wb") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.exit(main(words))


def train(run: Path, method: str, number: int, *more: str, succeeds: bool = True) -> str:
    """Train a run in so many processes, in its own folder; what they said."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
              "WORLD_SIZE": str(number), "LOCAL_WORLD_SIZE": str(number)}  # fmt: skip
    logs = [run.with_suffix(f".{rank}.log") for rank in range(number)]
    started = []
    for rank, log in enumerate(logs):
        variables = shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        words = arguments(run, method, *more)
        started.append(FORKED.Process(target=begin, args=(words, variables, log)))
        started[-1].start()
    for process in started:
        process.join(300)
    said = "".join(log.read_text() for log in logs)
    assert all((process.exitcode == 0) == succeeds for process in started), said
    return said


def weights(run: Path) -> dict[str, torch.Tensor]:
    tensors, _ = checkpoint.read(run.with_suffix(""))
    return {**checkpoint.under("model", tensors), **checkpoint.prefixed("a", tensors)}


def lines(run: Path) -> list[dict[str, float]]:
    text = (run.with_suffix("") / "losses.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run that two processes trained, and what they said."""
    run = tmp_path_factory.mktemp("two") / "two.toml"
    run.write_text(RUN + SMALL)
    return run, torchrun(run, "vae")


def test_two_processes_learn_what_one_learns(tmp_path: Path, two: tuple[Path, str]) -> None:
    one, (run, said) = tmp_path / "one.toml", two
    one.write_text(RUN + "accumulate = 2\n" + SMALL)
    train(one, "vae", 1)
    assert said.count("96 training images") == 1  # one process speaks
    assert "images/s" in said
    alone, together = weights(one), weights(run)
    assert all(torch.equal(alone[k], together[k]) for k in alone)
    for a, b in zip(lines(one), lines(run), strict=True):
        assert a == pytest.approx(b, rel=1e-5)


def test_a_run_goes_on_in_another_number_of_processes(
    tmp_path: Path, two: tuple[Path, str]
) -> None:
    whole, parts = two[0], tmp_path / "parts.toml"
    parts.write_text(RUN + SMALL)
    task = task_of("vae", str(parts))
    folder = parts.with_suffix("")
    fit(task, task.load(), folder, stop=lambda epoch: epoch == 1, progress=False)
    train(parts, "vae", 2, "--resume")
    assert [line["epoch"] for line in lines(parts)] == [1, 2]
    # The first epoch went through whole batches, so that sums are in another order.
    for a, b in zip(lines(whole), lines(parts), strict=True):
        assert a["valid_loss"] == pytest.approx(b["valid_loss"], rel=0.05)


def test_galaxies_of_other_processes_are_pushed_apart_too(tmp_path: Path) -> None:
    run = tmp_path / "contrast.toml"
    run.write_text(RUN + "trial = true\ndata = ['first']\n[architecture]\nwidth = 8\n")
    train(run, "simclr", 2)
    first = lines(run)[0]["loss"]
    # Untrained, the loss is near the log of the number of galaxies to choose among: 63 in the
    # batch of two views of 32, 31 in the half of one process.
    assert first > 3.6


def test_uneven_shares_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "odd.toml"
    run.write_text(RUN.replace("batch = 32", "batch = 33") + SMALL)
    said = train(run, "vae", 2, succeeds=False)
    assert said.count("2 processes cannot share them evenly") == 2
    monkeypatch.setenv("WORLD_SIZE", "2")  # as torchrun sets it
    mbc = SimpleNamespace(name="mbc")
    with pytest.raises(TrainError, match="mbc trains many small networks; start one process"):
        train_run._train_members("finetune", mbc, "mbc", tmp_path, torch.device("cpu"))
