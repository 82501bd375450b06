"""What an import, which reads what strangers made, may reach."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from radioviz.jobs.sandbox import Limits, confine
from radioviz.paths import (
    cache_folder,
    make_folder,
    trained_folder,
    user_data_folder,
    user_models_folder,
)  # fmt: skip

_LIMITS = Limits(
    memory=16_000_000_000, seconds=30 * 86400.0, file_size=2_000_000_000_000, open_files=4096,
    mapped_files=True,
)  # fmt: skip
"""Of a whole import with its encoding, which reads image by image."""
_SYSTEM = (
    "/proc", "/sys/devices/system", "/etc/ssl", "/etc/hosts", "/etc/resolv.conf",
    "/etc/nsswitch.conf", "/etc/host.conf", "/run/systemd/resolve",
)  # fmt: skip
"""What is read to count processors and to find a host."""
_CERTIFICATES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name certificates elsewhere."""


def confine_import(path: str, table: str = "", network: bool = False) -> None:
    """Confine this process, for the rest of its life, to what an import with its encoding needs.

    ``path``, ``table``: what is imported; empty where nothing is. ``network``: whether it fetches
    cutouts.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() / "numba"))
    temporary = cache_folder() / "temporary"  # that of the system has files of others
    for folder in (user_data_folder(), temporary):
        with suppress(OSError):  # who writes there says so
            make_folder(folder)
    tempfile.tempdir = os.environ["TMPDIR"] = str(temporary)
    given = [Path(p) for p in (path, table) if p]
    beside = [path.parent for path in given if path.is_file()]  # images that a table names
    confine(
        read=[
            *given, *beside, trained_folder(), user_models_folder(),
            *(Path(p) for p in (*_SYSTEM, *map(os.environ.get, _CERTIFICATES)) if p),
        ],
        write=[user_data_folder(), cache_folder()],
        limits=_LIMITS,
        network=network,
    )  # fmt: skip
