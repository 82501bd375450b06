"""Commands for mock fields: mock-field, inject, recover."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from radioviz.cli.running import progress_bar
from radioviz.errors import FieldError


def _option(help_text: str) -> Any:
    return typer.Option(help=help_text)


Number = Annotated[int | None, _option("Sources; default as many as --density gives.")]
Density = Annotated[float, _option("Sources per square degree.")]
Flux = Annotated[str, _option("Faintest and brightest source in mJy: LOW,HIGH.")]
Slope = Annotated[float, _option("gamma of the counts dN/dS ~ S^-gamma.")]
Share = Annotated[list[str] | None, _option("CLASS=SHARE, such as FRII=0.3; repeatable.")]
Sizes = Annotated[
    str, _option("Smallest and largest size in arcsec: LOW,HIGH; default those of RGZ DR1.")
]
Members = Annotated[float, _option("Mean members of a cluster; 0 for random positions.")]
Radius = Annotated[float, _option("Radius of clusters in arcmin (standard deviation).")]
Seed = Annotated[int, _option("Seed; the same gives the same pixels.")]
Model = Annotated[str, _option("Generator; default: cvae-sharp, or another CVAE.")]
Guidance = Annotated[
    float | None, _option("Guidance of the generator (1: none); default: its own.")
]
Templates = Annotated[int, _option("Generated galaxies per class, shown again where they are few.")]


def mock_field(
    context: typer.Context,
    output: Annotated[Path, typer.Argument(help="The image to write, .fits.")],
    width: Annotated[int, _option("Pixels.")] = 1024,
    height: Annotated[int, _option("Pixels.")] = 1024,
    pixel: Annotated[float, _option("Arcsec per pixel.")] = 1.8,
    beam: Annotated[str, _option("FWHM in arcsec, or MAJOR,MINOR,PA.")] = "5.4",
    rms: Annotated[float, _option("Noise in mJy/beam; 0 for none.")] = 0.15,
    ra: Annotated[float, _option("Centre, degrees.")] = 180.0,
    dec: Annotated[float, _option("Centre, degrees.")] = 30.0,
    number: Number = None,
    density: Density = 400.0,
    flux: Flux = "1,1000",
    slope: Slope = 1.7,
    share: Share = None,
    sizes: Sizes = "",
    cluster_members: Members = 0.0,
    cluster_radius: Radius = 2.0,
    frequency: Annotated[float, _option("GHz, for the header.")] = 1.4,
    seed: Seed = 0,
    model: Model = "",
    templates: Templates = 128,
    guidance: Guidance = None,
) -> None:
    """Draw a simulated field of generated galaxies, with its truth catalogue.

    Writes OUTPUT, and beside it .truth.fits, .truth.vot and .reg. Size and number of sources are
    said before anything is drawn.

    \b
    Examples:
      radioviz mock-field sky.fits --width 4096 --height 4096 --density 300
      radioviz mock-field deep.fits --beam 15,12,30 --pixel 3 --rms 0.03 --flux 0.1,100
    """
    from radioviz.api.field_simulation import field_settings
    from radioviz.mock_fields.field import FILES, blurred_words, check_disk, write_mock_field

    settings = field_settings(
        width=width, height=height, pixel=pixel, beam=_beam(beam), rms=rms, ra=ra, dec=dec,
        frequency=frequency, **_sources(**context.params),
    )  # fmt: skip
    check_disk(settings, output.parent)
    print(settings.cost(), file=sys.stderr)
    with progress_bar(" steps") as progress:
        truth = write_mock_field(output, settings, progress)
    stem = output.name.removesuffix(".fits")
    names = ", ".join(stem + ending for ending in FILES)
    blurred = blurred_words(truth, settings.beam)
    print(f"{names}: {len(truth):,} sources{blurred}", file=sys.stderr)


def inject(
    context: typer.Context,
    image: Annotated[Path, typer.Argument(help="Observed FITS image, Jy/beam, with WCS and beam.")],
    output: Annotated[Path, typer.Argument(help="The image to write, .fits.")],
    number: Number = None,
    density: Density = 400.0,
    flux: Flux = "1,1000",
    slope: Slope = 1.7,
    share: Share = None,
    sizes: Sizes = "",
    cluster_members: Members = 0.0,
    cluster_radius: Radius = 2.0,
    seed: Seed = 0,
    model: Model = "",
    templates: Templates = 128,
    guidance: Guidance = None,
) -> None:
    """Add generated galaxies to an observed image, with their truth catalogue.

    \b
    Examples:
      radioviz inject mosaic.fits more.fits --number 200 --flux 0.5,50
    """
    import radioviz

    with progress_bar(" steps") as progress:
        truth = radioviz.inject_galaxies(
            image, output, progress=progress, **_sources(**context.params)
        )
    path = output.with_name(output.name.removesuffix(".fits") + ".truth.csv")
    truth.to_csv(path, index=False)
    print(f"{output.name}, {path.name}: {len(truth):,} sources added", file=sys.stderr)


def recover(
    image: Annotated[Path, typer.Argument(help="The field or the image with added sources.")],
    truth: Annotated[Path, typer.Argument(help="Its truth catalogue: FITS, VOTable or CSV.")],
    found: Annotated[
        Path | None,
        typer.Argument(
            help="Catalogue of a source finder: CSV, FITS or VOTable with RA, Dec and flux; "
            "default: photutils."
        ),
    ] = None,
    before: Annotated[
        Path | None,
        _option("The image that galaxies were added to: its own sources do not count."),
    ] = None,
    radius: Annotated[
        float | None, _option("Arcsec of a match, or half the size if more; default: a beam.")
    ] = None,
    flux_unit: Annotated[
        str, _option("mJy, Jy or uJy, of the fluxes of a catalogue that does not say.")
    ] = "",
    threshold: Annotated[float, _option("Of photutils, in sigma.")] = 5.0,
    search: Annotated[
        bool, _option("What search by likeness and outlier scores say of what was found, too.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="CSV instead of the screen, .selection.csv and .search.csv."
        ),
    ] = None,
) -> None:
    """Completeness and reliability of a source finder on a field, and the selection function.

    \b
    Examples:
      radioviz recover sky.fits sky.truth.fits
      radioviz recover sky.fits sky.truth.fits mine.csv --output completeness.csv
      radioviz recover more.fits more.truth.csv mine.vot --before mosaic.fits
    """
    import pandas as pd

    import radioviz

    true = _table(truth)
    seen: Any = found
    if found is None:
        with progress_bar(" rows") as progress:
            seen = radioviz.find_sources(image, threshold=threshold, progress=progress)
    options: dict[str, Any] = {"before": before, "radius": radius, "flux_unit": flux_unit}
    table = radioviz.field_recovery(true, seen, image, **options)
    selected = radioviz.selection_function(true, seen, image, **options)
    tables = {"": table, ".selection": selected}
    if search:
        with progress_bar(" galaxies") as progress:
            tables[".search"] = radioviz.search_recovery(
                true, seen, image, **options, progress=progress
            )
    if output is not None:
        stem = output.name.removesuffix(".csv")
        paths = [output, *(output.with_name(f"{stem}{end}.csv") for end in list(tables)[1:])]
        for path, each in zip(paths, tables.values(), strict=True):
            each.to_csv(path, index=False)
        classes = selected[selected["of"] == "label"]
        again = round(float((classes["n"] * classes["rate"]).sum()))
        names = ", ".join([str(output), *(path.name for path in paths[1:])])
        print(f"{names}: {again:,} of {len(true):,} sources found", file=sys.stderr)
        return
    with pd.option_context("display.width", 160, "display.max_columns", 20):
        for each in tables.values():
            print(each.round(3).to_string(index=False, na_rep=""))


def _table(path: Path) -> Any:
    """A catalogue as a pandas table, columns as they are named."""
    from astropy.table import Table

    try:
        table = Table.read(path)
        table.convert_bytestring_to_unicode()  # as FITS stores text
        return table.to_pandas()
    except (OSError, ValueError, TypeError) as error:
        raise FieldError(f"{path} cannot be read as a table: {str(error)[:200]}") from error


def _sources(flux: str, share: list[str] | None, sizes: str, **options: Any) -> dict[str, Any]:
    """Options of both commands as settings of a field."""
    plain = ("number", "density", "slope", "cluster_members", "cluster_radius", "seed", "model",
             "templates", "guidance")  # fmt: skip
    given = {name: options[name] for name in plain}
    given["flux_range"] = tuple(_numbers(flux, "--flux", (2,)))
    if sizes:
        given["sizes"] = tuple(_numbers(sizes, "--sizes", (2,)))
    if share:
        pairs = [text.partition("=") for text in share]
        given["shares"] = {name: _numbers(value, "--share", (1,))[0] for name, _, value in pairs}
    return given


def _beam(text: str) -> list[float]:
    numbers = _numbers(text, "--beam", (1, 2, 3))
    return numbers * 2 if len(numbers) == 1 else numbers


def _numbers(text: str, option: str, counts: tuple[int, ...]) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        wanted = " or ".join(str(count) for count in counts)
        raise FieldError(f"{option} is '{text}'; expected {wanted} number(s) separated by commas")
    return numbers
