"""ZScore: how far each feature is from its mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._scale import means_of
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions, ScoreExplainer


@shared_paragraphs
class ZScore(ScoreExplainer):
    r"""Rank features by their distance from the mean, in standard deviations.

    The simplest attribution there is, and the row that every other should be
    compared with: the detector gives the scores, and has no part in the values

    .. math:: |x_i - m_i| / s_i

    of the mean and the standard deviation of the training column. They are
    never negative, and do not add up to the score.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    categorical_features : "auto" or list, default="auto" {category_columns}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None {seeds_detector}
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    means_, scales_ : ndarray of shape (`n_features_in_`,)
        Means and standard deviations of the training columns, the latter 1 for
        columns of one value; NaN for columns of categories.
    {features_in}

    Raises
    ------
    {no_score_or_no_table}

    See Also
    --------
    MarginalScore : What each feature alone says to the detector.
    NeighborShap : Shapley values with the nearest training rows as references.

    Notes
    -----
    A category is as far as the 1 of its indicator is from the mean of the
    indicator, :math:`\sqrt{(1 - p) / p}` for a share p of the training rows: a
    column of two categories gives what it gives as numbers. A missing number is as
    far as a category that all missing ones share; others are compared with the mean
    and the deviation of those that are there. A category that was not seen in
    ``fit`` counts as if it had been seen once, as does the first missing number of a
    column, and the first number of one that was missing throughout.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import ZScore
    >>> X = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 10.0], [2.0, 10.0]])
    >>> explainer = ZScore(GaussianMixtureDetector(1)).fit(X)
    >>> explainer.transform([[4.0, 0.0]])
    array([[3., 1.]])
    """

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        numbers = self._n_categories == 0
        self.means_ = np.where(numbers, means_of(X), np.nan)
        self.scales_ = np.where(numbers, self._spread, np.nan)
        self._surprises = [
            None if n == 0 else _surprises(X[:, i], int(n))
            for i, n in enumerate(self._n_categories)
        ]
        n_missing = np.isnan(X).sum(axis=0)
        self._missing = _surprise(n_missing, len(X))
        self._first = _surprise(0, len(X))
        self._only_missing = n_missing == len(X)

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        X = x.cpu().numpy()
        values = np.abs(X - self.means_) / self.scales_
        values[:, self._only_missing] = self._first
        values = np.where(np.isnan(X), self._missing, values)
        for i, surprises in enumerate(self._surprises):
            if surprises is not None:
                unseen = len(surprises) - 1
                codes = X[:, i].astype(np.intp)
                values[:, i] = surprises[np.minimum(codes, unseen)]
        return Attributions(values, self._score(score, x).cpu().numpy())


def _surprises(codes: FloatArray, n_categories: int) -> FloatArray:
    """Surprise of each category of a training column, and of an unseen one."""
    counts = np.bincount(codes.astype(np.intp), minlength=n_categories)
    return _surprise(np.append(counts, 0), len(codes))


def _surprise(counts: Any, n_samples: int) -> FloatArray:
    """Surprise of what so many of the training rows hold, if none, one more."""
    counts = np.asarray(counts)
    shares = np.where(counts, counts / n_samples, 1.0 / (n_samples + 1))
    surprise: FloatArray = np.sqrt((1.0 - shares) / shares)
    return surprise
