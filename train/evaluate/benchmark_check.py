"""Measure every recorded result again and compare: ``python -m train figures``.

Each entry of ``trained/benchmarks.json`` names the command that produced it. The commands run on a
copy of ``trained/`` (models and Atlases linked, results and tables of its own), so that nothing
that ships changes. Timings and trainings of hours are left out unless requested.
:func:`misquoted` and :func:`misquoted_in_cards` compare the guides and the model cards with the
record.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from radioviz.models.registry import list_models
from radioviz.paths import REPOSITORY, trained_folder
from train.core.config import TrainError
from train.evaluate import benchmarks

TRAININGS = ("finetune", "semi", "table")
"""Commands that train for hours before they measure."""

_EQUAL = 1e-4  # relative; other processors round differently


def report(
    only: str = "", trainings: bool = False, timings: bool = False, words: bool = False
) -> None:
    """Print what is quoted wrongly and, unless ``words``, what a new measurement gives.

    Raises TrainError if anything differs from the record.
    """
    wrong = [*misquoted(guides(), benchmarks.read()), *misquoted_in_cards()]
    for where, quoted, recorded in wrong:
        print(f"{where}: says {quoted}, recorded is {recorded}")
    kinds = ["figure"] + ["training"] * trainings + ["timing"] * timings
    different = 0
    for name, verdict, old, new in () if words else measure_again(kinds, only):
        different += verdict in ("differs", "missing")
        print(f"{name}: {verdict} ({old}, again {new})", flush=True)
    if wrong or different:
        raise TrainError(f"{len(wrong)} quotations and {different} results differ from the record")
    print("guides, cards and results agree")


def kind_of(command: str) -> str:
    """``figure``, ``training`` or ``timing``: how a command's entries are compared.

    Raises TrainError if it is not a command of this program.
    """
    words = shlex.split(command)
    if words[:2] != ["python", "-m"] or len(words) < 3:
        raise TrainError(f"command '{command}' is not a command of this program")
    if words[2].startswith("tests.benchmarks."):
        return "timing"
    if words[2] == "train" and len(words) > 3:
        return "training" if words[3] in TRAININGS else "figure"
    raise TrainError(f"command '{command}' is not a command of this program")


def measure_again(
    kinds: Collection[str] = ("figure",), only: str = ""
) -> Iterator[tuple[str, str, float | None, float | None]]:
    """Run the recorded commands and compare what they give.

    Parameters
    ----------
    kinds : collection of str
        Kinds of :func:`kind_of` to run.
    only : str
        Run only commands that contain this text.

    Yields
    ------
    (name, verdict, recorded, found)
        The verdict is ``same``, ``within its interval``, ``timing`` (never judged), ``differs`` or
        ``missing``.
    """
    by_command: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, entry in benchmarks.read().items():
        command = str(entry.get("command", ""))
        if only in command and kind_of(command) in kinds:
            by_command[command][name] = entry
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        copy = _copied(Path(folder))
        for command, entries in by_command.items():
            began = time.monotonic()
            words = [sys.executable, *shlex.split(command)[1:]]
            ran = subprocess.run(
                words, cwd=REPOSITORY, env=os.environ | {"RADIOVIZ_TRAINED": str(copy)},
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            )  # fmt: skip
            print(f"{command}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            if ran.returncode:
                print(ran.stderr[-1000:], file=sys.stderr)
            found = benchmarks.read(copy / "benchmarks.json")
            for name, entry in entries.items():
                new = found.get(name)
                value = None if new is None else new.get("value")
                timing = kind_of(command) == "timing"
                verdict = "timing" if timing and new else compare(entry, new)
                yield name, verdict, entry.get("value"), value


def compare(recorded: Mapping[str, Any], found: Mapping[str, Any] | None) -> str:
    """Verdict on a result and its new measurement (None: there is none)."""
    if found is None:
        return "missing"
    old, new = recorded.get("value"), found.get("value")
    if old is None or new is None:
        return "same" if old is new else "differs"
    if abs(new - old) <= _EQUAL * max(abs(old), 1e-9):
        return "same"
    low, high = recorded.get("low"), recorded.get("high")
    if low is not None and high is not None and low <= new <= high:
        return "within its interval"
    return "differs"


def _copied(folder: Path) -> Path:
    """A copy of ``trained/`` without its results; models and Atlases are linked."""
    copy = folder / "trained"
    copy.mkdir()
    for path in trained_folder().iterdir():
        if path.name == "tables":
            shutil.copytree(path, copy / path.name)
        elif path.name != "benchmarks.json" and not path.name.startswith("."):
            (copy / path.name).symlink_to(path.resolve())
    return copy


# -- quotations ------------------------------------------------------------------------------------

QUOTED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("MBC, best of six classifiers on VAE codes", ("mbc.vae_codes.best.accuracy",
     "mbc.vae_codes.best.auc"), "{:.3f} / {:.3f}"),
    ("MBC, 5 nearest neighbours; linear", ("mbc.ssl.knn5.accuracy", "mbc.ssl.linear.accuracy"),
     "{:.3f}; {:.3f}"),
    ("MBC, at the native scale", ("mbc.finetuned.accuracy", "mbc.finetuned.cv_accuracy",
     "mbc.labels145.error"), "{:.3f}; {:.3f}; {:.1%}"),
    ("FIRST, four classes, five folds", ("first4.accuracy", "first4.bent_f1", "first4.brier"),
     "{:.3f}; {:.2f}; {:.2f}"),
    ("linear heads on frozen codes", ("mbc.heads.accuracy", "mbc.heads.cv_accuracy"),
     "{:.3f}; {:.3f}"),
    ("the same, four classes of FIRST", ("first4.heads.accuracy", "first4.heads.bent_f1",
     "first4.heads.brier"), "{:.3f}; {:.2f}; {:.2f}"),
    ("FR-DEEP NVSS, best", ("frdeep_nvss.best.accuracy", "frdeep_nvss.best.auc"),
     "{:.2f} / {:.2f}"),
    ("RAMIS of generated over real", ("gen.ramis_ratio",), "{:.2f}"),
    ("requested FRI, classified as FRI", ("gen.fri_fraction", "gen.frii_fraction"),
     "{:.0%}; {:.0%}"),
    ("requested against measured angular size", ("gen.size_spearman", "gen.size_median_rel_error"),
     "{:.2f}, {:.0%}"),
    ("coverage and density", ("gen.coverage", "gen.density"), "{:.2f}, {:.2f}"),
    ("accuracy on real galaxies of a classifier trained on generated", ("gen.tstr_ratio",),
     "{:.2f}"),
    ("retrieval within FIRST", ("sim.first4.map", "sim.first4.map_finetuned"), "{:.2f}; {:.2f}"),
    ("AUROC of the outlier score", ("ood.bent.auroc", "ood.bent.shipped"), "{:.2f}; {:.2f}"),
    ("the same as shipped: wide-angle", ("ood.wat_ht.shipped", "ood.hybrid.shipped"),
     "{:.2f}; {:.2f}"),
    ("AUROC of the score *defect*", ("ood.artefacts.auroc", "ood.nvss.auroc"), "{:.2f}; {:.2f}"),
    ("reconstruction by `vae32`", ("rec.flux_ratio", "rec.ssim"), "{:.3f}, {:.3f}"),
    ("sharpness of reconstructions", ("blur.vdvae.reconstructions", "blur.vae32.reconstructions"),
     "{:.2f}; {:.2f}"),
)  # fmt: skip
"""Beginning of a row of ``docs/models.md``, the results that it quotes, and their format."""


def guides() -> str:
    """The text of README.md and of every page in docs/."""
    pages = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


Difference = tuple[str, str, str]
"""Where, what is written there, and what is recorded."""


def misquoted(text: str, figures: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    """Rows of :data:`QUOTED` in a Markdown text that do not quote the record.

    A percentage may have a blank before the sign.
    """
    for row, names, form in QUOTED:
        line = next((ln for ln in text.splitlines() if ln.startswith(f"| {row}")), "")
        cells = [c.strip() for c in line.split("|")]
        written = cells[2].replace(" %", "%") if len(cells) > 2 else "(no such row)"
        values = [figures[n]["value"] for n in names]
        # People round .5 up, Python rounds it to even; accept both.
        expected = {form.format(*(v + d for v in values)) for d in (0.0, 1e-5, -1e-5)}
        if written not in expected:
            yield row, written, form.format(*values)


def misquoted_in_cards() -> Iterator[Difference]:
    """Scores of models that their card does not quote as their config has them."""
    for name, info in list_models().items():
        card = (trained_folder() / name / "CARD.md").read_text(encoding="utf-8")
        scores = card.partition("## Scores")[2].partition("## Limits")[0]
        scores = re.sub(r"(?<=\d),(?=\d{3})", "", scores)
        numbers = re.findall(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?%?", scores)
        for key, value in info.scores.items():
            if not any(_rounds_to(text, value) for text in numbers):
                yield f"{name}, {key}", "no such number", f"{value:.4g}"


def _rounds_to(text: str, value: float) -> bool:
    """Whether a text gives a number, to the digits that it has."""
    if text.endswith("%"):
        text, value = text[:-1], 100.0 * value
    decimals = 0 if "e" in text else len(text.partition(".")[2])
    return text == f"{value:.4g}" or abs(float(text) - value) <= 0.5001 * 10.0**-decimals
