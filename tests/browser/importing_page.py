"""Files that astronomers import, and the steps of an import in the browser."""

from __future__ import annotations

import contextlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import TimeoutError

from tests.browser import actions
from tests.data.fits_files import cards, gzipped, noise, primary, write

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SLOW = 240_000  # ms: an import and the first start of torch on a machine with other work


def cutout(number: int, **changes: object) -> bytes:
    """A raw FITS cutout, each at another place of the sky."""
    return primary(noise((64, 64), number), cards((64, 64), CRVAL1=150 + number / 10, **changes))


def cutouts(folder: Path, number: int) -> list[Path]:
    """``J000.fits``, ``J001.fits``, ... in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    out = [folder / f"J{i:03d}.fits" for i in range(number)]
    for i, path in enumerate(out):
        path.write_bytes(cutout(i))
    return out


def hostile_zip(path: Path) -> Path:
    """Three honest cutouts in a folder, and entries that want out of the archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(3):
            archive.writestr(f"survey/J{i:03d}.fits", cutout(i))
        for name in ("../../up.fits", "/abs.fits", "C:\\win.fits", "inside.zip"):
            archive.writestr(name, cutout(9))
        link = zipfile.ZipInfo("link.fits")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return path


def hostile_tar(path: Path) -> Path:
    """Two honest cutouts and a link, a pipe and a path upwards."""
    with tarfile.open(path, "w:gz") as archive:
        for i, name in enumerate(("a/J000.fits", "a/J001.fits", "../up.fits")):
            info = tarfile.TarInfo(name)
            info.size = len(cutout(i))
            archive.addfile(info, io.BytesIO(cutout(i)))
        for name, kind in (("link.fits", tarfile.SYMTYPE), ("pipe.fits", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return path


def many_entries(path: Path) -> Path:
    """A ZIP whose directory claims more than a million entries."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.fits", b"x")
    content = bytearray(path.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 8 : end + 12] = b"\xff\xff\xff\xff"
    content[end + 12 : end + 16] = (400_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def bad_images(folder: Path) -> list[Path]:
    """FITS files that cannot be read or do not belong to a survey of :func:`cutouts`."""
    shape = (64, 64)
    image = primary(noise(shape), cards(shape))
    contents = {
        "bomb.fits.gz": gzipped(b"\0" * 10_000_000),
        "cube.fits": primary(noise((4, *shape)), cards(shape)),
        "empty.fits": b"",
        "kelvin.fits": primary(noise(shape), cards(shape, BUNIT="K")),
        "line.fits": primary(noise((1, 64)), cards((1, 64))),
        "nan.fits": primary(np.full(shape, np.nan, "f4"), cards(shape)),
        "nothing.fits": primary(None),
        "page.fits": b"<html>Service unavailable</html>",
        "torn.fits": image[:5000],
    }
    return [write(folder / name, content) for name, content in contents.items()]


def stack(n: int = 6, side: int = 48) -> np.ndarray:
    """Grey-level images, float32 ``(n, side, side)``."""
    return np.stack([noise((side, side), i) for i in range(n)])


# -- the page ----------------------------------------------------------------------------------


def main_of(page: Page) -> Locator:
    return page.get_by_test_id("stMain")


def upload(page: Page, url: str, *files: Path) -> None:
    """Open the page and give it files; returns when they have been looked at."""
    page.goto(url + "/your_data")
    given = main_of(page).locator("input[type=file]")
    given.wait_for(state="attached")
    # Nobody is quicker than the first run of the page, which may still move the uploader.
    actions.settle(page)
    given.set_input_files(list(files))
    main_of(page).get_by_text("received").wait_for(timeout=SLOW)
    wait_for_inspection(page)


def wait_for_inspection(page: Page) -> None:
    """Wait for what was found in the files, or what is wrong with them."""
    main = main_of(page)
    facts = main.get_by_test_id("stHtml").get_by_text("Kind", exact=True)
    facts.or_(main.get_by_test_id("stAlertContentError")).first.wait_for(timeout=SLOW)
    actions.settle(page)


def page_text(page: Page) -> str:
    """All text of the page beside the sidebar."""
    return main_of(page).inner_text()


def says(page: Page, text: str) -> None:
    """Wait until the page says so: what a job has done is drawn when it was looked at."""
    main_of(page).get_by_text(text).first.wait_for()


def choose(page: Page, question: str, answer: str) -> None:
    """Choose an answer in the select box of a question."""
    box = main_of(page).get_by_test_id("stSelectbox").filter(has_text=question)
    option = page.get_by_role("option", name=answer, exact=True)
    for _ in range(10):  # a run of the page that ends meanwhile closes the list
        box.locator("input").click()
        with contextlib.suppress(TimeoutError):
            option.wait_for(timeout=6_000)
            break
    option.click()
    actions.settle(page)


def answer(page: Page, question: str, text: str) -> None:
    """Type an answer to a question."""
    field = main_of(page).get_by_test_id("stTextInput").filter(has_text=question).locator("input")
    field.fill(text)
    field.press("Enter")
    actions.settle(page)


def start_import(page: Page, key: str, encoders: bool = False) -> None:
    """Name the survey and start its import."""
    answer(page, "Key", key)
    replace = main_of(page).get_by_text("Replace the existing survey")
    if replace.count():  # of a first try of this test
        replace.click()
        actions.settle(page)
    if not encoders:
        box = main_of(page).get_by_test_id("stMultiSelect")
        box.get_by_label("Clear all").click()
        actions.settle(page)
    start = page.locator(".st-key-import_start button")
    assert start.is_enabled(), page_text(page)
    start.click()


def wait_for_job(page: Page, home: Path) -> None:
    """Wait until the server has started an import, which then no longer needs the page."""
    actions.until(page, lambda: any((home / "jobs").glob("*-*")), "no import was started")


def wait_for_survey(page: Page, home: Path, key: str) -> None:
    """Wait until an import has ended well."""
    page.locator(f".st-key-survey_{key}").wait_for(timeout=SLOW)
    assert (home / "surveys" / key / "catalogue.json").exists()
