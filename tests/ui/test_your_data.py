"""Your data: inspect files, answer questions, import, open, remove; and bad input."""

from __future__ import annotations

import dataclasses
import io
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from radioviz import importing
from radioviz.api import survey_job as job
from radioviz.errors import BusyError
from radioviz.jobs.process import JobState, _started
from radioviz.store.atomic import write_json
from radioviz.ui.pages.your_data import state
from radioviz.ui.pages.your_data.state import YourDataState
from tests.data.fits_files import cards, noise, primary

Open = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder of this test's own; what it started ends with it."""
    home = tmp_path / "home"
    monkeypatch.setenv("RADIOVIZ_HOME", str(home))
    yield home
    for one in job.list_jobs():
        job.cancel_job(one.id)
    deadline = time.monotonic() + 60
    while any(j.active for j in job.list_jobs()) and time.monotonic() < deadline:
        time.sleep(0.1)


def galaxies(number: int, **changes: Any) -> list[tuple[str, bytes, str]]:
    """Cutouts as a browser uploads them."""
    out = []
    for i in range(number):
        header = cards((64, 64), CRVAL1=150.0 + i / 10, **changes)
        out.append((f"J{i:03d}.fits", primary(noise((64, 64), i), header), "application/fits"))
    return out


def texts(app: AppTest) -> str:
    """All that the page says outside the sidebar, as it is read."""
    kinds = (app.main.markdown, app.main.caption, app.main.error, app.main.info, app.main.warning)
    return "\n".join(str(e.value) for kind in kinds for e in kind).replace("\\", "")


def upload(app: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    app.main.file_uploader[0].set_value(list(files))
    return app.run()


def keyed(elements: Any, start: str) -> Any:
    """The one widget whose key begins so."""
    found = [e for e in elements if (e.key or "").startswith(start)]
    assert len(found) == 1, [e.key for e in elements]
    return found[0]


def wait(app: AppTest, seconds: float = 240) -> AppTest:
    """Wait for every job, then draw the page."""
    deadline = time.monotonic() + seconds
    while any(j.active for j in job.list_jobs()):
        assert time.monotonic() < deadline, job.list_jobs()
        time.sleep(0.2)
    return app.run()


def workspace_of(app: AppTest) -> str:
    value = app.query_params["workspace"]
    return value if isinstance(value, str) else value[0]


def press(app: AppTest, start: str) -> AppTest:
    keyed(app.main.button, start).click()
    return app.run()


@pytest.mark.slow
def test_files_to_a_survey_and_away_again(open_page: Open, own_home: Path) -> None:
    app = open_page("your_data")
    assert "None yet" in texts(app)
    broken = ("torn.fits", galaxies(1)[0][1][:3000], "application/fits")
    app = upload(app, *galaxies(6), broken)
    assert not app.exception
    assert "7 files" in texts(app)
    keyed(app.main.text_input, "title_").set_value("My <b>survey</b>")
    keyed(app.main.text_input, "key_").set_value("mine")
    app.run()
    keyed(app.main.multiselect, "models_").set_value(["vae2"])
    app.run()
    app = press(app, "import_start")
    assert not app.exception
    app = wait(app)
    done = job.list_jobs()[0]
    assert (done.progress.state, done.progress.encoded) == (job.DONE, ("vae2",)), done
    assert "6 read, 1 refused" in texts(app)
    assert "6 galaxies" in texts(app)
    assert not list((own_home / "uploads").iterdir()), "what was uploaded is not kept"
    report = importing.read_report("mine")
    assert report.set_index("file").loc["torn.fits", "status"] == "refused"

    there = open_page("latent_map", data="mine", encoder="vae2")
    assert not there.exception and not there.error
    assert there.selectbox(key="layout").options[0] == "Latent plane"
    assert "UMAP of FIRST" in there.selectbox(key="layout").options

    app = press(app, "remove_mine")
    assert "mine" not in importing.list_surveys()
    assert not (own_home / "atlas" / "mine").exists()
    assert [p.name for p in (own_home / "jobs").iterdir()] == [".lock"]
    assert "freed" in texts(app) and not app.exception


@pytest.mark.slow
def test_a_killed_import_is_not_shown_and_can_be_resumed(
    open_page: Open, own_home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, content, _ in galaxies(7):  # too few for a UMAP, which takes long to compile
        (folder / name).write_bytes(content)
    with pytest.raises(KeyboardInterrupt):
        importing.import_survey(importing.Source(folder), {"key": "mine"}, cancelled=_Kill(5))
    app = open_page("your_data")
    assert "mine" not in importing.list_surveys()
    assert "interrupted after" in texts(app)
    assert "mine" not in app.sidebar.selectbox(key="data_set").options
    app = wait(press(app, "resume_unfinished_mine"))
    assert job.list_jobs()[0].progress.state == job.DONE, job.list_jobs()[0]
    assert importing.list_surveys()["mine"].n == 7


def test_a_new_session_finds_the_form_as_it_was(open_page: Open) -> None:
    """A reload at every step: the files, the answers, names and choices stay; defaults follow."""
    app = open_page("your_data")
    link = workspace_of(app)
    app = upload(app, *galaxies(2, BUNIT=None))

    def reload() -> AppTest:
        again = open_page("your_data", workspace=link)
        assert not again.exception
        return again

    app = reload()
    assert "2 files" in texts(app)
    asked = keyed(app.main.text_input, "ask_bunit_")
    asked.set_value("Jy/beam").run()
    app = reload()
    assert keyed(app.main.text_input, "ask_bunit_").value == "Jy/beam"
    keyed(app.main.selectbox, "fact_raw_").set_value("yes").run()
    keyed(app.main.text_input, "title_").set_value("Mine <b>").run()
    keyed(app.main.text_input, "key_").set_value("mine-2").run()
    keyed(app.main.multiselect, "models_").set_value(["vae2"]).run()
    app = reload()
    assert keyed(app.main.text_input, "ask_bunit_").value == "Jy/beam"
    assert keyed(app.main.selectbox, "fact_raw_").value == "yes"
    assert keyed(app.main.text_input, "title_").value == "Mine <b>"
    assert keyed(app.main.text_input, "key_").value == "mine-2"
    assert keyed(app.main.multiselect, "models_").value == ["vae2"]
    # On another page and back, in one session.
    app.switch_page("pages/benchmarks.py").run()
    app.switch_page("pages/your_data.py").run()
    assert keyed(app.main.text_input, "key_").value == "mine-2"
    # Who does not know the workspace sees nothing of it.
    assert "2 files" not in texts(open_page("your_data"))
    next(b for b in app.main.button if b.label == "Start over").click().run()
    assert "2 files" not in texts(app)
    assert "2 files" not in texts(reload())


def test_pasted_positions_are_there_after_a_reload(open_page: Open) -> None:
    app = open_page("your_data")
    link = workspace_of(app)
    app.session_state["import_kind"] = "Positions"
    app.run()
    keyed(app.main.text_area, "import_positions_").set_value("187.7 +12.4").run()
    app = open_page("your_data", workspace=link)
    assert keyed(app.main.text_area, "import_positions_").value == "187.7 +12.4"


class _Kill:
    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return False


def test_a_cut_off_import_can_be_discarded_with_its_upload(open_page: Open, own_home: Path) -> None:
    app = upload(open_page("your_data"), *galaxies(8))
    staged = next((own_home / "uploads").iterdir())
    with pytest.raises(KeyboardInterrupt):
        importing.import_survey(
            importing.Source(staged / "images"), {"key": "mine"}, cancelled=_Kill(3)
        )
    app = press(open_page("your_data"), "discard_mine")
    assert "freed" in texts(app)
    assert not staged.exists()
    assert not importing.unfinished_imports()


TABLE = (
    "name,ra,dec,file\n<script>alert(1)</script>,150.0,35.0,J000.fits\nΣ é,150.1,35.0,J001.fits\n"
)


def test_columns_that_could_not_be_told_are_mapped_by_hand(open_page: Open) -> None:
    files = [*galaxies(2), ("list.csv", TABLE.replace("ra,", "east,").encode(), "text/csv")]
    app = upload(open_page("your_data"), *files)
    assert "no column for ra" in texts(app)
    keyed(app.main.selectbox, "column_ra_").set_value("east")
    app.run()
    assert "no column for ra" not in texts(app)
    assert not app.exception
    frame = app.main.dataframe[0].value
    assert list(frame["name"]) == ["<script>alert(1)</script>", "Σ é"]
    assert "<script>" not in "".join(str(h.proto.body) for h in app.main.get("html"))


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("dec,file\n35,J000.fits\n", "no column for ra"),
        ("ra,ra,dec,file\n1,2,3,J000.fits\n", "differ"),
        ("ra,dec,file\n35,150,J000.fits\n-20,200,J001.fits\n", "swapped"),
        ("name,file\n", "no rows"),
        ("", "empty"),
        ("\x00\x01\x02", "list.csv"),
    ],
)
def test_tables_of_no_use_say_what_is_wrong(open_page: Open, table: str, said: str) -> None:
    files = [*galaxies(2), ("list.csv", table.encode(), "text/csv")]
    app = upload(open_page("your_data"), *files)
    assert not app.exception
    assert any(said in str(e.value).replace("\\", "") for e in app.main.error), texts(app)


def test_right_ascension_in_hours_is_asked_for(open_page: Open) -> None:
    rows = "".join(f"{h}.5,{d},J00{h}.fits\n" for h, d in ((1, 30), (2, 31), (3, 32)))
    files = [*galaxies(4), ("list.csv", b"ra,dec,file\n" + rows.encode(), "text/csv")]
    app = upload(open_page("your_data"), *files)
    asked = keyed(app.main.selectbox, "ask_ra_unit")
    assert "hour" in asked.options
    assert app.main.button(key="import_start").disabled
    asked.set_value("hour")
    app.run()
    assert not app.main.button(key="import_start").disabled


def test_an_answer_and_the_click_after_it_come_in_one(open_page: Open) -> None:
    """On a slow machine the page hears of both at once, and looks at the files again."""
    app = upload(open_page("your_data"), *galaxies(2))
    keyed(app.main.multiselect, "models_").set_value([])
    keyed(app.main.selectbox, "fact_raw_").set_value("yes")
    app = press(app, "import_start")
    assert not app.exception
    assert [j.request.answers["raw"] for j in job.list_jobs()] == ["yes"]
    wait(app)


def test_one_of_several_tables_and_its_frame_are_chosen(open_page: Open) -> None:
    def part(name: str, cells: str) -> str:
        return f"#Table\tx:\n#Name: {name}\n{cells}\n"

    text = part("A", "name\tra\tdec\tfile\n----\t---\t---\t----\na\t150\t2\tJ000.fits")
    text += part("B", "name\tRA_B\tDE_B\tfile\n----\t---\t---\t----\nb\t150\t2\tJ001.fits")
    app = upload(open_page("your_data"), *galaxies(2), ("t.tsv", text.encode(), "text/plain"))
    assert list(app.main.dataframe[0].value["name"]) == ["a"]
    asked = keyed(app.main.selectbox, "ask_which_table")
    assert asked.options == ["A", "B"]
    asked.set_value("B")
    app.run()
    assert list(app.main.dataframe[0].value["name"]) == ["b"]
    assert "RA_B" in keyed(app.main.selectbox, "column_ra_").options
    keyed(app.main.selectbox, "column_ra_").set_value("RA_B")
    keyed(app.main.selectbox, "column_dec_").set_value("DE_B")
    keyed(app.main.selectbox, "frame_").set_value("FK4 B1950")
    app.run()
    assert not app.exception
    assert "converted from FK4 B1950 to ICRS (J2000)" in texts(app)
    row = app.main.dataframe[0].value.iloc[0]
    assert abs(row["ra"] - 150.64512) < 1e-4


def zipped(entries: dict[str, bytes], **links: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        for name, target in links.items():
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, 0o120777 << 16
            archive.writestr(info, target)
    return out.getvalue()


@pytest.mark.slow
def test_a_zip_that_wants_out_is_read_without_those_entries(
    open_page: Open, own_home: Path
) -> None:
    image = galaxies(1)[0][1]
    names = ("good.fits", "../../up.fits", "/abs.fits", "C:\\win.fits")
    payload = zipped(dict.fromkeys(names, image), link="/etc/passwd")
    app = upload(open_page("your_data"), ("survey.zip", payload, "application/zip"))
    assert not app.exception
    keyed(app.main.multiselect, "models_").set_value([])
    app.run()
    app = wait(press(app, "import_start"))
    assert job.list_jobs()[0].progress.state == job.DONE, job.list_jobs()[0]
    report = importing.read_report(job.list_jobs()[0].request.key).set_index("file")
    assert (report["status"] == "read").sum() == 1
    assert report.loc["good.fits", "status"] == "read"
    assert not (own_home.parent / "up.fits").exists()


def test_a_zip_of_a_million_entries_is_refused_at_once(open_page: Open) -> None:
    payload = bytearray(zipped({"a.fits": b"x"}))
    end = payload.rindex(b"PK\x05\x06")
    payload[end + 8 : end + 12] = b"\xff\xff\xff\xff"
    payload[end + 12 : end + 16] = (400_000_000).to_bytes(4, "little")
    began = time.monotonic()
    app = upload(open_page("your_data"), ("many.zip", bytes(payload), "application/zip"))
    assert time.monotonic() - began < 20
    assert not app.exception
    assert app.main.error and "ZIP" in app.main.error[0].value


def test_names_of_uploads_stay_within_their_folder(open_page: Open, own_home: Path) -> None:
    content = galaxies(1)[0][1]
    names = (
        "../../../evil.fits",
        "/abs/evil.fits",
        "..\\..\\evil.fits",
        "a\nb.fits",
        ".hidden.fits",
    )
    app = upload(open_page("your_data"), *((n, content, "") for n in names))
    assert not app.exception
    staged = next((own_home / "uploads").iterdir())
    files = [p for p in staged.rglob("*") if p.is_file()]
    assert len(files) == len(names)
    assert not list(own_home.parent.glob("evil*"))
    assert not any(p.name.startswith(".") for p in files)


def test_a_mosaic_that_does_not_cover_a_source(open_page: Open) -> None:
    header = cards((400, 400), BMAJ=5.4 / 3600, BMIN=5.4 / 3600, BPA=0.0)
    image = primary(noise((400, 400)), header)
    sources = b"name,ra,dec\nin,150.0,35.0\nout,10.0,-35.0\n"
    app = upload(
        open_page("your_data"), ("mosaic.fits", image, ""), ("sources.csv", sources, "text/csv")
    )
    assert not app.exception
    assert "a mosaic with a source list" in "".join(str(h.proto.body) for h in app.main.get("html"))
    keyed(app.main.text_input, "key_").set_value("mosaic")
    app.run()
    keyed(app.main.multiselect, "models_").set_value([])
    app.run()
    app = wait(press(app, "import_start"))
    assert importing.list_surveys()["mosaic"].n == 1
    refused = importing.read_report("mosaic").query("status == 'refused'")
    assert len(refused) == 1 and "mosaic" in refused["reason"].iat[0]


def test_nothing_that_can_be_read_leaves_nothing(open_page: Open, own_home: Path) -> None:
    app = upload(open_page("your_data"), ("notes.fits", b"hello", ""), ("b.fits", b"", ""))
    assert app.main.error and not app.exception
    assert not importing.list_surveys() and not importing.unfinished_imports()


def test_pasted_positions_ask_for_a_service(open_page: Open) -> None:
    app = open_page("your_data")
    app.session_state["import_kind"] = "Positions"
    app.run()
    keyed(app.main.text_area, "import_positions").set_value("3C 273 187.2779 +2.0524\n")
    app.run()
    app = press(app, "import_paste")
    asked = keyed(app.main.selectbox, "ask_service")
    assert "nvss" in asked.options
    assert not app.exception


def test_a_key_that_names_no_survey(open_page: Open) -> None:
    app = upload(open_page("your_data"), *galaxies(2))
    keyed(app.main.text_input, "key_").set_value("../up")
    app.run()
    app = press(app, "import_start")
    assert app.main.error and "cannot name a survey" in app.main.error[0].value
    assert not job.list_jobs()


def test_a_session_starts_only_so_many_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own count, those of others and those that ended do not."""
    own = YourDataState()
    monkeypatch.setattr(state, "your_data_state", lambda: own)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.fits").write_bytes(galaxies(1)[0][1])
    running = JobState(job.RUNNING, "x", pid=os.getpid(), started=_started(os.getpid()))
    for number in range(state.MAX_JOBS + 1):
        request = job.SurveyRequest(f"other-{number}", path=str(folder))
        write_json(tmp_path / f"home/jobs/{number}-a/request.json", dataclasses.asdict(request))
        write_json(tmp_path / f"home/jobs/{number}-a/state.json", dataclasses.asdict(running))
    own.jobs = {f"{number}-a" for number in range(state.MAX_JOBS)}
    request = job.SurveyRequest("mine", path=str(folder))
    with pytest.raises(BusyError, match="4 of your imports run or wait"):
        state.start_own_job(job.start_job, request)
    ended = dataclasses.replace(running, state=job.DONE)
    for number in range(state.MAX_JOBS + 1):
        write_json(tmp_path / f"home/jobs/{number}-a/state.json", dataclasses.asdict(ended))
    state.start_own_job(job.start_job, request)
    assert len(own.jobs) == state.MAX_JOBS + 1
