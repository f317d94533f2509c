"""``torch_score``: a fitted estimator as a torch function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn

from .._coding import TableCoding


class TorchScore(nn.Module, ABC):
    """Anomaly score of a fitted estimator as a function of torch tensors.

    ``score(x)`` maps a float64 tensor ``(..., n_features)`` in the units that
    the estimator was fitted in to anomaly scores ``(...)``. HIGHER is more
    abnormal: the values equal ``-estimator.score_samples``.

    Attributes
    ----------
    differentiable : bool
        Whether autograd gives the gradient of the score.
    coercive : bool
        Whether the score grows in every direction away from the training rows,
        so that a search without bounds ends near them. Where it does not,
        searches keep to the training range.
    width : int
        How many numbers the score makes of a row on its way, at most, where
        they are many: layers of nets of images. Explainers score fewer rows at
        once then.
    description : str
        A few words for :attr:`Explanation.method
        <sklearn_anomaly_attr.Explanation>`.
    """

    differentiable: bool = True
    coercive: bool = True
    width: int = 1
    description: str = "torch function"

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``x (..., n_features)``."""

    def by_feature(self, x: Tensor) -> Tensor | None:
        """What each column says alone: its part of, or its own, anomaly score.

        To be overridden by a score that can tell.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            The points.

        Returns
        -------
        Tensor of shape (..., n_features) or None
            HIGHER is more abnormal; 0 for a column that has no part in the
            score. None, as here, where the score does not tell.
        """
        return None

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """Mean score of rows whose absent columns come from references.

        To be overridden by a score that has a faster way than to evaluate
        every mixture of a row and a reference. It bounds its memory itself.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The rows.
        references : Tensor of shape (n_samples, n_references, n_features)
            The references of each row.
        weights : Tensor of shape (n_references,)
            Weights of the references.
        present : bool Tensor of shape (n_coalitions, n_features)
            The columns that keep the values of the row.

        Returns
        -------
        Tensor of shape (n_samples, n_coalitions) or None
            None, as here, where there is no faster way.
        """
        return None

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor | None:
        """Scores of rows after moves that are the same for all rows.

        To be overridden by a score that has a faster way than to evaluate
        every moved row.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The rows.
        moves : Tensor of shape (n_moves, n_features)
            What is added to each row.
        batch_size : int
            Largest number of moved rows that are scored at once.

        Returns
        -------
        Tensor of shape (n_samples, n_moves) or None
            None, as here, where there is no faster way.
        """
        return None


Translator = Callable[[Any], TorchScore]
CodedTranslator = Callable[[Any, TableCoding | None], TorchScore]
_T = TypeVar("_T", bound=Translator)
_C = TypeVar("_C", bound=CodedTranslator)

_TRANSLATORS: dict[type, Translator] = {}
_CODED: dict[type, CodedTranslator] = {}


def register_score(*estimator_types: type) -> Callable[[_T], _T]:
    """Register a translation of fitted estimators to :class:`TorchScore`.

    Parameters
    ----------
    *estimator_types : type
        The classes that the decorated function translates. Subclasses are not
        included: one that overrides ``score_samples`` would be translated
        wrongly without a word.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_estimator) -> TorchScore``.

    Examples
    --------
    >>> from sklearn_anomaly_attr.scores import TorchScore, register_score
    >>> class DistanceFromOrigin:
    ...     def score_samples(self, X):
    ...         return -(X**2).sum(axis=1)
    >>> class SquaredNorm(TorchScore):
    ...     def forward(self, x):
    ...         return x.square().sum(dim=-1)
    >>> @register_score(DistanceFromOrigin)
    ... def translate(estimator):
    ...     return SquaredNorm()
    """

    def decorate(translate: _T) -> _T:
        _TRANSLATORS.update(dict.fromkeys(estimator_types, translate))
        return translate

    return decorate


def register_coded_score(*estimator_types: type) -> Callable[[_C], _C]:
    """Register a translation that is told which columns hold categories.

    Parameters
    ----------
    *estimator_types : type
        The classes that the decorated function translates; object for all
        that have no translation of their own.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_estimator, coding)``. The
        coding is None where all columns hold numbers.
    """

    def decorate(translate: _C) -> _C:
        _CODED.update(dict.fromkeys(estimator_types, translate))
        return translate

    return decorate


def torch_score(estimator: Any, coding: TableCoding | None = None) -> TorchScore:
    """Translate a fitted estimator into a torch function.

    Parameters
    ----------
    estimator : fitted estimator
        A detector, a density model, or a Pipeline that ends in one.
    coding : TableCoding or None, default=None
        Which categories the numbers in the columns stand for, as the
        explainers code them; None where they stand for themselves.

    Returns
    -------
    TorchScore
        Anomaly score, HIGHER is more abnormal, equal to
        ``-estimator.score_samples(X)`` to 1e-9. Estimators without a
        registered translation become a black box that calls ``score_samples``
        (or, where there is none, ``decision_function``). The score of a
        :class:`~sklearn.neighbors.KernelDensity` is the exact sum, from which
        scikit-learn's own departs far out, by rounding; it is infinite where
        no kernel reaches.

    Raises
    ------
    TypeError
        If the estimator gives no anomaly score.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn_anomaly_attr.scores import torch_score
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> gmm = GaussianMixture(random_state=0).fit(X)
    >>> score = torch_score(gmm)
    >>> bool(np.allclose(score(torch.from_numpy(X)), -gmm.score_samples(X)))
    True
    """
    kind = type(estimator)
    if kind in _TRANSLATORS and coding is None:
        return _TRANSLATORS[kind](estimator)
    return _CODED.get(kind, _CODED[object])(estimator, coding)
