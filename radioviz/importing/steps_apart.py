"""Images read in a fork of the import: a file that ends it costs that file, not the import."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec
import numpy as np

from radioviz.importing.inspection import Reader, Step
from radioviz.importing.outcome import FileOutcome
from radioviz.jobs.journal import plain
from radioviz.jobs.watched_fork import ForkDiedError, begin, is_watched, limited, stream

_MOST_DEATHS = 100


def read_steps(reader: Reader, start: int, source: str) -> Iterator[Step]:
    """The steps of ``reader.read(start)``, each with its own limit of time.

    Several files are read in a fork, where this process may be forked: one that ends it is refused,
    and the rest is read.

    ``source``: name of what is read, for messages. Raises ForkDiedError if more than a hundred
    files end the fork.
    """
    if not (reader.several and is_watched()):
        yield from _limited_steps(reader, start, source)
        return
    deaths = 0
    while True:
        try:
            for message in stream(partial(_packed, reader, start, source)):
                yield _unpacked(message, reader)
                start += 1
            return
        except ForkDiedError as death:
            deaths += 1
            if deaths > _MOST_DEATHS:
                raise
            yield FileOutcome(death.reading, str(death)), None
            start += 1


def _limited_steps(reader: Reader, start: int, source: str) -> Iterator[Step]:
    with limited(source):
        for outcome, image in reader.read(start):
            yield outcome, image
            begin(f"{source}, after {outcome.name}")


def _packed(reader: Reader, start: int, source: str) -> Iterator[bytes]:
    for outcome, image in _limited_steps(reader, start, source):
        pixels = None if image is None else np.ascontiguousarray(image, reader.dtype).data
        yield msgspec.msgpack.encode((outcome, pixels), enc_hook=plain)


def _unpacked(message: bytes, reader: Reader) -> Step:
    outcome, pixels = msgspec.msgpack.decode(message, type=tuple[FileOutcome, bytes | None])
    if pixels is None:
        return outcome, None
    return outcome, np.frombuffer(pixels, reader.dtype).reshape(reader.shape)
