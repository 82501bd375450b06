"""Masked autoregressive flow over latent vectors (Papamakarios et al. 2017, arXiv:1705.07057).

A flow maps a latent vector z to u, which is standard normal for galaxies like the training ones;
the change of variables gives the exact density (Andrianomena & Tang 2023, eq. 5.1)

    log p(z) = log N(u; 0, 1) + log |det du/dz|.

Each of the ``blocks`` is a MADE (Germain et al. 2015): u_i = s_i z_i + t_i, where s_i and t_i are
functions of z_1 .. z_{i-1} (eq. 5.2); the order of the dimensions is reversed from block to
block. A stored linear map standardises latents before the first block: one scale per dimension, or
PCA whitening, which may keep fewer dimensions.

>>> flow = MAF(features=32)
>>> flow.log_prob(torch.zeros(5, 32)).shape
torch.Size([5])
"""

from __future__ import annotations

import math

import torch
from nflows.flows.autoregressive import MaskedAutoregressiveFlow
from nflows.transforms.autoregressive import MaskedAffineAutoregressiveTransform
from nflows.transforms.made import MaskedLinear
from torch import Tensor, nn

from radioviz.errors import ModelError
from radioviz.models.tensors import check_latents

STANDARDS = ("pca", "scale")
SMALLEST = 1e-4
"""Eigenvalues below this fraction of the largest are raised to it, so that a latent dimension that
the encoder does not use does not put every galaxy infinitely far away."""

EPSILON = 1e-3  # the least scale of an nflows block: softplus(a) + 0.001


class MAF(nn.Module):
    """Density of latent vectors.

    Parameters
    ----------
    features : int
        Length of a latent vector.
    blocks, hidden, layers : int
        MADEs, units of a hidden layer, hidden layers of a MADE. The paper has 48, 512 and 2.
    components : int, optional
        Dimensions kept by the standardisation; default: all.
    dropout : float
        Within each MADE, while training.
    last_scale : float
        Initial factor of the last layer of each MADE. At 0 every block starts as the identity. At
        1 (the default of the layers) a flow of 48 blocks initially shrinks every dimension by
        ``softplus(0)**48 = 2e-8``, so log p starts 17 nats per dimension too low.

    Raises
    ------
    ModelError
        If a size is not positive or ``components`` exceeds ``features``.
    """

    mean: Tensor
    matrix: Tensor

    def __init__(
        self,
        features: int,
        blocks: int = 8,
        hidden: int = 128,
        layers: int = 2,
        components: int | None = None,
        dropout: float = 0.0,
        last_scale: float = 0.01,
    ) -> None:
        super().__init__()
        kept = features if components is None else components
        sizes = {"features": features, "blocks": blocks, "hidden": hidden, "layers": layers}
        for name, size in {**sizes, "components": kept}.items():
            if size < 1:
                raise ModelError(f"{name} of a MAF is {size}; expected 1 or more")
        if kept > features:
            raise ModelError(f"a MAF of {features} features cannot keep {kept} components")
        self.latent_dim = features
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("matrix", torch.eye(features, kept))
        self.flow = MaskedAutoregressiveFlow(
            features=kept,
            hidden_features=hidden,
            num_layers=blocks,
            num_blocks_per_layer=layers - 1,  # nflows counts those after the first
            use_residual_blocks=False,
            dropout_probability=dropout,
        )
        for module in self.flow.modules():
            if isinstance(module, MaskedLinear):  # masks follow from the sizes; do not store them
                for name in ("mask", "degrees"):
                    module.register_buffer(name, getattr(module, name), persistent=False)
            if isinstance(module, MaskedAffineAutoregressiveTransform):
                _start_near_identity(module, last_scale)

    def standardise(self, latents: Tensor, method: str = "pca") -> None:
        """Set the linear map from latents ``(n, features)``, before training.

        Stored in half precision like the weights, so that training uses the shipped map.

        Raises ModelError if the method is unknown or the latents are too few or not finite.
        """
        features, kept = self.matrix.shape
        if method not in STANDARDS:
            raise ModelError(f"standardisation '{method}' is unknown; expected pca or scale")
        if method == "scale" and kept != features:
            raise ModelError(f"only pca can keep {kept} of {features} dimensions")
        if latents.ndim != 2 or latents.shape[1] != features or len(latents) < 2:
            raise ModelError(
                f"latents of shape {tuple(latents.shape)}; expected (2 or more, {features})"
            )
        x = latents.detach().double().cpu()
        if not torch.isfinite(x).all():
            raise ModelError("latents to standardise hold values that are not finite")
        mean = x.mean(0)
        if method == "scale":
            values, vectors = x.var(0), torch.eye(features, dtype=torch.float64)
        else:
            values, vectors = torch.linalg.eigh(torch.cov(x.T).reshape(features, features))
            # Largest first; the sign of an eigenvector is arbitrary, so fix it.
            values, vectors = values.flip(0)[:kept], vectors.flip(1)[:, :kept]
            largest = vectors.abs().argmax(0)
            vectors = vectors * vectors[largest, torch.arange(kept)].sign()
        values = values.clamp_min(max(float(values.max()) * SMALLEST, 1e-12))
        self.mean.copy_(mean.half())
        self.matrix.copy_((vectors / values.sqrt()).half())

    def standardised(self, latents: Tensor) -> Tensor:
        """Latents ``(n, features)`` through the linear map of :meth:`standardise`."""
        check_latents(latents, self.latent_dim)
        return (latents.float() - self.mean) @ self.matrix

    def _log_volume(self) -> Tensor:
        """Log of the factor by which the standardisation scales volumes, a scalar."""
        return torch.linalg.svdvals(self.matrix.double()).log().sum().float()

    def log_prob(self, latents: Tensor) -> Tensor:
        """Natural logarithm of the density of latents ``(n, features)``; shape ``(n,)``.

        With fewer components than features it is the density of the projection.

        Raises ModelError if the latents have another shape.
        """
        return self.flow.log_prob(self.standardised(latents)) + self._log_volume()

    def forward(self, latents: Tensor) -> Tensor:
        """The u of latent vectors, ``(n, components)``; standard normal for ordinary galaxies."""
        return self.flow.transform_to_noise(self.standardised(latents))

    def inverse(self, u: Tensor) -> Tensor:
        """Latent vectors ``(n, features)`` of ``u`` of shape ``(n, components)``."""
        standard, _ = self.flow._transform.inverse(u)  # nflows has no public inverse
        return standard @ torch.linalg.pinv(self.matrix) + self.mean

    def bits_per_dimension(self, latents: Tensor) -> Tensor:
        """Bits per standardised dimension, ``(n,)``: 2.05 for a standard normal.

        For standardised latents, so that the scale of the encoder does not matter.
        """
        log_prob = self.flow.log_prob(self.standardised(latents))
        return -log_prob / (math.log(2) * self.matrix.shape[1])


def _start_near_identity(block: MaskedAffineAutoregressiveTransform, last_scale: float) -> None:
    """Scale the last layer down and set its bias so that s = 1 and t = 0."""
    last = block.autoregressive_net.final_layer
    with torch.no_grad():
        last.weight.mul_(last_scale)
        if last_scale < 1:
            pairs = last.bias.view(-1, 2)  # nflows interleaves: scale, shift, scale, ...
            pairs[:, 0] = math.log(math.expm1(1 - EPSILON))
            pairs[:, 1] = 0.0
