"""Commands for surveys of your own: import, cutouts, resume, surveys, remove."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from radioviz.cli.running import in_confined_fork, progress_bar
from radioviz.errors import CatalogueError


def _option(help_text: str) -> Any:
    return typer.Option(help=help_text)


SourcePath = Annotated[
    Path | None,
    typer.Argument(
        help="A folder, ZIP or tar of FITS, PNG or JPEG; a cube (.npy, .npz, HDF5, zarr); a mosaic "
        "FITS; or a table that names images or gives positions."
    ),
]
Key = Annotated[str, _option("Key of the survey; default from the name.")]
Title = Annotated[str, _option("Name shown in the app.")]
Columns = Annotated[list[str] | None, _option("ROLE=COLUMN, such as ra=RAJ2000; repeatable.")]
RaUnit = Annotated[str, _option("deg, hour or rad.")]
Frame = Annotated[
    str,
    _option("Frame of the table's positions, such as FK4 B1950 or Galactic; default as it says."),
]
WhichTable = Annotated[str, _option("Name or number of one of several tables in a file.")]
Replace = Annotated[bool, _option("Replace a survey of this key.")]
Report = Annotated[Path | None, _option("Write the outcome of each file to this CSV.")]
Encode = Annotated[bool, typer.Option("--encode", help="Then encode it with every encoder.")]
Models = Annotated[str, _option("Or with these encoders, separated by commas.")]

_QUESTIONS = (
    "key", "title", "survey", "pixel_scale", "beam", "bunit", "raw", "pixels", "ra_unit",
    "dec_unit", "frame", "which_table", "las_unit", "flux_unit", "array", "extension", "plane",
    "sources",
    "frequency", "first_row", "group", "bands", "band_column", "source_column", "missing", "align",
    "primary_beam",
    "mb_flag", "las_min", "service", "base", "rate",
)  # fmt: skip


def import_command(
    context: typer.Context,
    source: SourcePath = None,
    table: Annotated[
        Path | None, _option("Table of the sources (CSV, IPAC, ECSV, VOTable, FITS, Parquet)")
    ] = None,
    key: Key = "",
    title: Title = "",
    survey: Annotated[str, _option("Survey of the images, such as NVSS.")] = "",
    pixel_scale: Annotated[str, _option("Arcsec per pixel.")] = "",
    beam: Annotated[str, _option("FWHM of the beam in arcsec, or unknown.")] = "",
    frequency: Annotated[str, _option("Observing frequency in GHz, or unknown.")] = "",
    bunit: Annotated[str, _option("Unit of the pixels, or unknown.")] = "",
    raw: Annotated[str, _option("yes: noise is in the images; no: removed.")] = "",
    pixels: Annotated[str, _option("Edge of the stored images in pixels.")] = "",
    column: Columns = None,
    label: Annotated[list[str] | None, _option("VALUE=CLASS, such as 1=FRI; repeatable.")] = None,
    ra_unit: RaUnit = "",
    dec_unit: Annotated[str, _option("deg or rad.")] = "",
    frame: Frame = "",
    which_table: WhichTable = "",
    las_unit: Annotated[str, _option("arcsec, arcmin, deg or mas.")] = "",
    flux_unit: Annotated[str, _option("mJy, Jy, uJy or unknown.")] = "",
    array: Annotated[str, _option("Which array of an HDF5, npz or zarr.")] = "",
    extension: Annotated[str, _option("Which image of FITS files: name or number.")] = "",
    plane: Annotated[
        str,
        _option(
            "Which plane of cubes: I, 1.4 GHz, or a number from 0; I, 3 for two axes; all: kept "
            "as images of one source."
        ),
    ] = "",
    group: Annotated[
        str,
        _option(
            "Images of a source in several files or extensions, kept in one row: by name, "
            "position, column or extensions."
        ),
    ] = "",
    bands: Annotated[
        str, _option("Their names and order: FIRST, NVSS; or e1=1.1|1.2, e2=2.1|2.2.")
    ] = "",
    band_column: Annotated[
        str,
        _option(
            "Column of the table with the band of each image; or columns that name the files of "
            "each band: g=file_g, r=file_r."
        ),
    ] = "",
    source_column: Annotated[str, _option("Column with its source; default: by position.")] = "",
    missing: Annotated[str, _option("Sources without a band: keep (NaN) or refuse.")] = "",
    align: Annotated[
        str, _option("Bands of another piece of sky: check (refuse), or resample onto the first.")
    ] = "",
    primary_beam: Annotated[
        str, _option("Images are corrected or uncorrected for the primary beam, or unknown.")
    ] = "",
    first_row: Annotated[str, _option("south (FITS) or north (pictures).")] = "",
    sources: Annotated[
        str, _option("Of a single FITS image: find them, or keep it as one image.")
    ] = "",
    rgz: Annotated[
        Path | None,
        typer.Option(envvar="RADIOVIZ_RGZ", help="Folder of the RGZ DR1 image batches."),
    ] = None,
    mb_flag: Annotated[str, _option("RGZ: keep or exclude MiraBest sources.")] = "",
    las_min: Annotated[str, _option("RGZ: least angular size in arcsec.")] = "",
    service: Annotated[str, _option("Cutout service for positions alone.")] = "",
    replace: Replace = False,
    look: Annotated[
        bool, typer.Option("--look", help="Show what was found and what is missing; import nothing")
    ] = False,
    report: Report = None,
    encode: Encode = False,
    model: Models = "",
) -> None:
    """Import a survey of your own.

    \b
    Examples:
      radioviz import cutouts/ --look
      radioviz import cutouts.zip --table sources.csv --key my-survey --survey EMU
      radioviz import mosaic.fits --sources "find them"
      radioviz import sources.vot --service nvss --column ra=RAJ2000 --column dec=DEJ2000
    """
    path = source or rgz
    if path is None:
        raise CatalogueError("nothing to import: give a path, or --rgz with a folder")
    labels = _pairs(label, "--label")
    _import(context, path, table=table, labels=labels, look=look)


def cutouts(
    context: typer.Context,
    table: Annotated[
        Path | None, typer.Argument(help="Positions; leave out to list the services.")
    ] = None,
    service: Annotated[str, _option("Key of a service.")] = "",
    key: Key = "",
    title: Title = "",
    pixels: Annotated[str, _option("Edge in pixels; default 300.")] = "",
    pixel_scale: Annotated[str, _option("Arcsec; default a third of the beam.")] = "",
    column: Columns = None,
    ra_unit: RaUnit = "",
    frame: Frame = "",
    which_table: WhichTable = "",
    base: Annotated[str, _option("Another address of the service.")] = "",
    rate: Annotated[str, _option("Requests a second.")] = "",
    replace: Replace = False,
    report: Report = None,
    encode: Encode = False,
    model: Models = "",
) -> None:
    """Fetch cutouts for a list of positions and import them."""
    if table is not None:
        _import(context, table)
        return
    from radioviz.importing.cutouts import SERVICES

    for s in SERVICES.values():
        print(
            f"{s.key:<14} {s.title:<32} {s.frequency:.4g} GHz, {s.beam:g} arcsec, "
            f"Dec {s.south:+g} to {s.north:+g}"
        )


def resume(key: Annotated[str, typer.Argument(help="An unfinished import.")]) -> None:
    """Resume an import that was stopped or interrupted."""
    from radioviz.data.user_surveys import unfinished_imports
    from radioviz.importing.confinement import confine_import
    from radioviz.importing.run_import import resume_import

    def work() -> str:
        with progress_bar("image") as progress:
            print(resume_import(key, progress).sentence())
        return ""

    asked = {u.key: u for u in unfinished_imports()}.get(key)
    if asked is None:
        work()  # raises
    else:
        network = bool(asked.answers.get("service"))
        in_confined_fork(partial(confine_import, asked.path, asked.table or "", network), work)


def surveys() -> None:
    """List the imported surveys and the unfinished imports."""
    from radioviz.data import user_surveys

    known = user_surveys.list_surveys()
    for s in known.values():
        print(f"{s.key:<24} {s.n:>9,} {s.title}  {s.folder}")
    for u in user_surveys.unfinished_imports():
        print(f"{u.key:<24} {u.done:>9,} unfinished; resume it, or remove it")
    if not known:
        print(f"no imported survey in {user_surveys.surveys_folder()}", file=sys.stderr)


def remove(
    key: Annotated[str, typer.Argument(help="An imported survey.")],
    models: Annotated[
        bool, typer.Option("--models", help="Also remove the models trained on it.")
    ] = False,
) -> None:
    """Delete an imported survey with all its files and Atlases."""
    from radioviz.data import user_surveys

    freed = user_surveys.remove_survey(key)
    print(f"{key}: removed, {freed / 1e6:,.1f} MB freed")
    if trained := user_surveys.models_of(key):
        if models:
            user_surveys.remove_models(key)
        outcome = "removed too" if models else "kept; remove-models deletes them"
        print(f"{key}: {len(trained)} model(s) trained on it {outcome}: {', '.join(trained)}")


def remove_models(
    key: Annotated[str, typer.Argument(help="The survey that they were trained on.")],
) -> None:
    """Delete the models trained on a survey, and every Atlas that they made."""
    from radioviz.data import user_surveys

    for name in user_surveys.remove_models(key):
        print(f"{name}: removed")


def add_import_commands(app: typer.Typer) -> None:
    """Add the commands of this module to a command line."""
    app.command("import")(import_command)
    for command in (cutouts, resume, surveys, remove):
        app.command()(command)
    app.command("remove-models")(remove_models)


def _pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    out = {}
    for text in texts or []:
        left, equals, right = text.partition("=")
        if not equals:
            raise CatalogueError(f"{option} {text!r}: expected two parts joined by '='")
        out[left.strip()] = right.strip()
    return out


def _import(
    context: typer.Context,
    path: Path,
    *,
    table: Path | None = None,
    labels: dict[str, str] | None = None,
    look: bool = False,
) -> None:
    """Inspect, ask what is missing (on a terminal), import, report and encode.

    What was given is read in a confined process.
    """
    from radioviz.importing.confinement import confine_import
    from radioviz.store.atomic import report_unwritable

    options = context.params
    # At a terminal, a service may yet be chosen.
    network = bool(options.get("service")) or (sys.stdin.isatty() and not look)
    given = str(path), str(table or ""), network
    work = partial(_inspect_and_import, options, path, table, labels, look)
    done = json.loads(in_confined_fork(partial(confine_import, *given), work))
    if options["report"] is not None and "report" in done:
        with report_unwritable(options["report"], setting="--report"):
            options["report"].write_text(done["report"], encoding="utf-8")
    if done.get("complete") and (options["encode"] or options["model"]):
        # In its own process: reading a survey never loads torch.
        command = [sys.executable, "-m", "radioviz.encode", "--data", done["key"], "--measure"]
        command += ["--model", options["model"]] if options["model"] else []
        raise typer.Exit(subprocess.run(command, check=False).returncode)


def _inspect_and_import(
    options: dict[str, Any],
    path: Path,
    table: Path | None,
    labels: dict[str, str] | None,
    look: bool,
) -> str:
    """JSON of what is left to do: the key, whether all was imported, the report as CSV."""
    from radioviz.importing.inspection import Source
    from radioviz.importing.recognition import inspect_source
    from radioviz.importing.run_import import import_survey
    from radioviz.store.spreadsheets import safe_csv

    answers: dict[str, Any] = {name: options.get(name) for name in _QUESTIONS}
    answers |= {"columns": _pairs(options["column"], "--column"), "labels": labels}
    answers = {name: value for name, value in answers.items() if value}
    source = Source(path, table)
    found = inspect_source(source, answers)
    while found.missing and sys.stdin.isatty() and not look:
        for question in found.missing:
            choices = f" [{'/'.join(question.choices)}]" if question.choices else ""
            answers[question.key] = typer.prompt(question.text + choices)
        found = inspect_source(source, answers)
    _describe(found)
    if look:
        return "{}"
    with progress_bar("image") as progress:
        result = import_survey(
            source, answers, progress, replace=options["replace"], inspection=found
        )
    for row in result.report[result.report["status"] == "refused"].head(20).itertuples():
        print(f"refused        {row.file}: {row.reason}", file=sys.stderr)
    print(result.sentence())
    left = {"key": result.key, "complete": result.catalogue is not None}
    if options["report"] is not None:
        left["report"] = safe_csv(result.report)
    if result.catalogue is not None:
        print(f"{result.key}: {os.fspath(result.catalogue.folder or '')}")
    return json.dumps(left)


def _describe(found: Any) -> None:
    """What the inspection found, what it asks, and its notes, on stderr."""
    for name, value in found.found.items():
        print(f"{name:<14} {value}", file=sys.stderr)
    for question in found.needed:
        choices = f" [{', '.join(question.choices)}]" if question.choices else ""
        option = "--" + question.key.replace("_", "-")
        default = "must be answered" if question.required else f"taken as {question.default}"
        print(f"{option:<14} {question.text}{choices} ({default})", file=sys.stderr)
    for note in found.notes:
        print(f"note           {note}", file=sys.stderr)
