"""DiffusionPerturbation: how much the score changes when a feature diffuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._diffusion import noise_variances
from .._torch._grid import score_grid
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions, ScoreExplainer

_N_STEPS = 400
_GOLDEN_RATIO = (5**0.5 - 1) / 2
# Numbers in the table of moves that are tried together.
_CELLS = 2**20
# Numbers of a training column to draw from, in its order.
_MOST_DRAWN = 1000


@shared_paragraphs
class DiffusionPerturbation(ScoreExplainer):
    r"""Attribute anomaly scores to features by how much noise in them changes it.

    One feature at a time turns into noise, along the forward process of a
    diffusion model, while the others stay as they are. The attribution of
    feature :math:`i` is the change of the anomaly score :math:`S`,

    .. math::

        \mathrm{AGG}_t \, \bigl| S(x + \sigma_t \epsilon_t s_i e_i) - S(x) \bigr|

    the mean or the largest one over steps :math:`t` of the process, with
    standard normal :math:`\epsilon_t` and the standard deviation :math:`s_i` of
    the training column. It costs ``n_features * n_times`` evaluations of the
    score a row.

    Attributions are in units of the anomaly score and NEVER NEGATIVE: they tell
    how much hangs on a feature, not whether it pushes the score UP. They do not
    add up to the score: there is no base value.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    n_times : int, default=40
        Number of steps of the process, evenly spaced among its 400; the last
        one is among them.
    aggregation : {"mean", "max"}, default="mean"
        What to make of the changes at these steps.
    feature_groups : dict of str to list, default=None
        Groups of columns that turn into noise together, and are attributed as
        one: group name -> columns, by name or position. Columns in no group
        stay alone.
    categorical_features : "auto" or list, default="auto"
        Columns, by name or position, that hold categories. Columns of strings,
        booleans and categoricals do so in any case, as do those that the
        detector's Pipeline gives to an encoder; "auto" adds no other.
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the noise, once in ``fit``, and the detector's ``random_state``
        where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if the detector refuses X, or a group is not made
        of its columns.

    See Also
    --------
    KernelShap : Attributions that add up to the score.

    Notes
    -----
    The reference prints neither the difference nor the absolute value.

    :math:`\sigma_t^2 = 1 - \prod_{s \le t} (1 - \beta_s)`, where
    :math:`\beta_s` rises linearly from 1e-4 to 0.01: the noise reaches 0.93
    standard deviations. It is added without shrinking the feature first.

    The noise is drawn once, and is the same for all rows and for all features
    alone, so that they compare. It is stratified: of ``n_times`` intervals of
    the same probability, each is met once, in an order by the golden ratio
    which spreads them over the steps. 40 steps are then as good as a thousand
    with independent draws. In a group, each column has noise of its own.

    A category is replaced, with the probability :math:`\sigma_t^2`, by one that
    is drawn from the training column: the diffusion of categories. So is a missing
    number, and so does a number get missing, where training rows lack some.

    A score that is flat around a row gives zeros: a forest's outside the
    training range, for one. Where one feature of many changes little, and for
    anomalies of many features together, replacing features by values of normal
    rows tells more.

    Detectors that are nets, alone or behind transformers that are affine, go
    faster: their first layer is evaluated once a row and once a move.

    References
    ----------
    Vincent et al. (2025), "Diffusion for explainable unsupervised anomaly
    detection", Eq. 5; Hoogeboom et al. (2021), "Argmax flows and multinomial
    diffusion", for categories.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import DiffusionPerturbation
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = DiffusionPerturbation(GaussianMixtureDetector(), random_state=0)
    >>> explainer.fit(X).explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "n_times": [Interval(Integral, 1, _N_STEPS, closed="both")],
        "aggregation": [StrOptions({"mean", "max"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_times: int = 40,
        aggregation: str = "mean",
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.n_times = n_times
        self.aggregation = aggregation
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._cumulative_shares = [
            np.bincount(X[:, i].astype(np.intp)).cumsum() / len(X)
            for i in np.flatnonzero(self._n_categories)
        ]
        self._lacks_numbers = bool(np.isnan(X).any())
        spread_out = np.linspace(0, len(X) - 1, min(len(X), _MOST_DRAWN))
        self._in_order = np.sort(X, axis=0)[spread_out.round().astype(np.intp)]

    def _cells(self, n_players: int) -> int:
        together = max(1, _CELLS // (self.n_times * self.n_features_in_))
        return self.n_features_in_ + self.n_times * min(together, n_players)

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        scores = self._score(score, x)
        values = [
            self._aggregate(
                self._score_moved(score, x, moves).sub_(scores[:, None]).abs_()
            )
            for moves in self._moves(x, players)
        ]
        return Attributions(
            torch.cat(values, dim=1).cpu().numpy(), scores.cpu().numpy()
        )

    def _aggregate(self, changes: Tensor) -> Tensor:
        """Values ``(n, n_players)`` of changes ``(n, n_players * n_times)``."""
        changes = changes.unflatten(1, (-1, self.n_times))
        return (
            changes.mean(dim=2) if self.aggregation == "mean" else changes.amax(dim=2)
        )

    def _score_moved(self, score: TorchScore, x: Tensor, moves: Tensor) -> Tensor:
        """Scores ``(n, n_moves)`` of the rows after each of the moves."""
        size = self._batch_size(score, x)
        with torch.no_grad():
            if moves.shape[1] > x.shape[1]:
                return score_grid(score, x, moves, size, self._with_missing)
            if self._n_categories.any():
                return score_grid(score, x, moves, size, self._replace)
            found = score.score_moved(x, moves, size)
            return score_grid(score, x, moves, size) if found is None else found

    def _replace(self, x: Tensor, moves: Tensor) -> Tensor:
        """Rows with numbers moved, and with categories replaced; NaN keeps them."""
        holds_categories = torch.from_numpy(self._n_categories > 0).to(x.device)
        kept = torch.where(moves.isnan(), x, moves)
        return torch.where(holds_categories, kept, x + moves)

    def _with_missing(self, x: Tensor, moves: Tensor) -> Tensor:
        """Rows with numbers moved, filled in where missing, or lost.

        The second half of the columns tells what to fill in: NaN nothing, infinity
        that a number gets lost.
        """
        moves, drawn = moves.chunk(2, dim=-1)
        lost = drawn.isinf()
        moved = torch.where(lost, torch.nan, self._replace(x, moves))
        return torch.where(x.isnan(), torch.where(lost, torch.nan, drawn), moved)

    def _moves(self, x: Tensor, players: Players) -> Iterator[Tensor]:
        """Tables ``(n_players * n_times, n_features)`` of some players' moves.

        With what to fill in beside them, where numbers are missing.
        """
        noise = self._tensor(self._noise(players), x)
        owner = torch.from_numpy(players.owners).to(x.device)
        still = x.new_zeros(noise.shape[1])
        still[torch.from_numpy(self._n_categories > 0).to(x.device)] = torch.nan
        if self._lacks_numbers or bool(x.isnan().any()):
            drawn = self._tensor(self._fillings(players), x)
            noise, owner = torch.cat([noise, drawn], dim=1), torch.cat([owner, owner])
            still = torch.cat([still, torch.full_like(still, torch.nan)])
        together = max(1, _CELLS // noise.numel())
        for start in range(0, len(players), together):
            some = torch.arange(
                start, min(start + together, len(players)), device=x.device
            )
            moving = owner == some[:, None, None]
            yield torch.where(moving, noise, still).flatten(0, 1)

    def _drawn(self, players: Players) -> tuple[FloatArray, FloatArray]:
        """Quantiles ``(n_times, n_features)`` of the draws, and variances of noise."""
        times = np.linspace(_N_STEPS / self.n_times, _N_STEPS, self.n_times)
        variances = noise_variances(_N_STEPS).numpy()[times.round().astype(np.intp)]
        place = np.empty(self.n_features_in_, dtype=np.intp)
        for columns in players.columns:
            place[list(columns)] = np.arange(len(columns))
        rng = np.random.RandomState(self._random_seed)
        draws = rng.random_sample((self.n_times, place.max() + 1))
        draws[:, 0] = (draws[0, 0] + _GOLDEN_RATIO * np.arange(self.n_times)) % 1.0
        quantiles = (draws.argsort(axis=0).argsort(axis=0) + 0.5) / self.n_times
        return quantiles[:, place], variances[:, None]

    def _noise(self, players: Players) -> FloatArray:
        """What each column is moved by ``(n_times, n_features)``.

        In columns of categories the code to replace them by; NaN to keep them.
        """
        quantiles, variances = self._drawn(players)
        noise: FloatArray = np.sqrt(variances) * ndtri(quantiles) * self._spread
        drawn = quantiles / variances
        categorical = np.flatnonzero(self._n_categories)
        for i, shares in zip(categorical, self._cumulative_shares, strict=True):
            codes = np.searchsorted(shares, drawn[:, i], side="right")
            noise[:, i] = np.where(drawn[:, i] < 1.0, codes, np.nan)
        return noise

    def _fillings(self, players: Players) -> FloatArray:
        """What takes the place of missing numbers ``(n_times, n_features)``."""
        quantiles, variances = self._drawn(players)
        drawn = quantiles / variances
        places = (drawn * len(self._in_order)).astype(np.intp)
        places = places.clip(max=len(self._in_order) - 1)
        found = np.take_along_axis(self._in_order, places, axis=0)
        found[np.isnan(found)] = np.inf
        return np.where((drawn < 1.0) & (self._n_categories == 0), found, np.nan)
