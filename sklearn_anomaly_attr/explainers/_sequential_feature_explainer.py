"""SequentialFeatureExplainer: in which order features show the anomaly."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._typing import FloatArray
from ..games import Players
from ..scores import MixtureScore, TorchScore
from ..scores._mixture import GaussianComponents
from ._base import Attributions, ScoreExplainer
from ._reference_kinds import NearestReferences
from ._references import TrainingRows

# Beside its own variance, what is left of that of a column given others; less
# is rounding.
_LEAST_VARIANCE = 1e-12
# Columns this close to the best, beside its worth, are as good.
_TIED = 1e-9
_WORTHLESS = -1e300


@shared_paragraphs
class SequentialFeatureExplainer(ScoreExplainer):
    """Rank features in the order in which they best show the anomaly.

    Shown to an analyst one after the other, which features make the anomaly
    plain first? A greedy search takes at each step the feature with which
    those shown are the most abnormal together (SFE, sequential marginal).

    How abnormal some features are together is the negative log density of
    their marginal where the score is the energy of a Gaussian mixture, or a
    Mahalanobis distance, on the columns' common scale. For any other
    detector it is the mean score of the row with the other features taken
    from its nearest training rows.

    The value of a feature is its rank: of n that are shown, the first gets n,
    the last gets 1, and those not shown get 0. HIGHER is shown earlier; the
    values do not add up to the score.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    max_features : int or None, default=None
        Number of features to show; all if None, or if there are fewer. A
        detector that is no mixture scores each row about n_references *
        n_features * max_features times.
    n_references : int, default=8
        Number of neighbours, for detectors that are no mixtures; all training
        rows, if there are fewer.
    categorical_features : "auto" or list, default="auto" {category_columns}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None {seeds_detector}
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    {no_score_or_no_table}

    See Also
    --------
    MarginalScore : How abnormal each feature is alone.
    NeighborShap : Shapley values with neighbors by capped differences.

    Notes
    -----
    Between features that are equally good, the first column is taken. Columns
    that a mixture is not given come last.

    References
    ----------
    Siddiqui, Fern, Dietterich & Wong (2019), "Sequential feature explanations
    for anomaly detection", sequential marginal in Section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import SequentialFeatureExplainer
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = SequentialFeatureExplainer(GaussianMixtureDetector(1)).fit(X)
    >>> explainer.transform([[0.0, 5.0, 3.0]])
    array([[1., 3., 2.]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "max_features": [Interval(Integral, 1, None, closed="left"), None],
        "n_references": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        max_features: int | None = None,
        n_references: int = 8,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.max_features = max_features
        self.n_references = n_references
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._neighbors = NearestReferences(self.n_references)
        self._neighbors.prepare(TrainingRows(X, self._scale, self._random_seed))
        components = _components(self._translated())
        self._n_components = 0 if components is None else len(components.log_weights)

    @property
    def _n_shown(self) -> int:
        return min(self.max_features or self.n_features_in_, self.n_features_in_)

    def _cells(self, n_players: int) -> int:
        n_kept = max(self._n_components * self._n_shown, self.n_references)
        return n_kept * self.n_features_in_

    @torch.no_grad()
    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        read = torch.from_numpy(self._coding.is_read).to(x.device)
        n_shown = min(self._n_shown, len(players))
        values = _rank(self._search(score, x), x, read, n_shown)[:, read]
        return Attributions(values.cpu().numpy(), self._score(score, x).cpu().numpy())

    def _search(self, score: TorchScore, x: Tensor) -> _Search:
        components = _components(score)
        if isinstance(score, MixtureScore) and components is not None:
            spread = self._tensor(self._spread, x)
            return _Marginals(components, x - score.center, spread, self._n_shown)
        references = self._tensor(self._neighbors.of(x.cpu().numpy()), x)
        return _Insertion(score, x, references, self._batch_size(score, x))

    def _describe(self, score: TorchScore) -> str:
        marginals = _components(score) is not None
        worth = "marginals" if marginals else f"{self.n_references} neighbours"
        return f"SequentialFeatureExplainer, {worth}"


def _components(score: TorchScore) -> GaussianComponents | None:
    return score.components() if isinstance(score, MixtureScore) else None


class _Search(ABC):
    """What a greedy search asks; the columns shown are each row's own."""

    @abstractmethod
    def worth(self, shown: Tensor) -> Tensor:
        """How abnormal those shown and one more are, ``(n_samples, n_features)``.

        Those `shown`, ``(n_samples, n_features)``, may have any worth. Columns that
        nobody reads are among them.
        """

    def show(self, column: Tensor, step: int) -> None:  # noqa: B027 - may need none
        """Show one more column of each row, ``(n_samples,)``."""


def _rank(search: _Search, x: Tensor, read: Tensor, n_shown: int) -> Tensor:
    """Ranks ``(n_samples, n_features)`` by a greedy search; the best is n_shown.

    Columns that are not ``read`` have no rank.
    """
    values = torch.zeros_like(x)
    for step in range(n_shown):
        shown = values > 0
        done = shown | ~read
        worth = search.worth(done).masked_fill(done, -torch.inf)
        best = worth.amax(dim=1, keepdim=True)
        tied = worth >= best - _TIED * (1.0 + best.abs())
        column = tied.to(torch.uint8).argmax(dim=1)
        values.scatter_(1, column[:, None], float(n_shown - step))
        search.show(column, step)
    return values


class _Marginals(_Search):
    """Negative log marginal densities of a Gaussian mixture.

    Each column is kept as it is given those shown: what is left of it
    (`residual`), of its variance, and the columns of the Cholesky factor of the
    covariances in the order of the search, which each step adds to.

    Parameters
    ----------
    components : GaussianComponents
        The mixture.
    centered : Tensor of shape (n_samples, n_features)
        The rows, less the mixture's centre.
    spread : Tensor of shape (n_features,)
        Densities are per spread.
    n_steps : int
        Number of columns that will be shown.
    """

    def __init__(
        self,
        components: GaussianComponents,
        centered: Tensor,
        spread: Tensor,
        n_steps: int,
    ) -> None:
        columns, log_weights, offsets, spreads, self.correlations = components
        self.columns = columns
        self.place = torch.zeros_like(spread, dtype=torch.int64)
        self.place[columns] = torch.arange(len(columns), device=columns.device)
        self.log_unit = (spreads / spread[columns]).log() + 0.5 * math.log(2 * math.pi)
        self.residual = (centered[:, None, columns] - offsets) / spreads
        self.variance = torch.ones_like(self.residual)
        self.log_joint = log_weights.expand(self.residual.shape[:2]).clone()
        n_steps = min(n_steps, len(columns))
        shape = (*self.residual.shape[:2], n_steps, len(columns))
        self.factor = centered.new_zeros(shape)

    def worth(self, shown: Tensor) -> Tensor:
        worth = torch.full_like(shown, _WORTHLESS, dtype=self.residual.dtype)
        worth[:, self.columns] = -self._joined().logsumexp(dim=1)
        return worth

    def _joined(self) -> Tensor:
        """Log joint densities with each column, (n_samples, n_components, ...)."""
        squares = self.residual.square() / self.variance
        surprise = 0.5 * (squares + self.variance.log()) + self.log_unit
        return self.log_joint[..., None] - surprise

    def show(self, column: Tensor, step: int) -> None:
        if step >= self.factor.shape[2]:
            return
        place = self.place[column]
        at = place[:, None, None].expand(-1, len(self.log_unit), 1)
        self.log_joint = self._joined().gather(2, at)[..., 0]
        root = self.variance.gather(2, at).sqrt()
        before = self.factor[:, :, :step]
        own = before.gather(3, at[:, :, None].expand(-1, -1, step, -1))
        covariance = self.correlations[:, place].movedim(1, 0)
        covariance = covariance - (own.mT @ before)[:, :, 0]
        added = covariance / root
        self.factor[:, :, step] = added
        self.residual = self.residual - added * (self.residual.gather(2, at) / root)
        left = self.variance - added.square()
        self.variance = left.clamp(min=_LEAST_VARIANCE)


class _Insertion(_Search):
    """Mean scores of the columns shown, the others taken from references.

    Parameters
    ----------
    score : TorchScore
        Anomaly score.
    x : Tensor of shape (n_samples, n_features)
        The rows.
    references : Tensor of shape (n_samples, n_references, n_features)
        The references of each row.
    batch_size : int
        Largest number of rows that are scored at once.
    """

    def __init__(
        self, score: TorchScore, x: Tensor, references: Tensor, batch_size: int
    ) -> None:
        self.score = score
        self.x = x
        self.references = references
        self.size = max(1, batch_size // references.shape[1])

    def worth(self, shown: Tensor) -> Tensor:
        worth = torch.full_like(self.x, _WORTHLESS)
        rows, columns = torch.nonzero(~shown, as_tuple=True)
        for start in range(0, len(rows), self.size):
            part = slice(start, start + self.size)
            row, column = rows[part], columns[part]
            present = shown[row].scatter(1, column[:, None], True)
            points = torch.where(
                present[:, None], self.x[row, None], self.references[row]
            )
            worth[row, column] = self.score(points).mean(dim=1)
        return worth
