"""Crossmatch on the Table page: join, filter, chart, colour, export, undo, remove, reload."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse_single_table
from astropy.table import Table
from streamlit.testing.v1 import AppTest

from radioviz.data.catalogue import Catalogue
from radioviz.ui import crossmatches
from radioviz.ui.session_workspace import WorkspaceState
from tests.data.tap_server import tap_service
from tests.ui.test_table_page import rows, set_filter, words

Open = Callable[..., AppTest]
STATE = f"{WorkspaceState.__module__}.{WorkspaceState.__qualname__}"


def other_list(first: Catalogue) -> pd.DataFrame:
    """A list of others: 300 rows 2 arcsec north of every seventh galaxy, and some elsewhere."""
    t = first.table
    some = np.arange(0, len(t), 7)[:300]
    ra = np.append(t["ra"].to_numpy()[some], [10.0, 11.0])
    dec = np.append(t["dec"].to_numpy()[some] + 2 / 3600, [-60.0, -61.0])
    kind = np.where(np.arange(len(ra)) % 3 == 0, "core", "jet")
    return pd.DataFrame(
        {"RA (deg)": ra, "DEC (deg)": dec, "kind": kind, "power": np.arange(len(ra)) + 0.5,
         "=sum": ["=1+1"] * len(ra)}
    )  # fmt: skip


def nearest(first: Catalogue, listed: pd.DataFrame, radius: float) -> pd.Series:
    """Row of the list for each matching galaxy by identifier, as astropy's own matching has it."""
    here = SkyCoord(first.table["ra"], first.table["dec"], unit="deg")
    there = SkyCoord(listed["RA (deg)"], listed["DEC (deg)"], unit="deg")
    at, apart, _ = here.match_to_catalog_sky(there)
    inside = apart.arcsec <= radius
    return pd.Series(at[inside], index=first.table["source_id"][inside])


def submit(app: AppTest, label: str, form: str) -> AppTest:
    next(b for b in app.button if b.label == label and form in str(b.proto)).click()
    return app.run()


def tab(app: AppTest, name: str) -> AppTest:
    app.session_state["table_tabs"] = name
    return app.run()


def shown(app: AppTest) -> pd.DataFrame:
    """The first page of the table."""
    return rows(tab(app, "Rows"))


def matched(app: AppTest, listed: pd.DataFrame, name: str = "others") -> AppTest:
    tab(app, "Crossmatch")
    app.file_uploader(key="match_file").upload(
        "others_list.csv", listed.to_csv(index=False).encode()
    ).run()
    assert not app.exception
    app.text_input(key="match_name").input(name)
    return submit(app, "Match", "match_form")


def held(app: AppTest) -> list[dict]:  # type: ignore[type-arg]
    return app.session_state[STATE].values.get("crossmatches") or []


def test_joined_columns_are_used_everywhere(open_page: Open, first: Catalogue) -> None:
    listed = other_list(first)
    wanted = nearest(first, listed, 5.0)
    assert len(wanted) >= 300
    app = matched(open_page("table"), listed)
    (match,) = held(app)
    assert (match["matched"], match["rows"], match["placed"]) == (len(wanted), 302, 302)
    assert match["offset_dec"] == pytest.approx(2.0, abs=0.01)
    assert f"{len(wanted)} of 2,158 galaxies match" in words(app).replace("\\", "")
    assert "others_DEC_deg" in match["columns"]
    app.button(key="match_filter_0").click().run()
    assert f"{len(wanted)} of 2,158 galaxies pass" in words(app)
    set_filter(app, 'others_kind == "core" and others_power < 100')
    cells = listed.iloc[wanted.to_numpy()].set_axis(wanted.index)
    kept = cells[(cells["kind"] == "core") & (cells["power"] < 100)]
    order = [s for s in first.table["source_id"] if s in kept.index]
    assert shown(app)["source_id"].tolist() == order[:50]
    tab(app, "Crossmatch").button(key="match_show_0").click().run()
    np.testing.assert_allclose(shown(app)["others_power"], kept.loc[order[:50], "power"])
    app.switch_page("pages/latent_map.py").run()
    assert f"{len(kept)} of 2,158 galaxies pass" in words(app)
    app.selectbox(key="colour").set_value("others_power").run()
    assert not app.exception
    maps = [e for e in app.get("bidi_component") if "map_gl" in str(e.proto.id)]
    assert '"others_power"' in maps[0].proto.json
    set_filter(app, "others_matches == 0")
    assert f"{2158 - len(wanted):,} of 2,158 galaxies pass" in words(app)


def test_undo_remove_and_reload(open_page: Open, first: Catalogue) -> None:
    app = matched(open_page("table"), other_list(first))
    identifier = app.session_state[STATE].identifier
    app.button(key="match_remove_0").click().run()
    assert held(app) == []
    set_filter(app, "others_matches > 0")
    assert "there is no column 'others_matches'" in words(app).replace("\\", "")
    app.button(key="workspace_undo").click().run()
    app.button(key="workspace_undo").click().run()
    assert len(held(app)) == 1
    set_filter(app, "others_matches > 0")
    number = held(app)[0]["matched"]
    assert f"{number} of 2,158 galaxies pass" in words(app)
    again = open_page("table", workspace=identifier)  # another session, by the link
    assert f"{number} of 2,158 galaxies pass" in words(again)
    again = matched(again, other_list(first).iloc[:30])  # the same name: in place of the other
    assert [m["rows"] for m in held(again)] == [30]
    assert not again.exception


def test_exports_have_the_joined_columns(
    open_page: Open, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from radioviz import export
    from radioviz.ui import galaxies
    from radioviz.ui.state import Selection

    listed = other_list(first)
    app = matched(open_page("table"), listed)
    (match,) = [crossmatches.Crossmatch(**m) for m in held(app)]
    own = app.session_state[STATE]
    monkeypatch.setattr(crossmatches.session_workspace, "workspace_state", lambda: own)
    fields = {"crossmatches": held(app)}
    monkeypatch.setattr(crossmatches.session_workspace, "value", lambda n, d=None: fields.get(n, d))
    ids = first.table["source_id"].tolist()[:20]
    groups = galaxies.prepare_groups(Selection([("first", s) for s in ids]), None)()
    wanted = nearest(first, listed, 5.0)
    cells = listed.iloc[wanted.to_numpy()].set_axis(wanted.index)
    power = [cells["power"].get(s, np.nan) for s in ids]
    out = io.BytesIO()
    export.write_votable(out, groups)
    votable = parse_single_table(io.BytesIO(out.getvalue()))
    np.testing.assert_array_equal(np.asarray(votable.array["others_power"]), power)
    assert votable.get_field_by_id_or_name("others_separation").unit == "arcsec"
    out = io.BytesIO()
    export.write_csv(out, groups)
    csv = pd.read_csv(io.BytesIO(out.getvalue()), comment="#")
    np.testing.assert_array_equal(csv["others_power"], power)
    assert set(csv["others_sum"].dropna()) == {"'=1+1"}
    out = io.BytesIO()
    export.write_fits_table(out, groups)
    fits = Table.read(io.BytesIO(out.getvalue()), hdu=1)
    np.testing.assert_array_equal(np.asarray(fits["others_power"], float), power)
    assert match.matched == len(wanted)


def test_bad_catalogues_say_what_is_wrong(open_page: Open) -> None:
    app = open_page("table", {"table_tabs": "Crossmatch"})
    for name, content, said in (
        ("a.csv", b"name,size\na,1\n", "no column for ra and dec"),
        ("b.fits", b"SIMPLE  = junk", "not a readable FITS"),
        ("c.parquet", b"PAR1junk", "not a readable"),
        ("d.vot", b"<VOTABLE><RESOURCE>", "b.vot|not well formed|no element|VOTABLE"),
        ("e.csv", b"", "empty"),
        ("f.csv", b"\x80\x04\x95.", "pickled Python object"),
    ):
        app.file_uploader(key="match_file").upload(name, content).run()
        assert not app.exception
        shown = "\n".join(str(e.value) for e in app.main.error).replace("\\", "")
        assert any(part in shown for part in said.split("|")), (name, shown)
    app.file_uploader(key="match_file").upload("hours.csv", b"ra,dec\n1.5,2\n3.5,4\n").run()
    assert "degrees or hours" in "\n".join(str(w.value) for w in app.main.warning)
    next(s for s in app.selectbox if s.label == "Unit of RA").set_value("hour")
    submit(app, "Read again", "match_reading")
    assert "2 rows, 2 with a position" in words(app).replace("\\", "")
    submit(app, "Match", "match_form")
    assert "No galaxy matches hours.csv within 5 arcsec" in "\n".join(
        str(w.value) for w in app.main.warning
    ).replace("\\", "")
    assert held(app) == []


def test_a_service_of_this_computer(
    open_page: Open, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = first.table.iloc[:40]
    table = Table({"RAJ2000": t["ra"].to_numpy(), "DEJ2000": t["dec"].to_numpy() + 1 / 3600,
                   "S": np.arange(40.0)})  # fmt: skip
    ucds = {"RAJ2000": "pos.eq.ra;meta.main", "DEJ2000": "pos.eq.dec;meta.main"}
    with tap_service({"VIII/92/first14": table}, ucds) as site:
        monkeypatch.setenv("RADIOVIZ_TAP", site.url)
        app = set_filter(open_page("table", {"table_tabs": "Crossmatch"}), "las > 20")
        app.segmented_control(key="match_source").set_value("VizieR or another service").run()
        app.text_input(key="match_table").input("VIII/92/first14")
        app.text_input(key="match_name").input("vizier")
        submit(app, "Match", "match_service_form")
    assert not app.exception
    (match,) = held(app)
    asked = first.table["las"] > 20
    assert match["asked"] == int(asked.sum())
    assert match["matched"] >= int(asked[:40].sum()) > 3
    set_filter(app, "vizier_matches is missing")  # nothing is known of those that were not sent
    assert f"{2158 - int(asked.sum()):,} of 2,158 galaxies pass" in words(app)
    set_filter(app, "vizier_S == 3" if asked.iloc[3] else "vizier_S >= 0")
    assert "galaxies pass" in words(app)


def test_the_list_of_horton(open_page: Open, first: Catalogue, shared_data: Path) -> None:
    labels = shared_data / "label_catalogues" / "horton2025_lotss_dr2_labels.csv"
    app = open_page("table", {"table_tabs": "Crossmatch"})
    app.file_uploader(key="match_file").upload(labels.name, labels.read_bytes()).run()
    app.number_input(key="match_radius").set_value(10.0)
    submit(app, "Match", "match_form")
    listed = pd.read_csv(labels)
    here = SkyCoord(first.table["ra"], first.table["dec"], unit="deg")
    at, apart, _ = here.match_to_catalog_sky(SkyCoord(listed.ra, listed.dec, unit="deg"))
    inside = apart.arcsec <= 10
    assert held(app)[0]["name"] == "horton2025"
    assert held(app)[0]["matched"] == int(inside.sum()) > 100
    set_filter(app, 'horton2025_frii == "yes"')
    wanted = first.table["source_id"][inside & listed["frii"].to_numpy()[at]]
    assert shown(app)["source_id"].tolist() == wanted.tolist()[:50]


def test_a_saved_file_holds_the_match(
    open_page: Open, first: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    from radioviz.export.session import Session, read_session, session_bytes

    app = matched(open_page("table"), other_list(first).iloc[:40])
    own = app.session_state[STATE]
    monkeypatch.setattr(crossmatches.session_workspace, "workspace_state", lambda: own)
    monkeypatch.setattr(crossmatches.session_workspace, "value", lambda name, d=None: held(app))
    entries = crossmatches.matches_to_save()()
    monkeypatch.undo()
    payload = session_bytes(Session(matches=entries, filter='others_kind == "core"'))
    assert read_session(payload).matches == entries
    again = open_page("table")
    again.file_uploader(key="tray_file").upload("mine.radioviz", payload).run()
    assert not again.exception
    (match,) = held(again)
    assert {**match, "attached": ""} == {**held(app)[0], "attached": ""}
    set_filter(app, 'others_kind == "core"')
    assert shown(again)["source_id"].tolist() == shown(app)["source_id"].tolist() != []
    set_filter(again, "others_matches == 0")
    assert f"{2158 - match['matched']:,} of 2,158 galaxies pass" in words(again)

    def refused(change: Callable[[dict], object]) -> str:  # type: ignore[type-arg]
        document = json.loads(payload)
        change(document["crossmatches"][0])
        again.file_uploader(key="tray_file").upload("x.radioviz", json.dumps(document).encode())
        again.run()
        assert not again.exception
        return "\n".join(str(e.value) for e in again.sidebar.error).replace("\\", "")

    assert "column 'others_power' has not" in refused(lambda m: m["cells"]["others_power"].pop())
    assert "holds other cells" in refused(lambda m: m["cells"]["others_power"].__setitem__(0, "x"))
    assert '"matched" is' in refused(lambda m: m["about"].update(matched="many"))
    assert "described by six" in refused(
        lambda m: m["about"]["columns"].update({"las": m["about"]["columns"]["others_power"]})
    )
