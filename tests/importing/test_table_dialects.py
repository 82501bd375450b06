"""Dialects of text tables: delimiters, headers, units, and what finders write."""

from __future__ import annotations

import time

import numpy as np
import pytest

from radioviz.errors import CatalogueError
from radioviz.importing.readers.table_formats import text_format
from radioviz.importing.readers.user_tables import read_table
from radioviz.importing.source_rows import read_sources


def _read(tmp_path, text, name="t.csv", **answers):
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_sources(read_table(tmp_path / name), answers)


TWO = [["NGC 1265", 49.56, 41.86], ["3C 83.1B", 249.56, -1.86]]


def _two(sources, names=("NGC 1265", "3C 83.1B")):
    assert sources.frame[["ra", "dec"]].to_numpy().tolist() == [[49.56, 41.86], [249.56, -1.86]]
    assert sources.frame["name"].tolist() == list(names)
    assert not sources.refused
    return sources


DIALECTS = {
    "commented": "#name,ra,dec\nNGC 1265,49.56,41.86\n3C 83.1B,249.56,-1.86\n",
    "commented far up": (
        "# name,ra,dec\n# made by hand\nNGC 1265,49.56,41.86\n3C 83.1B,249.56,-1.86\n"
    ),
    "words above": (
        "# two sources, both, nearby\nname,ra,dec\nNGC 1265,49.56,41.86\n3C 83.1B,249.56,-1.86\n"
    ),
    "quoted blanks": '# name   ra      dec\n "NGC 1265" 49.56  41.86\n "3C 83.1B" 249.56 -1.86\n',
    "quoted header": (
        '# "name" "ra" "dec" "a b"\n"NGC 1265" 49.56 41.86 1\n"3C 83.1B" 249.56 -1.86 2\n'
    ),
    "quotes in quotes": (
        '#name ra dec x\n"NGC 1265" 49.56 41.86 "5"" N"\n"3C 83.1B" 249.56 -1.86 b\n'
    ),
    "tabs and blanks": "name\tra\tdec\nNGC 1265\t49.56\t41.86\n3C 83.1B\t249.56\t-1.86\n",
    "sep": "sep=;\nname;ra;dec\nNGC 1265;49,56;41,86\n3C 83.1B;249,56;-1,86\n",
    "sep in quotes": '"sep=|"\nname|ra|dec\nNGC 1265|49.56|41.86\n3C 83.1B|249.56|-1.86\n',
    "sep comma": "sep=,\nname,ra,dec\nNGC 1265,49.56,41.86\n3C 83.1B,249.56,-1.86\n",
    "hash and commas": "\ufeff#name;ra;dec\nNGC 1265;49,56;41,86\n3C 83.1B;249,56;-1,86\n",
    "tab and commas": "name\tra\tdec\nNGC 1265\t49,56\t41,86\n3C 83.1B\t249,56\t-1,86\n",
    "bar and commas": "name|ra|dec\nNGC 1265|49,56|41,86\n3C 83.1B|249,56|-1,86\n",
    "bars around": "|name|ra|dec|\n|NGC 1265|49.56|41.86|\n|3C 83.1B|249.56|-1.86|\n",
    "markdown": (
        "| name | ra | dec |\n|---|---:|---|\n| NGC 1265 | 49.56 | 41.86 |\n"
        "| 3C 83.1B | 249.56 | -1.86 |\n"
    ),
    "units below": "name,ra,dec\n,deg,deg\nNGC 1265,49.56,41.86\n3C 83.1B,249.56,-1.86\n",
    "fixed width": (
        "name      ra      dec  \n--------  ------  -----\n"
        "NGC 1265  49.56   41.86\n3C 83.1B  249.56  -1.86\n"
    ),
    "vizier": (
        "#\n#   VizieR\n#Coosys\tJ2000:\teq_FK5 J2000\n"
        "#Column\tName\t(A8)\tName\t[ucd=meta.id]\nName\tRAJ2000\tDEJ2000\n \tdeg\tdeg\n"
        "--------\t------\t-----\nNGC 1265\t49.56\t41.86\n3C 83.1B\t249.56\t-1.86\n"
    ),
    "vizier with semicolons": (
        "#RESOURCE=x\nName;_RAJ2000;_DEJ2000\n;deg;deg\n--------;------;-----\n"
        "NGC 1265;49.56;41.86\n3C 83.1B;249.56;-1.86\n"
    ),
    "vizier without units": (
        "name\tra\tdec\n--------\t------\t-----\nNGC 1265\t49.56\t41.86\n3C 83.1B\t249.56\t-1.86\n"
    ),
    "old mac": "name,ra,dec\rNGC 1265,49.56,41.86\r3C 83.1B,249.56,-1.86\r",
    "ipac": (
        "\\catalog = x\n\\ a comment\n|name     |ra     |dec   |\n"
        "|char     |double |double|\n|         |deg    |deg   |\n"
        "|null     |null   |null  |\n NGC 1265  49.56   41.86 \n"
        " 3C 83.1B  249.56  -1.86 \n"
    ),
    "ipac bare": (
        "|name     |ra     |dec   |\n|c        |d      |d     |\n"
        " NGC 1265  49.56   41.86 \n 3C 83.1B  249.56  -1.86 \n"
    ),
    "unicode minus": "name,ra,dec\nNGC 1265,49.56,41.86\n3C 83.1B,249.56,−1.86\n",
    "no header": "NGC 1265,49.56,41.86\n3C 83.1B,249.56,-1.86\n",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects(tmp_path, dialect):
    _two(_read(tmp_path, DIALECTS[dialect], "t.txt"))


def test_machine_readable_table(tmp_path):
    text = """Title: A table
Authors: Nobody
Table: Sources
================================================================================
Byte-by-byte Description of file: t.txt
--------------------------------------------------------------------------------
   Bytes Format Units   Label     Explanations
--------------------------------------------------------------------------------
   1-  8 A8     ---     Name      Name of the source
  10- 11 I2     h       RAh       Hour of Right Ascension (J2000)
  13- 14 I2     min     RAm       Minute of Right Ascension (J2000)
  16- 20 F5.2   s       RAs       Second of Right Ascension (J2000)
      22 A1     ---     DE-       Sign of the Declination (J2000)
  23- 24 I2     deg     DEd       Degree of Declination (J2000)
  26- 27 I2     arcmin  DEm       Arcminute of Declination (J2000)
  29- 32 F4.1   arcsec  DEs       Arcsecond of Declination (J2000)
  34- 38 F5.1   mJy     Sint      ? Integrated flux density
--------------------------------------------------------------------------------
NGC 1265 03 18 14.40 +41 51 36.0  12.5
3C 83.1B 16 38 14.40 -00 51 36.0
"""
    sources = _read(tmp_path, text, "t.txt")
    assert not sources.refused  # the line's end at the end of the file is no row
    np.testing.assert_allclose(sources.frame["ra"], [49.56, 249.56], atol=1e-9)
    np.testing.assert_allclose(sources.frame["dec"], [41.86, -0.86], atol=1e-9)
    np.testing.assert_allclose(sources.frame["flux"], [12.5, np.nan])
    assert sources.frame["name"].tolist() == ["NGC 1265", "3C 83.1B"]


@pytest.mark.parametrize("start", ["\n", " \n", "\\\n", "# \n", "a | b\n", "| a |\n"])
def test_many_lines_before_a_table_take_no_time(start):
    """Patterns that try every way to split blank lines would need years for a hundred."""
    began = time.process_time()
    assert text_format(start * 20_000 + "x") is None
    assert time.process_time() - began < 3


def test_sextractor_catalogue(tmp_path):
    text = ("#   1 NUMBER          Running object number\n#   2 ALPHA_J2000     RA [deg]\n"
            "#   3 DELTA_J2000     Dec [deg]\n 1  49.56  41.86\n 2 249.56  -1.86\n")  # fmt: skip
    sources = _read(tmp_path, text, "t.cat")
    assert sources.frame[["ra", "dec"]].to_numpy().tolist() == [[49.56, 41.86], [249.56, -1.86]]


def test_units_of_vizier(tmp_path):
    text = ("#Column\tS1.4\t(F5.1)\tFlux at 1.4GHz\t[ucd=phot.flux.density]\n"
            "RAJ2000\tDEJ2000\tName\tS1.4\te_S1.4\tLAS\ndeg\tdeg\t \tJy\tmJy\tarcmin\n"
            "-------\t-------\t----\t----\t------\t---\n"
            "010.684708\t-00.269028\tB0042\t12.3\t0.5\t0.75\n"
            "211.250000\t+52.202500\tB1404\t112.3\t\t---\n")  # fmt: skip
    sources = _read(tmp_path, text, "asu.tsv")
    np.testing.assert_allclose(sources.frame["flux"], [12300.0, 112300.0])
    np.testing.assert_allclose(sources.frame["las"], [45.0, np.nan])
    np.testing.assert_allclose(sources.frame["e_S1.4"], [0.5, np.nan])
    np.testing.assert_allclose(sources.frame["dec"], [-0.269028, 52.2025])
    assert sources.units["e_S1.4"] == "mJy"
    assert not [q for q in sources.needed if q.required]


@pytest.mark.parametrize(
    ("first", "second"),
    [(("_RAJ2000", "_DEJ2000"), ("RAJ2000", "DEJ2000")), (("RA", "DEC"), ("ra_hms", "dec_dms")),
     (("RAJ2000", "DEJ2000"), ("raj2000_2", "dej2000_2"))],
)  # fmt: skip
def test_the_same_position_twice(tmp_path, first, second):
    if second[0].endswith("_2"):
        first, second = ("RA", "DEC"), ("RA (deg)", "Dec (deg)")
        cells = [["10.684708", "-0.269028"], ["211.25", "52.2025"]]
    else:
        cells = [["00 42 44.33", "-00 16 08.5"], ["14 05 00.00", "+52 12 09.0"]]
    for order in (1, -1):
        names = [*first, *second][::1] if order == 1 else [*second, *first]
        lines = [",".join(names)]
        for exact, other in zip(
            (["10.684708", "-0.269028"], ["211.25", "52.2025"]), cells, strict=True
        ):
            lines.append(",".join([*exact, *other] if order == 1 else [*other, *exact]))
        frame = _read(tmp_path, "\n".join(lines) + "\n").frame
        assert frame["ra"].tolist() == [10.684708, 211.25]
        assert frame["dec"].tolist() == [-0.269028, 52.2025]


def test_two_positions_that_differ_are_refused(tmp_path):
    with pytest.raises(CatalogueError, match="could both be ra and differ"):
        _read(tmp_path, "_RAJ2000,_DEJ2000,RAJ2000,DEJ2000\n10.684708,1,00 43 44.33,1\n")


@pytest.mark.parametrize("text", ["00.16.08.5", "-00.16.08.5"])
def test_declinations_with_points(tmp_path, text):
    frame = _read(tmp_path, f"name,ra,dec\nA,00:42:44.33,{text}\nB,14:05:00,+52.12.09.0\n").frame
    sign = -1 if text[0] == "-" else 1
    np.testing.assert_allclose(frame["dec"], [sign * 0.26902778, 52.2025], atol=1e-7)


def test_thousands_are_no_decimals(tmp_path):
    frame = _read(tmp_path, "name;ra;dec;flux\nA;150.25;1.5;1,234\nB;151.5;2.5;12\n").frame
    assert frame["flux"].tolist() == [1234.0, 12.0]
    frame = _read(tmp_path, "name;ra;dec;flux\nA;150,25;1,5;1.234,5\nB;151,5;2,5;12,5\n").frame
    assert frame["flux"].tolist() == [1234.5, 12.5]


def test_aegean(tmp_path):
    text = ("island,source,background,local_rms,ra_str,dec_str,ra,err_ra,dec,err_dec,peak_flux,"
            "int_flux,a,b,pa,psf_a\n"
            "0,0,0.0,0.001,00:40:00,+01:00:00,10.0,0.1,1.0,0.1,0.4,0.5,10,5,20,30\n"
            "1,0,0.0,0.001,00:44:00,+01:00:00,11.0,0.1,1.0,0.1,0.5,0.6,12,6,30,30\n")  # fmt: skip
    sources = _read(tmp_path, text)
    assert sources.frame["name"].tolist() == ["J004000.0+010000", "J004400.0+010000"]
    np.testing.assert_allclose(sources.frame["flux"], [500.0, 600.0])
    np.testing.assert_allclose(sources.frame["ra"], [10.0, 11.0])  # degrees, though below 24
    assert not sources.needed


def test_pybdsf(tmp_path):
    text = ("# Source list for image.fits\n# Generated by PyBDSM version 1.8\n"
            "# Source_id, Isl_id, RA, E_RA, DEC, E_DEC, Total_flux, Peak_flux, Maj, DC_Maj\n"
            "0, 0, 10.5, 0.1, -30.25, 0.1, 0.5, 0.4, 0.01, 0.005\n"
            "1, 1, 11.5, 0.1, -31.25, 0.1, 0.025, 0.02, 0.01, 0.005\n")  # fmt: skip
    for lines in (text, text.replace(", ", "  ")):
        sources = _read(tmp_path, lines)
        np.testing.assert_allclose(sources.frame["ra"], [10.5, 11.5])
        np.testing.assert_allclose(sources.frame["flux"], [500.0, 25.0])
        assert sources.frame["source_id"].tolist() == ["0", "1"]
        assert not sources.needed


def test_selavy(tmp_path):
    names = "island_id component_id component_name ra_hms_cont dec_dms_cont ra_deg_cont"
    names += " dec_deg_cont flux_int"
    units = "-- -- -- -- -- [deg] [deg] [mJy]"
    rows = ("SB1_1 SB1_1a J004000+010000 00:40:00.0 +01:00:00 10.0 1.0 5.5\n"
            "SB1_2 SB1_2a J100400+300000 10:04:00.0 +30:00:00 151.0 30.0 6.5\n")  # fmt: skip
    sources = _read(tmp_path, f"#  {names}\n#  {units}\n{rows}", "selavy-results.components.txt")
    np.testing.assert_allclose(sources.frame["ra"], [10.0, 151.0])
    np.testing.assert_allclose(sources.frame["flux"], [5.5, 6.5])
    assert sources.frame["name"].tolist() == ["J004000+010000", "J100400+300000"]
    assert sources.frame["source_id"].tolist() == ["SB1_1a", "SB1_2a"]
    frame = _read(tmp_path, names.replace(" ", ",") + "\n" + rows.replace(" ", ",")).frame
    np.testing.assert_allclose(frame["dec"], [1.0, 30.0])


def test_numbers_of_components_are_no_names(tmp_path):
    assert _read(tmp_path, "source,ra,dec\n0,150,1\n0,151,2\n").frame["name"].tolist() == [
        "J100000.0+010000", "J100400.0+020000"]  # fmt: skip
    assert _read(tmp_path, "source,ra,dec\n3C 1,150,1\n3C 2,151,2\n").frame["name"].tolist() == [
        "3C 1", "3C 2"]  # fmt: skip
