"""What an encoder learned from, as latents that ship with it: ``python -m train learned``.

Surveys that an encoder learned from need not be where it is used. A sample of its training and
validation images, as latents, says how far a galaxy is from all of them.
"""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save_file

from radioviz.encode import Encoder
from radioviz.models.registry import model_folder
from radioviz.similarity.familiarity import LEARNED
from train.evaluate.surveys.features import survey

TRAIN, VALID = 2048, 512
SEED = 0


def write_learned(model: str) -> None:
    """Write ``learned.safetensors`` beside the weights, latents of a sample in half precision.

    Raises RadioVizError if the model, or a data set that it learned from, is not here.
    """
    encoder = Encoder.load(model)
    keys = list(encoder.info.training["data"])
    splits = {key: survey(key)[1] for key in keys}
    draw = np.random.default_rng(SEED)
    tensors = {}
    for part, number in (("train", TRAIN), ("valid", VALID)):
        rows = [(key, row) for key in keys for row in np.flatnonzero(splits[key] == part)]
        chosen = [rows[i] for i in np.sort(draw.permutation(len(rows))[:number])]
        latents = [
            encoder.encode_catalogue(survey(key)[0], np.array([r for k, r in chosen if k == key]))
            for key in keys
            if any(k == key for k, _ in chosen)
        ]
        tensors[part] = np.concatenate(latents).astype(np.float16)
        print(f"{part}: {len(tensors[part]):,} of {len(rows):,} images of {', '.join(keys)}")
    save_file(
        tensors,
        model_folder(model) / LEARNED,
        metadata={"weights_sha256": encoder.info.weights_sha256},
    )
