"""Model card of FR classes of several surveys."""

from __future__ import annotations

from radioviz.models.artefact import ModelInfo

WIDE = "NVSS"
"""The survey with a head of its own."""


def head_card(info: ModelInfo) -> str:
    """Model card."""
    t = info.training
    scores = "\n".join(f"| {key} | {value:.4g} |" for key, value in info.scores.items())
    surveys = ", ".join(info.architecture["surveys"])
    return f"""# {info.title}

FRI or FRII: a {info.paper}. Kind `{info.kind}`; the network is that of `{t["config"]["init"]}`, \
which saw no class label, and only the head was trained.

## Training

Labelled images of {", ".join(t["data"])}, splits `train` and `valid`, each with \
{t["config"]["views"]} random views of it as another telescope would show it; {t["seconds"]:.0f} s \
on {t["machine"]}, commit {t["commit"] or "unknown"}. \
{WIDE} has a head of its own, which learned from the plain images; its own count ten times as much.

    {t["command"]}

## Scores

Of validation images, by heads that had not seen them (five folds of sources):

| score | value |
|---|---|
{scores}

Figures of test images: `python -m train evaluate calibration`.

## Limits

Calibrated for {surveys}, each by its own labels; elsewhere a probability is that of all these \
images together, and the app says "not calibrated for this survey". \
For compact, bent or hybrid sources it says which of both classes they resemble more.
`config.json` contains the SHA-256 of the weights; others are refused.
"""
