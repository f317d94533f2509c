"""What stands in for absent values: the parameter ``references`` of explainers."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._coding import TableCoding
from .._columns import Column, Numbers, Ordered
from .._scale import CommonScale
from .._typing import FloatArray, ImageShape


@dataclass(frozen=True)
class TrainingRows:
    """What references are made of.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Coded training rows.
    scale : CommonScale
        Where distances are measured.
    random_state : int
        Seeds all draws.
    coding : TableCoding or None
        What the numbers stand for; None for themselves.
    estimator : fitted estimator or None
        The detector.
    image_shape : tuple (C, H, W) or None
        Shape of the images in the rows, where they are images.
    feature_names : ndarray of shape (n_features,) or None
        Names of the columns, where they are strings.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.explainers import (
    ...     KernelShap, References, TrainingRows
    ... )
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> class Lowest(References):
    ...     def prepare(self, training: TrainingRows):
    ...         self.lowest_ = training.X.min(axis=0)
    ...     def of(self, X):
    ...         return np.tile(self.lowest_, (len(X), 1, 1))
    >>> X = np.random.default_rng(0).normal(size=(50, 3))
    >>> explainer = KernelShap(KNNDetector(), references=Lowest()).fit(X)
    >>> bool((explainer.references_.lowest_ == X.min(axis=0)).all())
    True
    """

    X: FloatArray
    scale: CommonScale
    random_state: int
    coding: TableCoding | None = None
    estimator: Any = None
    image_shape: ImageShape | None = None
    feature_names: NDArray[Any] | None = None

    def occurring(self, rows: FloatArray) -> FloatArray:
        """Rows with values that occur in columns of whole numbers, or of dates.

        Parameters
        ----------
        rows : ndarray of shape (n_rows, n_features)
            Means, say, which may lie between the values of such columns.

        Returns
        -------
        ndarray of shape (n_rows, n_features)
            With the nearest value of the training rows in these columns.
        """
        columns = self.coding.columns if self.coding is not None else ()
        rows = rows.copy()
        for i, column in enumerate(columns):
            if _is_discrete(column):
                rows[:, i] = _nearest(self.X[:, i], rows[:, i])
        return rows


def _is_discrete(column: Column) -> bool:
    """Whether numbers between the values of a column stand for none."""
    if isinstance(column, Numbers):
        # Whole numbers are rounded to, in their own type.
        return float(np.asarray(column.decode(np.array([0.5])))[0]) != 0.5
    return isinstance(column, Ordered)


def _nearest(known: FloatArray, values: FloatArray) -> FloatArray:
    """The known numbers that are nearest to values; NaN stays."""
    known = np.unique(known[~np.isnan(known)])
    if not len(known):
        return values
    nearest = known[np.abs(values[:, None] - known).argmin(axis=1)]
    return np.where(np.isnan(values), values, nearest)


class References(BaseEstimator, metaclass=ABCMeta):
    """Base of what stands in for absent values.

    A parameter object: explainers clone it, let the clone prepare itself on the
    training rows, and ask it for the references of each row they explain. A
    subclass writes ``of(X)`` and, where it learns from the training rows,
    ``prepare(training)``.

    Attributes
    ----------
    weights_ : ndarray of shape (n_references,)
        Weights of the references, summing to 1.

    Examples
    --------
    >>> from sklearn_anomaly_attr import KernelShap, KNNDetector
    >>> from sklearn_anomaly_attr.explainers import References
    >>> class Half(References):
    ...     def of(self, X):
    ...         return 0.5 * X[:, None]
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    >>> explainer = KernelShap(KNNDetector(1), references=Half()).fit(X)
    >>> explainer.explain([[0.0, 4.0]]).values.round(1)
    array([[0., 2.]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {}

    weights_: FloatArray = np.ones(1)

    def check(self, estimator: Any) -> None:
        """Refuse a detector for which there are no such references.

        Parameters
        ----------
        estimator : estimator
            Not fitted yet.
        """
        return

    def prepare(self, training: TrainingRows) -> None:
        """Learn from the training rows.

        Parameters
        ----------
        training : TrainingRows
            The training rows, as the explainer codes them, and what else it
            knows of them.
        """
        return

    @abstractmethod
    def of(self, X: FloatArray) -> FloatArray:
        """References of rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Coded rows.

        Returns
        -------
        ndarray of shape (n_samples, n_references, n_features)
            Or of shape (1, n_references, n_features) where all rows share them.
        """


class SharedReferences(References):
    """Base of references that are the same for all rows.

    A subclass writes ``prepare(training)``, which sets ``rows_``.

    Attributes
    ----------
    rows_ : ndarray of shape (n_references, n_features)
        The references, in the units of the columns. A category is given as its
        position among those of its column, in the order of their text.
    """

    rows_: FloatArray

    def of(self, X: FloatArray) -> FloatArray:
        """References ``(1, n_references, n_features)`` of any rows."""
        return self.rows_[None]


class PreparedReferences(References):
    """Coded references that were made elsewhere, for the rows of one call.

    Parameters
    ----------
    rows : ndarray of shape (n_samples or 1, n_references, n_features)
        The references.
    weights : ndarray of shape (n_references,), default=None
        Their weights, summing to 1; equal by default.
    """

    def __init__(self, rows: FloatArray, weights: FloatArray | None = None) -> None:
        self.rows = rows
        self.weights = weights
        self.weights_ = equal_weights(rows.shape[1]) if weights is None else weights

    def of(self, X: FloatArray) -> FloatArray:
        """The references of the rows X."""
        return self.rows


def checked_references(
    references: References, X: FloatArray, *, missing: bool = False
) -> tuple[FloatArray, FloatArray]:
    """References of the coded rows X, and their weights, if they are some.

    Raises
    ------
    ValueError
        If their shapes do not fit, they are infinite, or NaN where none are
        ``missing`` in training, or the weights are negative or do not sum to 1.
    """
    given = np.asarray(references.of(X), dtype=np.float64)
    weights = np.asarray(references.weights_, dtype=np.float64)
    name, n = type(references).__name__, len(X)
    shape = n, len(weights) if weights.ndim else 1, X.shape[1]
    if given.shape not in (shape, (1, *shape[1:])):
        raise ValueError(
            f"{name}.of gives references of the shape {given.shape} to {n} rows of "
            f"{X.shape[1]} columns, and has {np.size(weights)} weights_: give the "
            f"shape {shape}, or (1, ...) where all rows share them, and set weights_."
        )
    if np.isinf(given).any() or (np.isnan(given).any() and not missing):
        raise ValueError(
            f"{name}.of gives references that are NaN or infinite: let it give finite "
            "numbers, and NaN only where training rows hold some."
        )
    if (weights < 0.0).any() or not np.isclose(weights.sum(), 1.0):
        raise ValueError(
            f"{name}.weights_ must not be negative, and sum to 1; got {weights}."
        )
    return given, weights


def checked_stand_ins(given: FloatArray, X: FloatArray, source: str) -> FloatArray:
    """What a function gives for rows or images, if it is finite and of their shape."""
    if given.shape == X.shape and np.isfinite(given).all():
        return given
    found = "numbers that are NaN or infinite"
    if given.shape != X.shape:
        found = f"the shape {given.shape} for rows of the shape {X.shape}"
    raise ValueError(
        f"The function {source!r} gives {found}: let it give finite numbers of the "
        "shape of what it is given."
    )


def normal_rows(X: FloatArray, scores: FloatArray, contamination: float) -> FloatArray:
    """The rows of X without a share of them, those of the highest scores."""
    threshold = np.quantile(scores, 1.0 - contamination, method="higher")
    return X[~(scores > threshold)]


def equal_weights(n: int) -> FloatArray:
    """Weights of references that count alike."""
    return np.full(n, 1.0 / n)
