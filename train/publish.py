"""Publish a finished run as a model folder: ``python -m train publish NAME``."""

from __future__ import annotations

import dataclasses
import json
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from radioviz.data.registry import DATA_SETS, titles_of
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.paths import trained_folder
from train.core.config import RUNS, TrainError, read_run
from train.core.loop import CONFIG, load_best
from train.core.task import AnyTask
from train.methods import stored_task

SCORES = {
    "elbo": "evidence lower bound [nats per image]",
    "kl": "KL divergence to the prior [nats per image]",
    "active_dimensions": "latent dimensions with more than 0.05 nats",
    "flux_ratio": "reconstructed over true flux, median",
    "ssim": "structural similarity over the source, mean",
    "relative_error": "squared residual over squared image, median (0: perfect, 1: empty map)",
    "mse": "mean squared error per pixel, peak = 1",
    "size_error": "angular size predicted by the encoder, median relative error",
    "sharpness": "power above 0.15 cycles per pixel, reconstructed or generated over true "
    "(1: equally sharp)",
    "flux_distance": "flux over peak, Kolmogorov-Smirnov distance of generated and real galaxies",
    "feature_std": "spread of the normalised features (1: fills the sphere, 0: collapsed)",
    "effective_rank": "effective number of directions of the features",
    "neighbour_accuracy": "FR class from the 20 nearest training galaxies, accuracy",
    "neighbour_nll_upright": "the same, mean -log of the share of correct votes, one view",
    "neighbour_nll_dihedral": "the same, features averaged over eight views",
    "retrieval": "1 / rank of a degraded image's source among validation images, mean",
    "retrieval_surveys": "the same for another survey's image of the source",
    "retrieval_upright": "sum of both, one view",
    "retrieval_dihedral": "sum of both, features averaged over eight views",
    "alignment": "squared distance of the features of a degraded image (0: equal), mean",
    "uniformity": "log of the mean Gaussian potential of the features (lower: more uniform)",
    "quarter_turn_cosine": "cosine between a galaxy and its rotation by a right angle, mean",
    "accuracy": "share of sources classified as in the catalogue",
    "auc": "area under the ROC curve",
    "nll": "-log p of the catalogued class, mean [nats]",
    "calibration_error": "expected calibration error",
    "temperature": "temperature fitted to the validation images",
}


def publish_run(run: str, out: Path | None = None) -> ModelInfo:
    """Write ``trained/<run>/`` from the folder of a finished run (default: ``runs/<run>``).

    Raises TrainError if there is no such run, or its data sets have changed since.
    """
    folder = out or Path("runs") / run
    try:
        stored = json.loads((folder / CONFIG).read_text())
        method, values = stored["method"], stored["config"]
    except (OSError, ValueError, KeyError) as error:
        raise TrainError(f"no run in {folder} ({error}); train it first") from error
    task = stored_task(method, values, str(folder))
    preset = RUNS / f"{task.config.name}.toml"
    if task.chosen_later and preset.exists():
        now = read_run(task.config_class, task.config.name).to_dict()
        values = {**values, **{k: now[k] for k in task.chosen_later}}
        task = stored_task(method, values, str(folder))
    return publish_task(task, folder)


def publish_task(
    task: AnyTask, folder: Path, target: Path | None = None, command: str = ""
) -> ModelInfo:
    """Write ``trained/<name>/``, or another folder, from the best weights of a run.

    ``command`` trains the model again; by default, that of its method. The scores on the validation
    split are those of the published half-precision weights, read back from disk.

    Raises TrainError if there is no such run, or its data sets or splits have changed since.
    """
    config = task.config
    outcome = load_best(task, folder)
    data = task.load()
    if data.digests != outcome.data:
        raise TrainError(
            f"{folder} was trained on other sources or splits of {', '.join(config.data)} than "
            "the present ones; train it again"
        )
    task.finish(data)
    network = task.published()
    info = ModelInfo(
        name=config.name,
        title=config.title or config.name,
        preprocess=config.preprocess,
        training={
            "data": list(config.data),
            "titles": titles_of(config.data),
            "catalogue_digests": data.digests,
            **({"set_aside": aside} if (aside := task.set_aside()) else {}),
            "images": {"train": len(data.train), "valid": len(data.valid)},
            "epochs": outcome.epochs,
            "best_epoch": outcome.best_epoch,
            "seconds": round(outcome.seconds, 1),
            "images_per_second": round(outcome.images_per_second, 1),
            "machine": outcome.machine,
            "seed": config.seed,
            "commit": outcome.commit,
            "command": command or f"python -m train {task.method} --run {config.name}",
            "config": config.to_dict(),
        },
        **task.describe(),
    )
    with tempfile.TemporaryDirectory() as scratch:
        weights.save(Path(scratch), network, info, "")
        module, _ = weights.load(Path(scratch))
    scores = {f"{k}.valid": round(v, 5) for k, v in task.score(module, data.valid).items()}
    info = dataclasses.replace(info, scores=scores)
    target = target or trained_folder() / config.name
    written = getattr(task, "card", card)(info, module_size(module))
    info = weights.save(target, module, info, written)
    print(f"published {info.name}: {', '.join(f'{k} {v:.4g}' for k, v in info.scores.items())}")
    return info


def module_size(module: Any) -> int:
    """Number of weights of a network."""
    return sum(p.numel() for p in module.parameters())


def _runs_before(run: str) -> list[str]:
    """The chain of runs that a run started from, up to a model that ships."""
    found: list[str] = []
    while run and run not in found and not (trained_folder() / run).exists():
        found.insert(0, run)
        preset = RUNS / f"{run}.toml"
        run = tomllib.loads(preset.read_text()).get("init", "") if preset.exists() else ""
    return found


def _number(value: float) -> str:
    """Four digits, but whole if large: 14,481, not 1.448e+04."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def card(info: ModelInfo, size: int) -> str:
    """Model card: description, training data, scores, and the commands to train it again."""
    t = info.training
    rows = "\n".join(
        f"| {_described(key.rsplit('.', 1)[0])} | {_number(value)} |"
        for key, value in info.scores.items()
    )
    channels = ", ".join(info.channels)
    seen = f"Images of the channels {channels}" if channels else "One-channel images"
    beta = f"; KL weight {t['config']['beta']}" if "beta" in t["config"] else ""
    fetched = sorted({DATA_SETS[key].fetch for key in t["data"] if key in DATA_SETS} - {""})
    commands = "".join(f"    python -m radioviz.data fetch {name}\n" for name in fetched)
    for run in _runs_before(t["config"].get("init", "")):
        commands += f"    {t['command'].removesuffix(info.name)}{run}\n"
    own = not t["command"].endswith(f"--run {info.name}")
    published = "" if own else f"\n    python -m train publish {info.name}"
    start = t["config"].get("init", "")
    start = f"Started from the weights of `{start}`. " if start else ""
    base = t["config"].get("base", "")
    start = f"Second stage of `{base}`, whose weights it contains unchanged. " if base else start
    figure = f"""
Draw twelve held-out galaxies above their reconstructions (into `runs/`, since survey images are \
not part of this repository):

    python -m train figure {info.name}
"""
    figure = figure if info.can("encode", "decode") else ""
    if info.kind == "galaxy-flow":
        figure = _drawn(info)
    aside = ", ".join(f"`{name}`" for name in t.get("set_aside", {}))
    aside = f"Sources of the split {aside} are left out of both. " if aside else ""
    chain = ", ".join(f"{k} {v}" for k, v in info.preprocess.to_dict().items() if v is not None)
    return f"""# {info.title}

{info.paper}. Kind `{info.kind}`, {size / 1e6:.2f} million weights, latent dimension \
{info.latent_dim}. Capabilities: {", ".join(info.capabilities)}.

Arguments: `{json.dumps(info.architecture)}`

## Input

{seen}, {info.preprocess.size}x{info.preprocess.size} pixels, 0 to 1. \
Preprocessing: {chain}.

## Training

{t["images"]["train"]} images of the split `train` of {", ".join(t["data"])}, \
{t["epochs"]} epochs; epoch {t["best_epoch"]} is the best on the {t["images"]["valid"]} images of \
the split `valid`. {aside}{start}{t["seconds"] / 60:.1f} minutes at {t["images_per_second"]:.0f} \
images/s on {t["machine"]}; seed {t["seed"]}, commit {t["commit"] or "unknown"}{beta}.

{commands}    {t["command"]}{published}

## Scores

Measured on the {t["images"]["valid"]} validation images with the shipped half-precision weights.

| | |
|---|---|
{rows}
{figure}
## Limits

Sources larger than the field are cut off at its edge. Brightness is relative to the peak, so the
model does not encode absolute flux. `config.json` contains the SHA-256 of the weights; others are
refused.
"""


def _drawn(info: ModelInfo) -> str:
    """How a flow is drawn from, and by which commands it is judged."""
    c = info.training["config"]
    less = "".join(
        f", {name} {1 + (c['guidance'] - 1) * share:g}"
        for name, share in c["class_guidance"].items()
    )
    return f"""
## Drawing

{c["steps"]} steps, guidance {c["guidance"]:g}{less} (1: as learned) at the noise levels that \
decide the shape. Nothing is selected. An image of the wrong size is measured and made again up \
to twice, unless that is switched off. The network draws the source; a noise model with the beam \
and clipping of the survey draws the sky. `docs/models.md` says how it is judged; beside real \
galaxies:

    python -m train sheet {info.name}
"""


def _described(key: str) -> str:
    """Description of a score; those of latent hierarchies name the level."""
    what, _, level = key.partition(".")
    if level and what in ("kl", "active"):
        unit = "KL divergence [nats]" if what == "kl" else "units with more than 0.05 nats"
        return f"level {level}: {unit}"
    if key.startswith("z0_"):
        return f"through z0 alone: {SCORES.get(key[3:], key[3:])}"
    return SCORES.get(key, key)
