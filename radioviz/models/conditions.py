"""Requested class and angular size as numbers for a network."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from radioviz.errors import ModelError


class Conditions:
    """One-hot class and logarithm of the angular size, each zero if not requested.

    Parameters
    ----------
    classes : sequence of str
        Classes that can be requested; empty if none.
    size_range : sequence of two float
        Smallest and largest angular size [arcsec] that can be requested; empty if none.

    Attributes
    ----------
    length : int
        Numbers per image: the classes, then "size requested" and its logarithm scaled to -1..1.

    Raises
    ------
    ModelError
        If the range of sizes is invalid.
    """

    def __init__(self, classes: Sequence[str] = (), size_range: Sequence[float] = ()) -> None:
        self.classes = tuple(classes)
        try:
            self.size_range = tuple(float(v) for v in size_range)
        except (TypeError, ValueError):
            raise ModelError(
                f"size_range is {str(size_range)[:60]!r}; expected a smaller and a larger size in "
                "arcsec"
            ) from None
        if self.size_range and not (
            len(self.size_range) == 2 and 0 < self.size_range[0] < self.size_range[1]
        ):
            raise ModelError(
                f"size_range is {self.size_range}; expected a smaller and a larger size in arcsec"
            )
        self.length = len(self.classes) + (2 if self.size_range else 0)

    def __call__(
        self,
        n: int,
        label: Tensor | None = None,
        size: Tensor | None = None,
        device: torch.device | None = None,
    ) -> Tensor:
        """Conditions of ``n`` images, float32 ``(n, length)``.

        Parameters
        ----------
        label : Tensor, optional
            Class numbers, int64 ``(n,)``; -1 for no class.
        size : Tensor, optional
            Arcsec, ``(n,)``; NaN or a size out of range for no size.

        Raises
        ------
        ModelError
            If the model does not have the condition, or a class number is out of range.
        """
        out = torch.zeros(n, self.length, device=device)
        if label is not None:
            if not self.classes:
                raise ModelError("class is given, but the model takes none")
            if len(label) and not -1 <= int(label.min()) <= int(label.max()) < len(self.classes):
                raise ModelError(
                    f"class numbers run from {int(label.min())} to {int(label.max())}; the model "
                    f"knows 0 to {len(self.classes) - 1}"
                )
            known = label >= 0
            out[known, label[known]] = 1.0
        if size is not None:
            if not self.size_range:
                raise ModelError("angular size is given, but the model takes none")
            low, high = self.size_range
            # float32 rounds the limits themselves out of the range
            known = (size >= low * (1 - 1e-6)) & (size <= high * (1 + 1e-6))
            scaled = (size[known].float().log() - math.log(low)) / math.log(high / low) * 2 - 1
            out[known, -2] = 1.0
            out[known, -1] = scaled
        return out


def sizes_at(quantiles: Tensor, u: Tensor, label: Tensor | None = None) -> Tensor:
    """Angular sizes at the quantiles ``u`` (0..1, ``(n,)``).

    ``quantiles`` has one row per class, with sizes at equal steps from 0 to 1, interpolated in the
    logarithm. Without ``label`` the first row is used.
    """
    rows = torch.zeros_like(u, dtype=torch.long) if label is None else label.clamp_min(0)
    table = quantiles[rows].log()
    place = u.clamp(0, 1) * (table.shape[1] - 1)
    low = place.long().clamp_max(table.shape[1] - 2)
    left, right = (table.gather(1, i[:, None])[:, 0] for i in (low, low + 1))
    return torch.lerp(left, right, place - low).exp()
