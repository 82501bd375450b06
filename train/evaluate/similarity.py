"""Quality of the search for similar galaxies: ``python -m train evaluate sim``.

Two tasks. *Within FIRST*: queries are held-out galaxies of four classes, the database is the rest
of FIRST. *MBC to FIRST*: queries are held-out MiraBest Confident galaxies (FRI, FRII), the database
is FIRST, as in Andrianomena & Tang 2023, Sec. 4.3. Results never include the query or an entry
within 10 arcsec of it.

Measured for each encoder with an Atlas, for raw pixels and for a random order:

``precision10``   share of the first ten results that have the class of the query
``size10``        share of them whose angular size is within 20 % of the query's
``map``           mean average precision over the whole ranking, by class
``inclination``   mean cos 2(PA - PA of the query): 1 same position angle, 0 random (elongated
                  sources only)

Validation queries choose a metric for each encoder and task (plain or whitened cosine, one view of
the query or the best of eight, the neighbourhood walk). Test queries are used once, with the
metrics ``plain`` (the paper's), ``turned`` (best of eight views), ``app`` (the app's default),
``chosen`` and ``labelled``. The last is chosen likewise, but compares along the axes that separate
the labelled classes of the training split; since it uses labels, only fine-tuned encoders may have
it as ``chosen``. In ``first4-heldout`` no result was labelled.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import list_atlases, open_atlas
from radioviz.data.preprocess import PRESETS
from radioviz.data.registry import open_data_set
from radioviz.errors import AtlasError, ModelError
from radioviz.models.registry import encoders as by_default
from radioviz.models.registry import list_models
from radioviz.similarity import Whitening, dihedral_views
from radioviz.similarity.neighbourhood import Neighbourhood
from train.evaluate import retrieval_metrics
from train.evaluate.benchmarks import bootstrap, record
from train.evaluate.csv_tables import write_table
from train.evaluate.evaluation_set import measured_catalogue
from train.evaluate.retrieval_tasks import RetrievalTask, angles, task
from train.evaluate.surveys.features import unit
from train.scores.orientations import orientation_latents

SEED = 0
PIXELS, RANDOM = "pixels", "random"


@dataclass(frozen=True)
class Metric:
    """How to compare a query with a database."""

    best_view: bool = False
    components: int | None = None
    power: float | None = None  # None: no whitening
    neighbours: int = 0
    shrinkage: float | None = None  # axes that separate the classes of the training split

    @property
    def name(self) -> str:
        parts = ["best of 8 views" if self.best_view else "one view"]
        if self.power is not None:
            axes = "all" if self.components is None else str(self.components)
            parts.append(f"whitened {axes} axes ^{self.power:g}")
        if self.shrinkage is not None:
            parts.append(f"class axes, shrinkage {self.shrinkage:g}")
        if self.neighbours:
            parts.append(f"neighbourhood of {self.neighbours}")
        return ", ".join(parts)


SHRINKAGES = (0.005, 0.02, 0.1, 0.3)
PLAIN, BEST_VIEW = Metric(), Metric(best_view=True)
APP = Metric(power=0.5)  # as the Similar page opens


def sees_orientation(model: str) -> bool:
    """False for encoders that average over the eight views."""
    return model == PIXELS or not list_models()[model].architecture.get("dihedral")


def metrics(model: str) -> Iterator[Metric]:
    """Metrics to try on validation queries."""
    d = latents(model, "first").shape[1]
    axes = [(None, None), *((k, p) for k in (8, 16, 32, 64) if k < d for p in (0.0, 0.5))]
    views = (False, True) if sees_orientation(model) else (False,)
    for best_view, (k, p) in itertools.product(views, axes):
        yield Metric(best_view, k, p)


# -- latents --------------------------------------------------------------------------------


def encoders() -> list[str]:
    """Models with Atlases of both data sets."""
    found = dict.fromkeys(model for _, model in list_atlases())
    return [m for m in found if {("first", m), ("mirabest", m)} <= set(list_atlases())]


@functools.cache
def latents(model: str, key: str) -> np.ndarray:
    """Latents of a data set, float32 ``(n, d)``; for ``pixels``, the pixels."""
    if model == PIXELS:
        images = PRESETS["compact64"].apply(open_data_set(key))
        return images.reshape(len(images), -1)
    info = list_models()[model]
    atlas = open_atlas(key, model, info=info, catalogue=open_data_set(key))
    return np.asarray(atlas.latents, dtype=np.float32)


def views(model: str, key: str, rows: np.ndarray) -> np.ndarray:
    """Latents of the eight views of some galaxies, ``(q, 8, d)``."""
    if model == PIXELS:
        seen = dihedral_views(PRESETS["compact64"].apply(open_data_set(key), rows))
        return seen.reshape(len(rows), seen.shape[1], -1)
    return orientation_latents(key, model)[rows]


def similarity_scores(model: str, job: RetrievalTask, metric: Metric) -> np.ndarray:
    """Score of every entry of FIRST for every query, float32 ``(q, n)``."""
    if model == RANDOM:
        rng = np.random.default_rng(SEED)
        return rng.random(job.allowed.shape, dtype=np.float32)
    database = latents(model, "first")
    if metric.best_view:
        queries = views(model, job.data, job.rows)
    else:
        queries = latents(model, job.data)[job.rows][:, None]
    if metric.power is not None:
        whitening = _whitening(model, metric.components, metric.power)
        database, queries = whitening(database), whitening(queries)
    if metric.shrinkage is not None:
        axes = _class_axes(model, metric.shrinkage)
        database, queries = axes(database), axes(queries)
    database, queries = unit(database), unit(queries)
    found = np.stack([(view @ database.T) for view in queries.swapaxes(0, 1)]).max(axis=0)
    if metric.neighbours:
        graph = Neighbourhood.of(database, metric.neighbours)
        # A query that is in the database must not be its own neighbour.
        found = graph.diffuse(np.where(job.allowed, found, -1.0))
    result: np.ndarray = found
    return result


@functools.cache
def _whitening(model: str, components: int | None, power: float) -> Whitening:
    return Whitening.of(latents(model, "first"), components=components, power=power)


@functools.cache
def _class_axes(model: str, shrinkage: float) -> Whitening:
    table = measured_catalogue("first").table
    labels = np.where(table["split"] == "train", table["label"], "").astype(object)
    return Whitening.of_classes(latents(model, "first"), labels, shrinkage=shrinkage)


# -- figures --------------------------------------------------------------------------------


def measure(job: RetrievalTask, found: np.ndarray) -> dict[str, np.ndarray]:
    """All measures of every query, each of shape ``(q,)``."""
    order = retrieval_metrics.ranking(found, job.allowed)
    first = measured_catalogue("first").table
    return {
        "precision10": retrieval_metrics.precision(order, job.relevant),
        "size10": retrieval_metrics.precision(order, job.sized),
        "map": retrieval_metrics.average_precision(order, job.relevant, job.allowed),
        "inclination": retrieval_metrics.inclination(order, job.angles, angles(first)),
    }


AIMS = {
    "first4": "map",
    "first4-heldout": "map",
    "mbc_to_first": "precision10",
    "mbc_to_first-fr": "precision10",
}
"""The measure that chooses the metric of each task."""


@functools.cache
def best_metric(model: str, name: str, labelled: bool = False) -> tuple[Metric, float]:
    """The metric with the best result on the validation queries of a task, and that result."""
    job = task(name, "valid")
    best, metric = -np.inf, PLAIN
    tried = list(metrics(model))
    by_class = [Metric(v, shrinkage=s) for v in {m.best_view for m in tried} for s in SHRINKAGES]
    if labelled:
        tried = by_class
    elif _saw_labels(model):  # its latents contain them already
        tried += by_class
    for step in (tried,) if labelled else (tried, None):
        some = step or [dataclasses.replace(metric, neighbours=k) for k in (10, 30, 60)]
        for one in some:
            value = float(np.nanmean(measure(job, similarity_scores(model, job, one))[AIMS[name]]))
            if value > best + 1e-4:
                best, metric = value, one
    print(f"  {name}: {metric.name}, {AIMS[name]} {best:.4f} on validation queries", flush=True)
    return metric, best


def similarity(model: str = "", split: str = "test") -> pd.DataFrame:
    """Measure all encoders (or those named), write ``similarity.csv``, record ``sim.*``.

    Writes nothing for another split than ``test``.
    """
    lines = []
    names = model.split(",") if model else [*encoders(), PIXELS, RANDOM]
    for name in names:
        print(name, flush=True)
        try:
            lines += _lines(name, split)
        except (AtlasError, ModelError) as error:
            print(f"  left out: {error}")
    table = pd.DataFrame(lines)
    if split == "test" and not model:
        write_table("similarity", table)
        _record(table)
    print(table.to_string(index=False))
    return table


def _lines(name: str, split: str) -> list[dict[str, object]]:
    lines = []
    supervised = _saw_labels(name)
    for task_name in AIMS:
        job = task(task_name, split)
        tried = {"plain": PLAIN}
        if name != RANDOM and sees_orientation(name):
            tried["turned"] = BEST_VIEW
        if name not in (PIXELS, RANDOM):
            tried["app"] = APP
            tried["chosen"] = best_metric(name, task_name)[0]
            tried["labelled"] = best_metric(name, task_name, True)[0]
        for label, metric in tried.items():
            for figure, values in measure(job, similarity_scores(name, job, metric)).items():
                known = values[np.isfinite(values)]
                value, low, high = bootstrap(known, np.mean)
                lines.append(
                    {
                        "encoder": name, "labels": supervised, "task": task_name, "way": label,
                        "how": metric.name, "figure": figure, "value": value, "low": low,
                        "high": high, "n": len(known), "split": f"{job.data}/{split}",
                    }
                )  # fmt: skip
    return lines


def _saw_labels(name: str) -> bool:
    """True for encoders trained with class labels, even if they have no head."""
    if name in (PIXELS, RANDOM):
        return False
    info = list_models()[name]
    return info.can("classify") or "finetune" in str(info.training.get("command", ""))


def _record(table: pd.DataFrame) -> None:
    """Record each result with the encoder that is best on validation queries."""
    learned = table[~table["encoder"].isin([PIXELS, RANDOM])]
    wanted = {
        "sim.first4.map": ("first4", "map", False, "chosen"),
        "sim.first4.map_labelled_metric": ("first4-heldout", "map", False, "labelled"),
        "sim.first4.map_finetuned": ("first4-heldout", "map", True, "chosen"),
        "sim.mbc_to_first.precision10": ("mbc_to_first", "precision10", None, "chosen"),
        "sim.mbc_to_first.precision10_fr": ("mbc_to_first-fr", "precision10", None, "chosen"),
        "sim.mbc_to_first.precision10_labelled_metric": (
            "mbc_to_first", "precision10", False, "labelled",
        ),
    }  # fmt: skip
    for name, (task_name, figure, labels, way) in wanted.items():
        some = learned[(learned["task"] == task_name) & (learned["figure"] == figure)]
        some = some[some["way"] == way]
        some = some if labels is None else some[some["labels"] == labels]
        if not len(some):
            why = "no fine-tuned encoder with Atlases here" if labels else "no encoder here"
            record(name, None, n=0, split="", command=COMMAND, why=why)
            continue
        reached = [best_metric(str(m), task_name, way == "labelled")[1] for m in some["encoder"]]
        _record_line(name, some.iloc[int(np.argmax(reached))])
    opened = next(iter(by_default()))
    some = table[(table["encoder"] == opened) & (table["way"] == "app")]
    line = some[(some["task"] == "first4") & (some["figure"] == "map")].iloc[0]
    _record_line("sim.first4.map_default", line)
    for base in (PIXELS, RANDOM):
        for task_name, figure in (("first4", "map"), ("mbc_to_first", "precision10")):
            some = table[(table["encoder"] == base) & (table["task"] == task_name)]
            line = some[(some["figure"] == figure) & (some["way"] == "plain")].iloc[0]
            _record_line(f"sim.{task_name}.{figure}.{base}", line)


COMMAND = "python -m train evaluate sim"


def _record_line(name: str, line: pd.Series) -> None:
    value, low, high = (float(line[column]) for column in ("value", "low", "high"))
    where = f"{line['split']} into first; {line['encoder']}, {line['how']}"
    n = int(line["n"])
    record(name, (value, low, high), n=n, split=where, seeds=(SEED,), command=COMMAND)
    print(f"{name} {value:.4f} ({low:.4f}..{high:.4f}), {line['encoder']}")
