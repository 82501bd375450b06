"""An import from beginning to end: resumable, cancellable, never half-shown.

:func:`import_survey` reads a source into ``surveys/.<key>.part`` and renames it to
``surveys/<key>`` when everything is in it. Killed at any point, the next :func:`import_survey` with
the same source and answers goes on where it stopped; with others it starts anew. A
survey that is replaced stays whole until the new one is.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radioviz.data.catalogue import FORMAT_VERSION, Catalogue, Progress, SurveyInfo
from radioviz.data.user_surveys import (
    JOURNAL,
    PLAN,
    REPORT,
    check_key,
    finish_removals,
    part_folder,
    picture_folders,
    survey_folder,
    survey_lock,
    surveys_folder,
    unfinished_imports,
)
from radioviz.errors import CatalogueError
from radioviz.importing.assembly import report_of, table_of_images, why_none
from radioviz.importing.folder import licence_of
from radioviz.importing.inspection import Inspection, Source
from radioviz.importing.journal import ImportJournal
from radioviz.importing.kinds import inspect
from radioviz.importing.questions import Answers
from radioviz.importing.reader import Reader, SurveyFacts
from radioviz.paths import user_data_folder
from radioviz.store.atomic import delete_folder, unwritable

_SHOW_EVERY = 0.2  # seconds between calls of progress
# Answers that are about the survey's name and how fast it is fetched, not its content.
_NOT_CONTENT = ("title", "rate", "attempts", "licence", "reference")


@dataclass(frozen=True, eq=False)
class ImportResult:
    """What an import came to.

    Attributes
    ----------
    key : str
    catalogue : Catalogue or None
        None where it was cancelled; what was read is kept for the next run.
    report : pandas.DataFrame
        ``file``, ``status`` (read, left out or refused), ``reason`` (why it was left out or
        refused, or what was repaired), ``source_id``.
    seconds : float
    resumed : int
        Outcomes that an earlier run had already.
    """

    key: str
    catalogue: Catalogue | None
    report: pd.DataFrame
    seconds: float
    resumed: int = 0

    @property
    def read(self) -> int:
        """Images that were read."""
        return int((self.report["status"] == "read").sum())

    @property
    def refused(self) -> int:
        """Files that were refused."""
        return int((self.report["status"] == "refused").sum())

    @property
    def left_out(self) -> int:
        """Images that were not wanted, by the cuts that were asked for."""
        return int((self.report["status"] == "left out").sum())

    def sentence(self) -> str:
        """The result in words."""
        reasons = self.report.loc[self.report["status"] == "refused", "reason"]
        cut = f"{self.left_out:,} left out as asked, " if self.left_out else ""
        text = f"{self.read:,} read, {cut}{self.refused:,} refused in {self.seconds:.1f} s"
        if self.catalogue is None:
            return f"{self.key}: cancelled; {text}. Run it again to go on."
        if not reasons.empty:
            most = Counter(r.split(":")[0].split(";")[0] for r in reasons).most_common(3)
            text += " (" + ", ".join(f"{n:,} x {why}" for why, n in most) + ")"
        return f"{self.key}: {text}"


def import_survey(
    source: Source,
    answers: Answers | None = None,
    progress: Progress = lambda done, total, what: None,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    replace: bool = False,
    inspection: Inspection | None = None,
) -> ImportResult:
    """Import a source.

    Parameters
    ----------
    source : Source
    answers : mapping, optional
        Answers to the questions of :func:`~radioviz.importing.kinds.inspect`, and
        ``key`` and ``title`` of the survey.
    progress : callable
        ``progress(done, total, what)``; ``total`` is 0 where it is not known. Total and what
        are those of the step under way.
    cancelled : callable
        Asked between images; True ends the import, which can be resumed.
    replace : bool
        True to replace a survey of the same key.
    inspection : Inspection, optional
        Of this source with these answers, where there is one already.

    Raises
    ------
    CatalogueError
        If an answer is missing, the key is taken, nothing can be read, another process
        imports the same key, or the disk is full.
    FetchError
        If a cutout service cannot be reached.
    """
    answers = dict(answers or {})
    look = inspection or inspect(source, answers)
    key = check_key(look.key)
    with survey_lock(key):
        finish_removals()
        if survey_folder(key).exists() and not replace:
            raise CatalogueError(
                f"there is a survey '{key}' already; choose another key, remove it first, or "
                "ask for it to be replaced"
            )
        return _Import(look, answers, key, progress, cancelled).run()


def resume_import(
    key: str,
    progress: Progress = lambda done, total, what: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ImportResult:
    """Resume an import that was cancelled or interrupted, with its original answers.

    Parameters and errors as :func:`import_survey`; CatalogueError also if no unfinished import
    has this key.
    """
    waiting = {u.key: u for u in unfinished_imports()}
    if key not in waiting or not waiting[key].path:
        known = ", ".join(waiting) or "none"
        raise CatalogueError(f"no unfinished import '{key}' to resume; unfinished are: {known}")
    asked = waiting[key]
    source = Source(Path(asked.path), Path(asked.table) if asked.table else None)
    return import_survey(
        source, asked.answers, progress, cancelled, replace=survey_folder(key).exists()
    )


class _Import:
    def __init__(
        self,
        look: Inspection,
        answers: dict[str, Any],
        key: str,
        progress: Progress,
        cancelled: Callable[[], bool],
    ) -> None:
        self.look, self.answers, self.key = look, answers, key
        self.progress, self.cancelled = progress, cancelled
        self.part = part_folder(key)

    def run(self) -> ImportResult:
        began = time.monotonic()
        reader = self.look.reader()
        reader.cancelled = self.cancelled
        plan = {
            "format": FORMAT_VERSION,
            "kind": self.look.kind,
            "state": list(self.look.state),
            "answers": {k: v for k, v in self.answers.items() if k not in _NOT_CONTENT},
            "shape": list(reader.shape),
            "dtype": str(reader.dtype),
        }
        expected = reader.total if reader.expected is None else reader.expected
        with ImportJournal(
            self.part, plan, reader.shape, reader.dtype, expected, self._asked()
        ) as journal:
            resumed = journal.done
            whole = self._read(reader, journal)
            if not whole:
                report = report_of(journal, None)
                return ImportResult(self.key, None, report, time.monotonic() - began, resumed)
            if not journal.count:
                why = why_none(journal)
                nothing = CatalogueError(
                    f"{self.look.source.path}: none of {journal.done:,} can be imported: {why}"
                )
            else:
                nothing = None
                self.progress(journal.count, journal.count, "storing the survey")
                images = journal.finish()
                table, facts = table_of_images(reader, journal, self.key, self._title())
                report = report_of(journal, table)
                self._write_beside(report, reader)
        if nothing is not None:
            delete_folder(self.part)
            raise nothing
        catalogue = self._put(reader, table, facts, images, report)
        return ImportResult(self.key, catalogue, report, time.monotonic() - began, resumed)

    def _read(self, reader: Reader, journal: ImportJournal) -> bool:
        """Read what is missing; False where it was cancelled."""
        what = "fetching cutouts" if self.look.kind == "positions" else "reading images"
        shown = 0.0
        for outcome, image in reader.read(journal.done):
            journal.add(outcome, image)
            now = time.monotonic()
            if now - shown > _SHOW_EVERY:
                shown = now
                self.progress(journal.done, reader.total or reader.expected or 0, what)
            if self.cancelled():
                return False
        if self.cancelled():
            return False
        self.progress(journal.done, journal.done, what)
        return True

    def _title(self) -> str:
        given = str(self.answers.get("title") or "").strip()
        return given or Path(self.look.source.path).resolve().name

    def _info(self, facts: SurveyFacts) -> SurveyInfo:
        return SurveyInfo(
            key=self.key,
            title=self._title(),
            pixel_scale=float(facts.pixel_scale or 0.0),
            beam=facts.beam,
            bunit=facts.bunit,
            raw=facts.raw,
            frequency=facts.frequency,
            licence=facts.licence or licence_of([facts.survey]),
            reference=facts.reference,
            origin=str(self.look.source.path),
        )

    def _asked(self) -> dict[str, Any]:
        """How the import was asked for; paths are whole, whatever folder it is resumed from."""
        source = self.look.source
        return {
            "path": str(Path(source.path).expanduser().resolve()),
            "table": str(Path(source.table).expanduser().resolve()) if source.table else "",
            "answers": {**self.answers, "key": self.key},
        }

    def _write_beside(self, report: pd.DataFrame, reader: Reader) -> None:
        """The report and how the import was asked for, beside the Catalogue."""
        asked = {**self._asked(), "kind": self.look.kind, "found": self.look.found}
        try:
            report.to_parquet(self.part / REPORT, index=False)
            (self.part / "import.json").write_text(
                json.dumps(asked, indent=1, default=str), "utf-8"
            )
        except OSError as error:
            raise unwritable(surveys_folder(), error) from error

    def _put(
        self,
        reader: Reader,
        table: pd.DataFrame,
        facts: SurveyFacts,
        images: np.ndarray,
        report: pd.DataFrame,
    ) -> Catalogue:
        refused = report[report["status"] == "refused"]
        notes = [*self.look.notes, *reader.notes]
        notes += [f"Refused {r.file}: {r.reason}" for r in refused.head(1000).itertuples()]
        if len(refused) > 1000:
            notes.append(f"{len(refused) - 1000:,} more were refused; the report has them all")
        # The Atlases and pictures of a survey that is replaced are of other images.
        for stale in (user_data_folder() / "atlas" / self.key, *picture_folders(self.key)):
            if survey_folder(self.key).exists() and stale.is_dir():
                delete_folder(stale)
        folder = survey_folder(self.key)
        catalogue = Catalogue(self._info(facts), table, images, tuple(dict.fromkeys(notes)))
        _keep_scratch(self.part)
        stored = catalogue.save(folder, self.part)
        for name in (PLAN, JOURNAL):
            with suppress(OSError):
                (folder / name).unlink()
        return stored


def _keep_scratch(part: Path) -> None:
    """Refuse early what would make :meth:`Catalogue.save` throw the scratch folder away."""
    probe = part / ".writable"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise unwritable(surveys_folder(), error) from error
