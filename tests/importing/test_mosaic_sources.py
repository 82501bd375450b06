"""A mosaic without a source list: what is found, what is joined, and that it is where it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from radioviz.data.registry import open_data_set
from radioviz.encode.source_alone import sources_alone
from radioviz.errors import CatalogueError
from radioviz.importing import Source, import_survey, inspect_source, read_report
from radioviz.importing.mosaic import Mosaic
from radioviz.importing.mosaic_sources import FieldIslands, find_field, join_islands
from radioviz.morphology import complete
from radioviz.morphology.measuring import extent_of
from radioviz.paths import REPOSITORY
from radioviz.sky import ARCSEC, separation_arcsec, tan_wcs, tangent_offsets

SCALE, BEAM = 1.5, 6.0  # arcsec
SIGMA = BEAM / SCALE / 2.3548
NOISE = 1e-4
AREA = np.pi / (4 * np.log(2)) * (BEAM / SCALE) ** 2

# Pixels of the mosaic, peaks in Jy/beam: a point, a double with a core, a point at a seam of
# windows, a double too far apart for its flux, a pair of unlike fluxes.
POINTS = {
    "point": [(150.2, 160.7, 0.004)],
    "double": [(640.0, 300.0, 0.080), (670.0, 300.0, 0.070), (655.0, 300.5, 0.010)],
    "seam": [(511.5, 600.0, 0.003)],
    "far": [(200.0, 700.0, 0.002), (260.0, 700.0, 0.002)],
    "unlike": [(800.0, 650.0, 0.060), (820.0, 650.0, 0.003)],
}


def write(
    path: Path,
    shape: tuple[int, int] = (900, 1000),
    all_points: dict[str, list[tuple[float, float, float]]] = POINTS,
    **cards: object,
) -> WCS:
    """A mosaic of these points in noise, with a turned WCS of FK5."""
    rng = np.random.default_rng(1)
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(rng.normal(size=shape), SIGMA)
    image = NOISE * noise / noise.std()
    y, x = np.mgrid[: shape[0], : shape[1]]
    for px, py, peak in (p for points in all_points.values() for p in points):
        rows, columns = (slice(max(0, int(c) - 30), int(c) + 31) for c in (py, px))
        away = (x[rows, columns] - px) ** 2 + (y[rows, columns] - py) ** 2
        image[rows, columns] += peak * np.exp(-away / (2 * SIGMA**2))
    wcs = tan_wcs(201.0, 55.0, SCALE, shape)
    turn = np.radians(30)
    wcs.wcs.pc = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    header = wcs.to_header()
    header.update({"BUNIT": "JY/BEAM", "BMAJ": BEAM / 3600, "BMIN": BEAM / 3600, "BPA": 0.0})
    header.update({"RESTFRQ": 144e6} | cards)
    fits.PrimaryHDU(image.astype(np.float32), header).writeto(path)
    return wcs


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WCS]:
    path = tmp_path_factory.mktemp("mosaic") / "field.fits"
    return path, write(path)


def test_every_point_is_found_once_and_in_its_place(mosaic: tuple[Path, WCS]) -> None:
    found = find_field(Mosaic(mosaic[0]))
    expected = np.array([p for points in POINTS.values() for p in points])
    # The core of the double may blend with a lobe; nothing else is found.
    assert len(expected) - 1 <= len(found) <= len(expected)
    for px, py, peak in expected[[0, 4, 5, 6, 7, 8]]:
        at = np.hypot(found.x - px, found.y - py)
        assert (at < 1).sum() == 1, (px, py)
        near = int(at.argmin())
        assert at[near] < 0.5
        assert found.flux[near] == pytest.approx(peak, rel=0.25)
    assert not found.cut.any()
    assert found.noise == pytest.approx(NOISE, rel=0.1)


@pytest.mark.parametrize("fill", [np.nan, 0.0])
def test_what_the_end_of_the_data_cuts_off_is_said(tmp_path: Path, fill: float) -> None:
    path = tmp_path / "edge.fits"
    write(path, (300, 300), {"points": [(198.0, 150.0, 0.005), (100.0, 150.0, 0.004)]})
    with fits.open(path, mode="update") as hdus:
        hdus[0].data[:, 200:] = fill
    found = find_field(Mosaic(path))
    assert len(found) == 2
    assert found.cut.tolist() == [True, False]


def islands(*rows: tuple[float, float, float]) -> FieldIslands:
    """Islands at ``x, y`` [pixels] of a flux [Jy], the brightest first."""
    x, y, flux = np.array(rows, float).T
    return FieldIslands(x, y, flux, flux, np.full(len(x), 1e-4), np.zeros(len(x), bool))


def joined(given: FieldIslands, mjy: float = 1000.0, frequency: float = 1.4) -> list[int]:
    return join_islands(given, 1.0, 5.0, mjy, frequency).tolist()


def test_lobes_are_joined_by_flux_and_distance() -> None:
    # S = 100 mJy together: 100 arcsec apart at the most.
    assert joined(islands((0, 0, 0.060), (99, 0, 0.040))) == [0, 0]
    assert joined(islands((0, 0, 0.060), (101, 0, 0.040))) == [0, 1]
    # No more than four times the flux of the other.
    assert joined(islands((0, 0, 0.090), (50, 0, 0.010))) == [0, 1]
    # The same flux at 144 MHz is a fifth of it at 1.4 GHz.
    assert joined(islands((0, 0, 0.060), (99, 0, 0.040)), frequency=0.144) == [0, 1]
    assert joined(islands((0, 0, 0.060), (40, 0, 0.040)), frequency=0.144) == [0, 0]


def test_a_core_is_joined_and_a_neighbour_is_not() -> None:
    core = islands((0, 0, 0.060), (80, 0, 0.040), (45, 3, 0.002), (40, 60, 0.002))
    assert joined(core) == [0, 0, 0, 1]


def test_without_a_unit_only_what_touches_is_joined() -> None:
    given = islands((0, 0, 0.060), (50, 0, 0.040), (55, 0, 0.001))
    assert joined(given, mjy=np.nan) == [0, 1, 1]


def test_import_with_a_report(mosaic: tuple[Path, WCS], monkeypatch: pytest.MonkeyPatch,
                              tmp_path: Path) -> None:  # fmt: skip
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    path, wcs = mosaic
    answers = {"key": "field", "sources": "find them", "pixels": 64}
    look = inspect_source(Source(path), answers)
    assert look.kind == "field"
    assert look.found["sources"] == "will be found in the mosaic"
    result = import_survey(Source(path), answers)
    assert result.catalogue is not None
    table = result.catalogue.table
    assert len(table) == 7  # point, double, seam, two far ones, two unlike ones
    for points in (POINTS["point"], POINTS["seam"], POINTS["double"]):
        x, y, flux = np.array(points).T
        ra, dec = wcs.all_pix2world((x * flux).sum() / flux.sum(), (y * flux).sum() / flux.sum(), 0)
        apart = separation_arcsec(table["ra"], table["dec"], float(ra), float(dec))
        assert apart.min() < 1.0
        row = int(np.argmin(apart))
        image = np.asarray(result.catalogue.images[row])
        # The centre is between pixels a third of a beam apart: up to 15 % below the peak.
        assert 0.84 < np.nanmax(image[26:38, 20:44]) / max(flux) < 1.1
    double = table.loc[table["n_joined"] > 1]
    assert len(double) == 1
    assert double["found_snr"].iat[0] == pytest.approx(0.08 / NOISE, rel=0.2)
    # A neighbour in the same cutout is a source of its own: its flux counts once.
    measured = complete(result.catalogue).table
    for px, py, peak in [p for name in POINTS if name != "double" for p in POINTS[name]]:
        ra, dec = wcs.all_pix2world(px, py, 0)
        row = int(np.argmin(separation_arcsec(measured["ra"], measured["dec"], ra, dec)))
        assert measured["flux"][row] == pytest.approx(1000 * peak, rel=0.1, abs=0.6), (px, py)
        assert measured["las_limit"][row] and measured["las"][row] < BEAM
    both = int(double.index[0])
    assert measured["flux"][both] == pytest.approx(160, rel=0.05)
    assert measured["las"][both] == pytest.approx(30 * SCALE, rel=0.1)
    assert extent_of(result.catalogue, both).las == measured["las"][both]
    report = read_report("field")
    reasons = report.set_index("source_id")["reason"]
    assert reasons[double["source_id"].iat[0]].startswith("joined from ")
    assert any("islands above 5 times the noise are 7 sources" in n for n in result.catalogue.notes)


def test_a_bent_source_has_its_flux_though_nothing_is_at_its_centre(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A source that was found is there, unlike one of a list."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    turns = np.linspace(-1.9, 1.9, 60)
    arc = [(float(150 + 25 * np.cos(t)), float(150 + 25 * np.sin(t)), 0.002) for t in turns]
    write(tmp_path / "arc.fits", (300, 300), {"arc": arc})
    found = import_survey(
        Source(tmp_path / "arc.fits"), {"key": "arc", "sources": "find them", "pixels": 100}
    )
    assert found.catalogue is not None and len(found.catalogue) == 1
    measured = complete(found.catalogue).table
    assert measured["flux"][0] == pytest.approx(120, rel=0.1)
    assert measured["las"][0] == pytest.approx(50 * SCALE, rel=0.2)


def test_neighbours_of_a_list_are_sources_of_their_own(
    mosaic: tuple[Path, WCS], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A faint source beside a bright one has its own flux and size, and an empty place has none."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    path, wcs = mosaic
    listed = pd.DataFrame(POINTS["unlike"] + POINTS["point"], columns=["x", "y", "peak"])
    listed.loc[3] = (780.0, 650.0, 0.0)
    listed["ra"], listed["dec"] = wcs.all_pix2world(listed["x"], listed["y"], 0)
    listed[["ra", "dec"]].to_csv(tmp_path / "list.csv", index=False)
    given = import_survey(
        Source(path, tmp_path / "list.csv"), {"key": "listed", "pixels": 64, "ra_unit": "deg"}
    )
    assert given.catalogue is not None
    measured = complete(given.catalogue).table
    assert measured["flux"][:3].tolist() == pytest.approx(
        1000 * listed["peak"][:3], rel=0.1, abs=0.6
    )
    assert (measured["las"][:3] < 2 * BEAM).all()
    assert measured.loc[3, ["flux", "las"]].isna().all()
    assert extent_of(given.catalogue, 1).las == measured["las"][1]
    # An encoder that is shown sources alone is not shown the other one of the list.
    alone = sources_alone(given.catalogue, np.arange(2)).images
    for row, image in enumerate(alone):
        x, y = tan_wcs(*measured.loc[row, ["ra", "dec"]], 2.0, image.shape).all_world2pix(
            *measured.loc[1 - row, ["ra", "dec"]], 0
        )
        assert image.max() == pytest.approx(listed["peak"][row], rel=0.25)
        assert image[round(float(y)), round(float(x))] < 5 * NOISE


def test_no_source_of_a_list_has_the_flux_of_another(
    mosaic: tuple[Path, WCS], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Lobes belong to the nearer place; two places on one island say so."""
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    path, wcs = mosaic
    double, empty = (655.0, 300.5), (655.0, 370.0)
    places = [double, empty, (150.2, 160.7), (152.5, 160.7), (200.0, 500.0)]
    listed = pd.DataFrame(wcs.all_pix2world(places, 0), columns=["ra", "dec"])
    listed.to_csv(tmp_path / "list.csv", index=False)
    given = import_survey(
        Source(path, tmp_path / "list.csv"), {"key": "lobes", "pixels": 200, "ra_unit": "deg"}
    )
    assert given.catalogue is not None
    measured = complete(given.catalogue).table
    assert measured["flux"][0] == pytest.approx(160, rel=0.05)
    assert measured["n_components"][0] == 3
    assert measured.loc[[1, 4], ["flux", "las"]].isna().all(axis=None)
    assert ["neighbour" in flag.split() for flag in measured["las_flag"]] == [
        False, False, True, True, False,
    ]  # fmt: skip
    assert not extent_of(given.catalogue, 1).mask.any()


def test_offsets_are_those_of_a_projection() -> None:
    for ra, dec in ((10.0, 20.0), (200.0, 89.99)):
        sky = tan_wcs(ra, dec, 2.0, (100, 100))
        there = sky.all_pix2world(np.array([10.0, 80.0]), np.array([30.0, 95.0]), 0)
        east, north = tangent_offsets(ra, dec, *there)
        assert 49.5 - east / ARCSEC / 2 == pytest.approx([10, 80], abs=1e-6)
        assert 49.5 + north / ARCSEC / 2 == pytest.approx([30, 95], abs=1e-6)


def test_what_is_found_by_a_command_has_its_positions(mosaic: tuple[Path, WCS]) -> None:
    typed = ["radioviz.data", "import", str(mosaic[0]), "--sources", "find them", "--key", "typed"]
    said = subprocess.run(
        [sys.executable, "-m", *typed], capture_output=True, text=True, timeout=300, check=False,
        cwd=REPOSITORY,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    table = open_data_set("typed").table
    x, y = mosaic[1].all_world2pix(table["ra"], table["dec"], 0)
    for px, py, _ in (*POINTS["point"], *POINTS["seam"]):
        assert np.hypot(x - px, y - py).min() < 0.5
    assert table["n_joined"].max() == 3


def test_an_import_that_was_stopped_goes_on(mosaic: tuple[Path, WCS], tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    asked: list[str] = []
    polls: list[str] = []

    def after_three() -> bool:
        polls.extend(asked[-1:])
        return polls.count("reading images") >= 3

    answers = {"key": "field", "sources": "find them", "pixels": 64}
    first = import_survey(
        Source(mosaic[0]), answers, lambda done, total, what: asked.append(what), after_three
    )
    assert first.catalogue is None
    assert "finding sources" in asked
    second = import_survey(Source(mosaic[0]), answers)
    assert second.resumed > 0
    assert second.catalogue is not None and len(second.catalogue) == 7


def test_what_is_asked(mosaic: tuple[Path, WCS], tmp_path: Path) -> None:
    asked = {q.key: q for q in inspect_source(Source(mosaic[0])).needed}
    assert asked["sources"].default == "one image"  # its shorter side is below 1000 pixels
    with pytest.raises(CatalogueError, match=r"sources is 'all'; expected one of one image, find"):
        inspect_source(Source(mosaic[0]), {"sources": "all"})
    small = tmp_path / "one.fits"
    fits.PrimaryHDU(np.ones((60, 60), np.float32), tan_wcs(10, 10, 1.8, (60, 60)).to_header()
                    ).writeto(small)  # fmt: skip
    assert "sources" not in {q.key for q in inspect_source(Source(small)).needed}


def test_a_mosaic_of_noise_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    path = tmp_path / "noise.fits"
    data = np.random.default_rng(0).normal(size=(300, 300)).astype(np.float32)
    fits.PrimaryHDU(data, tan_wcs(10, 10, 1.8, data.shape).to_header()).writeto(path)
    with pytest.raises(CatalogueError, match="no island above 5 times the noise"):
        import_survey(Source(path), {"key": "noise", "sources": "find them"})


def test_sources_of_lotss_are_where_its_catalogue_has_them(shared_data: Path) -> None:
    folder = shared_data / "lotss_som"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    catalogue = pd.read_csv(folder / "catalogue.csv")
    number = 0
    for path in sorted((folder / "fields").glob("*.fits")):
        mosaic = Mosaic(path)
        ny, nx = mosaic.shape
        x, y = mosaic.pixel_of(catalogue["ra"].to_numpy(), catalogue["dec"].to_numpy())
        found = find_field(mosaic)
        for px, py in zip(x, y, strict=True):
            if 0 < px < nx - 1 and 0 < py < ny - 1:
                number += 1
                assert np.hypot(found.x - px, found.y - py).min() * mosaic.scale < 3
    assert number == 2
