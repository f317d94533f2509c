"""Batches of rows that lie on the device already, and the noise drawn for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import TensorDataset


@dataclass(frozen=True)
class Batch:
    """Rows to learn from.

    All that is random in a loss is drawn by :meth:`normal` and :meth:`uniform`,
    so that a seed gives the same draws on every device.

    Attributes
    ----------
    x : Tensor of shape (n, n_features)
        Standardised rows.
    weight : Tensor of shape (n,)
        Weights of the rows; their mean over the training rows is one.
    generator : torch.Generator
        On the CPU.
    """

    x: Tensor
    weight: Tensor
    generator: torch.Generator

    def __len__(self) -> int:
        return len(self.x)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal draws."""
        return self._drawn(torch.randn, shape)

    def uniform(self, *shape: int) -> Tensor:
        """Draws from U[0, 1)."""
        return self._drawn(torch.rand, shape)

    def _drawn(self, draw: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        # Another type, or another device, would draw other numbers.
        settings = {"dtype": torch.float32, "device": "cpu"}
        draws = draw(shape, generator=self.generator, **settings)
        return draws.to(device=self.x.device, dtype=self.x.dtype)


class TensorBatches:
    """Slices of the tensors of a data set; what skorch calls an iterator.

    A DataLoader, which fetches row by row, takes longer than the training
    step of a small net. Batches differ by one row at most: none is tiny.

    Parameters
    ----------
    dataset : TensorDataset
        Rows and weights, on the device.
    batch_size : int
        Largest number of rows in a batch.
    seed : int
        Seeds the order of the rows and what the losses draw.
    shuffle : bool
        Whether each epoch has an order, and draws, of its own. Without, all
        epochs are alike: their losses compare.
    """

    def __init__(
        self, dataset: TensorDataset, batch_size: int, *, seed: int, shuffle: bool
    ) -> None:
        self.dataset = dataset
        self.seed = seed
        self.shuffle = shuffle
        self.generator = torch.Generator().manual_seed(seed)
        self._n_batches = -(-len(dataset) // batch_size)

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[tuple[Batch, None]]:
        x, weight = self.dataset.tensors
        if self.shuffle:
            order = torch.randperm(len(x), generator=self.generator).to(x.device)
            for part in order.tensor_split(len(self)):
                yield Batch(x[part], weight[part], self.generator), None
            return
        self.generator.manual_seed(self.seed)
        parts = x.tensor_split(len(self)), weight.tensor_split(len(self))
        for rows, weights in zip(*parts, strict=True):
            yield Batch(rows, weights, self.generator), None
