"""``TorchTransform``: a transformer on tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class TorchTransform(nn.Module, ABC):
    """A fitted transformer as a function of torch tensors.

    ``transform(x)`` maps a float64 tensor ``(..., n_features)`` to
    ``(..., n_features_out)``; the values equal those of ``transform``.

    Attributes
    ----------
    differentiable : bool
        Whether autograd gives finite gradients; kinks and jumps do not matter.
    takes_missing : bool
        Whether rows with NaN become what the transformer makes of them, if it does
        not refuse them.
    gives_missing : bool
        Whether a transformed row may hold NaN, where the row does.
    makes_missing : bool
        Whether a transformed row may hold NaN, where the row does not.
    coercive : bool
        Whether a score that grows away from the training rows still does so
        behind the transform. It does not where that is constant or repeats
        itself: a search by gradients would never come back from there.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr.scores import TorchTransform
    >>> class Logarithm(TorchTransform):
    ...     def forward(self, x):
    ...         return x.log1p()
    >>> Logarithm()(torch.zeros(1, 2))
    tensor([[0., 0.]])
    """

    differentiable: bool = True
    coercive: bool = True
    takes_missing: bool = False
    gives_missing: bool = True
    makes_missing: bool = False

    def _keep(self, **arrays: Any) -> None:
        """Register arrays as buffers; those of positions stay integers."""
        for name, array in arrays.items():
            array = np.ascontiguousarray(array)
            whole = np.issubdtype(array.dtype, np.integer)
            dtype = torch.int64 if whole else torch.float64
            self.register_buffer(name, torch.tensor(array, dtype=dtype))

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Transform rows.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            The rows.

        Returns
        -------
        Tensor of shape (..., n_features_out)
            The transformed rows.
        """

    def of_complete_rows(self) -> TorchTransform:
        """The transform of rows without NaN; itself where that is no simpler.

        Returns
        -------
        TorchTransform
            Gives the same to rows without NaN.
        """
        return self

    def presence(self, present: Tensor) -> Tensor | None:
        """Which transformed columns come from the columns that are present.

        Parameters
        ----------
        present : bool Tensor of shape (..., n_features)
            The columns that are present.

        Returns
        -------
        bool Tensor of shape (..., n_features_out) or None
            None where a transformed column comes from several columns.
        """
        return None

    def move(self, moves: Tensor) -> Tensor | None:
        """How far transformed rows move when rows without NaN move.

        Parameters
        ----------
        moves : Tensor of shape (..., n_features)
            What is added to a row.

        Returns
        -------
        Tensor of shape (..., n_features_out) or None
            None where it depends on the row.
        """
        return None


class NotTranslatedError(Exception):
    """A transformer has no translation to torch; carries the names of its steps."""

    def __str__(self) -> str:
        return "__".join(self.args)
