"""``radioviz encode``, also ``python -m radioviz.encode``: data sets to Atlases."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from radioviz.cli.running import new_app, progress_bar, run
from radioviz.errors import RadioVizError


def encode(
    data: Annotated[str, typer.Option(help="Data sets, separated by commas.")],
    model: Annotated[
        str, typer.Option(help="Models, separated by commas; default: every encoder.")
    ] = "",
    plane: Annotated[
        str, typer.Option(help="Which image of sources with several; default: the first.")
    ] = "",
    again: Annotated[
        bool, typer.Option("--again", help="Encode even where a valid Atlas exists.")
    ] = False,
    umap: Annotated[bool, typer.Option(help="Fit a UMAP to the survey itself.")] = True,
    measure: Annotated[
        bool, typer.Option(help="Also measure the images, so that the app opens at once.")
    ] = False,
    batch: Annotated[
        int, typer.Option(min=0, help="Images in the network at a time; 0: 128, 1024 on a GPU.")
    ] = 0,
    shard: Annotated[
        int, typer.Option(min=1, help="Images per shard: the most work an interruption loses.")
    ] = 4096,
    threads: Annotated[
        int,
        typer.Option(min=0, help="CPU threads per process; 0: an equal share of the cores."),
    ] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the work (Dask).")] = 1,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler, for workers on other machines.")
    ] = "",
) -> None:
    """Encode data sets into Atlases in your data folder; resumes an interrupted run.

    \b
    Examples:
      radioviz encode --data mirabest --model simclr
      radioviz encode --data my-survey --measure --workers 4
    """
    from radioviz import morphology
    from radioviz.data.registry import DATA_SETS, open_data_set
    from radioviz.encode.classifier import add_fr_probability
    from radioviz.encode.shards import WorkerPool
    from radioviz.encode.side_scores import add_sides
    from radioviz.encode.survey import encode_data_set, list_encoders
    from radioviz.models.registry import list_models

    if threads:
        import torch

        torch.set_num_threads(threads)
    keys = [k.strip() for k in data.split(",") if k.strip()]
    asked = [m.strip() for m in model.split(",") if m.strip()]
    models = list_models()
    if not (asked or list_encoders()):
        raise typer.BadParameter("no trained model encodes; train one: python -m train vae")

    def encode_one(key: str) -> None:
        if measure:
            with progress_bar("image") as progress:
                morphology.complete(open_data_set(key), progress)
        planes = open_data_set(key).planes
        for name in asked or [n for n in list_encoders() if models[n].sees(planes)]:
            with progress_bar("image") as progress:
                result = encode_data_set(
                    key, name, progress=progress, again=again, umap=umap, batch=batch,
                    shard=shard, workers=WorkerPool(workers, scheduler, threads), plane=plane,
                )  # fmt: skip
            if result.atlas is None:
                continue
            encoded = result.n - result.resumed
            summary = f"{encoded:,} images at {result.images_per_second:,.0f} images/s"
            summary = summary if encoded else "already encoded"
            if encoded and result.resumed:
                summary += f", {result.resumed:,} resumed"
            memory = f"peak memory {_peak_gb():.2f} GB"
            print(f"{key} x {name}: {summary}; {memory}; {result.atlas.folder}")
        if not model and key not in DATA_SETS and add_fr_probability(key, plane=plane):
            print(f"{key}: FR probabilities added")
        if not model and key not in DATA_SETS and (sides := add_sides(key, plane=plane)):
            print(f"{key}: {', '.join(sides)} added")

    failed: list[RadioVizError] = []
    try:
        for key in keys:
            try:
                encode_one(key)
            except RadioVizError as error:  # such as a survey that another process encodes
                failed.append(error)
                if len(keys) > 1:
                    print(f"{key}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nstopped; run the same command to resume", file=sys.stderr)
        raise typer.Exit(130) from None
    if failed and len(keys) == 1:
        raise failed[0]
    if failed:
        print(f"{len(failed)} of {len(keys)} data sets were not encoded", file=sys.stderr)
        raise typer.Exit(1)


def _peak_gb() -> float:
    """Largest resident memory of this process so far, in GB."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(n for n in status.read_text().splitlines() if n.startswith("VmHWM"))
        return int(line.split()[1]) / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1e9 if sys.platform == "darwin" else 1e6
    )


encode_app = new_app(
    "encode", "Encode data sets into Atlases in your data folder, streaming and resumable."
)
encode_app.command()(encode)


def encode_main(arguments: list[str] | None = None) -> int:
    """Run ``python -m radioviz.encode``; returns its exit code."""
    return run(encode_app, arguments, "python -m radioviz.encode")
