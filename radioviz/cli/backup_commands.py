"""``radioviz backup``, ``restore`` and ``check``: what users left, before and after an update."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def backup(
    file: Annotated[Path, typer.Argument(help="New file, .tar or .tar.gz.")],
) -> None:
    """Copy imported surveys, their Atlases, your models and workspaces into one file.

    A server may run meanwhile. Unfinished imports and uploads are left out.

    \b
    Examples:
      radioviz backup radioviz-monday.tar
    """
    from radioviz.api.backup import back_up

    about = back_up(file, _say)
    print(f"{file}: {len(about.parts)} parts, {file.stat().st_size / 1e6:,.1f} MB")


def restore(
    file: Annotated[Path, typer.Argument(help="A file of radioviz backup.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace what exists.")] = False,
) -> None:
    """Put the content of a backup into RADIOVIZ_HOME, each part whole or not at all.

    \b
    Examples:
      radioviz restore radioviz-monday.tar
    """
    from radioviz.api import backup as archive

    about = archive.restore(file, replace=replace, progress=_say)
    print(f"{file}: {len(about.parts)} parts of {about.made} restored")


def check() -> None:
    """Say what this version cannot read in RADIOVIZ_HOME; run it after an update.

    \b
    Examples:
      radioviz check
    """
    from radioviz.api import backup as archive

    wrong = archive.check()
    for sentence in wrong.values():
        print(sentence, file=sys.stderr)
    print(f"{len(archive.parts()) - len(wrong)} parts can be read, {len(wrong)} cannot")
    raise typer.Exit(1 if wrong else 0)


def _say(part: str) -> None:
    print(part, file=sys.stderr)
