"""An import from beginning to end: resumable, cancellable, never half shown.

:func:`import_survey` reads a source into ``surveys/.<key>.part`` and renames this folder to
``surveys/<key>`` when it is complete. If it is killed, the next call with the same source and
answers resumes it; with others it starts again. A survey that is replaced stays until its
replacement is complete.
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from radioviz.data.catalogue import FORMAT_VERSION, Catalogue, SurveyInfo
from radioviz.data.user_surveys import (
    REPORT,
    check_key,
    finish_removals,
    part_folder,
    picture_folders,
    survey_folder,
    survey_lock,
    unfinished_imports,
)
from radioviz.errors import CatalogueError
from radioviz.importing.inspection import Inspection, Reader, Source
from radioviz.importing.outcome import FileOutcome, ImportJournal
from radioviz.importing.recognition import inspect_source
from radioviz.importing.steps_apart import read_steps
from radioviz.importing.survey_facts import Answers, SurveyFacts
from radioviz.importing.survey_table import build_report, build_table, first_refusals, licence_of
from radioviz.jobs.journal import JOURNAL, Journal
from radioviz.jobs.progress import Cancelled, Progress, never, no_progress, throttled
from radioviz.jobs.scratch import PLAN
from radioviz.jobs.watched_fork import begin, limited
from radioviz.paths import user_data_folder
from radioviz.store.atomic import delete_folder, report_unwritable, require_space, write_json

# Answers that change the survey's name or the download speed, not its content.
_NOT_CONTENT = ("title", "rate", "attempts", "licence", "reference")
_MAX_NOTES = 1000


@dataclass(frozen=True, eq=False)
class ImportResult:
    """Result of an import."""

    key: str
    catalogue: Catalogue | None  # None if it was cancelled; what was read is kept for the next run
    # ``file``, ``status`` (read, left out or refused), ``reason`` (why it was left out or refused,
    # or what was repaired), ``source_id``.
    report: pd.DataFrame
    seconds: float
    resumed: int = 0  # files that an earlier run had processed

    @property
    def read(self) -> int:
        """Number of images that were read."""
        return int((self.report["status"] == "read").sum())

    @property
    def refused(self) -> int:
        """Number of files that were refused."""
        return int((self.report["status"] == "refused").sum())

    @property
    def left_out(self) -> int:
        """Number of images that the requested cuts exclude."""
        return int((self.report["status"] == "left out").sum())

    def sentence(self) -> str:
        """The result in words."""
        reasons = self.report.loc[self.report["status"] == "refused", "reason"]
        cut = f"{self.left_out:,} left out as requested, " if self.left_out else ""
        text = f"{self.read:,} read, {cut}{self.refused:,} refused in {self.seconds:.1f} s"
        if self.catalogue is None:
            return f"{self.key}: cancelled; {text}. Run it again to resume."
        if not reasons.empty:
            most = Counter(r.split(":")[0].split(";")[0] for r in reasons).most_common(3)
            text += " (" + ", ".join(f"{n:,} x {why}" for why, n in most) + ")"
        return f"{self.key}: {text}"


def import_survey(
    source: Source,
    answers: Answers | None = None,
    progress: Progress = no_progress,
    cancelled: Cancelled = never,
    *,
    replace: bool = False,
    inspection: Inspection | None = None,
) -> ImportResult:
    """Import a source.

    Parameters
    ----------
    source : Source
    answers : mapping, optional
        Answers to the questions of :func:`~radioviz.importing.recognition.inspect_source`, and
        ``key`` and ``title`` of the survey.
    progress : callable
        Called as ``progress(done, total, what)`` for the current step; ``total`` is 0 if unknown.
    cancelled : callable
        Polled between images; True stops the import, which can be resumed.
    replace : bool
        True to replace a survey of the same key.
    inspection : Inspection, optional
        Of this source with these answers, if there is one already.

    Raises
    ------
    CatalogueError
        If an answer is missing, the key exists, nothing can be read, another process
        imports the same key, or the disk is full.
    FetchError
        If a cutout service cannot be reached.
    """
    answers = dict(answers or {})
    look = inspection or inspect_source(source, answers)
    key = check_key(look.key)
    with survey_lock(key):
        finish_removals()
        if survey_folder(key).exists() and not replace:
            raise CatalogueError(
                f"survey '{key}' exists already; choose another key, remove it first, or "
                "import with the option to replace it"
            )
        return _Import(look, answers, key, throttled(progress), cancelled).run()


def resume_import(
    key: str, progress: Progress = no_progress, cancelled: Cancelled = never
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
    replace = survey_folder(key).exists()
    return import_survey(source, asked.answers, progress, cancelled, replace=replace)


@dataclass(frozen=True, eq=False)
class _Import:
    look: Inspection
    answers: dict[str, Any]
    key: str
    progress: Progress
    cancelled: Cancelled

    def run(self) -> ImportResult:
        began = time.monotonic()
        with limited(Path(self.look.source.path).name):
            reader = self.look.reader()
        reader.cancelled, reader.progress = self.cancelled, self._step_before_images
        plan = {
            "format": FORMAT_VERSION,
            "kind": self.look.kind,
            "state": list(self.look.state),
            "answers": {k: v for k, v in self.answers.items() if k not in _NOT_CONTENT},
            "shape": list(reader.shape),
            "dtype": str(reader.dtype),
        }
        part, catalogue = part_folder(self.key), None
        with Journal(part, plan, FileOutcome, reader.shape, reader.dtype, self._asked()) as journal:
            resumed = journal.done
            expected = reader.total if reader.expected is None else reader.expected
            missing = max(0, (expected or 0) - journal.count)
            require_space(journal.folder, missing * journal.item_bytes, "the images")
            complete = self._read(reader, journal)
            if complete and journal.count:
                self.progress(journal.count, journal.count, "storing the survey")
                images = journal.finish()
                table, facts = build_table(reader, journal, self.key, self._title())
                report = build_report(journal, table)
                self._write_beside(report)
            else:
                report, why = build_report(journal, None), first_refusals(journal)
        if complete and not journal.count:
            delete_folder(part)
            raise CatalogueError(
                f"{self.look.source.path}: none of {journal.done:,} can be imported: {why}"
            )
        if complete:
            notes = [*self.look.notes, *reader.notes, *_refusals(report)]
            notes = list(dict.fromkeys(notes))
            catalogue = self._store(
                Catalogue(
                    self._info(facts),
                    table,
                    images,
                    tuple(notes),
                    planes=reader.planes,
                    units=reader.units,
                )
            )
        return ImportResult(self.key, catalogue, report, time.monotonic() - began, resumed)

    def _step_before_images(self, done: int, total: int, what: str) -> None:
        begin(f"{Path(self.look.source.path).name}, {what} {done} of {total}")
        self.progress(done, total, what)

    def _read(self, reader: Reader, journal: ImportJournal) -> bool:
        """Read what is missing; False if cancelled."""
        what = "fetching cutouts" if self.look.kind == "positions" else "reading images"
        path = Path(self.look.source.path)
        for outcome, image in read_steps(reader, journal.done, path.name):
            if (image is None) != bool(outcome.refused):
                raise ValueError(f"{outcome.name}: refused with an image, or read without one")
            journal.add(outcome, image)
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
        """Source and answers; paths are absolute, so that any folder can resume the import."""
        source = self.look.source
        return {
            "path": str(Path(source.path).expanduser().resolve()),
            "table": str(Path(source.table).expanduser().resolve()) if source.table else "",
            "answers": {**self.answers, "key": self.key},
        }

    def _write_beside(self, report: pd.DataFrame) -> None:
        """Write the report, and source and answers, next to the Catalogue."""
        part = part_folder(self.key)
        asked = {**self._asked(), "kind": self.look.kind, "found": self.look.found}
        with report_unwritable(part.parent):
            report.to_parquet(part / REPORT, index=False)
            write_json(part / "import.json", asked, default=str)

    def _store(self, catalogue: Catalogue) -> Catalogue:
        """Turn the scratch folder into the survey."""
        folder, part = survey_folder(self.key), part_folder(self.key)
        # Atlases and pictures of a survey that is replaced show other images.
        for stale in (user_data_folder() / "atlas" / self.key, *picture_folders(self.key)):
            if folder.exists() and stale.is_dir():
                delete_folder(stale)
        # Fail here rather than in save, which deletes the scratch folder on errors.
        with report_unwritable(part.parent):
            (part / ".writable").write_bytes(b"")
            (part / ".writable").unlink()
        stored = catalogue.save(folder, part)
        for name in (PLAN, JOURNAL):
            with suppress(OSError):
                (folder / name).unlink()
        return stored


def _refusals(report: pd.DataFrame) -> list[str]:
    """A note per refused file, up to a limit."""
    refused = report[report["status"] == "refused"]
    notes = [f"Refused {r.file}: {r.reason}" for r in refused.head(_MAX_NOTES).itertuples()]
    if len(refused) > _MAX_NOTES:
        notes.append(f"{len(refused) - _MAX_NOTES:,} more were refused; the report lists all")
    return notes
