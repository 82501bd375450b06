"""A backup holds what users left, is refused when damaged, and never mixes with what is there."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from radioviz.api import backup
from radioviz.data.user_surveys import list_surveys, open_survey
from radioviz.errors import CatalogueError
from radioviz.importing import Source, import_survey
from radioviz.paths import REPOSITORY
from radioviz.workspace.history import SavedWorkspaces, new_identifier
from tests.data.survey_locks import locked_elsewhere
from tests.faults.jobs import cutouts, tree_digest

IDENTIFIER = new_identifier()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A survey and a workspace that a server has open."""
    folder = tmp_path / "home"
    monkeypatch.setenv("RADIOVIZ_HOME", str(folder))
    import_survey(Source(cutouts(tmp_path / "in", 3)), {"key": "mine", "title": "Mine"})
    SavedWorkspaces(folder / "workspaces.sqlite").change(IDENTIFIER, "tray", [1], "add 1 galaxy")
    (folder / "surveys" / ".cut.part").mkdir()
    (folder / "surveys" / ".cut.part" / "images.npy").write_bytes(b"half")
    return folder


@pytest.fixture
def saved(home: Path, tmp_path: Path) -> Path:
    backup.back_up(tmp_path / "saved.tar")
    return tmp_path / "saved.tar"


def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOVIZ_HOME", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


def test_everything_comes_back(
    home: Path, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = tree_digest(home / "surveys" / "mine")
    new = elsewhere(tmp_path, monkeypatch)
    said: list[str] = []
    assert backup.restore(saved, progress=said.append).parts == said
    assert said == ["surveys/mine", "workspaces.sqlite"]
    assert tree_digest(new / "surveys" / "mine") == digest
    assert len(open_survey("mine")) == 3
    found = SavedWorkspaces(new / "workspaces.sqlite").snapshot(IDENTIFIER)
    assert found is not None and found.fields == {"tray": [1]}
    assert sorted(p.name for p in new.iterdir()) == ["surveys", "workspaces.sqlite"]
    assert sorted(p.name for p in (new / "surveys").iterdir()) == [".locks", "mine"]


def test_what_is_there_stays_unless_it_is_to_be_replaced(home: Path, saved: Path) -> None:
    table = home / "surveys" / "mine" / "report.parquet"
    before = table.read_bytes()
    table.write_bytes(b"changed since")
    with pytest.raises(CatalogueError, match=r"holds surveys/mine, workspaces\.sqlite already"):
        backup.restore(saved)
    assert table.read_bytes() == b"changed since"
    backup.restore(saved, replace=True)
    assert table.read_bytes() == before
    assert not list(home.glob(".restore*"))


@pytest.mark.parametrize("where", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_backups_change_nothing(
    where: float, damage: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytearray(saved.read_bytes())
    at = int(where * content.rindex(b"sums.json"))  # the rest is padding
    content[at:] = b"" if damage == "cut" else bytes([content[at] ^ 255]) + content[at + 1 :]
    saved.write_bytes(content)
    new = elsewhere(tmp_path, monkeypatch)
    with pytest.raises(CatalogueError, match=r"damaged|no whole backup|no backup"):
        backup.restore(saved)
    assert list(new.iterdir()) == []


def rewrite(saved: Path, member: str, change: object) -> None:
    """Replace a JSON member of a backup."""
    with tarfile.open(saved) as tar:
        content = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    values = json.loads(content[member])
    change(values)  # type: ignore[operator]
    content[member] = json.dumps(values).encode()
    with tarfile.open(saved, "w") as tar:
        for name, body in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))


def test_a_backup_of_a_newer_version_says_so(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(saved, "backup.json", lambda v: v.update(format=2, radioviz="9.9", more=1))
    elsewhere(tmp_path, monkeypatch)
    with pytest.raises(CatalogueError, match=r"format 2, written by RadioViz 9\.9.*Update"):
        backup.restore(saved)


def test_a_survey_of_a_newer_version_says_so(home: Path) -> None:
    about = home / "surveys" / "mine" / "catalogue.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "format": 2}))
    assert list(backup.check()) == ["surveys/mine"]
    wrong = backup.check()["surveys/mine"]
    assert "format 2, this version reads 1" in wrong and "delete nothing" in wrong
    done = subprocess.run(
        [sys.executable, "-m", "radioviz", "check"],
        cwd=REPOSITORY, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and wrong in done.stderr
    assert done.stdout == "1 parts can be read, 1 cannot\n"


@pytest.mark.parametrize("part", ["../out", "surveys/../../out", "surveys/.x", "jobs/1", "/etc"])
def test_parts_that_lead_elsewhere(
    part: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(saved, "backup.json", lambda v: v["parts"].append(part))
    elsewhere(tmp_path, monkeypatch)
    with pytest.raises(CatalogueError, match="is no backup of RadioViz: it names"):
        backup.restore(saved)


def test_a_damaged_database_of_workspaces(home: Path) -> None:
    path = home / "workspaces.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("UPDATE workspace SET version = 99")
    db.close()
    assert "version 99; this RadioViz reads 1" in backup.check()["workspaces.sqlite"]
    path.write_bytes(b"no database" * 100)
    assert "damaged" in backup.check()["workspaces.sqlite"]


def test_a_survey_that_is_being_written_is_not_copied_half(home: Path, tmp_path: Path) -> None:
    with locked_elsewhere("mine"), pytest.raises(CatalogueError, match="'mine' is being imported"):
        backup.back_up(tmp_path / "now.tar")
    assert not (tmp_path / "now.tar").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".now")]


def test_names_that_cannot_be(home: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CatalogueError, match="exists; give the name of a new file"):
        backup.back_up(saved)
    with pytest.raises(CatalogueError, match="no whole backup"):
        backup.restore(home / "surveys" / "mine" / "images.npy")
    with pytest.raises(CatalogueError, match=r"nowhere\.tar"):
        backup.restore(home / "nowhere.tar")
    monkeypatch.setenv("RADIOVIZ_HOME", str(home / "empty"))
    assert list_surveys() == {}
    with pytest.raises(CatalogueError, match="nothing to back up"):
        backup.back_up(home / "x.tar")
