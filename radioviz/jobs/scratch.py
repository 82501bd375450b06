"""The scratch folder of a run, and the plan that says which later run may continue in it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radioviz.paths import make_folder
from radioviz.store.atomic import write_json
from radioviz.store.records import read_json_object

PLAN = "plan.json"


def digest(plan: Mapping[str, Any]) -> str:
    """SHA-256 of a plan; two runs with equal digests produce the same result."""
    text = json.dumps(plan, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def can_resume(folder: Path, plan: Mapping[str, Any]) -> bool:
    """True if the scratch folder belongs to a run with the same plan."""
    try:
        stored = read_json_object(folder / PLAN)
    except (OSError, ValueError):
        return False
    # Encodings of earlier versions stored the plan itself.
    return digest(plan) in (stored.get("digest"), digest(stored))


def clear(folder: Path) -> None:
    """Empty the scratch folder, or create it.

    Raises OSError if it cannot be written.
    """
    (folder / PLAN).unlink(missing_ok=True)  # first: a kill must not leave a plan without its work
    if folder.exists():
        shutil.rmtree(folder)
    make_folder(folder)


def write_plan(folder: Path, plan: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Allow later runs to continue in this folder.

    ``plan``: everything that the result depends on. ``asked``: how to start the run again; not
    compared. Raises OSError if it cannot be written.
    """
    kept = {"digest": digest(plan), "plan": dict(plan), "asked": dict(asked)}
    write_json(folder / PLAN, kept, default=str)
