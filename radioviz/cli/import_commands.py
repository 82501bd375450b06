"""``python -m radioviz.data import``, ``cutouts``, ``surveys`` and ``remove``."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from radioviz.data.catalogue import Progress
from radioviz.errors import CatalogueError
from radioviz.store.spreadsheets import safe_csv

Bar = Callable[[str], AbstractContextManager[Progress]]

_SOURCE = "A folder, ZIP or tar of FITS, PNG or JPEG; a cube (.npy, .npz, HDF5, zarr); a mosaic "
_SOURCE += "FITS; or a table that names images or gives positions."


def register(app: typer.Typer, bar: Bar) -> None:
    """Add the commands; ``bar`` makes a progress bar for a unit."""

    @app.command("import")
    def import_(
        source: Annotated[Path | None, typer.Argument(help=_SOURCE)] = None,
        table: Annotated[
            Path | None,
            typer.Option(help="Table of the sources (CSV, ECSV, VOTable, FITS, Parquet)"),
        ] = None,
        key: Annotated[str, typer.Option(help="Key of the survey; default from the name.")] = "",
        title: Annotated[str, typer.Option(help="Name shown to people.")] = "",
        survey: Annotated[str, typer.Option(help="Survey of the images, such as NVSS.")] = "",
        pixel_scale: Annotated[str, typer.Option(help="Arcsec per pixel.")] = "",
        beam: Annotated[str, typer.Option(help="FWHM of the beam in arcsec, or unknown.")] = "",
        bunit: Annotated[str, typer.Option(help="Unit of the pixels, or unknown.")] = "",
        raw: Annotated[str, typer.Option(help="yes: noise is in the images; no: removed.")] = "",
        pixels: Annotated[str, typer.Option(help="Edge of the stored images in pixels.")] = "",
        column: Annotated[
            list[str] | None, typer.Option(help="ROLE=COLUMN, such as ra=RAJ2000; repeatable.")
        ] = None,
        label: Annotated[
            list[str] | None, typer.Option(help="VALUE=CLASS, such as 1=FRI; repeatable.")
        ] = None,
        ra_unit: Annotated[str, typer.Option(help="deg, hour or rad.")] = "",
        dec_unit: Annotated[str, typer.Option(help="deg or rad.")] = "",
        las_unit: Annotated[str, typer.Option(help="arcsec, arcmin, deg or mas.")] = "",
        flux_unit: Annotated[str, typer.Option(help="mJy, Jy, uJy or unknown.")] = "",
        array: Annotated[str, typer.Option(help="Which array of an HDF5, npz or zarr.")] = "",
        extension: Annotated[str, typer.Option(help="Which extension of a mosaic.")] = "",
        first_row: Annotated[str, typer.Option(help="south (FITS) or north (pictures).")] = "",
        rgz: Annotated[
            Path | None,
            typer.Option(envvar="RADIOVIZ_RGZ", help="Folder of the RGZ DR1 image batches."),
        ] = None,
        mb_flag: Annotated[str, typer.Option(help="RGZ: keep or exclude MiraBest sources.")] = "",
        las_min: Annotated[str, typer.Option(help="RGZ: least angular size in arcsec.")] = "",
        service: Annotated[str, typer.Option(help="Cutout service for positions alone.")] = "",
        replace: Annotated[bool, typer.Option(help="Replace a survey of this key.")] = False,
        look: Annotated[
            bool, typer.Option("--look", help="Say what is found and asked; import nothing.")
        ] = False,
        report: Annotated[
            Path | None, typer.Option(help="Write what became of each file to this CSV.")
        ] = None,
        encode: Annotated[
            bool, typer.Option("--encode", help="Then put it through every encoder.")
        ] = False,
        model: Annotated[
            str, typer.Option(help="Or through these encoders, separated by commas.")
        ] = "",
    ) -> None:
        """Import a survey of your own."""
        if source is None:
            source = rgz
        if source is None:
            raise CatalogueError("nothing to import: give a path, or --rgz with a folder")
        answers = {
            "key": key, "title": title, "survey": survey, "pixel_scale": pixel_scale,
            "beam": beam, "bunit": bunit, "raw": raw, "pixels": pixels,
            "columns": _pairs(column, "--column"), "labels": _pairs(label, "--label"),
            "ra_unit": ra_unit, "dec_unit": dec_unit, "las_unit": las_unit,
            "flux_unit": flux_unit, "array": array, "extension": extension,
            "first_row": first_row, "mb_flag": mb_flag, "las_min": las_min, "service": service,
        }  # fmt: skip
        _import(source, table, answers, replace, look, report, bar, _models(encode, model))

    @app.command()
    def cutouts(
        table: Annotated[
            Path | None, typer.Argument(help="Positions; leave out to list the services.")
        ] = None,
        service: Annotated[str, typer.Option(help="Key of a service.")] = "",
        key: Annotated[str, typer.Option(help="Key of the survey; default from the name.")] = "",
        title: Annotated[str, typer.Option(help="Name shown to people.")] = "",
        pixels: Annotated[str, typer.Option(help="Edge in pixels; default 300.")] = "",
        pixel_scale: Annotated[str, typer.Option(help="Arcsec; default a third of the beam.")] = "",
        column: Annotated[
            list[str] | None, typer.Option(help="ROLE=COLUMN, such as ra=RAJ2000; repeatable.")
        ] = None,
        ra_unit: Annotated[str, typer.Option(help="deg, hour or rad.")] = "",
        base: Annotated[str, typer.Option(help="Another address of the service.")] = "",
        rate: Annotated[str, typer.Option(help="Requests a second.")] = "",
        replace: Annotated[bool, typer.Option(help="Replace a survey of this key.")] = False,
        report: Annotated[
            Path | None, typer.Option(help="Write what became of each position to this CSV.")
        ] = None,
        encode: Annotated[
            bool, typer.Option("--encode", help="Then put it through every encoder.")
        ] = False,
        model: Annotated[
            str, typer.Option(help="Or through these encoders, separated by commas.")
        ] = "",
    ) -> None:
        """Fetch cutouts for a list of positions and import them."""
        if table is None:
            from radioviz.importing.cutouts import SERVICES

            for s in SERVICES.values():
                typer.echo(
                    f"{s.key:<14} {s.title:<32} {s.frequency:.4g} GHz, {s.beam:g} arcsec, "
                    f"Dec {s.south:+g} to {s.north:+g}"
                )
            return
        answers = {
            "key": key, "title": title, "service": service, "pixels": pixels,
            "pixel_scale": pixel_scale, "columns": _pairs(column, "--column"),
            "ra_unit": ra_unit, "base": base, "rate": rate,
        }  # fmt: skip
        _import(table, None, answers, replace, False, report, bar, _models(encode, model))

    @app.command()
    def resume(key: Annotated[str, typer.Argument(help="An unfinished import.")]) -> None:
        """Take up an import that was stopped or cut off."""
        from radioviz.importing.run_import import resume_import

        with bar("image") as progress:
            result = resume_import(key, progress)
        typer.echo(result.sentence())

    @app.command()
    def surveys() -> None:
        """List the imported surveys and the imports that were cut off."""
        from radioviz.data import user_surveys as store

        known = store.surveys()
        for s in known.values():
            typer.echo(f"{s.key:<24} {s.n:>9,} {s.title}  {s.folder}")
        for u in store.unfinished():
            typer.echo(f"{u.key:<24} {u.done:>9,} unfinished; resume it, or remove it")
        if not known:
            typer.echo(f"no imported survey in {store.surveys_folder()}", err=True)

    @app.command()
    def remove(
        key: Annotated[str, typer.Argument(help="An imported survey.")],
        models: Annotated[
            bool, typer.Option("--models", help="And the models that were trained on it.")
        ] = False,
    ) -> None:
        """Delete an imported survey with all its files and Atlases."""
        from radioviz.data import user_surveys as store

        freed = store.remove(key)
        typer.echo(f"{key}: removed, {freed / 1e6:,.1f} MB freed")
        if trained := store.models_of(key):
            if models:
                store.remove_models(key)
            what = "removed too" if models else "kept; remove-models deletes them"
            typer.echo(f"{key}: {len(trained)} model(s) trained on it {what}: {', '.join(trained)}")

    @app.command("remove-models")
    def remove_models(
        key: Annotated[str, typer.Argument(help="The survey that they were trained on.")],
    ) -> None:
        """Delete the models trained on a survey, and every Atlas that they made."""
        from radioviz.data import user_surveys as store

        for name in store.remove_models(key):
            typer.echo(f"{name}: removed")


def _pairs(texts: list[str] | None, option: str) -> dict[str, str]:
    out = {}
    for text in texts or []:
        left, equals, right = text.partition("=")
        if not equals:
            raise CatalogueError(f"{option} {text!r}: expected two parts joined by '='")
        out[left.strip()] = right.strip()
    return out


def _models(encode: bool, model: str) -> str | None:
    """Encoders to use, none named for all of them; None where it shall not be encoded."""
    return model if model or encode else None


def _import(
    source: Path,
    table: Path | None,
    answers: dict[str, Any],
    replace: bool,
    look: bool,
    report: Path | None,
    bar: Bar,
    models: str | None,
) -> None:
    from radioviz.importing.inspection import Source
    from radioviz.importing.kinds import inspect
    from radioviz.importing.run_import import import_survey

    answers = {k: v for k, v in answers.items() if v}
    what = Source(source, table)
    found = inspect(what, answers)
    while found.missing and sys.stdin.isatty() and not look:
        for question in found.missing:
            answers[question.key] = _ask(question.text, question.choices)
        found = inspect(what, answers)
    for name, value in found.found.items():
        typer.echo(f"{name:<14} {value}", err=True)
    for question in found.needed:
        choices = f" [{', '.join(question.choices)}]" if question.choices else ""
        option = "--" + question.key.replace("_", "-")
        default = "must be answered" if question.required else f"taken as {question.default}"
        typer.echo(f"{option:<14} {question.text}{choices} ({default})", err=True)
    for note in found.notes:
        typer.echo(f"note           {note}", err=True)
    if look:
        return
    with bar("image") as progress:
        result = import_survey(what, answers, progress, replace=replace, inspection=found)
    if report is not None:
        try:
            report.write_text(safe_csv(result.report), encoding="utf-8")
        except OSError as error:
            raise CatalogueError(
                f"the report cannot be written to {report}: {error.strerror or error}"
            ) from error
    for row in result.report[result.report["status"] == "refused"].head(20).itertuples():
        typer.echo(f"refused        {row.file}: {row.reason}", err=True)
    typer.echo(result.sentence())
    if result.catalogue is not None:
        typer.echo(f"{result.key}: {os.fspath(result.catalogue.folder or '')}")
        if models is not None:
            # A process of its own: what reads surveys never reaches torch.
            command = [sys.executable, "-m", "radioviz.encode", "--data", result.key, "--measure"]
            command += ["--model", models] if models else []
            raise typer.Exit(subprocess.run(command, check=False).returncode)


def _ask(text: str, choices: tuple[str, ...]) -> str:
    shown = f"{text} [{'/'.join(choices)}]" if choices else text
    answer: str = typer.prompt(shown)
    return answer
