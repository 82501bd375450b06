"""Workspaces on the server: every change is saved as it is made, and can be undone.

A workspace is a few named fields (tray, filter, subsets, ...) of plain values. Each change of a
field is a row of one SQLite file; the state is the last change of each field up to a position that
undo and redo move. Identifiers cannot be guessed and are listed nowhere: who knows one may open its
workspace.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from radioviz.errors import CatalogueError, WorkspaceError
from radioviz.paths import make_folder
from radioviz.store.atomic import require_space

VERSION = 1
MOST_CHANGES = 500
"""Changes that can be undone; older ones are merged."""
MOST_BYTES = 64 << 20
"""Bytes of all changes of a workspace; older ones are merged, and a larger change is refused."""
MOST_ATTACHED = 256 << 20
"""Bytes of all tables attached to a workspace."""
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{22,64}")

_TABLES = """
CREATE TABLE IF NOT EXISTS workspace (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL,
    revision INTEGER NOT NULL, made REAL NOT NULL, used REAL NOT NULL);
CREATE TABLE IF NOT EXISTS change (
    workspace TEXT NOT NULL REFERENCES workspace(id) ON DELETE CASCADE, seq INTEGER NOT NULL,
    field TEXT NOT NULL, value BLOB NOT NULL, what TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (workspace, seq));
CREATE TABLE IF NOT EXISTS attachment (
    workspace TEXT NOT NULL, id TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (workspace, id));
CREATE TABLE IF NOT EXISTS export (
    workspace TEXT PRIMARY KEY, content BLOB NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS last_change ON change (workspace, field, seq);
"""


@dataclass(frozen=True)
class Snapshot:
    """A workspace as it is saved."""

    fields: dict[str, Any]  # plain value of each field that was ever set
    revision: int  # grows with every change, undo and redo
    # undo, redo: what the next undo or redo changes, in words; empty if there is none
    undo: str
    redo: str
    used: float  # when it was last changed or opened, seconds since 1970


def new_identifier() -> str:
    """An identifier that cannot be guessed: 128 random bits."""
    return secrets.token_urlsafe(16)


class SavedWorkspaces:
    """All workspaces of a server, in one private SQLite file.

    Every method may be called from any thread and process.

    Parameters
    ----------
    path : pathlib.Path
        The file; it is made with the first change.
    clock : callable
        Seconds since 1970.

    Raises
    ------
    WorkspaceError
        By every method: if the file cannot be read or written, or is damaged.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self._lock = threading.Lock()

    def snapshot(self, identifier: str) -> Snapshot | None:
        """A workspace, or None if there is none of this identifier.

        Raises WorkspaceError if it was written by a newer version or is damaged.
        """
        if not _IDENTIFIER.fullmatch(identifier) or not self.path.is_file():
            return None
        with self._opened() as db:
            head = self._head(db, identifier)
            if head is None:
                return None
            position, revision, used = head
            rows = db.execute(
                "SELECT field, value FROM change AS c WHERE workspace = ? AND seq = (SELECT "
                "max(seq) FROM change WHERE workspace = c.workspace AND field = c.field AND "
                "seq <= ?)",
                (identifier, position),
            ).fetchall()
            undo = db.execute(
                "SELECT what FROM change WHERE workspace = ? AND seq = ? AND what != ''",
                (identifier, position),
            ).fetchone()
            redo = db.execute(
                "SELECT what FROM change WHERE workspace = ? AND seq = ?",
                (identifier, position + 1),
            ).fetchone()
        try:
            fields = {field: msgspec.msgpack.decode(zlib.decompress(v)) for field, v in rows}
        except (zlib.error, msgspec.DecodeError) as error:
            raise WorkspaceError(
                f"the workspace '{identifier[:8]}...' in {self.path} is damaged ({error}); begin a "
                "new one, or load its last .radioviz export"
            ) from None
        undone, redone = (str(row[0]) if row else "" for row in (undo, redo))
        return Snapshot(fields, revision, undone, redone, used)

    def revision(self, identifier: str) -> int:
        """Revision of a workspace, 0 if there is none: cheap, to see whether it changed."""
        if not _IDENTIFIER.fullmatch(identifier) or not self.path.is_file():
            return 0
        with self._opened() as db:
            head = self._head(db, identifier)
        return head[1] if head else 0

    def change(self, identifier: str, field: str, value: Any, what: str) -> int:
        """Save a field; returns the revision. Changes that were undone are dropped.

        ``value``: numbers, text, None, and lists and dicts of these. ``what``: the change in words,
        for undo: ``add 12 galaxies``. Empty text replaces the last value without a step of undo or
        a new revision: for the view, which the browser's Back restores.
        """
        if not _IDENTIFIER.fullmatch(identifier):
            raise WorkspaceError(f"'{identifier[:30]}' is not an identifier of a workspace")
        stored = zlib.compress(msgspec.msgpack.encode(value), 1)
        if len(stored) > MOST_BYTES // 4:
            raise WorkspaceError(
                f"this change takes {len(stored):,} bytes; a workspace saves at most "
                f"{MOST_BYTES // 4:,} at once. Select fewer galaxies, or save a file."
            )
        now = self._clock()
        with self._changed() as db:
            db.execute(
                "INSERT OR IGNORE INTO workspace VALUES (?, ?, 0, 0, ?, ?)",
                (identifier, VERSION, now, now),
            )
            head = self._head(db, identifier)
            assert head is not None
            position = head[0]
            if what:
                db.execute(
                    "DELETE FROM change WHERE workspace = ? AND seq > ?", (identifier, position)
                )
                self._keep_first(db, identifier, field, position, now)
                position += 1
                db.execute(
                    "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?)",
                    (identifier, position, field, stored, what[:200], now),
                )
                self._merge_old(db, identifier)
            else:  # below every step, so that undo never reaches it
                db.execute(
                    "DELETE FROM change WHERE workspace = ? AND field = ?", (identifier, field)
                )
                db.execute(
                    "INSERT INTO change VALUES (?, ?, ?, ?, '', ?)",
                    (identifier, self._below(db, identifier), field, stored, now),
                )
                return head[1]
            return self._move(db, identifier, position)

    def undo(self, identifier: str) -> str:
        """Take back the last change; what it was, or empty text if there is none."""
        return self._step(identifier, 0)

    def redo(self, identifier: str) -> str:
        """Repeat the change that was undone last; what it was, or empty text."""
        return self._step(identifier, 1)

    def touch(self, identifier: str) -> None:
        """Note that a workspace was opened, so that it is not idle."""
        if self.path.is_file():
            with self._changed() as db:
                db.execute(
                    "UPDATE workspace SET used = ? WHERE id = ?", (self._clock(), identifier)
                )

    def delete(self, identifier: str) -> bool:
        """Remove a workspace and its history; whether there was one."""
        if not self.path.is_file():
            return False
        with self._changed() as db:
            for table in ("change", "attachment"):
                db.execute(f"DELETE FROM {table} WHERE workspace = ?", (identifier,))
            return bool(db.execute("DELETE FROM workspace WHERE id = ?", (identifier,)).rowcount)

    def delete_idle(self, days: float, export: Callable[[str], bytes | None]) -> int:
        """Remove workspaces that nobody opened for ``days`` (0 = never); how many.

        What ``export`` gives of each is kept for as long again (:meth:`last_export`).
        """
        if days <= 0 or not self.path.is_file():
            return 0
        limit = self._clock() - days * 86400.0
        with self._changed() as db:
            db.execute("DELETE FROM export WHERE at < ?", (limit,))
            idle = db.execute("SELECT id FROM workspace WHERE used < ?", (limit,)).fetchall()
        number = 0
        for (identifier,) in idle:
            content = export(identifier)  # outside of a transaction: it may take a second
            with self._changed() as db:
                gone = db.execute(
                    "DELETE FROM workspace WHERE id = ? AND used < ?", (identifier, limit)
                ).rowcount
                if not gone:  # somebody has just opened it
                    continue
                for table in ("change", "attachment"):
                    db.execute(f"DELETE FROM {table} WHERE workspace = ?", (identifier,))
                if content:
                    db.execute(
                        "INSERT OR REPLACE INTO export VALUES (?, ?, ?)",
                        (identifier, content, self._clock()),
                    )
                number += 1
        return number

    def last_export(self, identifier: str) -> bytes | None:
        """The last export of a workspace that :meth:`delete_idle` removed; None if none is kept."""
        if not _IDENTIFIER.fullmatch(identifier) or not self.path.is_file():
            return None
        with self._changed() as db:
            row = db.execute("SELECT content FROM export WHERE workspace = ?", (identifier,))
            found = row.fetchone()
        return bytes(found[0]) if found else None

    def attach(self, identifier: str, content: bytes, field: str) -> str:
        """Keep a large content beside a workspace; returns its name, for a value of ``field``.

        It is kept as long as a value of the field, undone ones included, has its name.

        Raises WorkspaceError if the contents of the workspace would become too large.
        """
        name = secrets.token_urlsafe(16)
        try:
            make_folder(self.path.parent)
            require_space(self.path.parent, len(content), "the joined columns")
        except (OSError, CatalogueError) as error:
            raise self._failure(error) from None
        with self._changed() as db:
            rows = db.execute(
                "SELECT value FROM change WHERE workspace = ? AND field = ?", (identifier, field)
            )
            used = b"".join(zlib.decompress(row[0]) for row in rows)
            held = db.execute(
                "SELECT id, length(content) FROM attachment WHERE workspace = ?", (identifier,)
            ).fetchall()
            total = len(content)
            for other, size in held:
                if other.encode() in used:
                    total += size
                else:
                    db.execute(
                        "DELETE FROM attachment WHERE workspace = ? AND id = ?", (identifier, other)
                    )
            if total > MOST_ATTACHED:
                raise WorkspaceError(
                    f"the tables joined in this workspace would have {total:,} bytes; at most "
                    f"{MOST_ATTACHED:,} are kept. Join fewer columns, or begin a new workspace"
                )
            db.execute("INSERT INTO attachment VALUES (?, ?, ?)", (identifier, name, content))
        return name

    def attachment(self, identifier: str, name: str) -> bytes | None:
        """A content that :meth:`attach` kept; None if there is none of this name."""
        if not self.path.is_file():
            return None
        with self._changed() as db:
            row = db.execute(
                "SELECT content FROM attachment WHERE workspace = ? AND id = ?", (identifier, name)
            ).fetchone()
        return bytes(row[0]) if row else None

    def _step(self, identifier: str, ahead: int) -> str:
        """Undo the change at the position (0), or repeat the one after it (1)."""
        with self._changed() as db:
            head = self._head(db, identifier)
            row = (
                head
                and db.execute(
                    "SELECT what FROM change WHERE workspace = ? AND seq = ? AND what != ''",
                    (identifier, head[0] + ahead),
                ).fetchone()
            )
            if not head or not row:
                return ""
            self._move(db, identifier, head[0] + (ahead or -1))
        return str(row[0])

    # Inside a transaction.

    def _head(self, db: sqlite3.Connection, identifier: str) -> tuple[int, int, float] | None:
        row = db.execute(
            "SELECT version, position, revision, used FROM workspace WHERE id = ?", (identifier,)
        ).fetchone()
        if row is None:
            return None
        if row[0] > VERSION:
            raise WorkspaceError(
                f"the workspace '{identifier[:8]}...' is of version {row[0]}; this RadioViz reads "
                f"{VERSION}. Update RadioViz, or begin a new workspace."
            )
        return int(row[1]), int(row[2]), float(row[3])

    def _below(self, db: sqlite3.Connection, identifier: str) -> int:
        """A number below every change of a workspace, where undo never comes."""
        row = db.execute(
            "SELECT min(coalesce(min(seq), 1), 1) - 1 FROM change WHERE workspace = ?",
            (identifier,),
        ).fetchone()
        return int(row[0])

    def _keep_first(
        self, db: sqlite3.Connection, identifier: str, field: str, position: int, now: float
    ) -> None:
        """Before a field's first change: its empty value, which undo restores."""
        there = db.execute(
            "SELECT 1 FROM change WHERE workspace = ? AND field = ? LIMIT 1", (identifier, field)
        ).fetchone()
        if not there:
            db.execute(
                "INSERT INTO change VALUES (?, ?, ?, ?, '', ?)",
                (identifier, self._below(db, identifier), field, zlib.compress(b"\xc0"), now),
            )

    def _move(self, db: sqlite3.Connection, identifier: str, position: int) -> int:
        row = db.execute(
            "UPDATE workspace SET position = ?, revision = revision + 1, used = ? WHERE id = ? "
            "RETURNING revision",
            (position, self._clock(), identifier),
        ).fetchone()
        return int(row[0])

    def _merge_old(self, db: sqlite3.Connection, identifier: str) -> None:
        """Drop the oldest steps beyond the limits; their last values stay, without undo."""
        steps = db.execute(
            "SELECT seq, length(value) FROM change WHERE workspace = ? AND what != '' "
            "ORDER BY seq DESC",
            (identifier,),
        ).fetchall()
        total = 0
        for number, (seq, size) in enumerate(steps):
            total += size
            if number and (number >= MOST_CHANGES or total > MOST_BYTES):
                db.execute(
                    "DELETE FROM change AS c WHERE workspace = ? AND seq < (SELECT max(seq) FROM "
                    "change WHERE workspace = c.workspace AND field = c.field AND seq <= ?)",
                    (identifier, seq),
                )
                db.execute(
                    "UPDATE change SET what = '' WHERE workspace = ? AND seq <= ?",
                    (identifier, seq),
                )
                return

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, closing(self._connection()) as db:
                yield db
        except sqlite3.Error as error:
            raise self._failure(error) from None

    @contextmanager
    def _changed(self) -> Iterator[sqlite3.Connection]:
        """A connection in one transaction, which other writers wait for."""
        try:
            with self._lock, closing(self._connection(make=True)) as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.rollback()
                    raise
                db.commit()
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from None

    def _connection(self, make: bool = False) -> sqlite3.Connection:
        if make and not self.path.exists():
            make_folder(self.path.parent)
            self.path.touch(mode=0o600)
        db = sqlite3.connect(self.path, timeout=10.0, isolation_level=None)
        try:
            if make:
                db.execute("PRAGMA journal_mode = WAL")  # a killed process loses no commit
                db.execute("PRAGMA synchronous = NORMAL")
                db.executescript(_TABLES)
        except BaseException:
            db.close()
            raise
        return db

    def _failure(self, error: Exception) -> WorkspaceError:
        if "malformed" in str(error) or "not a database" in str(error):
            return WorkspaceError(
                f"{self.path} is damaged ({error}), so that workspaces are not saved. Move the "
                "file away to begin again; .radioviz exports can still be loaded."
            )
        return WorkspaceError(
            f"the workspace cannot be saved in {self.path}: {error}. Free space or allow writing "
            "there, or set RADIOVIZ_HOME; until then, save a .radioviz file."
        )
