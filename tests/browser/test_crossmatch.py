"""A catalogue matched in Chromium: from its file to the map, over a reload, and away again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from radioviz.ui import cache
from tests.browser.actions import settle, wait_for_map
from tests.browser.test_table import type_filter

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.server import Server


def test_a_list_joins_filters_and_colours(app_server: Server, page: Page, tmp_path: Path) -> None:
    table = cache.data_set("first").table
    some = np.arange(0, len(table), 9)
    listed = pd.DataFrame(
        {"ra": table["ra"].to_numpy()[some], "dec": table["dec"].to_numpy()[some] + 1 / 3600,
         "power": np.arange(len(some)) + 0.5, "kind": np.where(some % 2, "odd", "even")}
    )  # fmt: skip
    path = tmp_path / "my list.csv"
    listed.to_csv(path, index=False)
    page.goto(app_server.url + "/table?data=first")
    settle(page)
    page.get_by_role("tab", name="Crossmatch").click()
    settle(page)
    page.locator(".st-key-match_file input[type=file]").set_input_files(path)
    page.get_by_text(f"{len(some)} rows, {len(some)} with a position").wait_for()
    settle(page)
    page.locator(".st-key-match_radius input").fill("2")
    page.get_by_role("button", name="Match", exact=True).click()
    page.get_by_text(f"of 2,158 galaxies match my list.csv ({len(some)} rows)").wait_for()
    settle(page)
    page.get_by_role("button", name="Show in the table").click()
    settle(page)
    type_filter(page, "my_power < 50 and my_kind == 'odd'")
    wanted = int(((listed["power"] < 50) & (listed["kind"] == "odd")).sum())
    page.get_by_text("of 2,158 galaxies pass").wait_for()
    passing = int(page.get_by_text("of 2,158 galaxies pass").inner_text().split()[0])
    assert wanted <= passing <= wanted + 10  # galaxies that are twice in FIRST match twice
    settle(page)
    page.get_by_role("link", name="Latent map").click()
    wait_for_map(page)
    settle(page)
    page.locator(".st-key-colour").get_by_role("combobox").fill("my_power")
    page.get_by_role("option", name="my_power").click()
    page.wait_for_url("**colour=my_power**")
    settle(page)
    wait_for_map(page)
    page.reload()
    wait_for_map(page)
    settle(page)
    page.get_by_text(f"{passing} of 2,158 galaxies pass").wait_for()
    assert "colour=my_power" in page.url
    page.get_by_role("link", name="Table", exact=True).click()
    settle(page)
    page.get_by_role("tab", name="Crossmatch").click()
    settle(page)
    page.locator(".st-key-match_remove_0 button").click()
    page.get_by_text("there is no column 'my_power'").wait_for()
    settle(page)
    page.keyboard.press("Control+z")
    page.get_by_text(f"{passing} of 2,158 galaxies pass").wait_for()
