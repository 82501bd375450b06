"""Speed of tags and of search by words: ``python -m tests.benchmarks.bench_words``.

Tags of 100,000 galaxies from latents and measured columns, and a sentence over a million rows:
reading it, filtering, ranking. The numbers of the table are made up; latents are those of FIRST,
repeated. Needs about 3 GB.
"""

from __future__ import annotations

import os
import time

import numpy as np
import pandas as pd

from radioviz.atlas.atlas import open_atlas
from radioviz.models.registry import encoders
from radioviz.words.answers import answer, ask
from radioviz.words.examples import ExampleSpace
from radioviz.words.heads import COLUMNS, read_heads
from radioviz.words.tagging import tag_table
from radioviz.words.vocabulary import read_vocabulary
from radioviz.workspace.table_columns import TableColumns

SENTENCE = "bent double with a bright core, larger than 80 arcsec, not compact"


def main() -> None:
    """Print the times, and how busy the machine was."""
    rng = np.random.default_rng(0)
    vocabulary = read_vocabulary()
    encoder = next(iter(encoders()))
    latents = np.resize(np.asarray(open_atlas("first", encoder).latents), (100_000, 256))
    columns = {name for tag in vocabulary.tags for name, _, _ in tag.measured} | set(COLUMNS)
    table = pd.DataFrame({name: rng.random(100_000) * 3 for name in columns})
    began = time.perf_counter()
    tags = tag_table(table, vocabulary, read_heads(encoder), latents)
    print(f"{len(tags.columns)} tags of 100,000 galaxies: {time.perf_counter() - began:.2f} s")
    n = 1_000_000
    million = pd.DataFrame({name: rng.random(n, np.float32) for name in tags})
    million["las"] = rng.random(n) * 200
    million["source_id"] = [f"s{i}" for i in range(n)]
    ready = TableColumns(million)
    for name in ("first", "again"):
        began = time.perf_counter()
        question = ask(SENTENCE, ready, vocabulary)
        found = answer(question, ready)
        print(f"a sentence over {n:,} rows, {name}: {time.perf_counter() - began:.3f} s, "
              f"{len(found.rows):,} found")  # fmt: skip
    space = ExampleSpace.of(latents, {c: table[c].to_numpy() for c in COLUMNS})
    began = time.perf_counter()
    space.teach(range(20), range(100, 120))
    print(f"a word taught by 40 examples, 100,000 ranked: {time.perf_counter() - began:.2f} s")
    print("load average:", os.getloadavg())


if __name__ == "__main__":
    main()
