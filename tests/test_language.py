"""Plain English: words that were used as riddles, and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radioviz.paths import REPOSITORY

RIDDLES = {
    r"told|(?<![._])tells?(?!\(self)|telling": "reports, says; a callback is on_progress",
    r"turned": "rotated, became; a switch is turned on or off",
    r"tak(?:e|es|en|ing) up|took up": "resume",
    r"at hand": "available, installed",
    r"speaks?|spoke|spoken": "shows, supports",
    r"brought|brings?|bringing": "import, upload, load",
    r"asked of": "requested from",
    r"go(?:es|ing)? on|gone on|went on": "continue, resume",
    r"anew": "again; rebuild",
    r"mend(?:s|ed|ing)?": "fix",
    r"wish(?:es|ed)?": "query, request",
    r"overrul(?:e|es|ed|ing)": "override",
    r"crew": "workers",
    r"whoever|whosoever": "name them",
    r"nobody (?:shall|may)": "disable",
    r"hair's breadth": "a tiny deviation",
    r"heed(?:s|ed)?": "use, obey",
    r"(?<!there\x20)(?:is|are|was|were|be) no (?:angle|number|image|file|folder|survey|galaxy|"
    r"model|position|table|catalogue|FITS|PNG|JSON|text|class|error|option|unit|size|column|key|name|list|"
    r"array|directory|part|word|place)s?": "is not a ...",
}
_LINK = "query parameter of links that exist"
_SCORE = "name of a score in stored tables and on the command line"
_CONFIG = "field of the settings that shipped models were trained with"
_BUILT = "comment in sources whose hash the built bundle carries"
_OPTION = "the option --judge-anew"
ALLOWED: dict[tuple[str, str], str] = {
    ("pages/similar.py", "turned"): _LINK,
    ("radioviz/ui/pages/similar/similar_view.py", "turned"): _LINK,
    ("radioviz/ui/pages/benchmarks/benchmark_tables.py", "turned"): _SCORE,
    ("radioviz/ui/map/frontend/src/gpu.ts", "tell"): _BUILT,
    ("train/evaluate/similarity.py", "turned"): _SCORE,
    ("train/scores/outlier_detector.py", "turned"): _SCORE,
    ("train/methods/maf.py", "turned"): _CONFIG,
    ("train/runs/maf-simclr.toml", "turned"): _CONFIG,
    ("train/runs/maf-survey-simclr.toml", "turned"): _CONFIG,
    ("CHANGELOG.md", "anew"): _OPTION,
    ("docs/models.md", "anew"): _OPTION,
    ("train/__main__.py", "anew"): _OPTION,
    ("train/evaluate/generation.py", "anew"): _OPTION,
    ("train/evaluate/judged_generation.py", "anew"): _OPTION,
}
"""``(file, word)`` to why the word stays there."""

PLACES = ("radioviz", "train", "pages", "docs", "trained")
ENDINGS = {".py", ".md", ".toml", ".js", ".css", ".ts", ".html", ".ipynb"}
SINGLE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "app.py")


def texts() -> list[Path]:
    found = [
        path
        for place in PLACES
        for path in (REPOSITORY / place).rglob("*")
        if path.suffix in ENDINGS and "node_modules" not in path.parts and path.name != "map.js"
    ]
    return sorted([*found, *(REPOSITORY / name for name in SINGLE)])


@pytest.mark.parametrize("riddle", RIDDLES)
def test_plain_words(riddle: str) -> None:
    # A name such as bring_view or told counts; so does a sentence over two lines.
    word = re.compile(rf"(?<![A-Za-z])(?:{riddle.replace(' ', r'[ _]+')})(?![A-Za-z])", re.I)
    found = []
    for path in texts():
        where = path.relative_to(REPOSITORY).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            used = {match[0].lower() for match in word.finditer(line)}
            if any((where, text) not in ALLOWED for text in used):
                found.append(f"{where}:{number}: {line.strip()}")
    assert not found, f"write: {RIDDLES[riddle]}\n" + "\n".join(found)


def test_every_exception_is_needed() -> None:
    for (where, word), reason in ALLOWED.items():
        assert reason
        assert word in (REPOSITORY / where).read_text(encoding="utf-8"), where
