"""Two processes started by torchrun train what one trains; real galaxies, real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from radioviz.paths import REPOSITORY
from train import run as train_run
from train.core import checkpoint
from train.core.config import TrainError

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


def train(
    run: Path, method: str, processes: int, *more: str, succeeds: bool = True
) -> subprocess.CompletedProcess[str]:
    """Train a run in its own folder, next to its file."""
    torchrun = [
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        "-m",
        "--",
    ]
    command = [sys.executable, "-m", *(torchrun if processes > 1 else []), "train", method]
    done = subprocess.run(
        [*command, f"--run={run}", f"--out={run.with_suffix('')}", "--threads=1", *more],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=REPOSITORY,
    )
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    return done


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
    return run, train(run, "vae", 2).stdout


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
    stopped = (
        "import sys; from pathlib import Path; from train.core.loop import fit; "
        "from train.methods import task_of; task = task_of('vae', sys.argv[1]); "
        "fit(task, task.load(), Path(sys.argv[1][:-5]), stop=lambda e: e == 1, progress=False)"
    )
    subprocess.run([sys.executable, "-c", stopped, str(parts)], check=True, cwd=REPOSITORY)
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
    done = train(run, "vae", 2, succeeds=False)
    assert "2 processes cannot share them evenly" in done.stderr
    monkeypatch.setenv("WORLD_SIZE", "2")  # as torchrun sets it
    mbc = SimpleNamespace(name="mbc")
    with pytest.raises(TrainError, match="mbc trains many small networks; start one process"):
        train_run._train_members("finetune", mbc, "mbc", tmp_path, torch.device("cpu"))
