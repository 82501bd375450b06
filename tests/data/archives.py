"""A small archive of data and its checksum, as a server has it."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile

from radioviz.data.downloads import Archive

CONTENT = {f"data_batch_{i}": os.urandom(70_000) for i in range(1, 5)} | {"batches.meta": b"meta"}


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def tar_of(members: dict[str, bytes], extra: list[tarfile.TarInfo] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra or []:
            tar.addfile(info)
    return out.getvalue()


def archive_of(packed: bytes, **changes: object) -> Archive:
    facts = {
        "name": "small.tar.gz",
        "url": "https://example.invalid/small.tar.gz",
        "md5": md5(packed),
        "size": len(packed),
        "folder": "batches",
        "members": {name: md5(content) for name, content in CONTENT.items()},
    }
    return Archive(**(facts | changes))  # type: ignore[arg-type]


PACKED = tar_of({f"batches/{name}": content for name, content in CONTENT.items()})
ARCHIVE = archive_of(PACKED)
