"""What grows with a survey, measured on synthetic ones of 1,000 to 10,000,000 galaxies.

    python -m tests.benchmarks.bench_scale search --count 1000000    # index against comparing all
    python -m tests.benchmarks.bench_scale atlas --count 1000000     # opening, statistics, halves
    python -m tests.benchmarks.bench_scale layout --count 1000000    # UMAP of a sample, rest placed
    python -m tests.benchmarks.bench_scale encode --counts 1000 10000 100000 --model vae32
    python -m tests.benchmarks.bench_scale workers --counts 20000 --model vae32
    python -m tests.benchmarks.bench_scale plot                      # the curves as a picture

``--record`` keeps ``scale.<what>.<count>`` in ``trained/benchmarks.json``; ``plot`` draws what is
there. Data are made in ``--folder`` (by default a temporary one, deleted afterwards).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.benchmarks import synthetic_survey

RECORD = False
SEED = 7


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def own_mb(field: str = "RssAnon") -> float:
    """Memory of this process that is no mapped file, in MB (``VmHWM``: the peak of all)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1e3
    raise RuntimeError(f"{field} is not in /proc/self/status")


def told(what: str, count: int, **figures: float) -> None:
    """Print figures, and keep them where that is asked."""
    print(f"{what} {count:,}: " + json.dumps({k: round(v, 5) for k, v in figures.items()}))
    sys.stdout.flush()
    if RECORD:
        from train.evaluate.benchmarks import record

        for name, value in figures.items():
            if name == "dim":
                continue
            record(
                f"scale.{what}.{name}.{count}", value, n=count, split="synthetic", seeds=[SEED],
                command=f"python -m tests.benchmarks.bench_scale {_command(what)} --count {count} "
                "--record",
            )  # fmt: skip


def _command(what: str) -> str:
    """What is asked for to get figures of this name."""
    if what.endswith("_one_view"):
        return "encode --threads 1 --views 1"
    return "workers" if what.startswith("encode_") else what.split("_")[0]


def latents_file(folder: Path, count: int, dim: int) -> np.ndarray:
    """Synthetic latents in a file, memory-mapped."""
    path = folder / f"latents-{count}-{dim}.npy"
    if not path.exists():
        scratch = path.with_suffix(".part")
        out = np.lib.format.open_memmap(scratch, "w+", np.float16, (count, dim))
        synthetic_survey.latents(count, dim, out)
        out.flush()
        del out
        scratch.rename(path)
    mapped: np.ndarray = np.load(path, mmap_mode="r")
    return mapped


ALONE = """
import json, sys
from pathlib import Path
import numpy as np
from radioviz.similarity.approximate import open_index
def mb():
    lines = (l.split() for l in open("/proc/self/status") if l.startswith("Rss"))
    return {l[0]: int(l[1]) / 1e3 for l in lines}
import faiss
before = mb()
index = open_index(Path(sys.argv[1]))
for query in np.load(sys.argv[2]):
    index.nearest(query, 10)
after = mb()
print(json.dumps({"resident_mb": sum(after.values()) - sum(before.values()),
                  "memory_mb": after["RssAnon:"] - before["RssAnon:"]}))
"""


def search(folder: Path, count: int, dim: int, queries: int = 200) -> None:
    """Time and recall of the index; time of comparing all; memory of both.

    ``memory_mb`` is what a process of its own comes to hold by opening the index and searching
    it, ``resident_mb`` that with the pages of its file, which the system may take back.
    """
    import dataclasses

    from radioviz.similarity import LatentIndex, Query
    from radioviz.similarity import search as find
    from radioviz.similarity.approximate import build_index, checksum, open_index

    latents = latents_file(folder, count, dim)
    rng = np.random.default_rng(SEED)
    ids = np.arange(count).astype(str).astype(object)
    ra, dec = rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    exact = LatentIndex.create("synthetic", ids, latents, ra=ra, dec=dec)
    where = folder / f"index-{count}-{dim}"
    made = 0.0  # an index that an earlier run left in --folder is used as it is
    if not open_index(where):
        made = seconds(lambda: build_index(latents, exact.inverse_norms, where))
    summed = seconds(lambda: checksum(latents))
    held = open_index(where)
    assert held is not None
    index = dataclasses.replace(exact, approximate=held)
    rows = rng.choice(count, queries, replace=False)
    asked = [
        Query(
            np.asarray(latents[r], np.float32), positions=np.array([[ra[r], dec[r]]]),
            exclude={("synthetic", str(r))},
        )
        for r in rows
    ]  # fmt: skip
    index.row_of("0")
    for query in asked[:20]:
        find([index], query, 100)  # the file comes into memory
    np.save(folder / "asked.npy", np.stack([q.positives[0] for q in asked]))
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(where), str(folder / "asked.npy")], check=True,
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    inside, whole, results = [], [], []
    for query in asked:
        inside.append(seconds(lambda q=query: held.nearest(q.positives[0], 10)))
        start = time.perf_counter()
        results.append(find([index], query, 100)["row"].to_numpy())
        whole.append(time.perf_counter() - start)
    some = asked[: 100 if count <= 2_000_000 else 15]
    every = seconds(lambda: find([exact], some[0], 100))
    best = np.array([find([exact], q, 10)["row"].to_numpy() for q in some])
    hits = [len(set(a[:10]) & set(b)) / 10 for a, b in zip(results, best, strict=False)]
    size = sum(f.stat().st_size for f in where.iterdir())
    told(
        "search", count, recall_at_10=float(np.mean(hits)),
        index_p95_ms=1e3 * float(np.percentile(inside, 95)),
        top100_p50_ms=1e3 * float(np.median(whole)),
        top100_p95_ms=1e3 * float(np.percentile(whole, 95)), exact_ms=1e3 * every,
        checksum_s=summed, file_mb=size / 1e6, peak_mb=own_mb("VmHWM"),
        dim=dim, **json.loads(done.stdout.splitlines()[-1]), **({"build_s": made} if made else {}),
    )  # fmt: skip


OPEN = """
import sys, time, json
from pathlib import Path
import numpy as np, pandas
from radioviz.atlas.atlas import open_atlas
def mb(field):
    for line in open("/proc/self/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1e3
import pyarrow.parquet
base, own = mb("VmRSS"), mb("RssAnon")
start = time.perf_counter()
atlas = open_atlas("synthetic", "scale", folder=Path(sys.argv[1]))
opened = time.perf_counter() - start
resident, anonymous = mb("VmRSS"), mb("RssAnon") - own
rows = np.random.default_rng(0).choice(len(atlas), len(atlas) // 10, replace=False)
start = time.perf_counter()
scores = atlas.scores
part = {c: (np.nanmedian(v[rows]), np.nanmean(v[rows])) for c in scores
        if (v := scores[c].to_numpy()) is not None}
columns = time.perf_counter() - start
print(json.dumps({"open_s": opened, "resident_mb": resident, "own_mb": anonymous,
                  "statistics_of_a_tenth_s": columns}))
"""


def atlas(folder: Path, count: int, dim: int) -> None:
    """Write an Atlas, open it in a fresh process, and compare halves with single precision."""
    import pandas as pd

    from radioviz.atlas.atlas import Layout, write_atlas
    from radioviz.models.artefact import ModelInfo
    from radioviz.models.registry import list_models

    latents = latents_file(folder, count, dim)
    known = next(i for i in list_models().values() if i.latent_dim == dim)
    fields = {f: getattr(known, f) for f in ModelInfo.__dataclass_fields__}
    info = ModelInfo(**{**fields, "name": "scale"})
    layouts = {
        name: (np.asarray(latents[:, i : i + 2], np.float32), Layout(name))
        for i, name in enumerate(("umap", "pca"))
    }
    scores = pd.DataFrame(
        np.random.default_rng(0).random((count, 4), dtype=np.float32), columns=list("abcd")
    )
    root = folder / f"atlas-{count}"
    catalogue = synthetic_survey.catalogue(count)
    written = seconds(lambda: write_atlas(catalogue, info, latents, layouts, scores, folder=root))
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(root)], check=True, capture_output=True, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    told("atlas", count, write_s=written, dim=dim, **json.loads(done.stdout))


def halves(folder: Path, count: int, dim: int) -> None:
    """Share of the ten nearest neighbours in single precision that half precision keeps."""
    del folder
    real = synthetic_survey.real_latents(dim)
    made = np.asarray(synthetic_survey.latents(count, dim, np.empty((count, dim), np.float32)))
    for name, x in (("real", real), ("synthetic", made)):
        kept = []
        rows = np.random.default_rng(0).choice(len(x), min(500, len(x)), replace=False)
        half = x.astype(np.float16).astype(np.float32)
        ranks = []
        for values in (x, half):
            unit = values / np.linalg.norm(values, axis=1, keepdims=True)
            cosines = unit[rows] @ unit.T
            cosines[np.arange(len(rows)), rows] = -2
            ranks.append(np.argsort(-cosines, axis=1)[:, :10])
        kept = [len(set(a) & set(b)) / 10 for a, b in zip(*ranks, strict=True)]
        told(f"halves_{name}", len(x), neighbour_recall=float(np.mean(kept)), dim=dim)


def layout(folder: Path, count: int, dim: int) -> None:
    """UMAP of a sample with the others placed among it: time and memory."""
    from radioviz.atlas.layouts import fit_umap_layout

    latents = latents_file(folder, count, dim)
    before = own_mb()
    spent = time.process_time()
    wall = seconds(lambda: fit_umap_layout(latents))
    told(
        "layout", count, seconds=wall, processor_s=time.process_time() - spent,
        peak_mb=own_mb("VmHWM"), before_mb=before, dim=dim,
    )  # fmt: skip


ENCODE = """
import json, sys, time, shutil
from pathlib import Path
import numpy as np
from radioviz.encode import shards, survey
from radioviz.encode.shards import ShardPlan, WorkerPool
from radioviz.data.registry import open_data_set
from radioviz.models.registry import list_models
key, model, workers = sys.argv[1], sys.argv[2], int(sys.argv[3])
if sys.argv[5] == "1":
    from radioviz.models.resnet import ResNet
    ResNet.encode = ResNet.forward  # one view instead of the mean over eight
catalogue, info = open_data_set(key), list_models()[model]
part = Path(sys.argv[4])
shutil.rmtree(part, ignore_errors=True)
plan = ShardPlan(key, catalogue.digest, model, info.weights_sha256, part, survey.SHARD,
                 shards.BATCH)
survey._prepare(plan, catalogue, info)
if workers == 1:
    from radioviz.encode import Encoder
    Encoder.load(model).encode(np.zeros((128, info.preprocess.size, info.preprocess.size), "f4"))
own, times = [0.0], []
def told(done, *rest):
    times.append((done, time.perf_counter()))
    line = next(l for l in open("/proc/self/status") if l.startswith("RssAnon"))
    own[0] = max(own[0], int(line.split()[1]) / 1e3)
wall, spent = time.perf_counter(), time.process_time()
survey._encode(plan, catalogue, info, plan.missing(len(catalogue)), WorkerPool(workers), told,
               lambda: False)
wall, spent = time.perf_counter() - wall, time.process_time() - spent
# Without the start of processes: from the half, when all of them are at work, to the end.
(half, at), (end, late) = next(t for t in times if 2 * t[0] >= len(catalogue)), times[-1]
print(json.dumps({"ms_an_image": 1e3 * wall / len(catalogue),
                  "processor_ms_an_image": 1e3 * spent / len(catalogue),
                  "images_a_second": len(catalogue) / wall, "own_mb": own[0],
                  "images_a_second_later": (end - half) / (late - at)}))
"""


def surveyed(folder: Path, count: int) -> str:
    """Key of an imported synthetic survey with images."""
    from radioviz import importing
    from radioviz.data.user_surveys import list_surveys

    os.environ["RADIOVIZ_HOME"] = str(folder / "home")
    key = f"synthetic-{count}"
    if key not in list_surveys():
        path = folder / f"{key}.npy"
        shape = (count, synthetic_survey.SIDE, synthetic_survey.SIDE)
        out = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
        synthetic_survey.images(count, out)
        out.flush()
        del out
        answers = {"key": key, "pixel_scale": synthetic_survey.PIXEL_SCALE, "survey": "synthetic"}
        importing.import_survey(importing.Source(path), answers)
        path.unlink()
    return key


def encode(
    folder: Path,
    count: int,
    model: str,
    workers: int = 1,
    threads: int = 0,
    all_cores: bool = False,
    views: int = 0,
) -> Path:
    """Time, processor time and memory (without the mapped images) of encoding, by itself."""
    key = surveyed(folder, count)
    part = folder / f"part-{count}-{model}-{workers}-{threads}"
    done = subprocess.run(
        [sys.executable, "-c", ENCODE, key, model, str(workers), str(part), str(views)],
        check=True,
        capture_output=True, text=True, cwd=Path(__file__).parents[2],
        env={**os.environ, **({"OMP_NUM_THREADS": str(threads)} if threads else {})},
    )  # fmt: skip
    what = "encode" if workers == 1 else f"encode_by_{workers}"
    what += f"_on_{threads}_thread" if threads else ""
    what += "_one_view" if views == 1 else ""
    if all_cores:
        what = "encode_on_all_cores"
    figures = json.loads(done.stdout.splitlines()[-1])
    if workers > 1:  # whose time and memory are not this process's
        figures = {k: figures[k] for k in figures if k.startswith("images_a")}
    told(what, count, **figures)
    return part


def workers(folder: Path, count: int, model: str) -> None:
    """One process and two, of one thread each: throughput, and whether they made the same bytes.

    Beside them one process with a thread a core, whose latents may differ in the last digits.
    """
    one, two = (encode(folder, count, model, k, threads=1) for k in (1, 2))
    names = sorted(p.name for p in one.glob("shard-*.npy"))
    same = names == sorted(p.name for p in two.glob("shard-*.npy")) and all(
        (one / n).read_bytes() == (two / n).read_bytes() for n in names
    )
    print(f"{len(names)} shards, {'identical' if same else 'NOT IDENTICAL'}", flush=True)
    encode(folder, count, model, all_cores=True)


PANELS: list[tuple[str, list[tuple[str, str, float]]]] = [
    # title with unit, then (figure, label, factor)
    ("map: seconds", [
        ("map.open_s", "open the page", 1), ("map.lasso_s", "lasso of a tenth", 1),
        ("map.recolour_s", "recolour", 1), ("map.frame_ms", "a frame", 1e-3)]),
    ("search: milliseconds", [
        ("search.exact_ms", "comparing all", 1), ("search.top100_p95_ms", "by the index, p95", 1)]),
    ("memory: MB", [
        ("map.server_mb", "server, map", 1), ("atlas.own_mb", "open Atlas", 1),
        ("encode.own_mb", "encoding", 1)]),
    ("encoding and opening", [
        ("encode.processor_ms_an_image", "encoding, ms an image", 1),
        ("atlas.open_s", "open an Atlas, s", 1)]),
]  # fmt: skip


DECADES = [str(10**k) for k in range(3, 8)]


def plot(path: Path) -> None:
    """Growth curves of what is recorded."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from train.evaluate.benchmarks import read

    figures = {k: v["value"] for k, v in read().items() if k.startswith("scale.") and v["value"]}
    chart, axes = plt.subplots(1, len(PANELS), figsize=(13, 3.2), layout="constrained")
    for axis, (title, lines) in zip(axes, PANELS, strict=True):
        for name, label, factor in lines:
            stem = f"scale.{name}."
            found = sorted(
                (int(k.removeprefix(stem)), v * factor)
                for k, v in figures.items()
                if k.startswith(stem) and k.removeprefix(stem) in DECADES
            )
            if found:
                axis.plot(*zip(*found, strict=True), marker="o", markersize=3.5, label=label)
        axis.set(xscale="log", yscale="log", title=title, xlabel="galaxies", xlim=(700, 1.4e7))
        axis.set_ylim(top=20 * axis.get_ylim()[1])  # room for the legend
        axis.grid(alpha=0.25)
        axis.legend(fontsize=7.5, frameon=False, loc="upper left")
    chart.savefig(path, dpi=110)
    print(path)


def main() -> None:
    global RECORD
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    known = ["search", "atlas", "halves", "layout", "encode", "workers", "plot"]
    parser.add_argument("what", choices=known)
    parser.add_argument("--count", "--counts", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--model", default="vae32")
    parser.add_argument("--threads", type=int, default=0, help="of encode (default: all cores)")
    parser.add_argument("--views", type=int, choices=[0, 1], default=0, help="of encode; 1: one")
    parser.add_argument("--folder", type=Path, help="keep the data here")
    parser.add_argument("--out", type=Path, default=Path(".github/scale.png"), help="of plot")
    parser.add_argument("--record", action="store_true")
    asked = parser.parse_args()
    RECORD = asked.record
    if asked.what == "plot":
        plot(asked.out)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for count in asked.count:
            if asked.what == "encode":
                encode(folder, count, asked.model, threads=asked.threads, views=asked.views)
            elif asked.what == "workers":
                workers(folder, count, asked.model)
            else:
                globals()[asked.what](folder, count, asked.dim)


if __name__ == "__main__":
    main()
