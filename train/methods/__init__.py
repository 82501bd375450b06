"""Training methods by name: the task class behind ``python -m train METHOD``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the command line explains itself without torch
    from train.core.config import RunConfig
    from train.core.task import AnyTask

METHODS = {
    "vae": "train.methods.vae:VaeTask",
    "cvae": "train.methods.cvae:CvaeTask",
    "refine": "train.methods.refine:RefineTask",
    "flow": "train.methods.flow:FlowTask",
    "vdvae": "train.methods.vdvae:VdvaeTask",
    "classifier": "train.methods.classifier:ClassifierTask",
    "maf": "train.methods.maf:MafTask",
    "simclr": "train.methods.ssl:SimClrTask",
    "byol": "train.methods.ssl:ByolTask",
    "simsiam": "train.methods.ssl:SimSiamTask",
    "survey-simclr": "train.methods.survey_ssl:SurveySimClrTask",
    "survey-byol": "train.methods.survey_ssl:SurveyByolTask",
    "survey-simsiam": "train.methods.survey_ssl:SurveySimSiamTask",
    "survey-vicreg": "train.methods.survey_ssl:SurveyVicRegTask",
    "finetune": "train.methods.finetune:FinetuneTask",
    "semi": "train.methods.semi:SemiTask",
}
"""Method on the command line to ``module:class`` of its task."""


def load_object(path: str) -> Any:
    """The object that ``module:name`` names; imports the module."""
    module, name = path.split(":")
    return getattr(importlib.import_module(module), name)


def task_class(method: str) -> type[AnyTask]:
    """Task of a method.

    Raises TrainError if there is no such method.
    """
    from train.core.config import TrainError

    if method not in METHODS:
        raise TrainError(f"method is '{method}'; expected one of {', '.join(METHODS)}")
    found: type[AnyTask] = load_object(METHODS[method])
    return found


def task_of(method: str, run: str, **changes: Any) -> AnyTask:
    """Seeded task of ``train/runs/<run>.toml``; ``changes`` override the file (None: ignored)."""
    from train.core.config import read_run

    cls = task_class(method)
    return seeded(cls, read_run(cls.config_class, run, **changes))


def stored_task(method: str, values: dict[str, Any], where: str) -> AnyTask:
    """Seeded task from a configuration as ``run.json`` and ``config.json`` store it."""
    from train.core.config import from_dict

    cls = task_class(method)
    return seeded(cls, from_dict(cls.config_class, values, where))


def seeded(cls: type[AnyTask], config: RunConfig) -> AnyTask:
    """Task whose initial weights follow from the seed of its configuration."""
    import torch

    torch.manual_seed(config.seed)
    return cls(config)
