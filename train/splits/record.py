"""Make the fixed splits from the data sets and record them: ``python -m train splits``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from radioviz.data.datasets import first, frdeep, mirabest
from radioviz.data.splits import FOLDER
from radioviz.jobs.progress import Progress, no_progress
from train.splits import rules


def record_splits() -> None:
    """Make and write the splits of all data sets."""
    write_splits(make_splits())


def make_splits(progress: Progress = no_progress) -> dict[str, pd.DataFrame]:
    """Make the splits of all data sets from their files (takes two minutes).

    Raises CatalogueError if MiraBest or FR-DEEP has not been fetched.
    """
    catalogues = {
        first.INFO.key: first.read_first(progress),
        mirabest.INFO.key: mirabest.read_mirabest(progress),
        frdeep.FIRST.key: frdeep.read_frdeep_first(progress),
        frdeep.NVSS.key: frdeep.read_frdeep_nvss(progress),
    }
    return rules.apply_rules(catalogues, progress)


def write_splits(tables: dict[str, pd.DataFrame], folder: Path = FOLDER) -> None:
    """Record splits, one CSV file a data set."""
    folder.mkdir(parents=True, exist_ok=True)
    for key, table in tables.items():
        with (folder / f"{key}.csv").open("w", encoding="utf-8", newline="\n") as file:
            file.write("# Made by: python -m train splits. Rules: train/splits/rules.py\n")
            table.to_csv(file, index=False, lineterminator="\n")
