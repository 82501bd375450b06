"""The commands of ``radioviz``: app, train, search, export, and those of the other modules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from radioviz.cli import backup_commands, mock_commands
from radioviz.cli.data_commands import data_app
from radioviz.cli.encode_command import encode
from radioviz.cli.import_commands import import_command
from radioviz.cli.running import become, new_app
from radioviz.paths import REPOSITORY

_HELP = """Walk through the latent space of radio galaxies.

\b
Examples:
  radioviz app                                    open the app in a browser
  radioviz data list                              which data sets are installed
  radioviz import cutouts.zip --key my-survey     import a survey of your own
  radioviz encode --data my-survey                encode it with every encoder
  radioviz search --galaxy first-0                galaxies like one of FIRST
  radioviz search --image my.fits -o found.vot    galaxies like an image, as VOTable
  radioviz export first-0 first-2 -o two.fits     images and table as FITS
  radioviz mock-field sky.fits                    a simulated sky with a truth catalogue
  radioviz backup monday.tar                      what you imported, in one file

COMMAND --help shows the options of a command. In Python: import radioviz.
"""

radioviz_app = new_app("radioviz", completion=True)

_PASS_ON: dict[str, Any] = {"allow_extra_args": True, "ignore_unknown_options": True}


def _print_version(wanted: bool) -> None:
    if wanted:
        from radioviz import __version__

        print(f"radioviz {__version__}")
        raise typer.Exit


@radioviz_app.callback(help=_HELP)
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options of ``radioviz`` itself."""


@radioviz_app.command(context_settings=_PASS_ON)
def app(context: typer.Context) -> None:
    """Start the app; further options go to streamlit run.

    Only this machine can open it, unless you give another --server.address.

    \b
    Examples:
      radioviz app
      radioviz app --server.port 8600 --server.headless true
    """
    become("streamlit", "run", str(REPOSITORY / "app.py"), *context.args)


radioviz_app.add_typer(data_app, name="data")
radioviz_app.command("import")(import_command)
radioviz_app.command()(encode)
for _command in (backup_commands.backup, backup_commands.restore, backup_commands.check):
    radioviz_app.command()(_command)

radioviz_app.command("mock-field")(mock_commands.mock_field)
radioviz_app.command()(mock_commands.inject)
radioviz_app.command()(mock_commands.recover)


@radioviz_app.command()
def sky_viewer(
    source: Annotated[
        Path | None, typer.Option("--from", help="Package aladin-lite-*.tgz on this computer.")
    ] = None,
) -> None:
    """Fetch Aladin Lite (GPL-3, by the CDS) into your cache, for the Sky panel of Inspect.

    \b
    Examples:
      radioviz sky-viewer
    """
    from radioviz.data.sky_viewer import VERSION, fetch_viewer

    path = fetch_viewer(source)
    print(f"Aladin Lite {VERSION} is in {path.parent}; its licence (GPL-3) lies beside it.")


@radioviz_app.command()
def search(
    data: Annotated[str, typer.Option(help="Data set to search.")] = "first",
    galaxy: Annotated[
        list[str] | None, typer.Option(help="source_id of an example; repeatable.")
    ] = None,
    position: Annotated[
        str, typer.Option(help="The galaxy nearest to a J2000 position is an example.")
    ] = "",
    image: Annotated[
        Path | None, typer.Option(help="A FITS, PNG or JPEG file is an example.")
    ] = None,
    unlike: Annotated[
        list[str] | None, typer.Option(help="source_id of a counter-example; repeatable.")
    ] = None,
    model: Annotated[str, typer.Option(help="Encoder; default: the one the app opens.")] = "",
    measure: Annotated[str, typer.Option(help="whitened or cosine.")] = "whitened",
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="Results.")] = 20,
    radius: Annotated[float, typer.Option(help="Arcsec about the position.")] = 30.0,
    pixel_scale: Annotated[
        float | None, typer.Option(help="Arcsec per pixel of the image, without a WCS.")
    ] = None,
    beam: Annotated[float | None, typer.Option(help="FWHM of the image's beam, arcsec.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File instead of a table on the screen, by its ending: "
                     ".csv, .vot, .parquet, .fits, .zip, .reg"),
    ] = None,
) -> None:  # fmt: skip
    """Find galaxies like one of a data set, one at a position, or an image.

    \b
    Examples:
      radioviz search --galaxy first-0 --number 10
      radioviz search --position "07:47:08.4 +17:17:27" --model vae32
      radioviz search --image my.fits --data mirabest --output found.vot
    """
    import radioviz

    found = radioviz.find_similar(
        data, galaxy=galaxy or (), position=position or None, image=image, unlike=unlike or (),
        model=model, measure=measure, number=number, radius=radius, pixel_scale=pixel_scale,
        beam=beam,
    )  # fmt: skip
    if output is not None:
        path = radioviz.export_galaxies(found, output)
        print(f"{path}: {len(found)} galaxies", file=sys.stderr)
        return
    table = radioviz.open_data_set(data).table.iloc[found["row"]].reset_index(drop=True)
    shown = table[["source_id", "name", "ra", "dec", "las", "label"]]
    print(shown.join(found[["score", "chance"]]).round(4).to_string(index=False, na_rep=""))


@radioviz_app.command()
def export(
    galaxies: Annotated[
        list[str], typer.Argument(help="Values of source_id; - reads them from standard input.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write, by its ending: .fits, .cube.fits, "
                     ".table.fits, .zip, .vot, .csv, .parquet, .reg"),
    ],
    data: Annotated[str, typer.Option(help="Their data set.")] = "first",
    model: Annotated[str, typer.Option(help="Add the latent vectors of this encoder.")] = "",
) -> None:  # fmt: skip
    """Write galaxies to a file.

    \b
    Examples:
      radioviz export first-0 first-2 --output two.fits
      radioviz export - --output list.zip --model simclr < ids.txt
    """
    import radioviz

    ids = sys.stdin.read().split() if galaxies == ["-"] else galaxies
    path = radioviz.export_galaxies(ids, output, data_set=data, model=model)
    print(f"{path}: {len(ids)} galaxies", file=sys.stderr)


@radioviz_app.command(context_settings=_PASS_ON, add_help_option=False)
def train(context: typer.Context) -> None:
    """Train and evaluate models; the same as python -m train.

    \b
    Examples:
      radioviz train --help
      radioviz train simclr --data my-survey
    """
    become("train", *context.args)
