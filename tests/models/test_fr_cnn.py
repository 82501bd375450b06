"""FR classifiers: what every model owes, temperature, views, and the networks as published."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from radioviz.data.preprocess import Preprocess
from radioviz.errors import ModelError
from radioviz.models import weights
from radioviz.models.artefact import ModelInfo
from radioviz.models.fr_cnn import FrClassifier, FrCnn, FrResNet
from radioviz.models.registry import build
from tests.models.small import batch

SMALL: dict[str, dict[str, Any]] = {
    "fr-cnn": {"size": 16, "channels": [4, 6], "kernels": [5, 3], "dense": [12, 8]},
    "fr-resnet": {"size": 16, "width": 4, "multipliers": [1, 2], "features": 8, "views": 4},
}
KIND = pytest.mark.parametrize("kind", SMALL)


def small(kind: str, **changes: Any) -> FrClassifier:
    torch.manual_seed(0)
    module = build(kind, {**SMALL[kind], **changes})
    assert isinstance(module, FrClassifier)
    return module


@KIND
def test_shapes_and_sums(kind: str) -> None:
    module, x = small(kind).eval(), batch(5, 16)
    assert module.features(x).shape == (5, 8)
    p = module.probabilities(x)
    assert p.shape == (5, 2) and p.dtype == torch.float32
    torch.testing.assert_close(p.sum(1), torch.ones(5))
    torch.testing.assert_close(module(x).softmax(1), p)
    with pytest.raises(ModelError, match=r"\(n, 1, 16, 16\)"):
        module.features(batch(2, 12))


@KIND
def test_gradients_reach_every_parameter(kind: str) -> None:
    module = small(kind).train()
    target = torch.tensor([0, 1] * 8)
    torch.nn.functional.cross_entropy(module.logits(batch(16, 16)), target).backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


@KIND
def test_evaluation_is_repeatable_and_independent_of_the_batch(kind: str) -> None:
    module, x = small(kind).eval(), batch(6, 16)
    torch.testing.assert_close(module.logits(x), module.logits(x), rtol=0, atol=0)
    torch.testing.assert_close(module.logits(x)[:2], module.logits(x[:2]), rtol=1e-5, atol=1e-6)


@KIND
def test_save_and_load(kind: str, tmp_path: Path) -> None:
    module, x = small(kind).eval(), batch(4, 16)
    module.temperature.fill_(0.75)
    info = ModelInfo(
        name="tiny",
        title="Tiny",
        kind=kind,
        capabilities=("classify", "features"),
        latent_dim=8,
        preprocess=dataclasses.replace(Preprocess(), size=16),
        architecture=SMALL[kind],
    )
    weights.save(tmp_path / "tiny", module, info, "card")
    loaded, _ = weights.load(tmp_path / "tiny")
    assert float(loaded.temperature) == 0.75
    torch.testing.assert_close(loaded.probabilities(x), module.probabilities(x), atol=2e-3, rtol=0)


@KIND
def test_temperature_softens_but_never_changes_the_class(kind: str) -> None:
    module, x = small(kind).eval(), batch(8, 16)
    before = module.probabilities(x)
    module.temperature.fill_(4.0)
    after = module.probabilities(x)
    assert (before.argmax(1) == after.argmax(1)).all()
    assert (after.amax(1) <= before.amax(1)).all()
    torch.testing.assert_close(after, (module.logits(x) / 4).softmax(1))


@pytest.mark.parametrize("views", [4, 8])
def test_views_make_turned_images_the_same(views: int) -> None:
    module, x = small("fr-resnet", views=views).eval(), batch(5, 16)
    torch.testing.assert_close(module.features(x), module.features(x.rot90(1, (2, 3))))
    mirrored = module.features(x.flip(3))
    assert torch.allclose(module.features(x), mirrored, atol=1e-5) == (views == 8)
    # Means of logits over the views, which are the logits of the mean features.
    single = small("fr-resnet", views=1).eval()
    single.load_state_dict(module.state_dict())
    turned = torch.stack([single.logits(x.rot90(k, (2, 3))) for k in range(4)]).mean(0)
    if views == 4:
        torch.testing.assert_close(module.logits(x), turned, rtol=1e-4, atol=1e-5)


def test_the_published_network() -> None:
    module = FrCnn()
    kinds = [type(layer).__name__ for layer in module.body]
    assert kinds[:20] == ["Conv2d", "ReLU", "BatchNorm2d", "MaxPool2d"] * 5
    assert sum(isinstance(m, torch.nn.Linear) for m in module.modules()) == 3
    assert module.eval().probabilities(batch(2, 100)).shape == (2, 2)


def test_square_root_has_a_gradient_at_zero() -> None:
    x = torch.zeros(1, 1, 64, 64, requires_grad=True)
    FrResNet(width=4).eval().logits(x)[:, 1].sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("fr-cnn", {"classes": ["FRI"]}, "two or more"),
        ("fr-cnn", {"classes": ["FRI", "FRI"]}, "two or more different"),
        ("fr-cnn", {"kernels": [3]}, "as many kernels"),
        ("fr-cnn", {"size": 2}, "leave no pixel"),
        ("fr-cnn", {"dense": [128]}, "expected 1 to 64"),
        ("fr-resnet", {"size": 20}, "multiple of 8"),
        ("fr-resnet", {"features": 512}, "features is 512"),
        ("fr-resnet", {"views": 3}, "expected 1, 4 or 8"),
    ],
)
def test_what_cannot_be_built(kind: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        small(kind, **changes)
