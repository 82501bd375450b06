"""``radioviz data``, also ``python -m radioviz.data``: fetch, import, list and build data sets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from radioviz.cli.import_commands import add_import_commands
from radioviz.cli.running import new_app, progress_bar, run

_HELP = """Data sets of RadioViz: fetch public ones, import your own, list and build them.

\b
Examples:
  radioviz data fetch mirabest          download and unpack MiraBest
  radioviz data build mirabest          so that the app opens it at once
  radioviz data surveys                 surveys of your own, and unfinished imports
  radioviz data cutouts sources.csv --service nvss --key my-survey
"""

data_app = new_app("data", _HELP)
add_import_commands(data_app)


@data_app.command()
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
    from radioviz.data import fetch as downloads

    with progress_bar("B") as progress:
        folder = downloads.fetch(key, source, to, progress=progress, timeout=timeout)
    print(f"{key}: {folder}")


@data_app.command("list")
def list_data_sets() -> None:
    """List the known data sets and which of them are installed."""
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


@data_app.command()
def build(
    key: Annotated[str, typer.Argument(help="A data set of the list command.")],
) -> None:
    """Build the catalogue of a data set, so that the app opens it at once."""
    from radioviz.data.registry import open_data_set

    with progress_bar("galaxy") as progress:
        catalogue = open_data_set(key, progress)
    for note in catalogue.notes:
        print(note, file=sys.stderr)
    where = catalogue.folder or "memory only: the cache folder cannot be written"
    print(f"{key}: {len(catalogue)} galaxies, {where}")


@data_app.command()
def splits() -> None:
    """Search all data sets for common sources and record the fixed splits."""
    raise SystemExit(subprocess.call([sys.executable, "-m", "train", "splits"]))


def data_main(arguments: list[str] | None = None) -> int:
    """Run ``python -m radioviz.data``; returns its exit code."""
    return run(data_app, arguments, "python -m radioviz.data")
