"""Which sources a mock field holds, what it refuses, and which of them are found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from scipy.spatial import cKDTree

from radioviz.encode import GenerationRequest
from radioviz.encode.editor import Editor
from radioviz.encode.generator import Generator
from radioviz.errors import FieldError
from radioviz.images.known_surveys import Beam
from radioviz.mock_fields import recovery
from radioviz.mock_fields.field import check_disk
from radioviz.mock_fields.population import counts_law, draw_sources
from radioviz.mock_fields.settings import RGZ_DR1_SIZES, FieldSettings
from radioviz.mock_fields.templates import make_templates
from radioviz.models.galaxy_flow import stretch
from tests.encode.test_editor import editor  # noqa: F401


def test_fluxes_follow_the_counts() -> None:
    for slope in (1.0, 1.7, 2.5):
        sources = draw_sources(FieldSettings(number=20_000, slope=slope, flux_range=(0.5, 200)))
        flux = sources["flux_mjy"].to_numpy()
        above = np.array([1.0, 5.0, 50.0])

        def integral(a: float, b: float, slope: float = slope) -> float:
            x = np.geomspace(a, b, 20_001)
            return float(np.trapezoid(x**-slope, x))

        wanted = [integral(s, 200) / integral(0.5, 200) for s in above]
        found = [(flux > s).mean() for s in above]
        assert found == pytest.approx(wanted, abs=0.012)
    assert counts_law(np.array([0.0, 1.0]), 2.0, 9.0, 1.7) == pytest.approx([2, 9])


def test_classes_and_sizes() -> None:
    shares = {"FRI": 1.0, "FRII": 3.0, "Compact": 4.0}
    sources = draw_sources(FieldSettings(number=20_000, shares=shares))
    counts = sources["label"].value_counts(normalize=True)
    assert counts["FRII"] == pytest.approx(0.375, abs=0.012)
    compact = sources["label"] == "Compact"
    assert (sources["las"][compact] == 0).all()
    found = np.quantile(sources["las"][~compact], [0.25, 0.5, 0.75, 1])
    assert found[:3] == pytest.approx([30.3, 39.6, 61.5], rel=0.03)
    assert 200 < found[3] <= 241.1
    narrow = draw_sources(FieldSettings(number=5000, shares={"FRI": 1}, sizes=(10, 100)))
    assert np.median(narrow["las"]) == pytest.approx(np.sqrt(1000), rel=0.05)


def test_the_sizes_of_rgz(shared_data: Path) -> None:
    sizes = pd.read_parquet(shared_data / "rgz_dr1_sizes.parquet")["las_arcsec"].to_numpy(float)
    wanted = np.quantile(sizes, np.linspace(0, 1, len(RGZ_DR1_SIZES)))
    np.testing.assert_allclose(RGZ_DR1_SIZES, wanted, atol=0.051)


def test_positions_are_uniform_on_the_sky() -> None:
    settings = FieldSettings(width=4000, height=4000, pixel=36, beam=Beam(90, 90), number=40_000)
    sources = draw_sources(settings)
    step = np.radians(36 / 3600)
    x, y = ((sources[c].to_numpy() - 1999.5) * step for c in ("x", "y"))
    # Equal steps of the height of a cap are equal areas on the sky.
    height = 1 - 1 / np.sqrt(1 + x**2 + y**2)
    inside = height < 1 - 1 / np.sqrt(1 + (2000 * step) ** 2)
    share = height[inside] / height[inside].max()
    assert stats.kstest(share, "uniform").pvalue > 0.01
    assert settings.area == pytest.approx(
        np.degrees(np.degrees(4 * np.arcsin(np.sin(np.arctan(2000 * step)) ** 2))), rel=1e-4
    )
    denser = settings.replace(number=None, density=10.0)
    assert denser.count == round(10 * settings.area)


def test_clusters() -> None:
    def pairs(members: float) -> int:
        settings = FieldSettings(
            width=4000, height=4000, number=2000, cluster_members=members, cluster_radius=1.0
        )
        sources = draw_sources(settings)
        assert sources["x"].between(-0.5, 3999.5).all()
        assert (sources["cluster"] >= 0).all() == (members > 0)
        return len(cKDTree(sources[["x", "y"]]).query_pairs(60 / 1.8))

    # 2,000 random sources have 436 pairs within an arcmin.
    assert 350 < pairs(0) < 530 and pairs(20) > 4000


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "beam": (lambda: FieldSettings(beam=Beam(1.0, 1.0)), "0.56 pixels.*pixels of 0.5 arcsec"),
    "one axis": (
        lambda: FieldSettings(beam=Beam(5.0, 2.0)),
        "5 x 2 arcsec, its minor axis 1.1 pixels",
    ),
    "axes": (lambda: FieldSettings(beam=Beam(4.0, 5.0)), "4 x 5 arcsec.*the major axis first"),
    "width": (lambda: FieldSettings(width=10**6), "width is 1000000; expected 64 to 200000"),
    "sky": (lambda: FieldSettings(width=100_000, pixel=3.0, beam=Beam(9, 9)), "83 degrees wide"),
    "flux": (lambda: FieldSettings(flux_range=(5, 1)), "flux_range is 5 to 1"),
    "none": (lambda: FieldSettings(shares={"FRI": 0}), "not all 0"),
    "sizes": (lambda: FieldSettings(sizes=(9, 3)), "sizes must rise"),
    "nan": (lambda: FieldSettings(rms=float("nan")), "rms is nan"),
    "many": (lambda: FieldSettings(density=1e9, width=9000).count, "up to 5,000,000"),
    "blank": (
        lambda: draw_sources(FieldSettings(number=5), lambda x, y: np.zeros(len(x), bool)),
        "0 of 5 sources found a place",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    act, message = REFUSED[name]
    with pytest.raises(FieldError, match=message):
        act()


def test_the_disk_is_asked_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = FieldSettings(width=60_000, height=60_000, pixel=1.8)
    assert "60,000 x 60,000 pixels, 843 square degrees" in settings.cost()
    assert "14.4 GB" in settings.cost()
    usage = type("Usage", (), {"free": 10**10})()
    monkeypatch.setattr("radioviz.mock_fields.field.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(FieldError, match=r"takes 14\.\d+ GB .* has 9\.9\d GB left"):
        check_disk(settings, tmp_path)
    check_disk(settings.replace(width=10_000), tmp_path)


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(columns)


def test_matches() -> None:
    truth = table(x=[10.0, 100.0, 200.0], y=[10.0, 100.0, 200.0], las=[0.0, 90.0, 90.0],
                  flux_mjy=[1.0, 12.0, 100.0], label=["Compact", "FRI", "FRII"])  # fmt: skip
    # A beam of 9 arcsec is 3 pixels; half of 90 arcsec 15.
    found = table(x=[12.9, 114.0, 87.0, 216.0], y=[10.0, 100.0, 100.0, 200.0],
                  flux_mjy=[1.1, 4.0, 5.0, 90.0])  # fmt: skip
    seen, real = recovery.match_sources(truth, found, Beam(9, 9), 3.0)
    assert seen.tolist() == [True, True, False] and real.tolist() == [True, True, True, False]
    rates = recovery.by_flux(truth, found, Beam(9, 9), 3.0, bins=2)
    assert rates["completeness"].tolist() == [1.0, 0.5] and rates["true"].tolist() == [1, 2]
    assert rates["reliability"].tolist() == [1.0, 0.0] and rates["found"].tolist() == [3, 1]
    assert rates["completeness_low"][0] == pytest.approx(0.2065, abs=1e-3)  # Wilson, 1 of 1
    chosen = recovery.selection_function(truth, seen).set_index("class")["rate"]
    assert chosen["Compact"] == 1 and chosen["FRII"] == 0
    nothing = recovery.by_flux(truth, found[:0], Beam(9, 9), 3.0)
    assert np.nansum(nothing["completeness"]) == 0
    with pytest.raises(FieldError, match="no source"):
        recovery.by_flux(truth[:0], found, Beam(9, 9), 3.0)


def test_photutils_measures_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fluxes of bright points, across the edges of tiles, and blank pixels."""
    monkeypatch.setattr(recovery, "_TILE", 100)
    monkeypatch.setattr(recovery, "_MARGIN", 30)
    y, x = np.indices((250, 300))
    sigma = 3.0 / 2.3548
    image = np.random.default_rng(0).normal(0, 1e-4, (250, 300))
    places = [(99.6, 50.0), (150.2, 99.5), (30.0, 200.0), (260.0, 230.0)]
    for px, py in places:
        image += 0.1 * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 2 / sigma**2)
    image[:40, 200:] = np.nan
    found = recovery.find_sources(image, Beam(5.4, 5.4), 1.8, rms=0.1, threshold=10)
    assert len(found) == 4
    near, which = cKDTree(np.array(places) + 1).query(found[["x", "y"]])
    assert sorted(which) == [0, 1, 2, 3] and near.max() < 0.02
    assert found["flux_mjy"].to_numpy() == pytest.approx(100, rel=0.02)
    measured = recovery.find_sources(image, Beam(5.4, 5.4), 1.8, threshold=10)
    assert len(measured) == 4
    assert len(recovery.find_sources(np.zeros((60, 60)), Beam(5, 5), 1.8)) == 0


def test_galaxies_of_a_flow_bring_no_noise_of_their_own(
    editor: Editor,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Noise islands beside a bright source would be sources that no truth catalogue has."""
    y, x = np.indices((64, 64)) - 31.5
    source = torch.from_numpy(np.exp(-0.5 * ((x / 6) ** 2 + (y / 2) ** 2))).float()
    monkeypatch.setattr(
        editor.encoder.module,
        "follow",
        lambda start, *_: stretch(source).expand_as(start),
    )
    generator = Generator(editor.encoder)
    settings = FieldSettings(templates=16, shares={"FRI": 1})
    far = np.hypot(x, y) > 25
    seen = generator.sample(GenerationRequest(n=16, seed=0, label="FRI")).images
    assert (seen[:, far] > 0).any()
    alone = make_templates(settings, ["FRI"], generator=generator).images
    assert len(alone) and not alone[:, far].any() and alone.max() == 1
