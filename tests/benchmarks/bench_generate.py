"""Generating: 64 images, the 21x21 plane, the first open with torch, memory of all models.

    python tests/benchmarks/bench_generate.py [--models cvae] [--threads 2] [--check]

Every part runs in a process of its own, so that nothing is warm that would not be. Processor
time (cpu_s) tells a slow model from a busy machine. ``--check``
makes the limits count: 64 images in 2 s, the plane in 1 s, the first image in 6 s, 1.5 GB with
every shipped model loaded.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable

LIMITS = {
    "images64_s": 2.0,
    "plane_s": 1.0,
    "walk_s": 1.0,
    "first_open_s": 6.0,
    "all_models_gb": 1.5,
}


def main() -> None:
    """Measure and print; with ``--check`` exit 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", help="names separated by commas (default: all that decode)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        print(json.dumps(_part(args.part, args.threads)))
        return
    from radioviz.models.registry import with_capability

    models = args.models.split(",") if args.models else list(with_capability("decode"))
    if not models:
        raise SystemExit("no trained model decodes; run: python -m train vae --run vae32 --publish")
    missed = []
    parts = [f"{kind}:{name}" for name in models for kind in ("open", "generate")]
    for part in [*parts, "plane:vae2", *(f"walk:{name}" for name in models), "memory:"]:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.bench_generate",
            "--part",
            part,
            "--threads",
            str(args.threads),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            print(f"{part}: {done.stderr.strip().splitlines()[-1]}")
            continue
        for name, value in json.loads(done.stdout.splitlines()[-1]).items():
            limit = LIMITS.get(name)
            passed = "" if limit is None else f"  (limit {limit:g})"
            print(f"{part} {name} {value:.3f}{passed}")
            if limit is not None and value > limit:
                missed.append(f"{part} {name}")
    if args.check and missed:
        raise SystemExit(f"over the limit: {', '.join(missed)}")


def _part(part: str, threads: int) -> dict[str, float]:
    kind, name = part.split(":")
    started = time.perf_counter()
    import torch

    torch.set_num_threads(threads)
    from radioviz.encode import Encoder, GenerationRequest, Generator

    if kind == "open":
        Generator.load(name).sample(GenerationRequest(n=1))
        return {"first_open_s": time.perf_counter() - started, "first_cpu_s": time.process_time()}
    if kind == "generate":
        generator = Generator.load(name)
        generator.sample(GenerationRequest(n=16))
        seconds, busy = _best(lambda: generator.sample(GenerationRequest(n=64, seed=1)))
        return {"images64_s": seconds, "images64_cpu_s": busy}
    if kind in ("plane", "walk"):
        import numpy as np

        encoder = Encoder.load(name)
        axis = np.linspace(-4, 4, 21, dtype=np.float32)
        z = np.zeros((axis.size**2, encoder.info.latent_dim), np.float32)
        z[:, :2] = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
        encoder.decode(z[:8])
        seconds, busy = _best(lambda: encoder.decode(z, draft=True))
        return {f"{kind}_s": seconds, f"{kind}_cpu_s": busy}
    from radioviz.models import weights
    from radioviz.models.registry import list_models
    from radioviz.paths import trained_folder

    imported = _resident()
    kept = [weights.load(trained_folder() / model) for model in list_models()]
    return {"models": len(kept), "torch_alone_gb": imported, "all_models_gb": _resident()}


def _resident() -> float:
    """Largest resident memory of this process so far, in GB."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _best(call: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """Shortest wall time, and processor time of that call over all threads."""
    times = []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        call()
        times.append((time.perf_counter() - start, time.process_time() - busy))
    return min(times)


if __name__ == "__main__":
    main()
