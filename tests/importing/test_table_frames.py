"""The frame of a table's positions, wherever a file says it, and what bars a column."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import FK4, FK5, BarycentricMeanEcliptic, Galactic, SkyCoord, Supergalactic
from astropy.io import fits
from astropy.table import Table

from radioviz.errors import CatalogueError
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_rows import read_sources

LON, LAT = np.array([187.7, 50.0]), np.array([12.5, 41.5])
B1950 = FK4(equinox="B1950")


def _votable(
    *, version="1.3", top="", resource="", inner="", table="", ref='ref="S"', names=("RA", "DEC")
):
    ucds = ("pos.eq.ra;meta.main", "pos.eq.dec;meta.main")
    fields = "".join(
        f'<FIELD name="{n}" ID="{i}" datatype="double" unit="deg" ucd="{c}" {ref}/>'
        for n, i, c in zip(names, ("lon", "lat"), ucds, strict=True)
    )
    rows = "".join(f"<TR><TD>{x}</TD><TD>{y}</TD></TR>" for x, y in zip(LON, LAT, strict=True))
    body = f"<TABLE>{table}{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE>"
    if inner:
        body = f"<RESOURCE>{inner}{body}</RESOURCE>"
    return (
        f'<?xml version="1.0"?><VOTABLE version="{version}" '
        f'xmlns="http://www.ivoa.net/xml/VOTable/v{version}">{top}'
        f"<RESOURCE>{resource}{body}</RESOURCE></VOTABLE>"
    )


def _check(path, frame, lon=LON, lat=LAT, answers=None):
    sources = read_sources(read_table(path), answers)
    right = SkyCoord(lon * u.deg, lat * u.deg, frame=frame).icrs
    got = SkyCoord(sources.frame["ra"], sources.frame["dec"], unit="deg")
    assert got.separation(right).arcsec.max() < 0.05
    return sources


FK4_SYSTEM = '<COOSYS ID="S" system="eq_FK4" equinox="B1950"/>'


@pytest.mark.parametrize(
    ("options", "frame"),
    [
        ({"resource": FK4_SYSTEM}, B1950),
        ({"top": FK4_SYSTEM, "version": "1.2"}, B1950),
        ({"top": f"<DEFINITIONS>{FK4_SYSTEM}</DEFINITIONS>", "version": "1.1"}, B1950),
        ({"inner": FK4_SYSTEM}, B1950),
        ({"resource": FK4_SYSTEM, "inner": " "}, B1950),
        ({"resource": FK4_SYSTEM, "ref": ""}, B1950),  # nothing refers to it: the only one
        ({"resource": '<COOSYS ID="S" system="FK4" equinox="B1950"/>', "version": "1.5"}, B1950),
        ({"resource": '<COOSYS ID="S" system="eq_FK4"/>'}, B1950),
        ({"resource": '<COOSYS ID="S" equinox="1950.0"/>'}, B1950),
        ({"resource": '<COOSYS ID="S" system="eq_FK5" equinox="J1975"/>'}, FK5(equinox="J1975")),
        ({"resource": '<COOSYS ID="S" system="eq_FK5" equinox="1975.0"/>'}, FK5(equinox="J1975")),
        ({"resource": '<COOSYS ID="S" system="eq_FK5"/>'}, "icrs"),
        ({"resource": '<COOSYS ID="S" system="eq_FK5" equinox="J2000"/>'}, "icrs"),
        ({"resource": '<COOSYS ID="S" system="ICRS" epoch="J2015.5"/>'}, "icrs"),
        ({"resource": '<COOSYS ID="S" system="ICRS" equinox="J2015.5"/>'}, "icrs"),
        ({"resource": '<COOSYS ID="S" system="galactic"/>'}, Galactic()),
        ({"resource": '<COOSYS ID="S" system="GALACTIC"/>', "version": "1.5"}, Galactic()),
        ({"resource": '<COOSYS ID="S" system="supergalactic"/>'}, Supergalactic()),
        ({"resource": '<COOSYS ID="S" system="ecl_FK5" equinox="J2000"/>'},
         BarycentricMeanEcliptic(equinox="J2000")),
        ({"resource": FK4_SYSTEM, "ref": "", "table": '<GROUP ref="S"><FIELDref ref="lon"/>'
          '<FIELDref ref="lat"/></GROUP>'}, B1950),
        ({"resource": FK4_SYSTEM, "ref": "", "table": '<GROUP name="p"><GROUP ref="S"><FIELDref '
          'ref="lon"/><FIELDref ref="lat"/></GROUP></GROUP>'}, B1950),
        ({"resource": FK4_SYSTEM, "ref": 'ref="G"', "table": '<GROUP ID="G" ref="S"/>'}, B1950),
        ({"ref": "", "version": "1.1", "table": '<GROUP utype="stc:CatalogEntryLocation"><PARAM '
          'name="f" datatype="char" arraysize="*" value="FK4" '
          'utype="stc:AstroCoordSystem.SpaceFrame.CoordRefFrame"/><FIELDref ref="lon"/>'
          '<FIELDref ref="lat"/></GROUP>'}, B1950),
        ({"resource": '<TIMESYS ID="T" timescale="UTC" refposition="BARYCENTER"/>' + FK4_SYSTEM,
          "version": "1.4"}, B1950),
        ({"ref": "", "names": ("RAB1950", "DEB1950")}, B1950),
        ({"resource": '<COOSYS ID="J" system="eq_FK5"/>' + FK4_SYSTEM}, B1950),
    ],
)  # fmt: skip
def test_coosys(tmp_path, options, frame):
    (tmp_path / "t.vot").write_text(_votable(**options))
    sources = _check(tmp_path / "t.vot", frame)
    said = any("converted from" in note for note in sources.notes)
    assert said == (not isinstance(frame, str))
    assert ("converted from" in sources.found["ra"]) == said


def test_coosys_that_nothing_refers_to_and_contradicts_another_is_asked(tmp_path):
    both = '<COOSYS ID="S" system="eq_FK4" equinox="B1950"/><COOSYS ID="J" system="eq_FK5"/>'
    (tmp_path / "t.vot").write_text(_votable(resource=both, ref=""))
    sources = read_sources(read_table(tmp_path / "t.vot"))
    assert [q.key for q in sources.needed if q.required] == ["frame"]
    assert not np.isfinite(sources.frame["ra"]).any()
    _check(tmp_path / "t.vot", B1950, answers={"frame": "FK4 B1950"})
    alike = '<COOSYS ID="S" system="ICRS"/><COOSYS ID="J" system="eq_FK5" equinox="J2000"/>'
    (tmp_path / "t.vot").write_text(_votable(resource=alike, ref=""))
    _check(tmp_path / "t.vot", "icrs")


def test_a_name_that_contradicts_the_reference_is_asked(tmp_path):
    (tmp_path / "t.vot").write_text(_votable(resource=FK4_SYSTEM, names=("RAJ2000", "DEJ2000")))
    sources = read_sources(read_table(tmp_path / "t.vot"))
    assert [q.key for q in sources.needed if q.required] == ["frame"]


def test_a_frame_on_earth_is_refused(tmp_path):
    (tmp_path / "t.vot").write_text(_votable(resource='<COOSYS ID="S" system="geo_app"/>'))
    with pytest.raises(CatalogueError, match="frame 'geo_app', which is not known"):
        read_sources(read_table(tmp_path / "t.vot"))


def _fits(path, cards=(), primary=(), names=("RA", "DEC"), columns=()):
    made = [
        fits.Column(n, "D", unit="deg", array=v) for n, v in zip(names, (LON, LAT), strict=True)
    ]
    hdu = fits.BinTableHDU.from_columns([*made, *columns])
    first = fits.PrimaryHDU()
    first.header.update(dict(primary))
    hdu.header.update(dict(cards))
    fits.HDUList([first, hdu]).writeto(path)
    return path


@pytest.mark.parametrize(
    ("options", "frame"),
    [
        ({"cards": {"EQUINOX": 1950.0}}, B1950),
        ({"cards": {"EQUINOX": 1950}}, B1950),
        ({"cards": {"EQUINOX": "B1950.0"}}, B1950),
        ({"cards": {"EPOCH": 1950.0}}, B1950),
        ({"cards": {"RADESYS": "FK4"}}, B1950),
        ({"cards": {"RADECSYS": "FK4", "EQUINOX": 1950.0}}, B1950),
        ({"primary": {"RADESYS": "FK4"}}, B1950),
        ({"primary": {"RADESYS": "FK4"}, "cards": {"RADESYS": "ICRS"}}, "icrs"),
        ({"cards": {"RADESYS": "FK5", "EQUINOX": 1975.0}}, FK5(equinox="J1975")),
        ({"cards": {"EQUINOX": 2000.0}}, "icrs"),
        ({"cards": {"EPOCH": 2015.5}}, "icrs"),  # the date of observation
        ({"cards": {"RADE1": "FK4", "RADE2": "FK4"}}, B1950),
        ({"cards": {"TCOMM1": "Right ascension (FK4, Equinox=B1950.0)",
                    "TCOMM2": "Declination (FK4, Equinox=B1950.0)"}}, B1950),
        ({"cards": {"TCOMM1": "Right ascension (B1950)"}}, B1950),
        ({"cards": {"EQUINOX": 1950.0}, "names": ("ALPHA_J2000", "DELTA_J2000")}, "icrs"),
        ({"names": ("RA1950", "DEC1950")}, B1950),
        ({"names": ("GLON", "GLAT")}, Galactic()),
        ({"names": ("l", "b")}, Galactic()),
        ({"names": ("ELON", "ELAT")}, BarycentricMeanEcliptic(equinox="J2000")),
    ],
)  # fmt: skip
def test_fits_tables(tmp_path, options, frame):
    _check(_fits(tmp_path / "t.fits", **options), frame)


def test_ra_and_dec_are_preferred_to_other_frames(tmp_path):
    more = [fits.Column(n, "D", unit="deg", array=[1.0, 2.0]) for n in ("GLON", "GLAT")]
    sources = _check(_fits(tmp_path / "t.fits", columns=more), "icrs")
    assert sources.frame["GLON"].tolist() == [1.0, 2.0]


def test_axes_of_an_ellipse_are_no_galactic_positions(tmp_path):
    (tmp_path / "t.csv").write_text("l,a,b\n10,5,4\n20,6,5\n")
    with pytest.raises(CatalogueError, match="no column for ra and dec"):
        read_sources(read_table(tmp_path / "t.csv"))


def test_frame_by_hand(tmp_path):
    (tmp_path / "t.csv").write_text("x,y\n187.7,12.5\n50.0,41.5\n")
    columns = {"ra": "x", "dec": "y"}
    _check(tmp_path / "t.csv", "icrs", answers={"columns": columns})
    _check(tmp_path / "t.csv", B1950, answers={"columns": columns, "frame": "FK4 B1950"})
    _check(tmp_path / "t.csv", Galactic(), answers={"columns": columns, "frame": "galactic"})
    with pytest.raises(CatalogueError, match="frame is 'horizon'; expected one of ICRS"):
        read_sources(read_table(tmp_path / "t.csv"), {"columns": columns, "frame": "horizon"})


def test_galactic_longitudes_below_24_are_degrees(tmp_path):
    (tmp_path / "t.csv").write_text("glon,glat\n12.5,-3.5\n20.25,1.5\n")
    _check(tmp_path / "t.csv", Galactic(), np.array([12.5, 20.25]), np.array([-3.5, 1.5]))


def test_columns_of_two_frames_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("RA1950,DEJ2000\n187.7,12.5\n")
    with pytest.raises(CatalogueError, match="different frames"):
        read_sources(read_table(tmp_path / "t.csv"))


def test_sky_coordinates_of_astropy(tmp_path):
    for frame in (B1950, Galactic(), FK5(equinox="J1975")):
        Table({"sky": SkyCoord(LON * u.deg, LAT * u.deg, frame=frame)}).write(
            tmp_path / "t.ecsv", overwrite=True
        )
        _check(tmp_path / "t.ecsv", frame)


def test_ipac_and_vizier_say_their_frame(tmp_path):
    (tmp_path / "t.tbl").write_text(
        "\\EQUINOX = 'B1950'\n|name|ra      |dec     |\n|char|double  |double  |\n"
        "|    |deg     |deg     |\n A    187.7    12.5    \n B    50.0     41.5    \n"
    )
    _check(tmp_path / "t.tbl", B1950)
    head = "#Coosys\tB1950:\teq_FK4 B1950\n#Column\tRA\t(F9.5)\tRight ascension\t[ucd=pos.eq.ra]\n"
    (tmp_path / "t.tsv").write_text(
        head + "RA\tDE\ndeg\tdeg\n----\t----\n187.7\t12.5\n50.0\t41.5\n"
    )
    _check(tmp_path / "t.tsv", B1950)


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        ("RAh,RAm,RAs,DE-,DEd,DEm,DEs", ["12,30,48.0,-,00,30,36.0", "3,20,0.0,+,41,30,0"]),
        ("RAh,RAm,RAs,DEd,DEm,DEs", ["12,30,48.0,-00,30,36.0", "3,20,0.0,+41,30,0"]),
        ("RA_h,RA_m,RA_s,Dec_sign,Dec_d,Dec_m,Dec_s", ["12,30,48,-,0,30,36", "3,20,0,,41,30,0"]),
        ("rah,ram,decd,decm", ["12,30.8,-0,30.6", "3,20,41,30"]),
    ],
)  # fmt: skip
def test_positions_in_several_columns(tmp_path, names, rows):
    (tmp_path / "t.csv").write_text("\n".join([names, *rows]) + "\n")
    _check(tmp_path / "t.csv", "icrs", LON, np.array([-0.51, 41.5]))
    answers = {"frame": "FK4 B1950"}
    _check(tmp_path / "t.csv", B1950, LON, np.array([-0.51, 41.5]), answers)


# -- what bars a column ----------------------------------------------------------------------------


def _described(path, columns):
    """A VOTable of one row from (name, unit, UCD, cell)."""
    fields = "".join(
        f'<FIELD name="{n}" datatype="double" unit="{unit}" ucd="{ucd}"/>'
        for n, unit, ucd, _ in columns
    )
    cells = "".join(f"<TD>{c}</TD>" for *_, c in columns)
    path.write_text(
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
        f"{fields}<DATA><TABLEDATA><TR>{cells}</TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    return read_sources(read_table(path)).frame.iloc[0]


PLACE = [("RAJ2000", "deg", "pos.eq.ra;meta.main", 187.7),
         ("DEJ2000", "deg", "pos.eq.dec;meta.main", 12.5)]  # fmt: skip


@pytest.mark.parametrize(
    "word",
    ["stat.error", "stat.stdev", "stat.max", "stat.mean", "instr.fov", "instr.beam", "arith.ratio",
     "arith.diff;meta.main", "meta.code", "meta.code.error", "meta.code.qual", "STAT.ERROR"],
)  # fmt: skip
def test_qualified_columns_are_passed_over(tmp_path, word):
    qualified = [
        ("q1", "deg", f"pos.eq.ra;meta.main;{word}", 0.5),
        ("q2", "deg", f"pos.eq.dec;meta.main;{word}", 0.4),
        ("q3", "arcsec", f"phys.angSize;{word}", 25.0),
        ("q4", "mJy", f"phot.flux.density;em.radio.750-1500MHz;{word}", 0.1),
        ("q5", "", f"src.redshift;{word}", 0.01),
    ]
    row = _described(tmp_path / "t.vot", [*qualified, *PLACE])
    assert (row["ra"], row["dec"]) == (187.7, 12.5)
    assert np.isnan([row["las"], row["flux"], row["redshift"]]).all()
    plain = [("zz", "", "src.redshift", 0.5), ("size", "arcmin", "phys.angSize", 0.5),
             ("S", "Jy", "phot.flux.density;em.radio", 0.025)]  # fmt: skip
    row = _described(tmp_path / "t.vot", [*qualified, *PLACE, *plain])
    assert (row["ra"], row["las"], row["redshift"]) == (187.7, 30.0, 0.5)
    assert row["flux"] == pytest.approx(25.0)


def test_qualified_columns_are_passed_over_by_name_too(tmp_path):
    row = _described(tmp_path / "t.vot", [
        ("RA", "deg", "stat.error;pos.eq.ra", 0.5), ("DEC", "deg", "pos.eq.dec;stat.error", 0.4),
        ("z", "", "src.redshift;stat.error", 0.01),
        ("flux", "mJy", "phot.flux.density;stat.snr", 9.0),
        ("LAS", "arcsec", "phys.angSize;stat.mean", 33.0),  # an average, but of the role's name
        *PLACE,
    ])  # fmt: skip
    assert (row["ra"], row["dec"], row["las"]) == (187.7, 12.5, 33.0)
    assert np.isnan([row["flux"], row["redshift"]]).all()


def test_flux_of_another_band_is_no_radio_flux(tmp_path):
    optical = ("g", "mJy", "phot.flux.density;em.opt.B", 7.0)
    assert np.isnan(_described(tmp_path / "t.vot", [*PLACE, optical])["flux"])
    radio = ("S", "mJy", "phot.flux.density;em.radio.1500-3000MHz", 25.0)
    assert _described(tmp_path / "t.vot", [*PLACE, optical, radio])["flux"] == 25.0


def test_a_peak_before_the_integrated_flux(tmp_path):
    peak = ("Fp", "mJy/beam", "phot.flux.density;em.radio", 5.0)
    total = ("Fi", "mJy", "phot.flux.density;em.radio", 25.0)
    row = _described(tmp_path / "t.vot", [*PLACE, peak, total])
    assert (row["flux"], row["Fp"]) == (25.0, 5.0)
    alone = _described(tmp_path / "t.vot", [*PLACE, peak])
    assert np.isnan(alone["flux"])
    assert alone["Fp"] == 5.0


# -- units -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "value", "flux"),
    [("[mJy]", 2.0, 100.0), ("[Jy]", -1.0, 100.0), ("dex(mJy)", 3.0, 1000.0),
     ("log(Jy)", 0.0, 1000.0),
     ("log10(mJy)", 1.5, 31.6227766), ("mag(AB)", 2.0, 575439.937), ("mJansky", 4.0, 4.0),
     ("JY", 0.5, 500.0), ("10-3.Jy", 7.0, 7.0), ("W.m-2.Hz-1", 1e-29, 1.0), ("µJy", 5.0, 0.005),
     ("[W.m-2.Hz-1]", -29.0, 1.0), ("MJy", 1e-9, 1.0)],
)  # fmt: skip
def test_flux_units_with_logarithms(tmp_path, unit, value, flux):
    row = _described(tmp_path / "t.vot", [*PLACE, ("S", unit, "phot.flux.density;em.radio", value)])
    assert row["flux"] == pytest.approx(flux, rel=1e-6)


@pytest.mark.parametrize(
    "unit",
    ["mJy/beam", "[mJy/beam]", "mJy/bm", "K", "arcsec", "furlong", "mag", "MJY", "MJy/sr"],
)
def test_an_odd_unit_costs_its_column_only(tmp_path, unit):
    odd = ("flux", unit, "phot.flux.density;em.radio", 5.0)
    row = _described(tmp_path / "t.vot", [*PLACE, odd, ("LAS", "arcsec", "", 30.0)])
    assert np.isnan(row["flux"])
    assert row["las"] == 30.0
    assert row["flux_table"] == 5.0
    row = _described(tmp_path / "t.vot", [*PLACE, odd, ("total_flux", "mJy", "", 25.0)])
    assert row["flux"] == 25.0


def test_logarithms_of_angles_and_odd_angles(tmp_path):
    assert _described(tmp_path / "t.vot", [*PLACE, ("LAS", "[arcsec]", "", 1.5)])["las"] == (
        pytest.approx(31.6227766)
    )
    row = _described(tmp_path / "t.vot", [*PLACE, ("LAS", "kpc", "", 300.0)])
    assert np.isnan(row["las"])
    assert row["LAS"] == 300.0


def test_an_odd_unit_of_a_position_leaves_the_next_one(tmp_path):
    odd = [("RA", "Jy", "", 1.0), ("DEC", "pix", "", 2.0)]
    row = _described(tmp_path / "t.vot", [*odd, *PLACE])
    assert (row["ra"], row["dec"]) == (187.7, 12.5)
    with pytest.raises(
        CatalogueError, match="'RA' is not used as ra: its unit 'Jy' is not an angle"
    ):
        _described(tmp_path / "t.vot", odd)


def test_position_angles_are_no_sizes(tmp_path):
    for name in ("theta", "Theta", "THETA_J2000", "pa", "PosAng"):
        row = _described(tmp_path / "t.vot", [*PLACE, (name, "deg", "", 35.0)])
        assert np.isnan(row["las"])
        assert row[name] == 35.0


def test_capitals_in_names_do_not_turn_mega_into_milli(tmp_path):
    (tmp_path / "t.csv").write_text("ra,dec,flux (MJy)\n187.7,12.5,1e-9\n")
    assert read_sources(read_table(tmp_path / "t.csv")).frame["flux"].iloc[0] == pytest.approx(1.0)
    (tmp_path / "t.csv").write_text("ra,dec,FLUX_MJY\n187.7,12.5,3\n")
    sources = read_sources(read_table(tmp_path / "t.csv"))
    assert np.isnan(sources.frame["flux"].iloc[0])  # milli or mega
    (tmp_path / "t.csv").write_text("ra,dec,flux_mJy\n187.7,12.5,3\n")
    assert read_sources(read_table(tmp_path / "t.csv")).frame["flux"].iloc[0] == 3.0


def test_parts_are_not_taken_for_the_whole(tmp_path):
    """``RA_h`` is the hours of a position here, not a position in hours."""
    (tmp_path / "t.csv").write_text(
        "RA_h,RA_m,RA_s,Dec_deg,Dec_min,Dec_sec\n12,30,48.0,12,30,0\n3,20,0,41,30,0\n"
    )
    _check(tmp_path / "t.csv", "icrs")
    (tmp_path / "t.csv").write_text(
        "RA,DEC,RAh,RAm,DEd,DEm\n187.7,12.5,1,2,3,4\n50.0,41.5,1,2,3,4\n"
    )
    _check(tmp_path / "t.csv", "icrs")


def test_parts_of_another_equinox(tmp_path):
    (tmp_path / "t.csv").write_text(
        "RAh1950,RAm1950,RAs1950,DE-1950,DEd1950,DEm1950,DEs1950\n"
        "12,30,48.0,+,12,30,0\n3,20,0,+,41,30,0\n"
    )
    _check(tmp_path / "t.csv", B1950)


@pytest.mark.parametrize(
    "comment",
    ["# Coordinates: B1950", "# equinox = 1950.0", "# RADESYS = 'FK4'", "#frame FK4 (B1950)",
     "# Table 1. All positions are in FK4 (B1950)."],
)  # fmt: skip
def test_the_frame_in_a_comment_is_used(tmp_path, comment):
    path = tmp_path / "t.csv"
    path.write_text(f"{comment}\nname,ra,dec\nM87,187.0,12.5\n")
    sources = read_sources(read_table(path))
    # FK4 (B1950) 187.0 +12.5 by astropy.
    assert sources.frame["ra"][1] == pytest.approx(187.632886, abs=1e-5)
    assert sources.frame["dec"][1] == pytest.approx(12.223891, abs=1e-5)
    assert "FK4 B1950 to ICRS" in sources.notes[-1]


@pytest.mark.parametrize("comment", ["# The B1950 names of 3C", "# NVSS positions and 3CR (B1950)"])
def test_a_comment_that_mentions_an_old_frame_is_asked_about(tmp_path, comment):
    path = tmp_path / "t.csv"
    path.write_text(f"{comment}\nname,ra,dec\nM87,187.0,12.5\n")
    assert [q.key for q in read_sources(read_table(path)).needed] == ["frame"]
    path.write_text("# Positions: J2000, observed at epoch 1995.3\nname,ra,dec\nA,187.0,12.5\n")
    sources = read_sources(read_table(path))
    assert not sources.needed and sources.frame["ra"][1] == 187.0
