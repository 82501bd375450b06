"""``python -m radioviz.data import``, ``surveys`` and ``remove``, as a person types them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from radioviz.data.__main__ import main
from radioviz.data.registry import open_data_set
from radioviz.jobs.sandbox import landlock_version
from radioviz.paths import REPOSITORY


def test_look_import_list_remove(cutouts, capsys, tmp_path):
    assert main(["import", str(cutouts), "--look"]) == 0
    seen = capsys.readouterr()
    assert "beam           6 arcsec (files)" in seen.err
    assert "--survey       Which survey are the images of? (taken as unknown)" in seen.err
    assert main(["surveys"]) == 0
    assert "no imported survey" in capsys.readouterr().err

    (cutouts / "=1+1.txt").write_text("a formula, if a spreadsheet would have it so")
    report = tmp_path / "report.csv"
    options = ["--key", "mine", "--title", "My survey", "--survey", "EMU", "--report", str(report)]
    assert main(["import", str(cutouts), *options]) == 0
    seen = capsys.readouterr()
    assert "mine: 12 read, 3 refused" in seen.out
    assert "refused        README.txt: not an image by its name" in seen.err
    told = pd.read_csv(report)
    assert told["status"].value_counts().to_dict() == {"read": 12, "refused": 3}
    assert "'=1+1.txt" in set(told["file"])  # opened by a spreadsheet, it stays text

    assert main(["import", str(cutouts), *options]) == 1
    assert "survey 'mine' exists already" in capsys.readouterr().err
    assert main(["import", str(cutouts), *options, "--replace"]) == 0
    capsys.readouterr()
    assert main(["surveys"]) == 0
    assert capsys.readouterr().out.split()[:4] == ["mine", "12", "My", "survey"]
    assert main(["remove", "mine"]) == 0
    assert "mine: removed" in capsys.readouterr().out
    assert main(["remove", "mine"]) == 1
    assert main(["remove", "../mine"]) == 1


def test_mapping_by_hand(tmp_path, capsys):
    np.save(tmp_path / "c.npy", np.random.default_rng(1).normal(size=(3, 10, 10)))
    table = tmp_path / "c.csv"
    table.write_text("x,y,kind,width\n10.5,2,A,1.5\n11,3,B,2\n12,4,C,3\n")
    arguments = ["import", str(tmp_path / "c.npy"), "--table", str(table), "--key", "mine"]
    hand = [
        "--column", "ra=x", "--column", "dec=y", "--column", "label=kind", "--column", "las=width",
        "--label", "A=FRI", "--label", "B=FRII", "--ra-unit", "hour", "--las-unit", "arcmin",
    ]  # fmt: skip
    assert main([*arguments, *hand]) == 1
    assert "answers are needed. pixel_scale" in capsys.readouterr().err
    assert main([*arguments, *hand, "--pixel-scale", "2", "--beam", "6", "--bunit", "Jy/beam"]) == 0
    catalogue = open_data_set("mine")
    np.testing.assert_allclose(catalogue.table["ra"], [157.5, 165, 180])
    assert catalogue.table["label"].tolist() == ["FRI", "FRII", ""]
    assert catalogue.table["las"].tolist() == [90, 120, 180]
    assert (catalogue.info.pixel_scale, catalogue.info.beam) == (2, 6)
    assert main([*arguments, "--column", "ra:x"]) == 1
    assert "expected two parts joined by '='" in capsys.readouterr().err


def test_rgz_from_the_environment(tmp_path, capsys, monkeypatch):
    from .test_rgz_batches import write_batches

    write_batches(tmp_path / "rgz")
    monkeypatch.setenv("RADIOVIZ_RGZ", str(tmp_path / "rgz"))
    assert main(["import", "--key", "rgz-mine", "--mb-flag", "exclude", "--las-min", "25"]) == 0
    assert "rgz-mine: 32 read, 28 left out as requested, 0 refused" in capsys.readouterr().out
    assert main(["import", "--rgz", str(tmp_path / "rgz"), "--key", "rgz-all"]) == 0
    assert len(open_data_set("rgz-all")) == 60


@pytest.mark.parametrize("arguments", [["import"], ["import", "/no/such/place"]])
def test_nothing_to_import(arguments, capsys):
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith("error: ")


def _typed(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """The command as a shell starts it, without a terminal."""
    return subprocess.run(
        [sys.executable, "-m", "radioviz.data", *arguments], cwd=REPOSITORY, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=200, check=False, **options,
    )  # fmt: skip


def test_what_is_typed_reads_in_a_confined_process(cutouts, tmp_path):
    """It imports, writes the report, and says the same; links out of the folder are not read."""
    secret = tmp_path / "elsewhere.fits"
    secret.write_bytes((cutouts / "b" / "J0000.fits").read_bytes())
    (cutouts / "link.fits").symlink_to(secret)
    (cutouts / "inside.fits").symlink_to(cutouts / "b" / "J0000.fits")
    report = tmp_path / "report.csv"
    said = _typed("import", str(cutouts), "--key", "mine", "--report", str(report))
    assert said.returncode == 0, said.stderr
    assert "mine: 13 read, 3 refused" in said.stdout
    told = pd.read_csv(report).set_index("file")
    assert told.loc["link.fits", "reason"].startswith("a link to a file outside of the folder")
    assert told.loc["inside.fits", "status"] == "read"
    again = _typed("import", str(cutouts), "--key", "mine")
    assert again.returncode == 1
    assert "survey 'mine' exists already" in again.stderr


@pytest.mark.skipif(not landlock_version(), reason="this system has no Landlock")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("print('opened', ctypes.CDLL(None).open(b'/etc/hostname', 0))", "opened -1"),
        ("print('wrote', ctypes.CDLL(None).creat(b'TARGET', 0o600))", "wrote -1"),
        ("ctypes.string_at(0)", "error: the process that reads the files was ended by SIGSEGV"),
    ],
)
def test_what_a_file_may_make_a_typed_import_do(body, said, cutouts, tmp_path):
    """Whatever reads the files can open nothing else, and may die."""
    target = tmp_path / "made"
    program = f"""
import ctypes, sys
import radioviz.importing.recognition as recognition
from radioviz.cli import main
really = recognition.inspect_source
def inspect_source(*given):
    {body.replace("TARGET", str(target))}
    sys.stdout.flush()
    return really(*given)
recognition.inspect_source = inspect_source
sys.exit(main())
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, "import", str(cutouts), "--look"],
        cwd=REPOSITORY, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=200,
    )  # fmt: skip
    assert said in ran.stdout + ran.stderr
    assert not target.exists()
    assert ran.returncode == ("SIGSEGV" in said)
