"""Command line of the training code: ``python -m train --help``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from radioviz.errors import RadioVizError
from train.methods import METHODS, load_object

GUIDE = """
examples:
  python -m train vae --run vae32              train train/runs/vae32.toml into runs/vae32
  python -m train vae --run vae32 --resume     continue after an interruption
  python -m train publish vae32                write trained/vae32 from the finished run
  python -m train atlas --data first --model vae32
                                               encode a data set and lay out its maps
  python -m train evaluate rec --model vae32   record results in trained/benchmarks.json
  python -m train all --data KEY               train the compact models on your own survey

"python -m train COMMAND --help" explains the options of a command.
"""

EVALUATIONS = {
    "rec": "train.evaluate.reconstruction:reconstruction",
    "blur": "train.evaluate.blur:blur",
    "gen": "train.evaluate.generation:generation",
    "judge": "train.evaluate.class_judge:judge",
    "choices": "train.evaluate.generation_choices:choices",
    "classifier": "train.evaluate.classification:classification",
    "ramis": "train.evaluate.classification:degradation",
    "ood": "train.evaluate.ood:ood",
    "marks": "train.evaluate.marking_gain:marks",
    "placement": "train.evaluate.map_placement:placement",
    "sim": "train.evaluate.similarity:similarity",
    "alone": "train.evaluate.alone:alone",
    "table2": "train.evaluate.representation.evaluations:table2",
    "size": "train.evaluate.representation.evaluations:size",
    "fig7": "train.evaluate.representation.evaluations:size",
    "invariance": "train.evaluate.representation.evaluations:invariance",
    "robust": "train.evaluate.surveys.evaluations:robust",
    "pairs": "train.evaluate.surveys.evaluations:pairs",
    "lotss": "train.evaluate.surveys.evaluations:lotss",
    "mgcls": "train.evaluate.surveys.evaluations:mgcls",
    "mbc-cv": "train.evaluate.surveys.evaluations:cross_validated",
    "learning-curve": "train.evaluate.surveys.learning_curve:learning_curve",
    "calibration": "train.evaluate.surveys.class_calibration:class_calibration",
    "heads": "train.evaluate.representation.frozen_heads:heads",
    "labels": "train.evaluate.representation.evaluations:labels",
    "shift": "train.evaluate.representation.evaluations:shift",
    "two-peaks": "train.evaluate.unlabelled.two_peaks:two_peaks",
    "masks": "train.evaluate.unlabelled.masks:masks",
    "three-classes": "train.evaluate.unlabelled.mask_plot:three_classes_figure",
    "hosts": "train.evaluate.hosts:hosts",
    "relations": "train.evaluate.relation_figures:relations",
    "loci": "train.evaluate.power_size_loci:loci",
    "learned-sizes": "train.evaluate.learned_sizes:learned_sizes",
    "measured-sizes": "train.evaluate.measured_sizes:measured_sizes",
    "tags": "train.words.tag_figures:tags",
}
"""Evaluation on the command line to ``module:function``. The function receives those of ``model``,
``data`` and ``split`` that were given, under these names."""

_COMMANDS: dict[str, tuple[str, str, str]] = {
    "all": (
        "train.all:train_survey",
        "--data! --config --out --epochs --quick --device --threads",
        "train the compact models on your own survey",
    ),
    "queue": (
        "train.queue:queue", "--config --out --quick --device --threads",
        "train the runs of a plan one after another, each resumable",
    ),
    "sides": (
        "train.evaluate.unlabelled.publish_sides:sides", "--data",
        "publish models that separate two classes without labels",
    ),
    "publish": (
        "train.publish:publish_run", "run --out", "write trained/RUN from a finished run"
    ),
    "table": (
        "train.evaluate.dimension_table:dimension_table", "--run! --out --quick --threads",
        "fit several latent dimensions, tabulate test loss and RAMIS",
    ),
    "figure": (
        "train.evaluate.reconstruction:draw_reconstructions",
        "model --data --split --number --out", "draw held-out galaxies above their reconstructions",
    ),
    "sheet": (
        "train.evaluate.contact_sheet:contact_sheet", "model --split --number --out",
        "draw real galaxies beside generated ones of the same class and size",
    ),
    "evaluate": (
        "", "what --model --data --split --judge-anew --quick",
        "measure models and record the results in trained/benchmarks.json",
    ),
    "reproduce": (
        "train.reproduce:report", "model --quick", "compute what ships with a model again, compare"
    ),
    "figures": (
        "train.evaluate.benchmark_check:report", "--only --trainings --timings --words",
        "measure every recorded result again, compare",
    ),
    "atlas": (
        "train.scores.atlas:build_all", "--data --model",
        "encode data sets, lay out their maps and score their sources",
    ),
    "scores": (
        "train.scores.galaxy_scores:build_all", "--data --what --generator",
        "score galaxies by classifiers and densities",
    ),
    "learned": (
        "train.scores.learned_latents:write_learned", "--model!",
        "store a sample of what an encoder over several surveys learned from, as latents",
    ),
    "fr-head": (
        "train.methods.fr_head:train_head", "--model",
        "train FR classes on an encoder over several surveys, calibrated for each",
    ),
    "tags": (
        "train.words.tag_heads:train_tags", "--model --data",
        "train the heads of tags in words on labels of people, and tag data sets",
    ),
    "splits": (
        "train.splits.record:record_splits", "", "find shared sources and record the fixed splits"
    ),
    "judge-split": (
        "train.splits.judge:record_judge_split", "",
        "set sources aside for a judge of generated galaxies",
    ),
    "survey-splits": (
        "train.splits.surveys:record_survey_splits", "",
        "record the splits of the imported MGCLS, LoTSS, VLASS and FR-DEEP v2",
    ),
}  # fmt: skip
"""Command to what it calls, with which arguments (``!``: required), and what it is for."""

_TRAINING = "--run! --out --resume --epochs --quick --seed --device --threads --publish"
_ARGUMENTS: dict[str, tuple[type, str]] = {
    "run": (str, "name of the run"),
    "model": (str, "models, separated by commas"),
    "what": (str, "one of " + ", ".join(EVALUATIONS)),
    "--run": (str, "a file of train/runs, or a path to a TOML file"),
    "--out": (Path, "where to write (default: a place in runs/)"),
    "--config": (
        Path,
        "TOML file of the plan (default: train/all.toml, train/surveys.toml)",
    ),
    "--resume": (bool, "continue from the last checkpoint"),
    "--epochs": (int, "override the number of epochs"),
    "--quick": (bool, "the shortest run that shows whether everything works"),
    "--seed": (int, "override the seed"),
    "--device": (str, "auto (default), cpu or cuda"),
    "--threads": (int, "CPU threads"),
    "--publish": (bool, "write trained/RUN at the end"),
    "--model": (str, "models, separated by commas"),
    "--data": (str, "data sets, separated by commas"),
    "--split": (str, "split to use; evaluations of 'valid' record nothing"),
    "--judge-anew": (
        bool,
        "with 'gen': train judges that no generator was chosen on, and put single draws before "
        "them",
    ),
    "--number": (int, "galaxies to draw (default: 12), or pairs (48)"),
    "--only": (str, "only commands that contain this text"),
    "--trainings": (bool, "also repeat trainings, which take hours"),
    "--timings": (bool, "also repeat timings, which need an idle machine"),
    "--words": (bool, "only compare the guides and the cards"),
    "--what": (str, "fr (default), outliers, sides or generated, by commas"),
    "--generator": (str, "model that draws the images of '--what generated'"),
}
"""Type and help of each argument. Defaults are those of the functions that are called."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="Train, evaluate and publish the models of RadioViz.",
        epilog=GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    training = {m: ("train.run:train", _TRAINING, f"train a run of {m}") for m in METHODS}
    for word, (_, arguments, purpose) in (training | _COMMANDS).items():
        command = commands.add_parser(
            word, help=purpose, description=purpose, argument_default=argparse.SUPPRESS
        )
        for name in arguments.split():
            plain = name.removesuffix("!")
            kind, text = _ARGUMENTS[plain]
            options: dict[str, Any] = {"help": text}
            options |= {"action": "store_true"} if kind is bool else {"type": kind}
            options |= {"required": True} if plain != name else {}
            options |= {"choices": list(EVALUATIONS), "metavar": "what"} if plain == "what" else {}
            command.add_argument(plain, **options)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    # Threads that spin while they wait slow down those that compute.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    if threads := options.pop("threads", 0):
        import torch

        torch.set_num_threads(threads)
    if command in METHODS:
        target, options["method"] = "train.run:train", command
    else:
        target = _COMMANDS[command][0] or EVALUATIONS[options.pop("what")]
    try:
        load_object(target)(**options)
    except RadioVizError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; continue with --resume", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
