"""Encoding and decoding throughput of every shipped model.

Prints images a second on this machine, and how long the first call waits for torch. On a machine
that others use too, ``--cpu`` counts the time that the cores worked instead of the time that
passed; ``--record`` keeps ``encode.<model>.images_per_second`` in ``trained/benchmarks.json``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np


def main() -> None:
    """Load each model and time it on random images, best of three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", help="names separated by commas (default: all that encode)")
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--threads", type=int, help="torch threads (default: all cores)")
    parser.add_argument("--cpu", action="store_true", help="images a second of work of one core")
    parser.add_argument("--record", action="store_true", help="keep the figures")
    args = parser.parse_args()

    from radioviz.encode import Encoder
    from radioviz.models.registry import list_models
    from train.evaluate.benchmarks import record

    models = list_models()
    names = args.models.split(",") if args.models else list(models.with_capability("encode"))
    if not names:
        raise SystemExit("no trained model; run: python -m train vae --run vae32 --publish")

    start = time.perf_counter()
    Encoder.load(names[0])
    print(f"first load, torch imported: {time.perf_counter() - start:.2f} s")
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"{torch.get_num_threads()} threads, {args.images} images")
    rng = np.random.default_rng(0)
    for name in names:
        start = time.perf_counter()
        encoder = Encoder.load(name)
        loaded = time.perf_counter() - start
        size = encoder.info.preprocess.size
        images = rng.random((args.images, size, size), dtype=np.float32)
        z = rng.normal(size=(args.images, encoder.info.latent_dim)).astype(np.float32)
        clock = time.process_time if args.cpu else time.perf_counter
        encoding = rate(partial(encoder.encode, images), len(z), clock)
        line = f"{name}: load {loaded:.2f} s, encode {encoding:.0f} images/s"
        if encoder.info.can("decode"):
            decoding = rate(partial(encoder.decode, z), len(z), clock)
            line += f", decode {decoding:.0f} images/s"
        print(line, flush=True)
        if args.record:
            record(
                f"encode.{name}.images_per_second",
                encoding,
                n=args.images,
                split="a second of work of one core" if args.cpu else "random images",
                command=f"python tests/benchmarks/bench_encode.py --record{' --cpu' * args.cpu}",
            )


def rate(call: Callable[[], object], n: int, clock: Callable[[], float]) -> float:
    """Best of three calls, in images a second of a clock."""
    best = float("inf")
    for _ in range(3):
        start = clock()
        call()
        best = min(best, clock() - start)
    return n / best


if __name__ == "__main__":
    main()
