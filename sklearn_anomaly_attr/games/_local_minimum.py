"""Absent features settle where the score is locally smallest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from .._docstrings import shared_paragraphs
from .._torch._blocks import blocks
from .._torch._coordinate_search import CoordinateMinimizer
from .._torch._lbfgs import GradientMinimizer
from .._torch._proximity import Minimizer, Proximity
from ..scores import MixtureScore, TorchScore
from ._anchor import Anchor, AnchoredMinimizer
from ._base import Game
from ._majorizer import MixtureMinimizer
from ._players import Players

_ROUNDING = 1e-9  # of shares


def local_minimizer(
    score: TorchScore,
    proximity: Proximity,
    lower: Tensor,
    upper: Tensor,
    lacking: Tensor | None = None,
    anchor: Anchor | None = None,
) -> Minimizer:
    """Choose the minimiser that suits a score.

    Parameters
    ----------
    score : TorchScore
        Majorise-minimise steps for a Gaussian mixture, L-BFGS for another
        score that is differentiable and coercive, coordinate search for the
        rest, where there are categories, and for rows with missing entries.
    proximity : Proximity
        The price of moving.
    lower, upper : Tensor of shape (n_features,)
        Range of the training columns; only the coordinate search keeps to it.
    lacking : bool Tensor of shape (n_features,), default=None
        Columns of which training rows lack numbers; none by default.
    anchor : Anchor, default=None
        Where searches begin, and moves are priced from: usual values next to the
        row; mixtures are then also searched from each component. By default the
        row itself, and one search.

    Returns
    -------
    callable
        ``minimizer(x, free)`` gives the local minima next to the rows `x` over
        their `free` columns.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, torch_score
    >>> from sklearn_anomaly_attr._torch._proximity import Proximity
    >>> from sklearn_anomaly_attr.games import local_minimizer
    >>> X = torch.from_numpy(np.random.default_rng(0).normal(size=(200, 2)))
    >>> score = torch_score(GaussianMixtureDetector().fit(X.numpy()))
    >>> proximity = Proximity(X.std(dim=0), 0.01)
    >>> lower, upper = X.amin(dim=0), X.amax(dim=0)
    >>> minimizer = local_minimizer(score, proximity, lower, upper)
    >>> x = torch.tensor([[0.0, 5.0]], dtype=torch.float64)
    >>> minimizer(x, torch.tensor([[False, True]])).round(decimals=1)
    tensor([[0.0000, 0.2000]], dtype=torch.float64)
    """
    search = CoordinateMinimizer(score, proximity, lower, upper, lacking=lacking)
    if anchor is None:
        return _next_to_row(score, proximity, search, every_component=False)
    minimizer = _next_to_row(score, proximity, search, every_component=True)
    return AnchoredMinimizer(minimizer, anchor)


def _next_to_row(
    score: TorchScore,
    proximity: Proximity,
    search: CoordinateMinimizer,
    *,
    every_component: bool,
) -> Minimizer:
    """The minimiser that begins at the rows that it is given."""
    if not proximity.categorical:
        if isinstance(score, MixtureScore):
            return MixtureMinimizer(score, proximity, every_component=every_component)
        if score.differentiable and score.coercive:
            descent = GradientMinimizer(score, proximity)
            return _ByRows(descent, search) if score.takes_missing else descent
    return search


class _ByRows:
    """One minimizer for rows of numbers, another for those with missing ones."""

    def __init__(self, of_numbers: Minimizer, of_others: Minimizer) -> None:
        self.of_numbers = of_numbers
        self.of_others = of_others

    def __call__(self, x: Tensor, free: Tensor) -> Tensor:
        """Minimise from each row of `x` over its `free` columns."""
        minima = torch.empty_like(x)
        lacking = x.isnan().any(dim=-1)
        for rows, minimizer in ((~lacking, self.of_numbers), (lacking, self.of_others)):
            if bool(rows.any()):
                minima[rows] = minimizer(x[rows], free[rows])
        return minima


class _MinimumGame(Game):
    """What the two games of local minima share."""

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        minimizer: Minimizer,
        *,
        categorical: Sequence[int] = (),
        batch_size: int = 4096,
    ) -> None:
        super().__init__(score, x, players, batch_size)
        self.minimizer = minimizer
        self.categorical = categorical

    def _minima(self, coalitions: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """Blocks of local minima with the players of each coalition held fixed."""
        n_samples, n_features = self.x.shape
        fixed = self.players.fixed(self.x.device)
        for rows, cols in blocks(n_samples, len(coalitions), self.batch_size):
            free = ~self.players[rows].expand(coalitions[cols])
            if fixed is not None:
                free = free & ~fixed[rows, None]
            grid = torch.broadcast_tensors(self.x[rows, None], free)
            shape = grid[0].shape
            y = self.minimizer(*(g.reshape(-1, n_features) for g in grid))
            yield rows, cols, y.view(shape)


@shared_paragraphs
class LocalMinimumGame(_MinimumGame):
    r"""Score at the local minimum with the coalition's features held fixed.

    .. math::

        \hat v(S; x) = e(\hat x(S)), \qquad
        \hat x(S) = \arg\min_{y_S = x_S} e(y) / d
        + \frac{\gamma}{|S^c|} \sum_{i \in S^c} \mathrm{dist}(y_i, x_i)

    One minimisation a row and coalition (Takeishi & Kawahara 2023, Eq. 3; as
    in the authors' code, the score is divided by the number of features).

    Parameters
    ----------
    score : TorchScore
        Anomaly score.
    x : Tensor of shape (n_samples, n_features)
        The rows to explain.
    players : Players
        Who shares the score.
    minimizer : callable
        ``minimizer(x, free)`` gives the local minima.
    categorical : sequence of int, default=()
        Positions of the columns that hold codes of categories.
    batch_size : int, default=4096 {scoring_batch_size}

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, torch_score
    >>> from sklearn_anomaly_attr.games import LocalMinimumGame, Players
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> score = torch_score(GaussianMixtureDetector().fit(X))
    >>> x = torch.tensor([[0.0, 5.0]], dtype=torch.float64)
    >>> game = LocalMinimumGame(
    ...     score,
    ...     x,
    ...     Players.from_groups(["a", "b"], None),
    ...     lambda x, free: torch.where(free, 0.0, x),  # the mode, near enough
    ... )
    >>> game.values(torch.tensor([[False, False], [False, True]])).round(decimals=1)
    tensor([[ 1.8000, 14.0000]], dtype=torch.float64)
    """

    @property
    def reference(self) -> Tensor:
        """The local minima with every feature free, ``(n_samples, n_features)``."""
        reference = torch.empty_like(self.x)
        nobody = self.x.new_zeros(1, len(self.players), dtype=torch.bool)
        for rows, _, y in self._minima(nobody):
            reference[rows] = y[:, 0]
        return reference

    def values(self, coalitions: Tensor) -> Tensor:
        """Scores with absent players, ``(n_samples, n_coalitions)``."""
        worth = self.x.new_empty(len(self.x), len(coalitions))
        with torch.no_grad():
            for rows, cols, y in self._minima(coalitions):
                worth[rows, cols] = self.score(y)
        return worth


@shared_paragraphs
class RelaxedMinimumGame(_MinimumGame):
    r"""Score where the absent features average a few local minima.

    .. math::

        v(S; x) = e(x_S, z_{S^c}), \qquad
        z = \frac{\hat x(\emptyset) + \sum_{i \in S} \hat x(\{i\})}{|S| + 1}

    One minimisation a row and player (Takeishi & Kawahara 2023, Eq. 4-5; the
    parentheses of the printed Eq. 4 are misplaced). Categories have no mean:
    the most frequent one of the minima stands in for it. A number is missing where
    it is so in most minima, and the mean of the others elsewhere.

    Parameters
    ----------
    score : TorchScore
        Anomaly score.
    x : Tensor of shape (n_samples, n_features)
        The rows to explain.
    players : Players
        Who shares the score.
    minimizer : callable
        ``minimizer(x, free)`` gives the local minima.
    categorical : sequence of int, default=()
        Positions of the columns that hold codes of categories.
    batch_size : int, default=4096 {scoring_batch_size}

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, torch_score
    >>> from sklearn_anomaly_attr.games import RelaxedMinimumGame, Players
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> score = torch_score(GaussianMixtureDetector().fit(X))
    >>> x = torch.tensor([[0.0, 5.0]], dtype=torch.float64)
    >>> game = RelaxedMinimumGame(
    ...     score,
    ...     x,
    ...     Players.from_groups(["a", "b"], None),
    ...     lambda x, free: torch.where(free, 0.0, x),  # the mode, near enough
    ... )
    >>> game.values(torch.tensor([[False, False], [False, True]])).round(decimals=1)
    tensor([[ 1.8000, 14.0000]], dtype=torch.float64)
    """

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        minimizer: Minimizer,
        *,
        categorical: Sequence[int] = (),
        batch_size: int = 4096,
    ) -> None:
        super().__init__(
            score,
            x,
            players,
            minimizer,
            categorical=categorical,
            batch_size=batch_size,
        )
        coalitions = torch.eye(len(players), dtype=torch.bool, device=x.device)
        coalitions = torch.cat([torch.zeros_like(coalitions[:1]), coalitions])
        self._minimum = x.new_empty(len(x), len(coalitions), x.shape[1])
        for rows, cols, y in self._minima(coalitions):
            self._minimum[rows, cols] = y

    @property
    def reference(self) -> Tensor:
        """The local minima with every feature free, ``(n_samples, n_features)``."""
        return self._minimum[:, 0]

    def values(self, coalitions: Tensor) -> Tensor:
        """Scores with absent players, ``(n_samples, n_coalitions)``."""
        weights = torch.nn.functional.pad(coalitions.to(self.x), (1, 0), value=1.0)
        weights /= weights.sum(dim=1, keepdim=True)
        worth = self.x.new_empty(len(self.x), len(coalitions))
        with torch.no_grad():
            for rows, cols in blocks(len(self.x), len(coalitions), self.batch_size):
                absent = self._mean(weights[cols], rows)
                present = self.players[rows].expand(coalitions[cols])
                y = torch.where(present, self.x[rows, None], absent)
                worth[rows, cols] = self.score(y)
        return worth

    def _mean(self, weights: Tensor, rows: slice) -> Tensor:
        """Weighted means of the minima of `rows`; the majority's categories."""
        minimum = self._minimum[rows]
        missing = minimum.isnan()
        mean = weights @ minimum.nan_to_num()
        if bool(missing.any()):
            known = weights @ (~missing).to(weights)
            mean = torch.where(known > 0.5 - _ROUNDING, mean / known, torch.nan)
        votes = weights.clone()
        # Between equals, the minimum with every feature free decides.
        votes[:, 0] *= 1.0 + _ROUNDING
        for column in self.categorical:
            codes = minimum[:, :, column].long()
            shares = votes @ nn.functional.one_hot(codes).to(votes)
            mean[..., column] = shares.argmax(dim=-1).to(mean)
        return mean
