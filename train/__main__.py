"""Command line of the training code: ``python -m train --help``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

from radioviz.errors import RadioVizError

METHODS = {
    "vae": "train.methods.vae:VaeTask",
    "cvae": "train.methods.cvae:CvaeTask",
    "refine": "train.methods.refine:RefineTask",
    "vdvae": "train.methods.vdvae:VdvaeTask",
    "classifier": "train.methods.classifier:ClassifierTask",
    "maf": "train.methods.maf:MafTask",
    "simclr": "train.methods.ssl:SimClrTask",
    "byol": "train.methods.ssl:ByolTask",
    "simsiam": "train.methods.ssl:SimSiamTask",
    "finetune": "train.methods.finetune:FinetuneTask",
    "semi": "train.methods.semi:SemiTask",
}
"""Word on the command line to the task that it trains."""

EVALUATIONS = {
    "rec": "train.evaluate.reconstruction:reconstruction",
    "blur": "train.evaluate.blur:blur",
    "gen": "train.evaluate.generation:generation",
    "classifier": "train.evaluate.classification:classification",
    "ramis": "train.evaluate.classification:degradation",
    "ood": "train.evaluate.ood:ood",
    "marks": "train.evaluate.marking_gain:marks",
    "placement": "train.evaluate.map_placement:placement",
    "sim": "train.evaluate.similarity:similarity",
    "table2": "train.evaluate.representation.evaluations:table2",
    "size": "train.evaluate.representation.evaluations:size",
    "fig7": "train.evaluate.representation.evaluations:size",
    "invariance": "train.evaluate.representation.evaluations:invariance",
    "labels": "train.evaluate.representation.evaluations:labels",
    "shift": "train.evaluate.representation.evaluations:shift",
}
"""Word on the command line to ``module:function``. The function takes those of ``model``,
``data`` and ``split`` that were given, under these names."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    # Threads that wait by spinning take the cores from those that compute.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    args = _parser().parse_args(arguments)
    try:
        args.command(args)
    except RadioVizError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; continue with --resume", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for method in METHODS:
        p = commands.add_parser(method, help=f"train a run of {method}")
        p.add_argument("--run", required=True, help="train/runs/RUN.toml, or a path to a TOML file")
        p.add_argument("--out", type=Path, help="folder of the run (default: runs/RUN)")
        p.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
        p.add_argument("--epochs", type=int, help="instead of the run's own number")
        p.add_argument("--quick", action="store_true", help="2 epochs on 64 images: does it run?")
        p.add_argument("--seed", type=int)
        p.add_argument("--device", default="auto", help="auto, cpu or cuda")
        p.add_argument("--threads", type=int, help="CPU threads")
        p.add_argument("--publish", action="store_true", help="write trained/RUN when done")
        p.set_defaults(command=_train, method=method)

    p = commands.add_parser("all", help="train the compact models on a survey of one's own")
    p.add_argument("--data", required=True, help="key of an imported survey")
    p.add_argument("--config", type=Path, help="TOML file (default: train/all.toml)")
    p.add_argument("--out", type=Path, help="folder of the runs (default: runs/DATA)")
    p.add_argument("--epochs", type=int, help="instead of each run's own number")
    p.add_argument("--quick", action="store_true", help="1 epoch on 600 images: does it run?")
    p.add_argument("--device", default="auto", help="auto, cpu or cuda")
    p.add_argument("--threads", type=int, help="CPU threads")
    p.set_defaults(command=_train_all)

    p = commands.add_parser("publish", help="write trained/RUN from a finished run")
    p.add_argument("run")
    p.add_argument("--out", type=Path, help="folder of the run (default: runs/RUN)")
    p.set_defaults(command=_publish)

    p = commands.add_parser("table", help="latent dimension against test loss and RAMIS")
    p.add_argument("--run", required=True, help="train/runs/RUN.toml, or a path to a TOML file")
    p.add_argument("--out", type=Path, help="folder of the fits (default: runs/RUN)")
    p.add_argument("--quick", action="store_true", help="two fits of a minute: does it run?")
    p.add_argument("--threads", type=int, help="CPU threads")
    p.set_defaults(command=_table)

    p = commands.add_parser("figure", help="held-out galaxies beside their reconstructions")
    p.add_argument("model")
    p.add_argument("--data", default="first")
    p.add_argument("--split", default="valid")
    p.add_argument("--number", type=int, default=12)
    p.add_argument("--out", type=Path, help="PNG file (default: runs/MODEL-pairs.png)")
    p.set_defaults(command=_figure)

    p = commands.add_parser("evaluate", help="record figures in trained/benchmarks.json")
    p.add_argument("what", choices=list(EVALUATIONS), help="see its module in train/")
    p.add_argument("--model", help="model, or models separated by commas")
    p.add_argument("--data", help="data sets, separated by commas")
    p.add_argument("--split", help="default: test; with valid, nothing is recorded")
    p.set_defaults(command=_evaluate)

    p = commands.add_parser("reproduce", help="does a shipped model come out as its card says?")
    p.add_argument("model", help="models, separated by commas")
    p.add_argument("--quick", action="store_true", help="some galaxies, no t-SNE and UMAP")
    p.set_defaults(command=_reproduce)

    p = commands.add_parser("figures", help="make every recorded figure again and compare")
    p.add_argument("--only", default="", help="commands that hold this text")
    p.add_argument("--trainings", action="store_true", help="also those of hours")
    p.add_argument("--timings", action="store_true", help="also those of a quiet machine")
    p.add_argument("--words", action="store_true", help="compare README and cards alone")
    p.set_defaults(command=_figures)

    p = commands.add_parser("atlas", help="latents, layouts and scores of data sets")
    p.add_argument("--data", default="first", help="data sets, separated by commas")
    p.add_argument("--model", help="models, separated by commas (default: all that encode)")
    p.set_defaults(command=_atlas)

    p = commands.add_parser("scores", help="scores of galaxies that belong to no encoder")
    p.add_argument("--data", default="first,mirabest,frdeep-first,frdeep-nvss")
    p.add_argument("--what", default="fr", help="kinds of scores, separated by commas")
    p.add_argument("--generator", default="cvae", help="draws the images of '--what generated'")
    p.set_defaults(command=_scores)

    p = commands.add_parser("splits", help="find sources in common and record the fixed splits")
    p.set_defaults(command=_splits)
    return parser


def _splits(_: argparse.Namespace) -> None:
    from train.splits import record

    record.write(record.make())


def task_of(method: str, run: str, **changes: Any) -> Any:
    """Task of a run, its weights seeded."""
    import torch

    from train.core.config import read_run

    module, name = METHODS[method].split(":")
    cls = getattr(importlib.import_module(module), name)
    config = read_run(cls.config_class, run, **changes)
    torch.manual_seed(config.seed)
    return cls(config)


def _train(args: argparse.Namespace) -> None:
    import torch

    from radioviz.models.precision import without_denormals
    from train.core import distributed, machine

    if args.threads:
        torch.set_num_threads(args.threads)
    quick = {"epochs": 2, "limit": 64, "batch": 32, "checkpoint_every": 1} if args.quick else {}
    changes = {"epochs": args.epochs, "seed": args.seed}
    changes.update({k: v for k, v in quick.items() if changes.get(k) is None})
    device = distributed.local_device(machine.device(args.device))
    with without_denormals(), distributed.joined(device) as group:
        task = task_of(args.method, args.run, **changes)
        folder = args.out or Path("runs") / task.config.name
        if group.first:
            print(f"{task.config.name} on {machine.kind(device, group.size)}, into {folder}")
        if args.method == "semi" or (args.method == "finetune" and not args.publish):
            _train_members(args, task, folder, device)
        else:
            _fit(args, task, folder, device)


def _train_members(args: argparse.Namespace, task: Any, folder: Path, device: Any) -> None:
    """Runs of many small networks, which have nothing to share."""
    from train.core import distributed
    from train.core.config import TrainError
    from train.methods import semi
    from train.methods.finetune_members import run_members

    if distributed.started_by_torchrun():
        raise TrainError(f"{task.config.name} trains many small networks; start one process")
    if args.method == "finetune":
        run_members(task.config, args.run, folder, device)
    else:
        print(semi.run(task.config, args.run, folder, device).to_string(index=False))


def _fit(args: argparse.Namespace, task: Any, folder: Path, device: Any) -> None:
    from train.core import distributed
    from train.core.loop import fit

    group = distributed.processes()
    data = task.load()
    if group.first:
        print(f"{len(data.train)} training images, {len(data.valid)} validation images")
    outcome = fit(task, data, folder, resume=args.resume, device=device)
    if not group.first:
        return
    print(
        f"{outcome.epochs} epochs in {outcome.seconds:.0f} s, {outcome.images_per_second:.0f} "
        f"images/s; best validation loss {outcome.best_loss:.5g} at epoch {outcome.best_epoch}"
    )
    if args.publish:
        from train.publish import publish

        _published(publish(task, folder))


def _train_all(args: argparse.Namespace) -> None:
    import torch

    from train.all import PLAN, quick, train_all

    if args.threads:
        torch.set_num_threads(args.threads)
    changes = quick() if args.quick else {}
    if args.epochs:
        changes["epochs"] = args.epochs
    train_all(args.data, args.config or PLAN, args.out, changes, args.device)


def _publish(args: argparse.Namespace) -> None:
    import json

    from train.core.config import TrainError, from_dict
    from train.core.loop import CONFIG
    from train.publish import publish

    folder = args.out or Path("runs") / args.run
    try:
        stored = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(f"no run in {folder} ({error}); train it first") from error
    module, name = METHODS[stored["method"]].split(":")
    cls = getattr(importlib.import_module(module), name)
    _published(publish(cls(from_dict(cls.config_class, stored["config"], str(folder))), folder))


def _published(info: Any) -> None:
    print(f"published {info.name}: {', '.join(f'{k} {v:.4g}' for k, v in info.scores.items())}")


def _table(args: argparse.Namespace) -> None:
    import torch

    from train.evaluate.dimension_table import table

    if args.threads:
        torch.set_num_threads(args.threads)
    print(table(args.run, args.out, args.quick).to_string(index=False))


def _figure(args: argparse.Namespace) -> None:
    from train.evaluate.reconstruction_plot import pairs

    print(pairs(args.model, args.data, args.split, args.number, args.out))


def _evaluate(args: argparse.Namespace) -> None:
    module, name = EVALUATIONS[args.what].split(":")
    given = {k: getattr(args, k) for k in ("model", "data", "split")}
    evaluate = getattr(importlib.import_module(module), name)
    evaluate(**{k: v for k, v in given.items() if v is not None})


def _reproduce(args: argparse.Namespace) -> None:
    from train.core.config import TrainError
    from train.reproduce import reproduce

    wrong = 0
    for name in args.model.split(","):
        for check in reproduce(name, args.quick):
            wrong += check.verdict == "DIFFERS"
            print(f"{name}: {check.what}: {check.verdict} ({check.said})", flush=True)
    if wrong:
        raise TrainError(f"{wrong} of the comparisons differ")


def _figures(args: argparse.Namespace) -> None:
    from train.core.config import TrainError
    from train.evaluate import benchmarks
    from train.evaluate.benchmark_check import again, cards, guides, quoted

    wrong = [*quoted(guides(), benchmarks.read()), *cards()]
    for where, said, recorded in wrong:
        print(f"{where}: says {said}, recorded is {recorded}")
    kinds = ["figure"] + ["training"] * args.trainings + ["timing"] * args.timings
    differ = 0
    for name, verdict, old, new in () if args.words else again(kinds, args.only):
        differ += verdict in ("differs", "missing")
        print(f"{name}: {verdict} ({old}, again {new})", flush=True)
    if wrong or differ:
        raise TrainError(f"{len(wrong)} words and {differ} figures differ from what is recorded")
    print("guides, cards and figures agree")


def _atlas(args: argparse.Namespace) -> None:
    from radioviz.models.registry import with_capability
    from train.scores.atlas import build

    for name in args.model.split(",") if args.model else with_capability("encode"):
        for key in args.data.split(","):
            build(key, name)


def _scores(args: argparse.Namespace) -> None:
    from train.scores.galaxy_scores import build

    for what in args.what.split(","):
        if what == "generated":
            from train.scores.outlier_scores import generated

            generated(args.generator)
            continue
        for key in args.data.split(","):
            if what == "turned":
                from train.scores.orientations import store

                store(key)
            else:
                build(key, what)


if __name__ == "__main__":
    sys.exit(main())
