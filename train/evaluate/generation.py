"""Quality of a generator: ``python -m train evaluate gen --model cvae [--split valid]``.

The app's classifier judges every model, on galaxies that neither was trained on. Generated galaxies
have the classes of the real ones, and sizes from the distribution that the model learned.
``--split test`` (the default) replaces the row of the model in ``trained/tables/generators.csv``
and, for a model conditioned on class, records the results ``gen.*``; ``--split valid`` only prints.
``--judge-anew`` instead puts single draws, without selection and corrections, before a judge from
outside and before networks that part real from generated (:mod:`train.evaluate.judged_generation`).
"""

from __future__ import annotations

import numpy as np

from radioviz.encode import Classifier, GenerationRequest, Generator
from train.evaluate.benchmarks import record
from train.evaluate.csv_tables import write_row
from train.evaluate.evaluation_set import DATA, EvaluationSet, evaluation_set
from train.evaluate.generation_measures import (
    DescribedImages,
    Result,
    appearance_results,
    class_results,
    copy_results,
    described,
    set_results,
    size_results,
)

SEED = 20_210_201


def generation(
    model: str = "cvae", split: str = "test", data: str = "", judge_anew: bool = False,
    quick: bool = False,
) -> dict[str, Result]:  # fmt: skip
    """Measure a generator; print the results and, on the test split, record them.

    ``quick``, with ``judge_anew``, only shows that everything works, and records nothing.

    Raises ModelError if there is no such model or no classifier; TrainError if the split is empty.
    """
    generator, classifier = Generator.load(model), Classifier.load()
    # The classifier knows no other classes; a generator may.
    classes = tuple(c for c in generator.classes if c in classifier.classes)
    keys = {"data": tuple(data.split(","))} if data else {}
    held_out = evaluation_set(generator.info.preprocess, split, classes, **keys)
    where = f"{'+'.join(keys.get('data', DATA))}/{split}"
    training = evaluation_set(generator.info.preprocess, "train", classes, **keys)
    if judge_anew:
        from train.evaluate.judged_generation import FRESH, judged

        command = f"python -m train evaluate gen --model {model} --judge-anew"

        def report(found: dict[str, Result], judge: str) -> None:
            print("\n".join(f"gen.{name} {value}" for name, value in found.items()), flush=True)
            if split == "test" and not quick:
                record_judged(model, found, where, command, list(FRESH), judge)

        return judged(generator, held_out, training, split, report, quick)
    real = described(held_out.images, held_out.labels, None, generator, classifier)
    made = generated(generator, classifier, real)
    results = {
        **class_results(real, made, classifier.classes, bool(classes)),
        **size_results(real, made),
        **set_results(real, made),
        **copy_results(made, training),
        **appearance_results(real, made),
    }
    for name, result in results.items():
        print(f"gen.{name} {result}", flush=True)
    if split != "test":
        return results
    command = f"python -m train evaluate gen --model {model}"
    record_results(model, results, where, command)
    # This takes minutes; everything measured so far is recorded.
    for name, result in tstr(generator, training, held_out).items():
        results[name] = result
        print(f"gen.{name} {result}")
    record_results(model, results, where, command)
    return results


def generated(
    generator: Generator, classifier: Classifier, real: DescribedImages
) -> DescribedImages:
    """Three times as many galaxies as there are real ones, with the same classes."""
    images, labels, sizes = [], [], []
    asked = [c for c in generator.classes if c in classifier.classes]
    for label in asked or (None,):
        number = int((real.labels == label).sum()) if label else len(real)
        found = generator.sample(GenerationRequest(n=3 * number, seed=SEED, label=label))
        images.append(found.images)
        labels += [label or ""] * len(found)
        sizes.append(found.sizes)
    return described(
        np.concatenate(images),
        np.array(labels, object),
        np.concatenate(sizes),
        generator,
        classifier,
    )


def tstr(
    generator: Generator, training: EvaluationSet, held_out: EvaluationSet
) -> dict[str, Result]:
    """Accuracy of classifiers trained on generated galaxies over those trained on real ones."""
    if not generator.classes:
        return {"tstr_ratio": Result(None, why="the model has no classes")}
    from train.evaluate.tstr import ratios

    found = ratios(generator, training, held_out)
    return {name: Result(*value, len(held_out)) for name, value in found.items()}


def record_judged(
    model: str, results: dict[str, Result], where: str, command: str, seeds: list[int], judge: str
) -> None:
    """Record what judges found on the test split: a table row, and ``gen.*`` with the model."""
    row = {"model": model, "command": command, "judge": judge, **_columns(results)}
    write_row("judged_generators", row, keys=("model",))
    for name, result in results.items():
        by_judge = name.startswith(("fri_", "frii_")) and result.value is not None
        split = f"{where}, judge {judge}" if by_judge else where
        _record(f"gen.{name}.{model}", result, split, seeds, command)


def record_results(model: str, results: dict[str, Result], split: str, command: str) -> None:
    """Record the results of the test split."""
    row = {"model": model, "command": command, **_columns(results)}
    write_row("generators", row, keys=("model",))
    if results["fri_fraction"].value is None:
        return
    for name, result in results.items():
        _record(f"gen.{name}", result, split, [SEED], command)


def _columns(results: dict[str, Result]) -> dict[str, object]:
    return {
        name + ending: value
        for name, result in results.items()
        for ending, value in (("", result.value), ("_low", result.low), ("_high", result.high))
    }


def _record(name: str, result: Result, split: str, seeds: list[int], command: str) -> None:
    value = None if result.value is None else (result.value, result.low, result.high)
    record(
        name, value, n=result.n, why=result.why, split=split, seeds=seeds, command=command
    )  # fmt: skip
