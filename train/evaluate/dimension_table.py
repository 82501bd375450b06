"""Latent dimension against test loss and RAMIS: ``python -m train table --run bastien2021-table3``.

Tables 3 and 4 of Bastien et al. 2021. For each dimension d, searches the learning rate on the
validation split, trains longer with the best one, and reports its test loss and the RAMIS of
galaxies drawn from the prior; for a CVAE also the shares classified as requested. Only the chosen
run of each d sees the test split.

Every fit is a run with checkpoints in its own folder: the same command resumes where it was
stopped and repeats nothing.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch

from radioviz.encode import Classifier
from radioviz.metrics import bootstrap, classified_as, ramis_interval
from train.core import machine
from train.core.checkpoint import FILE
from train.core.config import TrainError, read_run
from train.core.data import Data
from train.core.loop import Outcome, fit, load_best
from train.core.task import AnyTask
from train.evaluate import benchmarks
from train.evaluate.csv_tables import write_table
from train.evaluate.evaluation_set import evaluation_set
from train.methods import stored_task

KINDS = ("vae", "cvae")


@dataclass(frozen=True)
class TableConfig:
    """The fits of a table."""

    name: str  # name of the table, of its folder in ``runs/`` and of its results
    method: str = "vae"  # ``vae`` or ``cvae``
    dimensions: tuple[int, ...] = (2, 4, 8, 16, 32, 64)  # latent dimensions d
    rates: tuple[float, ...] = (5e-4, 7.5e-4, 1e-3, 1.25e-3, 1.5e-3)  # learning rates of the search
    # search_epochs, epochs: epochs of a fit of the search, and of the fit with the chosen rate
    search_epochs: int = 10
    epochs: int = 100
    samples: int = 2000  # galaxies generated for RAMIS
    classifier: str = ""  # name of the classifier; default: the best one available
    # All other settings, as in any run of the method.
    run: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in KINDS:
            raise TrainError(f"method is '{self.method}'; expected {' or '.join(KINDS)}")
        if not self.dimensions or not self.rates:
            raise TrainError("dimensions or rates is empty; give at least one of each")


def dimension_table(run: str, out: Path | None = None, quick: bool = False) -> pd.DataFrame:
    """Fit, choose, test, and write ``trained/tables/<name>.csv`` and the results ``<name>.*``.

    Parameters
    ----------
    run : str
        ``train/runs/<run>.toml`` or a path to a TOML file.
    out : Path, optional
        Folder of the runs; default ``runs/<name>``.
    quick : bool
        One epoch on 64 images, two dimensions and rates, the validation split instead of the
        test split; writes nothing.

    Raises
    ------
    TrainError
        If the file has a wrong value, or the classifier needs other images than the run.
    """
    config: TableConfig = read_run(cast(Any, TableConfig), run)
    if quick:
        config = dataclasses.replace(
            config,
            dimensions=config.dimensions[:2],
            rates=config.rates[:2],
            search_epochs=1,
            epochs=2,
            samples=64,
            run={**config.run, "limit": 64, "batch": 32},
        )
    folder = out or Path("runs") / config.name
    classifier = Classifier.load(config.classifier)
    data: Data | None = None
    rows = []
    for dimension in config.dimensions:
        found: dict[float, Outcome] = {}
        for rate in config.rates:
            task = fit_task(config, dimension, rate, config.search_epochs)
            if task.config.preprocess != classifier.info.preprocess:
                raise TrainError(
                    f"{config.name}: classifier '{classifier.info.name}' needs images of other "
                    "preprocessing than the run; choose another classifier"
                )
            data = data or task.load()
            found[rate] = _fit(task, data, folder / f"d{dimension}" / f"search-{rate:g}")
        best = min(found, key=lambda rate: found[rate].best_loss)
        task = fit_task(config, dimension, best, config.epochs)
        assert data is not None  # there is at least one rate
        last = folder / f"d{dimension}" / f"chosen-{best:g}"
        outcome = _fit(task, data, last)
        load_best(task, last)
        row = {
            "d": dimension,
            "learning_rate": best,
            "train_loss": _train_loss(last, outcome.best_epoch),
            "valid_loss": outcome.best_loss,
            **tested(task, config, classifier, "valid" if quick else "test"),
            "epochs": outcome.epochs,
            "images_per_second": outcome.images_per_second,
        }
        print(", ".join(f"{k} {v:.4g}" for k, v in row.items()))
        rows.append(row)
    result = pd.DataFrame(rows)
    if not quick:
        record_table(config, result, run)
    print(result.to_string(index=False))
    return result


def fit_task(config: TableConfig, dimension: int, rate: float, epochs: int) -> AnyTask:
    """Seeded task of one fit of the table."""
    architecture = {**config.run.get("architecture", {}), "latent_dim": dimension}
    values = {**config.run, "name": f"{config.name}-d{dimension}", "architecture": architecture}
    values |= {"learning_rate": rate, "epochs": epochs}
    return stored_task(config.method, values, config.name)


def _fit(task: AnyTask, data: Data, folder: Path) -> Outcome:
    return fit(task, data, folder, resume=(folder / FILE).exists(), progress=False)


def _train_loss(folder: Path, epoch: int) -> float:
    for line in (folder / "losses.jsonl").read_text().splitlines():
        values = json.loads(line)
        if values["epoch"] == epoch:
            return float(values["nll"] + values["kl"])
    return float("nan")


@torch.no_grad()
def tested(
    task: AnyTask, config: TableConfig, classifier: Classifier, split: str = "test"
) -> dict[str, float]:
    """Test loss [nats per image], RAMIS and its interval, shares classified as requested."""
    module: Any = task.module.cpu().eval()
    classes = tuple(getattr(task, "classes", ()))
    held_out = evaluation_set(task.config.preprocess, split, classes, task.config.data)
    generator = torch.Generator().manual_seed(1)
    losses = []
    for rows in torch.arange(len(held_out)).split(256):
        x = torch.from_numpy(held_out.images[rows.numpy()])[:, None]
        given = [_numbers(classes, held_out.labels[rows.numpy()])] if classes else []
        losses.append(-module.elbo(x, generator, *given).value)
    loss, low, high = bootstrap(torch.cat(losses).numpy(), np.mean)
    out = {"test_loss": loss, "test_loss_low": low, "test_loss_high": high, "test_n": len(held_out)}

    requested = [i % max(1, len(classes)) for i in range(config.samples)]
    z = torch.randn(config.samples, module.latent_dim, generator=generator)
    images = []
    for rows in torch.arange(config.samples).split(256):
        given = [torch.tensor(requested)[rows]] if classes else []
        images.append(module.decode(z[rows], *given)[:, 0])
    probabilities = classifier.predict_proba(torch.cat(images).numpy())
    score, low, high = ramis_interval(probabilities)
    out |= {"ramis": score, "ramis_low": low, "ramis_high": high}
    for number, name in enumerate(classes):
        if name in classifier.classes:
            of = probabilities[np.array(requested) == number]
            right = classified_as(of, classifier.classes.index(name))
            out[f"{name.lower()}_fraction"] = float(right.mean())
    return out


def _numbers(classes: tuple[str, ...], labels: np.ndarray) -> torch.Tensor:
    return torch.tensor([classes.index(label) for label in labels])


def record_table(config: TableConfig, result: pd.DataFrame, run: str) -> None:
    """Write the table and record its results."""
    command = f"python -m train table --run {run}"
    write_table(config.name, result.assign(machine=machine.kind(machine.device()), command=command))
    note = functools.partial(
        benchmarks.record, split=f"{'+'.join(config.run.get('data', ['first']))}/test",
        seeds=[config.run.get("seed", 0)], command=command,
    )  # fmt: skip
    for row in result.to_dict("records"):
        name = f"{config.name}.d{row['d']:.0f}"
        for what, n in (("test_loss", int(row["test_n"])), ("ramis", config.samples)):
            note(f"{name}.{what}", (row[what], row[f"{what}_low"], row[f"{what}_high"]), n=n)
        for key in row:
            if str(key).endswith("_fraction"):
                note(f"{name}.{key}", row[key], n=config.samples)
