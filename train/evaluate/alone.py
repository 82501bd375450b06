"""``python -m train evaluate alone``: does it help a search to remove unrelated emission?

Queries are the validation galaxies of four classes in FIRST, each searched among all other galaxies
with the images that the encoder knows. Once the query is encoded as it is, once without the pixels
that are held to be of other sources, and once results and queries are. Nothing is recorded: the
figures choose whether the option is on when the page **Similar** opens.
"""

from __future__ import annotations

import numpy as np

from radioviz.data.registry import open_data_set
from radioviz.encode.encoder import Encoder
from radioviz.encode.source_alone import latents_alone
from radioviz.models.registry import list_models
from radioviz.similarity import Whitening
from train.core.config import TrainError
from train.evaluate.benchmarks import bootstrap
from train.evaluate.retrieval_tasks import task
from train.evaluate.similarity import encoders, latents, measure
from train.evaluate.surveys.features import unit


def alone(model: str = "", split: str = "valid") -> None:
    """Print precision of the first ten, and mean average precision, with 95 % intervals."""
    if split == "test":
        raise TrainError("split is 'test'; validation queries choose the option")
    job, catalogue = task("first4", split), open_data_set("first")
    known = [n for n in encoders() if list_models()[n].outside == "keep"]
    for name in model.split(",") if model else known:
        encoder, database = Encoder.load(name), latents(name, "first")
        parts = np.array_split(np.arange(len(catalogue)), 20)
        masked = np.concatenate([latents_alone(encoder, catalogue, p)[:, 0] for p in parts])
        changed = (np.abs(masked - database).max(axis=1) > 0.05 * database.std()).mean()
        print(f"{name}: {changed:.0%} of galaxies look different, {len(job.rows)} queries")
        both = {"as they are": (database, database), "queries alone": (masked, database),
                "all alone": (masked, masked)}  # fmt: skip
        before: dict[str, np.ndarray] = {}
        for title, (seen, among) in both.items():
            whitening = Whitening.of(among, power=0.5)
            found = unit(whitening(seen[job.rows])) @ unit(whitening(among)).T
            scores = measure(job, found)
            before = before or scores
            said = []
            for what in ("precision10", "map"):
                value = scores[what].mean()
                _, low, high = bootstrap(scores[what] - before[what], np.mean)
                said.append(f"{what} {value:.4f} (change {low:+.4f} to {high:+.4f})")
            print(f"  {title}: {', '.join(said)}", flush=True)
