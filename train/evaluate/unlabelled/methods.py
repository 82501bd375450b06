"""Methods that separate two classes without labels, several seeds of each at once.

After "A Robust Hierarchical Variational Auto-encoder for Unsupervised Star Galaxy Classification",
Section 4: V+M, Vr+M with four terms, A+Vr; and a baseline. Every method gives one number an image
for each seed at several epochs; nothing here sees a label.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from radioviz.models.two_peak_vae import HierarchicalVAE, TwoPeaks, TwoPeakVAE
from radioviz.models.vae import DenseVAE, Elbo, GaussianVAE

TERMS = ("sc", "dkl", "aw", "pw")
MANIFOLDS = ("isomap", "t-sne")
CODES = 30
DIMENSIONS = 8
"""Of the plain VAE. Those with two peaks have 1, and 2 where a manifold follows; over codes 1."""

WEIGHTS = {"kl": 1.0, "sc": 0.25, "dkl": 0.25, "aw": 1.0, "pw": 3.0}
CODE_WEIGHTS = {"sc": 1.0, "dkl": 3.0, "aw": 3.0, "pw": 10.0}
"""Weight of each term beside the likelihood of images and of codes. Those of dkl and aw were chosen
on validation images of the compact sources with three seeds, the others are of the same order."""

HIDDEN = (64, 24)
NARROWING = (32,)
_BATCH = 128
_FITTED = 300  # galaxies that a manifold is fitted to
_NEAREST = 5

Parts = dict[str, Tensor]
"""Part to images ``(n, ...)`` or, one set a seed, ``(seeds, n, ...)``."""

Scores = dict[str, np.ndarray]
"""Part to one number for each seed and image, ``(seeds, n)``."""


@dataclass(frozen=True)
class Settings:
    """Seeds; epochs over images, before a manifold and over codes; how often scores are read."""

    seeds: int = 10
    epochs: int = 40
    manifold_epochs: int = 20
    code_epochs: int = 48
    checks: int = 4


class Ensemble:
    """Networks of one architecture and several seeds that train side by side, by ``vmap``."""

    def __init__(self, build: Callable[[], nn.Module], seeds: int) -> None:
        networks = []
        for seed in range(seeds):
            torch.manual_seed(seed)
            networks.append(build())
        self.network = networks[0]
        self.weights, self.buffers = stack_module_state(networks)

    def apply(self, part: Callable[[Any, Tensor], Tensor], x: Tensor, own: bool) -> Tensor:
        """``part(network, x)`` of each network, ``(seeds, ...)``; ``own``: x has one a seed."""
        call = _Part(self.network, part)

        def one(weights: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Any:
            named = {f"network.{k}": v for k, v in (weights | buffers).items()}
            return functional_call(call, named, (x,))

        axes = (0, 0, 0 if own else None)
        found: Tensor = vmap(one, axes, randomness="different")(self.weights, self.buffers, x)
        return found

    def train(
        self,
        loss: Callable[[Any, Tensor, float], Tensor],
        x: Tensor,
        epochs: int,
        checks: int,
        own: bool = False,
    ) -> Iterator[int]:
        """Minimise ``loss(network, batch, progress)``; yields the epoch at each of ``checks``.

        ``progress`` rises from 0 to 1 over the first half of the epochs.
        """
        torch.manual_seed(0)
        optimiser = torch.optim.Adam(list(self.weights.values()), 2e-3)
        images = x.shape[int(own)]
        for epoch in range(epochs):
            progress = min(1.0, 2 * epoch / epochs)
            for rows in torch.randperm(images).split(_BATCH):
                batch = x[:, rows] if own else x[rows]
                step = self.apply(functools.partial(_at, loss, progress), batch, own)
                optimiser.zero_grad()
                step.sum().backward()
                optimiser.step()
            if (epoch + 1) % max(1, epochs // checks) == 0:
                yield epoch + 1

    @torch.no_grad()
    def read(self, part: Callable[[Any, Tensor], Tensor], x: Parts, own: bool = False) -> Parts:
        """:meth:`apply` to each part of the images."""
        return {name: self.apply(part, images, own) for name, images in x.items()}

    def member(self, seed: int) -> nn.Module:
        """One of the networks."""
        network = copy.deepcopy(self.network)
        state = {k: v[seed].detach() for k, v in (self.weights | self.buffers).items()}
        network.load_state_dict(state)
        return network.eval()


def _at(
    loss: Callable[[Any, Tensor, float], Tensor], progress: float, network: Any, x: Tensor
) -> Tensor:
    return loss(network, x, progress)


class _Part(nn.Module):
    """A function of a network as a module, whose weights can be replaced."""

    def __init__(self, network: nn.Module, part: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.part = network, part

    def forward(self, x: Tensor) -> Tensor:
        return self.part(self.network, x)


Found = Iterator[tuple[str, int, Scores]]
"""Name of a method, epochs trained, scores."""


def every_method(images: Parts, settings: Settings) -> Found:
    """Scores of each method at each of its epochs."""
    yield "pca", 0, principal_components(images, settings.seeds)
    yield from manifolds_of_a_vae(images, settings)
    for term in TERMS:
        yield from two_peaks(images, term, settings)
    codes = normal_codes(images, settings).normal
    for term in TERMS:
        yield from two_peaks_over_codes(codes, term, settings)


def principal_components(images: Parts, seeds: int) -> Scores:
    """The baseline: 16 principal components of the pixels, share of one of two normals."""
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    flat = {part: x.flatten(1).numpy() for part, x in images.items()}
    pca = PCA(16, random_state=0).fit(flat["train"])
    low = {part: pca.transform(x) for part, x in flat.items()}
    fits = [GaussianMixture(2, random_state=seed).fit(low["train"]) for seed in range(seeds)]
    return {p: np.stack([g.predict_proba(x)[:, 1] for g in fits]) for p, x in low.items()}


def manifolds_of_a_vae(images: Parts, settings: Settings) -> Found:
    """V+M: a VAE with a normal prior, its latent vectors on one dimension."""
    ensemble = Ensemble(lambda: DenseVAE(DIMENSIONS, **_options(images)), settings.seeds)
    for epoch in ensemble.train(elbo_loss("kl"), images["train"], settings.manifold_epochs, 1):
        codes = ensemble.read(lambda network, x: network.encode(x), images)
        for manifold in MANIFOLDS:
            yield f"v+{manifold}", epoch, on_one_dimension(codes, manifold)


def two_peaks(images: Parts, term: str, settings: Settings) -> Found:
    """Vr, one latent coordinate, and Vr+M, a manifold of two."""
    for latent in (1, 2):
        ensemble = Ensemble(functools.partial(_peaks, images, term, latent), settings.seeds)
        epochs, checks = settings.epochs, settings.checks
        if latent == 2:
            epochs, checks = settings.manifold_epochs, 1
        for epoch in ensemble.train(elbo_loss(term), images["train"], epochs, checks):
            codes = ensemble.read(lambda network, x: network.encode(x), images)
            if latent == 1:
                sides = {part: np.asarray(z[..., 0]) for part, z in codes.items()}
                yield f"vr-{term}", epoch, sides
            else:
                yield f"vr-{term}+isomap", epoch, on_one_dimension(codes, "isomap")


def _peaks(images: Parts, term: str, latent_dim: int) -> TwoPeakVAE:
    return TwoPeakVAE(latent_dim, term, dense=True, **_options(images))


def _options(images: Parts) -> dict[str, Any]:
    """Arguments of dense networks for these images."""
    channels, side = images["train"].shape[1:3]
    return {"size": side, "hidden": HIDDEN, "dropout": 0.0, "channels": channels}


def hierarchy(images: Parts, term: str) -> HierarchicalVAE:
    """The network of A+Vr, untrained."""
    return HierarchicalVAE(1, CODES, NARROWING, term, dense=True, **_options(images))


@dataclass(frozen=True, eq=False)
class CodeEnsemble:
    """Autoencoders of several seeds, and their codes."""

    # Part to codes with mean 0 and variance 1 on the training images, ``(seeds, n, codes)``.
    normal: Parts
    # mean, spread: what they were before, ``(seeds, 1, codes)``
    mean: Tensor
    spread: Tensor
    autoencoders: Ensemble  # of :func:`hierarchy`; only encoder and decoder are trained


def normal_codes(images: Parts, settings: Settings) -> CodeEnsemble:
    """Codes of autoencoders, one a seed."""
    ensemble = Ensemble(lambda: hierarchy(images, "dkl"), settings.seeds)

    def loss(network: HierarchicalVAE, x: Tensor, progress: float) -> Tensor:
        maps = network.decoder(network.codes(x))
        return -network.likelihood.log_prob(maps, x).mean()

    for _ in ensemble.train(loss, images["train"], settings.epochs, 1):
        pass
    codes = ensemble.read(lambda network, x: network.codes(x), images)
    mean = codes["train"].mean(1, keepdim=True)
    spread = codes["train"].std(1, keepdim=True).clamp_min(1e-6)
    return CodeEnsemble({p: (x - mean) / spread for p, x in codes.items()}, mean, spread, ensemble)


def two_peaks_over_codes(codes: Parts, term: str, settings: Settings) -> Found:
    """A+Vr: a VAE with two peaks that reproduces the codes of an autoencoder."""
    for epoch, ensemble in _train_over_codes(codes, term, settings):
        sides = ensemble.read(_code_side, codes, own=True)
        yield f"a+vr-{term}", epoch, {part: np.asarray(z) for part, z in sides.items()}


def _train_over_codes(
    codes: Parts, term: str, settings: Settings
) -> Iterator[tuple[int, Ensemble]]:
    blank = {"train": torch.zeros(1, 1, 8, 8)}  # the images are not needed any more
    ensemble = Ensemble(lambda: hierarchy(blank, term), settings.seeds)

    def loss(network: HierarchicalVAE, x: Tensor, progress: float) -> Tensor:
        return weighed(network.code_elbo(x), CODE_WEIGHTS[term] * progress)

    for epoch in ensemble.train(loss, codes["train"], settings.code_epochs, settings.checks, True):
        yield epoch, ensemble


def _code_side(network: HierarchicalVAE, x: Tensor) -> Tensor:
    return network.bounded_posterior(network.narrow(x))[0][:, 0]


def trained_sides(images: Parts, method: str, epoch: int, settings: Settings) -> list[TwoPeaks]:
    """The networks of a method ``vr-TERM`` or ``a+vr-TERM`` at an epoch, one a seed.

    They are those that :func:`every_method` gives the scores of.
    """
    term = method.rpartition("-")[2]
    if method.startswith("vr-"):
        ensemble = Ensemble(functools.partial(_peaks, images, term, 1), settings.seeds)
        steps = ensemble.train(elbo_loss(term), images["train"], settings.epochs, settings.checks)
        _ = next(at for at in steps if at == epoch)
        return [ensemble.member(seed) for seed in range(settings.seeds)]  # type: ignore[misc]
    codes = normal_codes(images, settings)
    found = _train_over_codes(codes.normal, term, settings)
    upper = next(ensemble for at, ensemble in found if at == epoch)
    out: list[TwoPeaks] = []
    for seed in range(settings.seeds):
        whole, over = codes.autoencoders.member(seed), upper.member(seed)
        network = hierarchy(images, term).eval()
        network.load_state_dict(whole.state_dict())
        for part in ("narrow", "widen"):
            getattr(network, part).load_state_dict(getattr(over, part).state_dict())
        state = network.state_dict()
        state["log_sigma"].copy_(over.state_dict()["log_sigma"])
        state["norm.running_mean"].copy_(codes.mean[seed, 0])
        state["norm.running_var"].copy_(codes.spread[seed, 0] ** 2 - network.norm.eps)
        out.append(network)
    return out


def elbo_loss(term: str) -> Callable[[GaussianVAE, Tensor, float], Tensor]:
    """Loss of a VAE whose term has the weight of :data:`WEIGHTS`."""

    def loss(network: GaussianVAE, x: Tensor, progress: float) -> Tensor:
        return weighed(network.elbo(x), WEIGHTS[term] * progress)

    return loss


def weighed(terms: Elbo, weight: float) -> Tensor:
    """Mean of what training minimises."""
    return (weight * terms.cost.sum(1) - terms.log_likelihood).mean()


def on_one_dimension(codes: Parts, manifold: str) -> Scores:
    """Latent vectors on a manifold of one dimension, fitted to training images of each seed.

    Other images lie at the mean of their five nearest training images, since t-SNE has no rule for
    images that it was not fitted to.
    """
    from sklearn.neighbors import KNeighborsRegressor

    out: dict[str, list[np.ndarray]] = {part: [] for part in codes}
    for seed, train in enumerate(codes["train"].numpy()):
        some = np.random.default_rng(seed).permutation(len(train))[:_FITTED]
        line = _manifold(manifold, seed).fit_transform(train[some])
        place = KNeighborsRegressor(_NEAREST, weights="distance").fit(train[some], line[:, 0])
        for part, x in codes.items():
            out[part].append(place.predict(x[seed].numpy()))
    return {part: np.stack(scores) for part, scores in out.items()}


def _manifold(name: str, seed: int) -> Any:
    from sklearn.manifold import TSNE, Isomap

    if name == "isomap":
        return Isomap(n_neighbors=10, n_components=1)
    return TSNE(1, random_state=seed, init="pca", max_iter=400)
