"""Outlier detection: ``python -m train evaluate ood --model vae32 [--split valid]``.

How well does each score of :mod:`train.scores.outlier_detector` separate galaxies of a kind that
the density never saw from ordinary held-out ones?

``bent``       Bent against FRI and FRII of FIRST, for a flow trained without Bent
``nvss``       NVSS images among FIRST ones; both have three pixels per beam
``artefacts``  side lobes, a bright neighbour, a cut edge or noise only, planted in held-out FIRST
               images (each kind also separately: ``artefact side_lobes`` ...)
``hybrid``     hybrid and double-double sources of MiraBest against its FRI and FRII outside FIRST's
               training split
``without X``  each class of FIRST against the others, for a flow trained without it

The encoder saw unlabelled images of every class; only the density is trained without one.
``--split test`` (the default) replaces rows of ``trained/tables/ood.csv`` and, for the model that
the app ranks by, records the results ``ood.*``; ``--split valid`` only prints.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from radioviz.atlas.scores import read_scores
from radioviz.data.registry import open_data_set
from radioviz.metrics.resampling import bootstrap_of
from radioviz.models import weights
from radioviz.models.maf import MAF
from radioviz.models.registry import list_models
from radioviz.outliers.thresholds import column
from radioviz.paths import cache_folder, trained_folder
from train.core import checkpoint
from train.core.config import TrainError, read_run
from train.core.loop import fit, load_best
from train.evaluate.artefacts import ARTEFACTS
from train.evaluate.benchmarks import record
from train.evaluate.csv_tables import table_file, write_table
from train.evaluate.ood_samples import Sample, samples
from train.methods.maf import MafConfig, MafTask
from train.scores.outlier_detector import Detector, detector

CLASSES = ("FRI", "FRII", "Compact", "Bent")
SHIPPED = "strangeness"
"""The score that the app ranks by."""

DEFECTS = ("nvss", "artefacts")
"""Questions that the score ``defect`` is for."""

DRAWS = 500
EPOCHS = 90
"""Epochs of flows that are trained without a class."""
MODEL = "vae32"


@dataclass(frozen=True, eq=False)
class Question:
    """Scores of ordinary and of strange galaxies."""

    task: str
    ordinary: pd.DataFrame
    strange: pd.DataFrame


@dataclass(frozen=True)
class Answer:
    """How well a score separates them, with a 95 % interval by bootstrap over galaxies."""

    task: str
    score: str
    auroc: float
    low: float
    high: float
    precision50: float
    strange: int
    ordinary: int


def auroc(ordinary: np.ndarray, strange: np.ndarray) -> float:
    """Probability that a strange galaxy scores above an ordinary one; ties count half."""
    order = np.sort(ordinary)
    below = np.searchsorted(order, strange, side="left")
    upto = np.searchsorted(order, strange, side="right")
    return float((below + upto).mean() / (2 * len(order)))


def precision_at(ordinary: np.ndarray, strange: np.ndarray, k: int = 50) -> float:
    """Share of strange galaxies among the ``k`` highest scores (ties: their expected share)."""
    k = min(k, len(ordinary) + len(strange))
    both = np.concatenate([ordinary, strange])
    truth = np.concatenate([np.zeros(len(ordinary)), np.ones(len(strange))])
    last = np.sort(both)[-k]
    above, tied = both > last, both == last
    return float((truth[above].sum() + (k - above.sum()) * truth[tied].mean()) / k)


def answer(question: Question, score: str, draws: int = DRAWS) -> Answer:
    """Result of one score; galaxies without a value count as the most ordinary."""
    a, b = (
        np.nan_to_num(x[score].to_numpy(float), nan=-1e9)
        for x in (question.ordinary, question.strange)
    )
    return Answer(
        question.task, score, *bootstrap_of([a, b], auroc, draws),
        precision_at(a, b), len(b), len(a),
    )  # fmt: skip


def ood(model: str = MODEL, split: str = "test") -> pd.DataFrame:
    """Answer every question for models (names separated by commas).

    Raises TrainError if the split is neither valid nor test.
    """
    if split not in ("valid", "test"):
        raise TrainError(f"split is '{split}'; expected valid or test")
    rows = []
    for name in model.split(","):
        answers, gmeans = of_model(name, split)
        table = pd.DataFrame([dataclasses.asdict(a) for a in answers])
        table.insert(0, "model", name)
        rows.append(table)
        wide = table.pivot(index="score", columns="task", values="auroc").round(3)
        print(f"{name}, {split}\n{wide.to_string()}\nG-means {gmeans}")
        if split == "test":
            _record(name, table, gmeans)
    found = pd.concat(rows, ignore_index=True)
    if split == "test":
        path = table_file("ood")
        if path.exists():
            before = pd.read_csv(path)
            found = pd.concat([before[~before["model"].isin(model.split(","))], found])
        write_table("ood", found)
    return found


def _record(model: str, table: pd.DataFrame, gmeans: dict[str, tuple[float, float, float]]) -> None:
    if model != MODEL:
        return
    command = f"python -m train evaluate ood --model {model}"
    seeds = [int(list_models()[model].training.get("seed", 0))]
    note = functools.partial(record, split="first/test", seeds=seeds, command=command)
    for task in ("bent", "nvss", "artefacts", "hybrid"):
        score = "defect" if task in DEFECTS else SHIPPED
        row = table[(table["score"] == score) & (table["task"] == task)].iloc[0]
        n = int(row["strange"] + row["ordinary"])
        note(f"ood.{task}.auroc", (row["auroc"], row["low"], row["high"]), n=n)
    note("ood.loco.gmean", gmeans[SHIPPED], n=546)
    for name, stored in shipped_questions().items():
        found = answer(stored, SHIPPED)
        note(f"ood.{name}.shipped", (found.auroc, found.low, found.high),
             n=found.strange + found.ordinary, split=stored.task)  # fmt: skip


def shipped_questions() -> dict[str, Question]:
    """Stored scores of kinds of galaxies against those of others that are not trained on.

    ``bent``: Bent of FIRST against FRI and FRII; ``hybrid`` and ``wat_ht``: of MiraBest, against
    its standard FRI and FRII. Density and neighbours know training galaxies of all these kinds.
    """
    out = {}
    for key, kinds in (
        ("first", {"bent": ("label", ["Bent"])}),
        (
            "mirabest",
            {
                "hybrid": ("label", ["Hybrid"]),
                "wat_ht": ("morphology", ["wide-angle tail", "head-tail"]),
            },
        ),
    ):
        catalogue = open_data_set(key)
        table = catalogue.table
        scores = read_scores(key, catalogue=catalogue, models=list_models()).table
        values = pd.DataFrame({SHIPPED: scores[column(SHIPPED, f"maf-{MODEL}")].to_numpy(float)})
        held = (table["split"] == "test").to_numpy()
        usual = table["label"].isin(["FRI", "FRII"]) & table["morphology"].isin(["standard", ""])
        for name, (where, wanted) in kinds.items():
            kind = table[where].isin(wanted).to_numpy()
            ordinary = held & usual.to_numpy() & ~kind
            out[name] = Question(f"{key}/test", values[ordinary], values[held & kind])
    return out


# -- questions ----------------------------------------------------------------------------------


def of_model(model: str, split: str) -> tuple[list[Answer], dict[str, tuple[float, float, float]]]:
    """Answers of one model, and the mean G-mean of each score over the left-out classes."""
    every = samples(model)
    first = every["first"]
    table = open_data_set("first").table
    splits, labels = table["split"].to_numpy(str), table["label"].to_numpy(str)
    usable = first.figures["complexity"].notna().to_numpy() & ~np.isin(splits, ("excluded", ""))
    usable &= np.isfinite(first.latents).all((1, 2))
    here, chosen = usable & (splits == split), usable & (splits == "valid")

    def trained(without: tuple[str, ...]) -> Detector:
        learned = usable & (splits == "train") & ~np.isin(labels, without)
        return detector(flow_without(model, without), first.take(learned))

    base = trained(())
    questions = _others(base, every, split, first.take(here))
    gains: dict[str, list[tuple[float, float, float]]] = {}
    for name in CLASSES:
        found = trained((name,))
        among, held = first.take(here), labels[here]
        scores = found.scores(among)
        question = Question(f"without {name}", scores[held != name], scores[held == name])
        questions.append(question)
        if name == "Bent":
            ordinary = np.isin(held, ("FRI", "FRII"))
            questions.append(Question("bent", scores[ordinary], scores[held == "Bent"]))
        judged = found.scores(first.take(chosen))
        judge = labels[chosen]
        for score in scores:
            threshold = best_threshold(judged[score][judge != name], judged[score][judge == name])
            gains.setdefault(str(score), []).append(
                _gmean(question.ordinary[score], question.strange[score], threshold)
            )
    gmeans = {k: _mean_of(v) for k, v in gains.items()}
    answers = [answer(q, str(s)) for q in questions for s in q.ordinary.columns]
    return answers, gmeans


def _others(base: Detector, every: dict[str, Sample], split: str, held: Sample) -> list[Question]:
    ordinary = base.scores(held)
    nvss = every["frdeep-nvss"]
    which = open_data_set("frdeep-nvss").table["split"].to_numpy(str) == split
    out = [Question("nvss", ordinary, base.scores(nvss.take(which)))]
    planted = {k: base.scores(every[f"{k}/{split}"]) for k in ARTEFACTS}
    out += [Question(f"artefact {k}", ordinary, v) for k, v in planted.items()]
    out.append(Question("artefacts", ordinary, pd.concat(planted.values(), ignore_index=True)))
    mirabest = open_data_set("mirabest")
    table = mirabest.table
    unseen = ~_repeats_training(mirabest.positions)
    strange = (table["label"].eq("Hybrid") | table["morphology"].eq("double-double")).to_numpy()
    standard = table["label"].isin(["FRI", "FRII"]) & table["morphology"].eq("standard")
    usual = standard.to_numpy()
    if split == "valid":
        unseen &= table["split"].to_numpy(str) == "valid"
    else:
        unseen &= table["split"].to_numpy(str) != "valid"
    seen = every["mirabest"]
    if (unseen & strange).sum() >= 2:
        kinds = (base.scores(seen.take(unseen & which)) for which in (usual, strange))
        out.append(Question("hybrid", *kinds))
    return out


def _repeats_training(positions) -> np.ndarray:  # type: ignore[no-untyped-def]
    """True for sources within 10 arcsec of a source of FIRST's training split."""
    first = open_data_set("first")
    train = first.positions[first.table["split"].to_numpy(str) == "train"]
    return np.asarray(positions.match_to_catalog_sky(train)[1].arcsec < 10)


def flow_without(model: str, without: tuple[str, ...]) -> MAF:
    """The flow of an encoder trained without some classes, kept in the cache folder.

    If no class is left out, the flow that ships.
    """
    config = read_run(MafConfig, f"maf-{model}")
    if not without:
        module, _ = weights.load(trained_folder() / config.name)
        assert isinstance(module, MAF)
        return module
    word = "-".join(["without", *without]).lower()
    epochs = min(config.epochs, EPOCHS)
    config = dataclasses.replace(
        config, name=f"{config.name}-{word}", without=without, epochs=epochs
    )
    torch.manual_seed(config.seed)
    task = MafTask(config)
    encoder = list_models()[model].weights_sha256[:12]
    folder = cache_folder() / "ood" / f"{config.name}-{encoder}-{epochs}"
    data = task.load()
    fit(task, data, folder, resume=(folder / checkpoint.FILE).exists(), progress=False)
    load_best(task, folder)
    return task.module.eval()


# -- leave one class out -------------------------------------------------------------------------


def best_threshold(ordinary: pd.Series, strange: pd.Series) -> float:
    """Threshold with the largest G-mean, sqrt(share found * share kept)."""
    a, b = ordinary.to_numpy(float), strange.to_numpy(float)
    candidates = np.unique(np.concatenate([a, b]))
    found = (b[:, None] >= candidates).mean(axis=0)
    kept = (a[:, None] < candidates).mean(axis=0)
    return float(candidates[np.argmax(found * kept)])


def _gmean(ordinary: pd.Series, strange: pd.Series, threshold: float) -> tuple[float, float, float]:
    a = ordinary.to_numpy(float) < threshold
    b = strange.to_numpy(float) >= threshold
    return bootstrap_of([a, b], lambda x, y: float(np.sqrt(x.mean() * y.mean())), DRAWS)


def _mean_of(parts: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Mean over classes; the half widths of the intervals add in quadrature."""
    value = float(np.mean([p[0] for p in parts]))
    down = float(np.sqrt(sum((p[0] - p[1]) ** 2 for p in parts))) / len(parts)
    up = float(np.sqrt(sum((p[2] - p[0]) ** 2 for p in parts))) / len(parts)
    return value, value - down, value + up
