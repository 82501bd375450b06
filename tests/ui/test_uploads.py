"""Uploaded files: names made harmless, tables told from images, pasted positions."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radioviz.api.survey_job import FAILED, SurveyProgress, SurveyRequest
from radioviz.errors import CatalogueError
from radioviz.jobs.process import Job
from radioviz.ui.pages.your_data import uploads
from tests.data.fits_files import as_bytes, cards, noise, primary


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def stage(**files: bytes) -> uploads.StagedFiles:
    named = {k.replace("__", "/").replace("_dot_", "."): v for k, v in files.items()}
    return uploads.stage_files((n, io.BytesIO(c), len(c)) for n, c in named.items())


@given(st.text(max_size=300))
def test_a_name_never_leaves_its_folder(name: str) -> None:
    path = uploads.safe_path(name)
    assert not path.is_absolute()
    assert path.parts and ".." not in path.parts
    for part in path.parts:
        assert not part.startswith(".") and "\x00" not in part
        assert len(part.encode(errors="replace")) <= 255


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/a.fits", "abs/a.fits"),
        ("C:\\data\\a.fits", "data/a.fits"),
        ("survey/a b é.fits", "survey/a b é.fits"),
        ("...", "file"),
        ("", "file"),
        ("a\x00b.fits", "a_b.fits"),
        ("\udcff\ud800.fits", "??.fits"),
    ],
)
def test_names(name: str, wanted: str) -> None:
    assert uploads.safe_path(name) == PurePosixPath(wanted)


def test_tables_go_beside_the_images() -> None:
    from astropy.io import fits

    image = primary(noise((8, 8)), cards((8, 8)))
    column = fits.Column("RA", "D", array=[1.0])
    table = as_bytes(fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns([column])]))
    staged = stage(a_dot_fits=image, list_dot_fits=table, sub__b_dot_csv=b"ra,dec\n")
    assert [p.name for p in staged.images] == ["a.fits"]
    assert [p.name for p in staged.tables] == ["list.fits", "b.csv"]
    source = staged.source(staged.tables[0])
    assert source is not None
    assert (source.path, source.table) == (staged.images[0], staged.tables[0])
    several = stage(a_dot_fits=image, b_dot_fits=image)
    source = several.source(None)
    assert source is not None and source.path == several.folder / "images"
    again = uploads.open_upload(str(staged.folder))
    assert again is not None and again.images == staged.images


def test_two_files_of_one_name_are_both_kept() -> None:
    files = [("x/a.fits", io.BytesIO(b"1"), 1), ("../x/a.fits", io.BytesIO(b"2"), 1)]
    files += [("x", io.BytesIO(b"3"), 1)]
    staged = uploads.stage_files(files)
    assert sorted(p.read_bytes() for p in staged.images) == [b"1", b"2", b"3"]


def test_a_disk_without_room_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(CatalogueError, match="free"):
        stage(a_dot_fits=b"x")
    assert not list(uploads.uploads_folder().iterdir())


def test_only_uploads_are_dropped_and_old_ones_cleaned(tmp_path: Path) -> None:
    staged = stage(a_dot_fits=b"x")
    uploads.delete_upload(tmp_path)
    assert tmp_path.exists()
    uploads.delete_stale_uploads()
    assert staged.folder.exists()
    old = time.time() - 3 * 86_400
    os.utime(staged.folder, (old, old))
    uploads.delete_stale_uploads()
    assert not staged.folder.exists()
    assert uploads.open_upload(str(staged.folder)) is None
    assert uploads.open_upload(str(tmp_path)) is None


def test_an_upload_of_a_session_that_ended_goes_after_hours() -> None:
    ended, shown = stage(a_dot_fits=b"x"), stage(a_dot_fits=b"y")
    old = time.time() - 9 * 3600
    for staged in (ended, shown):
        os.utime(staged.folder, (old, old))
    assert uploads.open_upload(str(shown.folder)) is not None  # its session draws the form
    uploads.delete_stale_uploads()
    assert not ended.folder.exists()
    assert shown.folder.exists()


def test_an_upload_that_a_server_left_half_written_goes() -> None:
    half, whole = stage(a_dot_fits=b"x"), stage(a_dot_fits=b"y")
    (half.folder / ".size").write_text("5000000000")
    for minutes, kept in ((50, True), (70, False)):
        old = time.time() - minutes * 60
        for staged in (half, whole):
            os.utime(staged.folder, (old, old))
        uploads.delete_stale_uploads()
        assert half.folder.exists() == kept
    assert whole.folder.exists()


def test_an_upload_whose_import_may_be_resumed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    staged = stage(a_dot_fits=b"x")
    request = SurveyRequest("mine", upload=str(staged.folder))
    job = Job("1", request, SurveyProgress(state=FAILED))
    monkeypatch.setattr(uploads, "list_jobs", lambda: [job])
    for hours, kept in ((9, True), (50, False)):
        old = time.time() - hours * 3600
        os.utime(staged.folder, (old, old))
        uploads.delete_stale_uploads()
        assert staged.folder.exists() == kept


def test_the_sum_of_uploads_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_MAX_UPLOADS", "4")  # 4 MB, 1 MB a session

    def put(size: int, *earlier: uploads.StagedFiles) -> uploads.StagedFiles:
        files = [("a.fits", io.BytesIO(b"x" * size), size)]
        return uploads.stage_files(files, [str(e.folder) for e in earlier])

    first = put(600_000)
    with pytest.raises(CatalogueError, match=r"of this session have 0.6 MB, and at most 1 MB"):
        put(400_001, first)
    second = put(400_000, first)
    uploads.delete_upload(first.folder)
    put(600_000, first, second)  # what was deleted does not count
    for _ in range(3):
        put(1_000_000)
    with pytest.raises(CatalogueError, match=r"of all sessions .* RADIOVIZ_MAX_UPLOADS"):
        put(1)
    assert len(list(uploads.uploads_folder().iterdir())) == 5


def test_uploads_that_are_being_written_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_MAX_UPLOADS", "4")

    class Meanwhile(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                return super().read(size)
            for _ in range(3):
                uploads.stage_files([("b.fits", io.BytesIO(b"y" * 1_000_000), 1_000_000)])
            with pytest.raises(CatalogueError, match="of all sessions"):
                uploads.stage_files([("b.fits", io.BytesIO(b"y"), 1)])
            return super().read(size)

    uploads.stage_files([("a.fits", Meanwhile(b"x" * 1_000_000), 1_000_000)])


def test_a_limit_that_is_not_a_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOVIZ_MAX_UPLOADS", "many")
    with pytest.raises(CatalogueError, match="RADIOVIZ_MAX_UPLOADS is 'many'"):
        stage(a_dot_fits=b"x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2\n" * 100_001, "100,001 lines of positions .* at most 100,000"),
        ("ra dec\n" + "1 2\n" * 100_000, "100,001 lines"),
        ("x" * 2_000_001, "2,000,001 bytes of positions .* at most 2,000,000"),
        ("α" * 1_000_001, "2,000,002 bytes"),
    ],
)
def test_pasted_positions_have_limits(text: str, message: str) -> None:
    began = time.process_time()
    with pytest.raises(CatalogueError, match=message):
        uploads.positions_csv(text)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("187.7 +12.39", ",187.7,+12.39"),
        ("3C 273, 187.28, 2.05", "3C 273,187.28,2.05"),
        ("M87;12:30:49.4;+12:23:28", "M87,12:30:49.4,+12:23:28"),
        ("12 30 49.4 +12 23 28", ",12:30:49.4,+12:23:28"),
        ("PKS 1234 12 30 49.4 -12 23 28", "PKS 1234,12:30:49.4,-12:23:28"),
        ("J0001 1.5 -3", "J0001,1.5,-3"),
        ("3C 273 187.28 +2.05", "3C 273,187.28,+2.05"),
    ],
)
def test_positions_as_people_paste_them(line: str, row: str) -> None:
    assert uploads.positions_csv(f"# mine\n{line}\n\n").decode().splitlines() == [
        "name,ra,dec",
        row,
    ]


def test_a_header_stays() -> None:
    assert uploads.positions_csv("id,RAJ2000,DEJ2000\n1,2,3") == b"id,RAJ2000,DEJ2000\n1,2,3"


@pytest.mark.parametrize("text", ["", "\n \n", "hello", "1.5", "a b c d e", "1 2 3 4"])
def test_what_is_no_position(text: str) -> None:
    with pytest.raises(CatalogueError, match="position"):
        uploads.positions_csv(text)


def test_a_torn_fits_is_no_table() -> None:
    whole = primary(noise((16, 16)), cards((16, 16)))
    staged = stage(whole_dot_fits=whole, torn_dot_fits=whole[:2000])
    assert [p.name for p in staged.images] == ["torn.fits", "whole.fits"]
    assert not staged.tables
