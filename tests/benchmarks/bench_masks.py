"""Speed of masks by hypercolumns: ``python -m tests.benchmarks.bench_masks [--threads 2]``.

Synthetic fields of 64 x 64 pixels, with the network that ``python -m train evaluate masks`` learns:
score, islands that reach 3 sigma, and sources parted at their saddles, one threshold. Weights are
random, which takes as long; islands are those of a clip around pixels of 5 sigma.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from radioviz.models.hypercolumns import HypercolumnNet
from train.evaluate.unlabelled import masks
from train.evaluate.unlabelled.radio_fields import radio_fields

FIELDS, ROUNDS = 400, 3


def main() -> None:
    """Print images a second, the best of some rounds, and how busy the machine was."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    torch.set_num_threads(1)
    fields = radio_fields(FIELDS, 1)
    network = HypercolumnNet("residual").eval()
    parts = np.array_split(fields.noisy, threads * 4)

    def masked(images: np.ndarray) -> int:
        with torch.no_grad():
            _, clean = network.score_and_image(torch.from_numpy(images)[:, None])
        islands = masks.seeded(images > 2, images > 5)
        return int(masks.parted(islands, images + 0 * clean[:, 0].numpy()).max())

    best = np.inf
    for _ in range(ROUNDS):
        began = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(masked, parts))
        best = min(best, time.perf_counter() - began)
    print(f"{FIELDS / best:,.0f} images/s with {threads} threads (wanted: 200 with 2)")
    print("load average:", os.getloadavg())


if __name__ == "__main__":
    main()
