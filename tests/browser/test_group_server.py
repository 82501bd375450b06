"""docs/group-server.md, followed: nginx in front, a large upload, several users."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser import actions, importing_page
from tests.browser.server import PATIENCE, REPOSITORY, Server, free_port, run_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LARGE = 160_000_000  # bytes: well beyond the 1 MB that nginx passes unless it is told


def location_of_the_guide(port: int) -> str:
    """The ``location`` block of the guide, for this port."""
    text = (REPOSITORY / "docs" / "group-server.md").read_text("utf-8")
    block = re.search(r"^ +location /radioviz/ \{.*?^ +\}$", text, re.S | re.M)
    assert block is not None, "docs/group-server.md has no location block"
    assert "127.0.0.1:8501" in block[0]
    return block[0].replace("127.0.0.1:8501", f"127.0.0.1:{port}")


@pytest.fixture(scope="module")
def home(cache_folder_of_the_run: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="radioviz-home-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def proxied(home: Path) -> Iterator[tuple[Server, str]]:
    """The app behind nginx, and its address there."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        pytest.skip("no nginx on this machine (Debian and Ubuntu: apt install nginx-light)")
    with (
        run_server(
            *("--server.baseUrlPath", "radioviz", "--server.maxUploadSize", "2000"),
            base="/radioviz",
            RADIOVIZ_HOME=str(home),
        ) as server,
        tempfile.TemporaryDirectory(prefix="radioviz-nginx-") as folder,
    ):
        port, backend = free_port(), int(server.url.split(":")[2].split("/")[0])
        configuration = Path(folder) / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        paths = "".join(
            f"{name}_temp_path {folder}/{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration.write_text(
            f"{user} daemon off; pid {folder}/pid; error_log {folder}/error.log;"
            f"events {{}} http {{ access_log off; {paths}"
            f"server {{ listen 127.0.0.1:{port};\n{location_of_the_guide(backend)}\n}} }}"
        )
        process = subprocess.Popen([nginx, "-p", folder, "-c", str(configuration)])
        try:
            url = f"http://127.0.0.1:{port}/radioviz"
            _wait(f"{url}/_stcore/health")
            yield server, url
        finally:
            process.terminate()
            process.wait(20)


def _wait(url: str) -> None:
    for _ in range(PATIENCE // 50):
        try:
            urllib.request.urlopen(url, timeout=2).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"{url} does not answer")


def test_each_reader_behind_the_proxy_has_a_selection(
    proxied: tuple[Server, str], browser: Browser
) -> None:
    _, url = proxied
    contexts = [browser.new_context(viewport={"width": 1400, "height": 1000}) for _ in range(2)]
    first, second = (c.new_page() for c in contexts)
    for reader in (first, second):
        actions.open_map(reader, url)
    actions.lasso(first, 0.2, 0.2, 0.6, 0.6)
    count = actions.selected_count(first)
    assert second.locator(".st-key-selection h3").count() == 0
    actions.lasso(second, 0.5, 0.5, 0.9, 0.9)
    actions.selection_heading(second).wait_for()
    first.locator(".st-key-brush_export button").first.click()
    with first.expect_download() as started:
        first.locator(".st-key-brush_csv button").click()
    lines = Path(started.value.path()).read_text("utf-8").splitlines()
    assert len(lines) == 1 + count
    first.keyboard.press("Escape")
    first.get_by_role("button", name="Add all to tray").click()
    first.get_by_text(f"Selection tray · {count:,}").wait_for()
    second.reload()
    second.get_by_text("Selection tray · 0").wait_for()
    # What reaches programs and files of the server's own computer is offered to neither.
    for reader in (first, second):
        assert reader.get_by_text("Listen to TOPCAT").count() == 0
    for context in contexts:
        context.close()


@pytest.mark.slow
def test_a_large_upload_through_the_proxy(
    proxied: tuple[Server, str], page: Page, home: Path, tmp_path: Path
) -> None:
    _, url = proxied
    path = tmp_path / "large.npy"
    side = 200
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (LARGE // side**2, side, side))
    images[:] = np.random.default_rng(0).integers(0, 255, (side, side), np.uint8)
    images.flush()
    shutil.rmtree(home / "uploads", ignore_errors=True)  # of a first try
    page.goto(url + "/your_data")
    actions.settle(page)
    assert page.get_by_text("Path on this computer").count() == 0
    importing_page.main_of(page).locator("input[type=file]").set_input_files(path)
    importing_page.main_of(page).get_by_text("received").wait_for(timeout=importing_page.SLOW)
    importing_page.wait_for_inspection(page)
    assert "4,000" in importing_page.page_text(page)
    staged = [p for p in (home / "uploads").rglob("*") if p.is_file()]
    assert [p.stat().st_size for p in staged] == [path.stat().st_size]
    page.get_by_role("button", name="Start over").click()
    importing_page.main_of(page).locator("input[type=file]").wait_for(state="attached")
    actions.settle(page)
    assert not [p for p in (home / "uploads").rglob("*") if p.is_file()]


@pytest.mark.slow
def test_a_folder_that_the_server_may_only_read(
    cache_folder_of_the_run: Path, page: Page, tmp_path: Path
) -> None:
    """Shared surveys and Atlases are shown; imports and removals are refused in a sentence."""
    home = tmp_path / "shared"
    _survey_with_a_map(home)
    with _without_writing(home) as prefix, run_server(prefix=prefix, RADIOVIZ_HOME=str(home)) as s:
        page.goto(s.url + "/latent_map?data=group&encoder=vae2")
        actions.wait_for_map(page)
        page.get_by_text("30 galaxies on the map").wait_for()
        actions.lasso(page, 0.02, 0.02, 0.98, 0.98)
        actions.selection_heading(page).wait_for()
        actions.settle(page)
        page.locator(".st-key-brush_export button").first.click()
        with page.expect_download() as started:
            page.locator(".st-key-brush_fits button").click()
        assert Path(started.value.path()).read_bytes().startswith(b"SIMPLE")
        page.goto(s.url + "/inspect_galaxy?data=group")
        page.locator("h1").first.wait_for()
        actions.settle(page)
        assert page.get_by_test_id("stAlertContentError").count() == 0
        page.goto(s.url + "/your_data")
        page.locator(".st-key-survey_group").wait_for()
        actions.settle(page)
        page.get_by_role("button", name="Remove").click()
        page.get_by_role("button", name="Remove for good").click()
        page.get_by_text("cannot be written").first.wait_for()
        actions.settle(page)
        importing_page.main_of(page).locator("input[type=file]").first.set_input_files(
            importing_page.cutouts(tmp_path / "files", 2)
        )
        page.get_by_text("uploads", exact=False).get_by_text("cannot be written").first.wait_for()
    assert (home / "surveys" / "group" / "catalogue.json").exists()


def _survey_with_a_map(home: Path) -> None:
    """Thirty galaxies, imported and mapped as the guide says."""
    cube = home.parent / "group.npy"
    np.save(cube, importing_page.stack(30))
    command = [sys.executable, "-m", "radioviz.data", "import", str(cube), "--key", "group"]
    command += ["--pixel-scale", "1.8", "--model", "vae2"]
    environment = {**os.environ, "RADIOVIZ_HOME": str(home)}
    subprocess.run(command, check=True, env=environment, cwd=REPOSITORY, capture_output=True)


@contextmanager
def _without_writing(folder: Path) -> Iterator[tuple[str, ...]]:
    """Make a folder read-only; gives what starts a process that keeps to it, root's too."""
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("root writes everywhere, and there is no setpriv to stop it")
        prefix = (setpriv, "--bounding-set", "-dac_override,-dac_read_search", "--")
    _allow(folder, 0o555, 0o444)
    try:
        yield prefix
    finally:
        _allow(folder, 0o755, 0o644)


def _allow(folder: Path, folders: int, files: int) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(folders if path.is_dir() else files)
