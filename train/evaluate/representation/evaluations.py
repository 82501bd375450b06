"""``python -m train evaluate table2|size|invariance|labels|shift``: quality of the codes."""

from __future__ import annotations

import functools

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
from train.evaluate.representation.codes import JOIN, VIEWS, codes, names
from train.evaluate.representation.labelled_sets import mbc
from train.metrics.image_statistics import rank_correlation

SSL = ("simclr", "byol", "simsiam")


def table2(model: str = "", data: str = "") -> None:
    """Six classifiers on the codes of every encoder (``representation/table2.py``)."""
    models = model.split(",") if model else []
    data_sets = data.split(",") if data else list(tables.SETS)
    for key in data_sets:
        if key not in tables.SETS:
            raise TrainError(f"data is '{key}'; expected one of {', '.join(tables.SETS)}")
    tables.table2(models, data_sets)
    record_probes()


def record_probes() -> None:
    """Record ``mbc.ssl.knn5.accuracy`` and ``mbc.ssl.linear.accuracy``.

    Cross-validation on the training part chooses encoder and settings.
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
            record(
                f"mbc.ssl.{kind}.accuracy", None, n=0, split="mirabest/test",
                command=f"python -m train evaluate table2 --model {SSL[0]}",
                why="no self-supervised encoder has an Atlas of MiraBest",
            )  # fmt: skip
            continue
        inner, name, described, right = best
        record(
            f"mbc.ssl.{kind}.accuracy", bootstrap(right.astype(float), np.mean), n=len(right),
            split=f"mirabest/test, MBC; {name}, {described}, chosen by cross-validation on the "
            f"training part ({inner:.3f})",
            seeds=[0], command="python -m train evaluate table2",
        )  # fmt: skip


def labels(model: str = "") -> None:
    """Accuracy on MBC against the number of labels: ``trained/tables/label_efficiency.csv``."""
    problem = mbc()
    y, truth = problem.labels(problem.train), problem.labels(problem.test)
    rows = []
    for name in model.split(",") if model else names(problem.key):
        if name.endswith("views)") or name == "finetuned":
            continue  # one curve per encoder, none for one that has seen the labels
        x = codes(name, problem.catalogue).values[:, 0]
        found = probes.label_efficiency(x[problem.train], y, x[problem.test], truth)
        rows += [{"data_set": problem.name, "encoder": name, **line} for line in found]
        print(f"{name}: " + ", ".join(f"{r['labels']} {r['value']:.3f}" for r in found), flush=True)
    write_table("label_efficiency", pd.DataFrame(rows).round(4))


def size(model: str = "") -> None:
    """Fig. 7, R2 of angular size for each encoder, and neighbours on the maps."""
    asked = model.split(",") if model else [m for key, m in list_atlases() if key == "first"]
    encoders = [name for name in asked if JOIN not in name]
    if not model:
        write_table("fig7", pd.concat([sizes.feature_importance(m) for m in encoders]).round(6))
    best = None
    command = "python -m train evaluate size" + (f" --model {model}" if model else "")
    note = functools.partial(record, seeds=[0], command=command)
    wide = [m for m in encoders if list_models()[m].latent_dim > 2]
    for name in [*asked, *([] if model else (m + VIEWS for m in wide))]:
        guess, truth, inner, how = sizes.regress(name)
        value = sizes.r2(guess, truth)
        print(f"{name}: R2 {value:.3f} on test, {inner:.3f} on validation ({how})", flush=True)
        drawn = bootstrap_weights(len(truth), 1000)
        mean = (drawn @ truth) / drawn.sum(axis=1)
        off = drawn @ np.square(guess - truth)
        spread = (drawn * np.square(truth[None] - mean[:, None])).sum(axis=1)
        low, high = np.percentile(1 - off / spread, [2.5, 97.5])
        found = value, min(low, value), max(high, value)
        chosen = f"{how}, chosen on validation ({inner:.3f})"
        result = f"size.r2.{name.replace(VIEWS, '.views8')}"
        note(result, found, n=len(truth), split=f"first/test; {chosen}")
        if best is None or inner > best[0]:
            best = inner, f"first/test; {name}, {chosen}", found, len(truth)
    if best is None:
        raise TrainError("no encoder has an Atlas of first; run: python -m train atlas")
    if not model:
        record_map(encoders)
    note("size.r2", best[2], n=best[3], split=best[1])


def record_map(encoders: list[str]) -> None:
    """Record ``map.size_neighbour_spearman`` of each layout and of the best one.

    The choice of the best does not use the test galaxies.
    """
    best: tuple[float, str, str] | None = None
    command = "python -m train evaluate size"
    for name in encoders:
        for layout in open_atlas("first", name).layouts:
            pairs, tested = sizes.neighbour_sizes(name, layout)
            inner = rank_correlation(pairs[~tested])
            found, n = bootstrap(pairs, rank_correlation, draws=500), len(pairs)
            print(f"{name} {layout}: {found[0]:.4f}, {inner:.4f} without the test galaxies")
            result = f"map.{name}.{layout}.size_neighbour_spearman"
            record(result, found, n=n, split=f"first, {n} galaxies", command=command)
            if best is None or inner > best[0]:
                best, shown = (inner, name, layout), (found, n)
    if best is not None:
        where = f"first; {best[2]} of {best[1]}, chosen without the test galaxies ({best[0]:.3f})"
        name = "map.size_neighbour_spearman"
        record(name, shown[0], n=shown[1], split=where, command=command)


def shift(model: str = "") -> None:
    """Frechet distances between the data sets: ``trained/tables/shift.csv``."""
    from train.evaluate.representation.shift import shift_table

    found = shift_table(model.split(",") if model else [])
    print(found.round(3).to_string(index=False))
    write_table("shift", found)


def invariance(model: str = "", split: str = "test") -> None:
    """Cosine between a galaxy's features and those of its rotated and mirrored images (FIRST)."""
    from radioviz.encode import Encoder
    from train.evaluate.representation.invariance import cosines

    for name in model.split(",") if model else [m for m in list_models() if m in (*SSL, "vae32")]:
        found = cosines(Encoder.load(name), split)
        for what, values in found.items():
            estimate = bootstrap(values, np.mean)
            print(f"invariance.{name}.{what} {estimate[0]:.4f}", flush=True)
            record(
                f"invariance.{name}.{what}", estimate, n=len(values), split=f"first/{split}",
                seeds=[0], command=f"python -m train evaluate invariance --model {name}",
            )  # fmt: skip
