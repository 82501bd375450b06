"""The recipes of CONTRIBUTING.md, followed word for word in a copy of the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from radioviz.paths import REPOSITORY

_COPIED = (
    "app.py",
    "pages",
    "radioviz",
    "train",
    "tests",
    "pyproject.toml",
    ".streamlit",
    "README.md",
)


def recipe(title: str) -> str:
    """A section of the guide."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def follow(section: str, where: Path) -> list[str]:
    """Write the files and lines of a section into a copy; returns its commands."""
    commands: list[str] = []
    pattern = r"(?P<said>[^`]*(?:`[^`\n]+`[^`]*)*?)```(?P<kind>\w+)\n(?P<code>.*?)```\n"
    for match in re.finditer(pattern, section, re.DOTALL):
        said, kind, code = match["said"].strip(), match["kind"], match["code"]
        if kind == "sh":
            commands += [line.split("  #")[0].strip() for line in code.splitlines()]
            continue
        named = re.search(r"`([^`]+)`:$", said)
        if (
            named
            and "/" in named[1]
            and "\n" not in said.splitlines()[-1]
            and (said.splitlines()[-1] == f"`{named[1]}`:")
        ):
            (where / named[1]).write_text(code, encoding="utf-8")
            continue
        files = re.findall(r"`([\w/]+\.py)`", said)
        before = re.findall(r"before\s+(?:the\s+line\s+of\s+)?`([^`]+)`", said)[-1]
        path = next((where / f for f in reversed(files) if (where / f).is_file()
                     and before in (where / f).read_text()), None)  # fmt: skip
        assert path is not None, said
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        at = next(i for i, line in enumerate(lines) if before in line)
        if code.startswith("PAGES ="):
            lines[at] = code
        else:
            while at and before.startswith('"frdeep') and "DataSet(" not in lines[at]:
                at -= 1
            lines.insert(at, code)
        path.write_text("".join(lines), encoding="utf-8")
    return commands


@pytest.mark.slow
@pytest.mark.parametrize("title", ["Add a page", "Add a survey"])
def test_a_recipe_works(title: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in _COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    trained = copy / "trained"
    trained.mkdir()
    for path in (REPOSITORY / "trained").iterdir():
        if path.name == "atlas":
            shutil.copytree(path, trained / "atlas")
        else:
            (trained / path.name).symlink_to(path)
    environment = os.environ | {"PYTHONPATH": str(copy), "RADIOVIZ_HOME": str(tmp_path / "home")}
    for command in follow(recipe(title), copy):
        words = [sys.executable, *command.split()[1:]] if command.startswith("python ") else []
        assert words, command
        words = [w.strip('"') for w in re.findall(r'"[^"]*"|\S+', " ".join(words))]
        ran = subprocess.run(
            words, cwd=copy, env=environment, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=250,
        )  # fmt: skip
        assert ran.returncode == 0, f"{command}\n{ran.stdout[-3000:]}{ran.stderr[-3000:]}"
