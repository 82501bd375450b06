"""What latents know of sizes and other columns of FIRST: ``python -m train evaluate relations``.

As on the page Relations: gradient boosting, five folds by source, every galaxy with a value. The R2
of angular size (its logarithm) by encoder, and the share of galaxies whose value lies in its 90 %
interval, of size and of other measured columns.
"""

from __future__ import annotations

import numpy as np

import radioviz
from radioviz.api.property_prediction import property_question
from radioviz.atlas.atlas import list_atlases
from radioviz.relations.prediction import predict
from train.core.config import TrainError
from train.evaluate.benchmarks import bootstrap, record

COMMAND = "python -m train evaluate relations"
COLUMNS = ("flux_sum", "peak", "complexity", "concentration", "bending_angle", "redshift")
"""Other columns, predicted from the latents of the encoder that knows sizes best."""
_LOG = ("las", "flux_sum", "peak")


def relations(model: str = "") -> None:
    """Record ``relations.las.<encoder>.r2`` and ``relations.<column>.coverage``."""
    known = [m for key, m in list_atlases() if key == "first"]
    encoders = [m for m in known if not model or m in model.split(",")]
    if not encoders:
        raise TrainError(f"no encoder has an Atlas of first among {model or 'those installed'}")
    galaxies = radioviz.select_galaxies("first")
    best = (-np.inf, "")
    for name in encoders:
        r2 = _measure(galaxies, "las", name, f"relations.las.{name}")
        best = max(best, (r2, name))
    for column in COLUMNS:
        _measure(galaxies, column, best[1], f"relations.{column}")


def _measure(galaxies, column: str, model: str, result: str) -> float:  # type: ignore[no-untyped-def]
    """Record R2 and coverage of one column from the latents of one encoder."""
    asked = property_question(galaxies, column, latents=model, log=column in _LOG)
    found = predict(asked)
    true, n = asked.target[asked.known], int(asked.known.sum())
    inside = (true >= found.low[asked.known]) & (true <= found.high[asked.known])
    split = f"first, five folds by source; latents of {model}, {len(asked.names)}"
    for what, value in (
        ("r2", (found.r2, *found.r2_interval())),
        ("coverage", bootstrap(inside.astype(float), np.mean)),
    ):
        record(f"{result}.{what}", value, n=n, split=split, seeds=[0], command=COMMAND)
    print(
        f"{column} from {model}: R2 {found.r2:.3f}, 90 % intervals hold {inside.mean():.3f} of {n}",
        flush=True,
    )
    return found.r2
