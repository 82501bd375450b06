"""``python -m train evaluate table2|size|invariance|labels``: what the codes are worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import list_atlases, open_atlas
from radioviz.models.registry import list_models
from train.core.config import TrainError
from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.csv_tables import write_table
from train.evaluate.representation import probes
from train.evaluate.representation import size_regression as sizes
from train.evaluate.representation import table2 as tables
from train.evaluate.representation.classifiers import bootstrap_weights
from train.evaluate.representation.codes import VIEWS, codes, names
from train.evaluate.representation.labelled_sets import mbc

SSL = ("simclr", "byol", "simsiam")


def table2(model: str = "", data: str = "") -> None:
    """Six classifiers on the codes of every encoder; see ``representation/table2.py``."""
    models = model.split(",") if model else []
    data_sets = data.split(",") if data else list(tables.SETS)
    for key in data_sets:
        if key not in tables.SETS:
            raise TrainError(f"data is '{key}'; expected one of {', '.join(tables.SETS)}")
    tables.table2(models, data_sets)
    ssl_figures()


def ssl_figures() -> None:
    """Record ``mbc.ssl.knn5.accuracy`` and ``mbc.ssl.linear.accuracy``.

    Encoder and settings are chosen by cross-validation on the training part.
    """
    problem = mbc()
    there = [m for key, m in list_atlases() if key == problem.key and m in SSL]
    y, truth = problem.labels(problem.train), problem.labels(problem.test)
    for kind in ("knn5", "linear"):
        best = None
        for name in there:
            x = codes(name, problem.catalogue).values[:, 0]
            described, model, inner = probes.choose(kind, x[problem.train], y)
            right = model.fit(x[problem.train], y).predict(x[problem.test]) == truth
            print(f"{name} {kind}: {inner:.3f} cross-validated, {right.mean():.3f} on test")
            if best is None or inner > best[0]:
                best = inner, name, described, right
        if best is None:
            command = f"python -m train evaluate table2 --model {SSL[0]}"
            why = "no self-supervised encoder has an Atlas of MiraBest"
            record(
                f"mbc.ssl.{kind}.accuracy",
                None,
                n=0,
                split="mirabest/test",
                command=command,
                why=why,
            )
            continue
        inner, name, described, right = best
        value, low, high = bootstrap(right.astype(float), np.mean)
        record(
            f"mbc.ssl.{kind}.accuracy",
            value,
            low=low,
            high=high,
            n=len(right),
            split=f"mirabest/test, MBC; {name}, {described}, chosen by cross-validation on the "
            f"training part ({inner:.3f})",
            seeds=[0],
            command="python -m train evaluate table2",
        )


def labels(model: str = "") -> None:
    """Accuracy on MBC by number of labels: ``trained/tables/label_efficiency.csv``."""
    problem = mbc()
    y, truth = problem.labels(problem.train), problem.labels(problem.test)
    rows = []
    for name in model.split(",") if model else names(problem.key):
        if name.endswith("views)") or name == "finetuned":
            continue  # one curve an encoder; and one that has seen the labels is no test
        x = codes(name, problem.catalogue).values[:, 0]
        found = probes.label_efficiency(x[problem.train], y, x[problem.test], truth)
        rows += [{"data_set": problem.name, "encoder": name, **line} for line in found]
        print(f"{name}: " + ", ".join(f"{r['labels']} {r['value']:.3f}" for r in found), flush=True)
    path = tables.table_file("label_efficiency")
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).round(4).to_csv(path, index=False)


def size(model: str = "") -> None:
    """Fig. 7, R2 of angular size from each encoder, and the shipped map."""
    encoders = model.split(",") if model else [m for key, m in list_atlases() if key == "first"]
    path = tables.table_file("fig7")
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.concat([sizes.feature_importance(name) for name in encoders]).round(6).to_csv(
        path, index=False
    )
    best = None
    wide = [m for m in encoders if list_models()[m].latent_dim > 2]
    for name in [*encoders, *(m + VIEWS for m in wide)]:
        guess, truth, inner, how = sizes.regress(name)
        value = sizes.r2(guess, truth)
        print(f"{name}: R2 {value:.3f} on test, {inner:.3f} on validation ({how})", flush=True)
        drawn = bootstrap_weights(len(truth), 1000)
        mean = (drawn @ truth) / drawn.sum(axis=1)
        off = drawn @ np.square(guess - truth)
        spread = (drawn * np.square(truth[None] - mean[:, None])).sum(axis=1)
        low, high = np.percentile(1 - off / spread, [2.5, 97.5])
        record(
            f"size.r2.{name.replace(VIEWS, '.views8')}",
            value,
            low=min(low, value),
            high=max(high, value),
            n=len(truth),
            split=f"first/test; {how}, chosen on validation ({inner:.3f})",
            seeds=[0],
            command="python -m train evaluate size",
        )
        if best is None or inner > best[0]:
            best = inner, name, how, value, min(low, value), max(high, value), len(truth)
    if best is None:
        raise TrainError("no encoder has an Atlas of first; run: python -m train atlas")
    record_map(encoders)
    inner, name, how, value, low, high, n = best
    record(
        "size.r2",
        value,
        low=low,
        high=high,
        n=n,
        split=f"first/test; {name}, {how}, chosen on validation ({inner:.3f})",
        seeds=[0],
        command="python -m train evaluate size",
    )


def record_map(encoders: list[str]) -> None:
    """Record ``map.size_neighbour_spearman`` of each layout, and of the best, the one to show.

    The best is chosen without the test galaxies.
    """
    best: tuple[float, str, str] | None = None
    for name in encoders:
        for layout in open_atlas("first", name).layouts:
            pairs, tested = sizes.neighbour_sizes(name, layout)
            inner = sizes.spearman(pairs[~tested])
            value, low, high = bootstrap(pairs, sizes.spearman, draws=500)
            print(
                f"{name} {layout}: {value:.4f}, {inner:.4f} without the test galaxies", flush=True
            )
            figure = f"map.{name}.{layout}.size_neighbour_spearman"
            where = f"first, {len(pairs)} galaxies"
            _record_map(figure, value, low, high, len(pairs), where)
            if best is None or inner > best[0]:
                best = inner, name, layout
                shown = value, low, high, len(pairs)
    if best is not None:
        where = f"first; {best[2]} of {best[1]}, chosen without the test galaxies ({best[0]:.3f})"
        _record_map("map.size_neighbour_spearman", *shown, where)


def _record_map(name: str, value: float, low: float, high: float, n: int, split: str) -> None:
    command = "python -m train evaluate size"
    record(name, value, low=low, high=high, n=n, split=split, command=command)


def shift(model: str = "") -> None:
    """Frechet distances between the data sets: ``trained/tables/shift.csv``."""
    from train.evaluate.representation.shift import table

    found = table(model.split(",") if model else [])
    print(found.round(3).to_string(index=False))
    write_table("shift", found)


def invariance(model: str = "", split: str = "test") -> None:
    """Cosine between a galaxy's features and those of its turned and mirrored images (FIRST)."""
    from radioviz.encode import Encoder
    from train.evaluate.representation.invariance import cosines

    for name in model.split(",") if model else [m for m in list_models() if m in (*SSL, "vae32")]:
        found = cosines(Encoder.load(name), split)
        for what, values in found.items():
            value, low, high = bootstrap(values, np.mean)
            print(f"invariance.{name}.{what} {value:.4f}", flush=True)
            record(
                f"invariance.{name}.{what}",
                value,
                low=low,
                high=high,
                n=len(values),
                split=f"first/{split}",
                seeds=[0],
                command=f"python -m train evaluate invariance --model {name}",
            )
