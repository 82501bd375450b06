"""What the project depends on: why, in which bounds, and with which hashes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from radioviz.paths import REPOSITORY

LISTS = (
    "requirements.txt", "train/requirements.txt", "radioviz/encode/requirements.txt",
    "tests/requirements.txt",
)  # fmt: skip
LOCK = "requirements.lock"
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def without_reason(text: str) -> list[str]:
    """Entries of a list of requirements that have no comment of their own above them."""
    lines = text.splitlines()
    return [
        line for above, line in zip(["", *lines], lines, strict=False)
        if line and not line.startswith(("#", "-r ")) and not re.match(r"# \w.*\.$", above)
    ]  # fmt: skip


def entries(text: str) -> list[Requirement]:
    """Requirements of a list."""
    return [Requirement(line) for line in text.splitlines() if line and line[0] not in "#-"]


def locked(text: str) -> dict[str, list[tuple[Requirement, int]]]:
    """Versions in a lock file, with the number of their hashes."""
    found: dict[str, list[tuple[Requirement, int]]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", text):
        if block and block[0] not in "#\n":
            requirement = Requirement(block.split("\\")[0].strip())
            name = canonicalize_name(requirement.name)
            found.setdefault(name, []).append((requirement, len(_HASH.findall(block))))
    return found


def missing(wanted: list[Requirement], lock: dict[str, list[tuple[Requirement, int]]]) -> list[str]:
    """Requirements that no locked version satisfies."""
    return [
        str(requirement) for requirement in wanted
        if not any(
            next(iter(held.specifier)).version in requirement.specifier
            for held, _ in lock.get(canonicalize_name(requirement.name), ())
        )
    ]  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_every_dependency_says_why_it_is_there(name: str) -> None:
    assert without_reason((REPOSITORY / name).read_text()) == []


def test_a_dependency_without_a_reason_is_seen() -> None:
    assert without_reason("# Why.\na>=1\nb>=1\n\n# A heading\nc>=1") == ["b>=1", "c>=1"]


def test_every_dependency_of_the_app_has_bounds() -> None:
    for requirement in entries((REPOSITORY / "requirements.txt").read_text()):
        operators = {s.operator for s in requirement.specifier}
        assert operators in ({">=", "<"}, {"=="}), requirement


def test_the_lock_satisfies_the_requirements() -> None:
    lock = locked((REPOSITORY / LOCK).read_text())
    assert missing(entries((REPOSITORY / "requirements.txt").read_text()), lock) == []
    assert [name for name, versions in lock.items() if any(n == 0 for _, n in versions)] == []


def test_a_lock_that_is_behind_is_seen() -> None:
    lock = locked(
        "# made\na==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\nb==3.0 ; sys_platform == 'y'\n"
    )
    assert lock["a"][0][1] == 1
    assert lock["b"][0][1] == 0
    wanted = [Requirement(text) for text in ("a>=1", "a>=2", "b<4", "c")]
    assert missing(wanted, lock) == ["a>=2", "c"]


def test_the_lock_holds_what_its_packages_need() -> None:
    """Here and on this Python; other systems have further entries with their markers."""
    lock = locked((REPOSITORY / LOCK).read_text())
    open_ends = [
        (canonicalize_name(r.name), extra)
        for r in entries((REPOSITORY / "requirements.txt").read_text())
        for extra in ("", *r.extras)
    ]
    seen: set[tuple[str, str]] = set()
    absent = set()
    while open_ends:
        name, extra = one = open_ends.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            installed = Version(version(name))
        except PackageNotFoundError:
            continue
        if not any(installed in r.specifier for r, _ in lock.get(name, ())):
            continue  # the lock has another version, with other needs
        needed = [Requirement(text) for text in requires(name) or ()]
        for requirement in needed:
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                inner = canonicalize_name(requirement.name)
                if inner not in lock:
                    absent.add(f"{inner}, which {name} needs")
                open_ends += [(inner, e) for e in ("", *requirement.extras)]
    assert absent == set()
    assert len(seen) > 50


@pytest.mark.slow
def test_the_list_of_what_is_installed(tmp_path: Path) -> None:
    """The command of docs/security.md."""
    if find_spec("cyclonedx_py") is None:
        pytest.skip("cyclonedx-bom is not installed")
    made = tmp_path / "sbom.json"
    command = ["cyclonedx_py", "environment", sys.executable, "-o", str(made)]
    subprocess.run([sys.executable, "-m", *command], check=True, timeout=200, capture_output=True)
    bill = json.loads(made.read_text())
    versions = {canonicalize_name(c["name"]): c["version"] for c in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    wanted = entries((REPOSITORY / "requirements.txt").read_text())
    assert [r.name for r in wanted if canonicalize_name(r.name) not in versions] == []
    assert versions["numpy"] == __import__("numpy").__version__
