"""What every command shares: exit codes, error messages, progress bars."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

from radioviz.errors import RadioVizError
from radioviz.jobs.watched_fork import in_watched_fork

_ours = False  # True in a process that was started for the command, which may be forked


def new_app(name: str, help_text: str = "", *, completion: bool = False) -> typer.Typer:
    """A command line that shows its help when called without arguments."""
    return typer.Typer(
        name=name,
        help=help_text,
        no_args_is_help=True,
        add_completion=completion,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(app: typer.Typer, arguments: list[str] | None, name: str) -> int:
    """Run a command line; returns its exit code.

    0: done; 1: failed, with one sentence on stderr; 2: the arguments were not understood;
    130: interrupted.
    """
    global _ours
    _ours = arguments is None
    try:
        app(args=arguments, prog_name=name)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except RadioVizError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def become(module: str, *arguments: str) -> NoReturn:
    """Replace this process by ``python -m module``, so that signals and its exit code pass through.

    Modules of the folder where it runs, such as a train.py of the user's, are not found (``-P``);
    those beside this package are.
    """
    command = [sys.executable, "-P", "-m", module, *arguments]
    path = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, path))
    if os.name == "nt":
        raise SystemExit(subprocess.call(command))
    sys.stdout.flush()
    os.execvp(command[0], command)


def in_confined_fork(confine: Callable[[], object], work: Callable[[], str]) -> str:
    """Do ``work`` in a fork of this process that first calls ``confine``; returns its text.

    Where a command line is run from Python (:func:`run` with arguments), which must not be
    forked, it is done here, without ``confine``.

    Raises ReaderError if the fork is killed, by its limits or by what it reads.
    """
    if not _ours:
        return work()

    def confined() -> str:
        confine()
        return work()

    return in_watched_fork(confined)


@contextmanager
def progress_bar(unit: str) -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar on stderr; a new one for each ``what`` that the callback names."""
    from tqdm import tqdm

    bar: tqdm | None = None

    def progress(done: int, total: int, what: str) -> None:
        nonlocal bar
        if bar is None or bar.desc.removesuffix(": ") != what:
            if bar is not None:
                bar.close()
            bar = tqdm(total=total, initial=done, desc=what, unit=unit, unit_scale=unit == "B")
        bar.update(done - bar.n)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.close()
