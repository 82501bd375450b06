"""The wheel, built and installed where nothing of the checkout can be imported."""

from __future__ import annotations

import os
import shutil
import site
import socket
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import radioviz
from radioviz.paths import REPOSITORY
from tests.browser import actions
from tests.browser.server import Server, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

_BUILT_FROM = (
    "NOTICE.md", "README.md", "app.py", "pyproject.toml", "requirements.txt", "setup.py",
    ".streamlit", "pages", "radioviz", "train", "trained",
)  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of the checkout."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in _BUILT_FROM:
        path = REPOSITORY / name
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "node_modules", "*.lock")
            shutil.copytree(path, source / name, ignore=ignored)
        else:
            shutil.copy(path, source / name)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "-w", str(target), str(source)],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return next(target.glob("radioviz-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel, and the dependencies of the running one."""
    root = tmp_path_factory.mktemp("venv")
    venv.create(root, with_pip=False, symlinks=True)
    packages = next(root.glob("lib/python*/site-packages"))
    # Added by a .pth file, these folders do not have their own .pth files run (editable installs).
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(root / "bin" / "python"), "install",
         "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return root


@pytest.fixture(scope="module")
def server(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``radioviz app``, started in an empty folder."""
    empty = tmp_path_factory.mktemp("empty")
    command = (str(environment / "bin" / "radioviz"), "app")
    with run_server(command=command, folder=empty, PYTHONPATH="") as running:
        yield running
    assert not list(empty.iterdir())


def run(environment: Path, folder: Path, *command: str) -> str:
    done = subprocess.run(
        [str(environment / "bin" / command[0]), *command[1:]],
        cwd=folder, env=os.environ | {"PYTHONPATH": ""}, capture_output=True, text=True,
        timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def files(folder: str, *patterns: str) -> set[str]:
    """Files below a folder of the checkout, as paths in the wheel if it is a package."""
    found = (p for pattern in patterns for p in (REPOSITORY / folder).rglob(pattern))
    ignored = {"__pycache__", "frontend"}
    return {
        p.relative_to(REPOSITORY).as_posix()
        for p in found
        if p.is_file() and not ignored & set(p.parts) and not p.name.startswith(".")
    }


def test_the_wheel_holds_everything_that_runs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    app = {f"radioviz/_app/{name}" for name in files("pages", "*.py") | files("trained", "*")}
    app |= {"radioviz/_app/app.py", "radioviz/_app/.streamlit/config.toml"}
    packages = files("radioviz", "*.py", "*.css", "*.html", "*.js", "*.png")
    packages |= files("radioviz/data/splits", "*.csv") | files("train", "*.py", "*.toml")
    assert (app | packages) - names == set()
    assert {name for name in names if name.startswith("radioviz/_app/")} == app
    assert {name.split("/")[0] for name in names} == {
        "radioviz", "train", f"radioviz-{radioviz.__version__}.dist-info"
    }  # fmt: skip


def test_the_version_has_one_place(wheel: Path, environment: Path, tmp_path: Path) -> None:
    assert wheel.name.startswith(f"radioviz-{radioviz.__version__}-")
    shown = run(environment, tmp_path, "radioviz", "--version")
    assert shown == f"radioviz {radioviz.__version__}\n"
    citation = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {radioviz.__version__}\n" in citation


def test_commands_and_scripts_find_the_shipped_files(environment: Path, tmp_path: Path) -> None:
    code = (
        "import sys, radioviz; print(radioviz.__file__);"
        f"print({str(REPOSITORY)!r} in sys.path);"
        "print(radioviz.open_atlas('first', 'vae2').latents.shape, len(radioviz.list_models()))"
    )
    where, found, shown = run(environment, tmp_path, "python", "-c", code).splitlines()
    assert Path(where).is_relative_to(environment)
    assert found == "False"
    assert shown == f"(2158, 2) {len(radioviz.list_models())}"
    lines = run(
        environment, tmp_path, "radioviz", "search", "--galaxy", "first-0", "-n", "3"
    ).splitlines()
    assert len(lines) == 4
    assert "\nmirabest " in run(environment, tmp_path, "radioviz", "data", "list")
    assert "usage: python -m train" in run(environment, tmp_path, "radioviz", "train", "--help")


def test_the_app_listens_on_loopback_alone(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    listening = [
        line.split()[1].split(":")[0]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and int(line.split()[1].split(":")[1], 16) == port
    ]
    assert listening
    assert set(listening) <= {"0100007F", "00000000000000000000000001000000"}
    own = {str(a[4][0]) for a in socket.getaddrinfo(socket.gethostname(), port, socket.AF_INET)}
    for address in own - {"127.0.0.1"}:
        with pytest.raises(OSError), socket.create_connection((address, port), timeout=5):
            pass


@pytest.mark.browser
def test_the_map_shows_all_galaxies(server: Server, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    actions.open_map(page, server.url)
    actions.settle(page)
    actions.lasso(page, 0.005, 0.005, 0.995, 0.995)
    heading = actions.selection_heading(page)
    heading.wait_for()
    assert heading.inner_text() == "2,158 of 2,158 galaxies selected"
    assert page.get_by_test_id("stException").count() == 0
    page.close()
