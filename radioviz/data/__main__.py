"""``python -m radioviz.data``: fetch, list and build data sets, record the splits."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from radioviz.cli import import_commands as importing
from radioviz.errors import RadioVizError

if TYPE_CHECKING:
    from radioviz.data.catalogue import Progress

app = typer.Typer(
    name="python -m radioviz.data",
    help="Data sets of RadioViz: fetch public ones, list them, build them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@contextmanager
def _bar(unit: str) -> Iterator[Progress]:
    """A progress bar on stderr; one bar for each ``what`` that the callback names."""
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


@app.command()
def fetch(
    key: Annotated[str, typer.Argument(help="mirabest or fr-deep")],
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PATH_OR_URL",
            help="Another source: an http(s) address, an archive, or a folder of archives "
            "(packed or unpacked).",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Target folder instead of the cache folder.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for the server.")] = 30.0,
) -> None:
    """Download a public data set, check it and unpack it into the cache folder."""
    from radioviz.data.fetch import fetch as bring

    with _bar("B") as progress:
        folder = bring(key, source, to, progress=progress, timeout=timeout)
    print(f"{key}: {folder}")


@app.command("list")
def list_() -> None:
    """Show the known data sets and which of them are here."""
    from radioviz.data.registry import DATA_SETS

    for data_set in DATA_SETS.values():
        if data_set.is_built:
            state = f"built: {data_set.folder}"
        elif data_set.embedded:
            state = "installed; built on first use"
        elif data_set.is_here:
            state = "fetched; built on first use"
        elif data_set.fetch:
            state = f"fetch it: python -m radioviz.data fetch {data_set.fetch}"
        else:
            state = "needs files of your own"
        print(f"{data_set.key:<16} {data_set.title:<40} {state}")


@app.command()
def build(
    key: Annotated[str, typer.Argument(help="A data set of the list command.")],
) -> None:
    """Build the catalogue of a data set, so that the app opens it at once."""
    from radioviz.data.registry import open_data_set

    with _bar("galaxy") as progress:
        catalogue = open_data_set(key, progress)
    for note in catalogue.notes:
        print(note, file=sys.stderr)
    where = catalogue.folder or "memory only: the cache folder cannot be written"
    print(f"{key}: {len(catalogue)} galaxies, {where}")


@app.command()
def splits() -> None:
    """Search all data sets for sources in common and record the fixed splits."""
    raise SystemExit(subprocess.call([sys.executable, "-m", "train", "splits"]))


importing.register(app, _bar)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns its exit code (0 done, 1 failed, 2 not understood)."""
    try:
        app(args=arguments, prog_name="python -m radioviz.data")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except RadioVizError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
