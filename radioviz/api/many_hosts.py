"""Hosts of many sources, each searched alone and kept, so that a stopped search continues."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd

from radioviz import morphology
from radioviz.api.crossmatching import match_file
from radioviz.api.host_search import (
    AROUND,
    CATALOGUES,
    HostCatalogue,
    HostSearch,
    rank,
    search_hosts,
)
from radioviz.data.catalogue import Catalogue
from radioviz.data.registry import open_data_set
from radioviz.errors import FetchError, NoRowsError, RadioVizError, RelationError
from radioviz.importing.catalogue_match import MatchedCatalogue
from radioviz.importing.survey_facts import Answers
from radioviz.jobs.progress import Progress, no_progress
from radioviz.morphology.measuring import VERSION
from radioviz.paths import cache_folder, make_folder
from radioviz.relations.hosts import HostPrior, RadioPosition
from radioviz.relations.radio_position import radio_positions

MOST = 20_000
"""Sources of one search."""
AT_ONCE = 3
"""Requests that a service has to answer at a time."""
MOST_FAULTS = 20
"""Faults of a service in a row, after which it is asked no more."""
KEPT = 50
"""Searches whose answers are kept."""
KEPT_DAYS = 30
"""After which a service is asked again, for its catalogue grows."""
_NUMBERS = ("ra", "dec", "separation", "magnitude", "redshift", "reliability")


class HostAnswer(msgspec.Struct, frozen=True):
    """What was found for one source."""

    source_id: str
    position: str = ""  # which position was searched, and its error, in words
    candidates: int = 0
    # name, ra, dec, separation, magnitude, redshift, reliability: of the most likely candidate:
    # ICRS in degrees, arcsec; None where unknown
    name: str = ""
    ra: float | None = None
    dec: float | None = None
    separation: float | None = None
    magnitude: float | None = None
    redshift: float | None = None
    reliability: float | None = None
    asked: str = ""  # when, ISO 8601 in UTC
    problem: str = ""  # why there is no answer; empty where there is one


def search_many(
    catalogue: Catalogue,
    rows: Sequence[int],
    where: HostCatalogue,
    *,
    position: str = "",
    prior: HostPrior | None = None,
    file: Path | None = None,
    answers: Answers | None = None,
    progress: Progress = no_progress,
) -> list[HostAnswer]:
    """The most likely host of each of some sources; a fault of the service costs that source alone.

    Answers are kept in the cache as they come: a search that was cancelled, or in which the service
    failed, continues with what is missing.

    Parameters
    ----------
    rows : sequence of int
        Of the catalogue.
    position : str
        ``core``, ``midpoint`` or ``catalogue``; by default the most accurate of each source.
    file : Path, optional
        A catalogue instead of a service, read as in :func:`radioviz.api.host_search.search_hosts`.
    progress : callable
        As ``progress(done, total, what)``; an exception that it raises ends the search.

    Returns
    -------
    list of HostAnswer
        Row by row.

    Raises
    ------
    RelationError
        For more than 20,000 sources.
    FetchError, CatalogueError
        Of a file. Of a service they are a ``problem`` of the source.
    """
    if len(rows) > MOST:
        raise RelationError(f"{len(rows):,} sources; at most {MOST:,} are searched at a time")
    prior, ids = prior or HostPrior(), [str(s) for s in catalogue.ids_of(np.asarray(rows, int))]
    kept = _Kept(catalogue, where, position, prior, file)
    found = {s: kept.answers[s] for s in ids if s in kept.answers}
    missing = [(i, s) for i, s in zip(rows, ids, strict=True) if s not in found]
    with kept:
        if file is not None:
            coming = _of_file(catalogue, missing, where, position, prior, file, answers)
        else:
            coming = _of_service(catalogue, missing, where, position, prior)
        for answer in coming:
            found[answer.source_id] = answer
            kept.add(answer)
            progress(len(found), len(ids), f"hosts of {catalogue.info.title}")
    return [found[s] for s in ids]


def place_of(catalogue: Catalogue, row: int, kind: str) -> RadioPosition:
    """The position of a source to search.

    Raises
    ------
    RelationError
        If it has none of this kind.
    """
    places = radio_positions(catalogue, row)
    for place in places:
        if kind in ("", place.kind):
            return place
    if not places:
        raise RelationError("it has no sky position")
    kinds = ", ".join(p.kind for p in places)
    raise RelationError(f"it has no position '{kind}'; choose one of {kinds}")


def _of_service(
    catalogue: Catalogue, missing: list[tuple[int, str]], where: HostCatalogue, kind: str,
    prior: HostPrior,
) -> Iterator[HostAnswer]:  # fmt: skip
    """Answers as they come, a few requests at a time."""

    def ask(place: RadioPosition, source: str) -> HostAnswer:
        try:
            return _best(source, search_hosts(place, where, prior=prior))
        except NoRowsError:
            return HostAnswer(source, place.sentence(), asked=_now())
        except RadioVizError as error:
            return HostAnswer(source, problem=str(error))

    faults, last_fault = 0, ""
    running: dict[Future[HostAnswer], None] = {}
    pool = ThreadPoolExecutor(AT_ONCE, "hosts")
    try:
        for row, source in missing:
            if faults >= MOST_FAULTS:
                text = f"not asked, for {MOST_FAULTS} requests before failed: {last_fault}"
                yield HostAnswer(source, problem=text)
                continue
            try:  # a source without such a position is no fault of the service
                place = place_of(catalogue, row, kind)
            except RadioVizError as error:
                yield HostAnswer(source, problem=str(error))
                continue
            running[pool.submit(ask, place, source)] = None
            if len(running) < AT_ONCE:
                continue
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                del running[done]
                answer = done.result()
                faults, last_fault = (faults + 1 if answer.problem else 0), answer.problem
                yield answer
        for last in running:
            yield last.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _of_file(
    catalogue: Catalogue, missing: list[tuple[int, str]], where: HostCatalogue, kind: str,
    prior: HostPrior, file: Path, answers: Answers | None,
) -> Iterator[HostAnswer]:  # fmt: skip
    """Answers of a file, which is read once for all sources."""
    places: list[RadioPosition] = []
    placed: list[str] = []
    for row, source in missing:
        try:
            places.append(place_of(catalogue, row, kind))
            placed.append(source)
        except RadioVizError as error:
            yield HostAnswer(source, problem=str(error))
    if not places:
        return
    ra, dec = (np.array([getattr(p, c) for p in places]) for c in ("ra", "dec"))
    matched = match_file(file, ra, dec, AROUND, "all", None, answers)
    order = np.argsort(matched.galaxy, kind="stable")
    edges = np.searchsorted(matched.galaxy[order], np.arange(len(places) + 1))
    for i, (place, source) in enumerate(zip(places, placed, strict=True)):
        own = _part(matched, order[edges[i] : edges[i + 1]])
        yield _best(source, rank(place, where, own, prior))


def _part(matched: MatchedCatalogue, at: np.ndarray) -> MatchedCatalogue:
    """Some of the pairs."""
    arrays = ("galaxy", "row", "separation", "within", "ra", "dec")
    return dataclasses.replace(
        matched, frame=matched.frame.iloc[at], **{n: getattr(matched, n)[at] for n in arrays}
    )


def _best(source: str, search: HostSearch) -> HostAnswer:
    position, number = search.position.sentence(), len(search.candidates)
    if not number:
        return HostAnswer(source, position, asked=_now())
    row = search.candidates.iloc[0]
    numbers = {n: float(row[n]) if np.isfinite(row[n]) else None for n in _NUMBERS}
    best = HostAnswer(source, position, number, str(row["name"]), asked=_now())
    return msgspec.structs.replace(best, **numbers)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def find_hosts(
    data_set: str,
    source_id: str | Sequence[str],
    catalogue: str = CATALOGUES[0].title,
    *,
    position: str = "",
    share: float = 0.9,
    brightest: float = 14.0,
    faintest: float = 22.5,
) -> pd.DataFrame:
    """Candidates for the host of a source in a catalogue of a service, or hosts of many sources.

    Parameters
    ----------
    source_id : str or sequence of str
        Of a sequence the most likely candidate of each is returned; answers are kept in the cache,
        and a fault of the service costs that source alone.
    catalogue : str
        One of ``Pan-STARRS1 DR1 (VizieR)``, ``SDSS DR16 (VizieR)``, ``AllWISE (VizieR)``, ``NED``
        and ``SIMBAD``.
    position : str
        ``core``, ``midpoint`` or ``catalogue``; by default the most accurate there is.
    share : float
        Share of hosts that the catalogue has, 0 to 1.
    brightest, faintest : float
        Magnitudes between which hosts are taken as equally frequent.

    Returns
    -------
    pandas.DataFrame
        The most likely first: ``name``, ``ra`` and ``dec`` [deg], ``separation`` [arcsec],
        ``magnitude``, ``redshift``, ``kind``, ``likelihood_ratio`` and ``reliability``. Of many
        sources a row each: ``source_id``, ``position``, ``candidates`` (their number), and of the
        most likely the columns above but ``kind`` and ``likelihood_ratio``; ``asked`` says when
        (answers are kept for 30 days), and ``problem`` why there is none.

    Raises
    ------
    RelationError
        If the source has no such position, or there is no such catalogue.
    FetchError, CatalogueError
        As :func:`radioviz.api.host_search.search_hosts`, for a single source.
    """
    sample = morphology.complete(open_data_set(data_set))
    known = {one.title: one for one in CATALOGUES}
    if catalogue not in known:
        raise RelationError(f"no catalogue '{catalogue}'; choose one of {', '.join(known)}")
    prior = HostPrior(share, brightest, faintest)
    if not isinstance(source_id, str):
        rows = sample.rows_of(list(source_id)).tolist()
        return answers_table(
            search_many(sample, rows, known[catalogue], position=position, prior=prior)
        )
    try:
        place = place_of(sample, int(sample.rows_of([source_id])[0]), position)
    except RelationError as error:
        raise RelationError(f"{source_id}: {error}") from None
    return search_hosts(place, known[catalogue], prior=prior).candidates


def answers_table(answers: Sequence[HostAnswer]) -> pd.DataFrame:
    """Answers as a table, numbers NaN where unknown."""
    table = pd.DataFrame(
        {n: [getattr(a, n) for a in answers] for n in HostAnswer.__struct_fields__}
    )
    return table.astype(dict.fromkeys(_NUMBERS, float))


class _Kept:
    """Answers of one search in a file of the cache, a line each; a damaged line is asked again."""

    def __init__(
        self, catalogue: Catalogue, where: HostCatalogue, position: str, prior: HostPrior,
        file: Path | None,
    ) -> None:  # fmt: skip
        content = ""
        if file is not None:
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").hexdigest()
        # Positions are measured: answers about those of another way to measure are not these.
        about = repr((catalogue.info.key, catalogue.digest, catalogue.plane, VERSION, where,
                      position, prior, content))  # fmt: skip
        name = hashlib.sha256(about.encode()).hexdigest()[:32]
        self._path = cache_folder() / "host-searches" / f"{name}.jsonl"
        self.answers: dict[str, HostAnswer] = {}
        oldest = ""
        if file is None:
            oldest = (dt.datetime.now(dt.UTC) - dt.timedelta(days=KEPT_DAYS)).isoformat()
        if self._path.is_file():
            for line in self._path.read_bytes().splitlines():
                try:
                    answer = msgspec.json.decode(line, type=HostAnswer)
                except msgspec.DecodeError:
                    continue
                if answer.asked >= oldest:
                    self.answers[answer.source_id] = answer

    def __enter__(self) -> None:
        try:
            make_folder(self._path.parent)
            self._file = self._path.open("ab")
            self._file.write(b"\n" * bool(self._file.tell()))  # after a line that a kill cut short
        except OSError as error:
            raise FetchError(f"{self._path} cannot be written ({error}); free space") from error

    def add(self, answer: HostAnswer) -> None:
        if answer.problem:
            return
        try:
            self._file.write(msgspec.json.encode(answer) + b"\n")
            self._file.flush()
        except OSError as error:
            raise FetchError(f"{self._path} cannot be written ({error}); free space") from error

    def __exit__(self, *error: object) -> None:
        with suppress(OSError):  # a disk that is full was named above; others may delete as well
            self._file.close()
            held = sorted(self._path.parent.glob("*.jsonl"), key=lambda p: p.stat().st_mtime)
            for old in held[:-KEPT]:
                old.unlink(missing_ok=True)
