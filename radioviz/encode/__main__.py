"""``python -m radioviz.encode``: a data set through the encoders, into Atlases of one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from radioviz.data.registry import DATA_SETS
from radioviz.errors import RadioVizError

app = typer.Typer(
    name="python -m radioviz.encode",
    help="Encode data sets into Atlases in the user's data folder, streaming and resumable.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command()
def encode(
    data: Annotated[str, typer.Option(help="Data sets, separated by commas.")],
    model: Annotated[
        str, typer.Option(help="Models, separated by commas; all that encode by default.")
    ] = "",
    again: Annotated[bool, typer.Option("--again", help="Also where a valid Atlas is.")] = False,
    umap: Annotated[bool, typer.Option(help="Draw a UMAP of the survey itself.")] = True,
    measure: Annotated[
        bool, typer.Option(help="Also measure the images, so that the app opens at once.")
    ] = False,
    batch: Annotated[
        int, typer.Option(min=0, help="Images in the network at a time; 0: 128, 1024 on a GPU.")
    ] = 0,
    shard: Annotated[int, typer.Option(min=1, help="Images a shard: what a kill costs.")] = 4096,
    threads: Annotated[
        int, typer.Option(min=0, help="CPU threads of each process; 0: shares of all cores.")
    ] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the work (Dask).")] = 1,
    scheduler: Annotated[
        str, typer.Option(help="Address of a Dask scheduler, for workers on other machines.")
    ] = "",
) -> None:
    """Encode data sets; what a run that was stopped has done already is taken up."""
    from tqdm import tqdm

    from radioviz.encode.galaxy_scores import add_fr_probability
    from radioviz.encode.shards import WorkerPool
    from radioviz.encode.survey import encode_data_set, list_encoders

    if threads:
        import torch

        torch.set_num_threads(threads)
    crew = WorkerPool(workers, scheduler, threads)
    keys = [k.strip() for k in data.split(",") if k.strip()]
    names = [m.strip() for m in model.split(",") if m.strip()] or list_encoders()
    if not names:
        raise typer.BadParameter("no trained model encodes; python -m train vae makes one")
    for key in keys:
        if measure:
            _measure(key)
        for name in names:
            with tqdm(desc=f"{key} x {name}", unit="image", dynamic_ncols=True) as bar:

                def progress(done: int, total: int, what: str, bar: tqdm = bar) -> None:
                    bar.total = total
                    bar.set_description(what, refresh=False)
                    bar.update(done - bar.n)

                result = encode_data_set(
                    key, name, progress=progress, again=again, umap=umap, batch=batch, shard=shard,
                    workers=crew,
                )  # fmt: skip
            if result.atlas is None:
                continue
            encoded = result.n - result.resumed
            said = f"{encoded:,} images at {result.images_per_second:,.0f} images/s"
            said = said if encoded else "was here already"
            if encoded and result.resumed:
                said += f", {result.resumed:,} were encoded already"
            print(f"{key} x {name}: {said}; peak memory {_peak_gb():.2f} GB; {result.atlas.folder}")
        if not model and key not in DATA_SETS and add_fr_probability(key):
            print(f"{key}: FR probabilities added")


def _measure(key: str) -> None:
    from tqdm import tqdm

    from radioviz import morphology
    from radioviz.data.registry import open_data_set

    with tqdm(desc=f"{key}: measuring", unit="image") as bar:

        def progress(done: int, total: int, what: str) -> None:
            bar.total = total
            bar.update(done - bar.n)

        morphology.complete(open_data_set(key), progress)


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


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns its exit code (0 done, 1 failed, 2 not understood)."""
    try:
        app(args=arguments, prog_name="python -m radioviz.encode")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except RadioVizError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
