"""The kinds of references, and the words for them."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.cluster import KMeans

from .._adapters import name_of
from .._kept import own_rows
from .._neighbors import NeighborSearch
from .._scale import means_of
from .._sklearn_compat import Interval
from .._typing import FloatArray
from ._given_rows import coded_rows
from ._references import (
    References,
    SharedReferences,
    TrainingRows,
    checked_stand_ins,
    equal_weights,
)


class KMeansReferences(SharedReferences):
    """Centers of clusters of the training rows, weighted by the clusters' sizes.

    The columns are clustered on a common scale, their standard deviations; the
    categories of a center are the most frequent ones of its cluster. A number is
    missing in a center where it is so in most of its cluster, and the mean of the
    others elsewhere. In columns of whole numbers, or of dates,
    it is the nearest value that training rows hold.

    Parameters
    ----------
    n_references : int, default=8
        Number of clusters; fewer where there are fewer different rows.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> from sklearn_anomaly_attr.explainers import KMeansReferences
    >>> explainer = KernelShap(
    ...     GaussianMixtureDetector(), references=KMeansReferences(3)
    ... )
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]]
    >>> explainer.fit(X).references_.rows_.shape
    (3, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_references": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_references: int = 8) -> None:
        self.n_references = n_references

    def prepare(self, training: TrainingRows) -> None:
        """Cluster the training rows."""
        X, scale = training.X, training.scale
        # NaN equals nothing, infinity itself.
        different = np.unique(np.where(np.isnan(X), np.inf, X), axis=0)
        n_clusters = min(self.n_references, len(different))
        kmeans = KMeans(n_clusters, n_init=10, random_state=training.random_state)
        labels = kmeans.fit_predict(scale.transform(X))
        sizes = np.bincount(labels, minlength=n_clusters)
        centers = scale.inverse_transform(kmeans.cluster_centers_)
        _use_known_numbers(centers, X, labels)
        self.rows_ = training.occurring(centers)
        self.weights_ = sizes / sizes.sum()


class SampledReferences(SharedReferences):
    """Training rows drawn at random, without replacement.

    Parameters
    ----------
    n_references : int, default=8
        Number of rows; all, if there are fewer.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> from sklearn_anomaly_attr.explainers import SampledReferences
    >>> explainer = KernelShap(
    ...     GaussianMixtureDetector(), references=SampledReferences(2), random_state=0
    ... )
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]]
    >>> bool(all(row in X for row in explainer.fit(X).references_.rows_.tolist()))
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_references": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, n_references: int = 8) -> None:
        self.n_references = n_references

    def prepare(self, training: TrainingRows) -> None:
        """Draw the rows."""
        rng = np.random.RandomState(training.random_state)
        chosen = rng.permutation(len(training.X))[: self.n_references]
        self.rows_ = training.X[chosen]
        self.weights_ = equal_weights(len(chosen))


class MeanReferences(SharedReferences):
    """The mean of each training column; of categories, the most frequent one.

    It is that of the numbers that are not missing. In columns of whole numbers, or
    of dates, it is the nearest value that training rows hold.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> from sklearn_anomaly_attr.explainers import MeanReferences
    >>> explainer = KernelShap(GaussianMixtureDetector(), references=MeanReferences())
    >>> explainer.fit([[0.0, 0.0], [1.0, 0.0], [5.0, 3.0]]).references_.rows_
    array([[2., 1.]])
    """

    def prepare(self, training: TrainingRows) -> None:
        """Average the training rows."""
        self.rows_ = _typical_row(training, means_of(training.X))


class MedianReferences(SharedReferences):
    """The median of each training column; of categories, the most frequent one.

    It is that of the numbers that are not missing. In columns of whole numbers, or
    of dates, it is the nearest value that training rows hold.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> from sklearn_anomaly_attr.explainers import MedianReferences
    >>> explainer = KernelShap(GaussianMixtureDetector(), references=MedianReferences())
    >>> explainer.fit([[0.0, 0.0], [1.0, 0.0], [5.0, 3.0]]).references_.rows_
    array([[1., 0.]])
    """

    def prepare(self, training: TrainingRows) -> None:
        """Find the medians of the training rows."""
        self.rows_ = _typical_row(training, _known_medians(training.X))


class NearestReferences(References):
    r"""The training rows that are nearest to the explained one, on a common scale.

    A row x is :math:`\sum_j \min(|x_j - r_j| / s_j, c)^2` away from a training row
    r, with the spreads s of the columns and the largest difference c. Of rows
    that are equally far, the first ones are nearer.

    Parameters
    ----------
    n_references : int, default=8
        Number of rows; all, if there are fewer.
    max_difference : float or None, default=None
        In each column, the largest difference that counts, in spreads: larger
        ones count as this one, so that a column alone cannot decide which rows are
        near. So do categories that differ, and a missing entry beside a number.
        None: all differences count as they are.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> from sklearn_anomaly_attr.explainers import NearestReferences
    >>> explainer = KernelShap(
    ...     GaussianMixtureDetector(), references=NearestReferences(1)
    ... )
    >>> explainer.fit([[0.0, 0.0], [1.0, 0.0], [5.0, 3.0]]).references_.of([[4.0, 4.0]])
    array([[[5., 3.]]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_references": [Interval(Integral, 1, None, closed="left")],
        "max_difference": [Interval(Real, 0.0, None, closed="neither"), None],
    }

    def __init__(
        self, n_references: int = 8, max_difference: float | None = None
    ) -> None:
        self.n_references = n_references
        self.max_difference = max_difference

    def prepare(self, training: TrainingRows) -> None:
        """Index the training rows."""
        rows = own_rows(training.X, training.estimator)
        self._search = NeighborSearch(
            rows, training.scale, max_difference=self.max_difference
        )
        self.weights_ = equal_weights(min(self.n_references, len(training.X)))

    def of(self, X: FloatArray) -> FloatArray:
        """References ``(n_samples, n_references, n_features)`` of the rows X."""
        X = np.asarray(X, dtype=np.float64)
        nearest = self._search.nearest(X, len(self.weights_))
        references: FloatArray = self._search.rows[nearest]
        return references


class GivenReferences(SharedReferences):
    """Rows that the user gives, the same for all explained rows.

    Parameters
    ----------
    rows : array-like or DataFrame of shape (n_references, n_features)
        The references, with the columns of the training rows. Their categories
        must be among those seen in ``fit``.
    weights : array-like of shape (n_references,), default=None
        Their weights, of which only the ratios count; equal by default.

    Examples
    --------
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> X = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0], [9.0, 8.0]]
    >>> explainer = KernelShap(GaussianMixtureDetector(), references=[[0.0, 0.0]])
    >>> explainer.fit(X).references_
    GivenReferences(rows=[[0.0, 0.0]])
    """

    def __init__(self, rows: Any, weights: Any = None) -> None:
        self.rows = rows
        self.weights = weights

    def prepare(self, training: TrainingRows) -> None:
        """Code the rows as the training rows are coded.

        Parameters
        ----------
        training : TrainingRows
            The training rows, and their coding.

        Raises
        ------
        ValueError
            If there are no references, they have other columns, values that are
            not finite, categories that training lacks, or weights that are
            negative or of another number.
        """
        rows = coded_rows(self.rows, training)
        weights = np.ones(len(rows))
        if self.weights is not None:
            weights = np.asarray(self.weights, dtype=np.float64)
        fits = weights.shape == (len(rows),) and np.isfinite(weights).all()
        if not fits or not (weights >= 0).all() or not weights.any():
            raise ValueError(
                f"weights must be {len(rows)} finite numbers that are not negative, "
                f"one for each reference, and not all zero; got {self.weights!r}."
            )
        weights = weights / weights.max()
        self.rows_, self.weights_ = rows, weights / weights.sum()


class ReconstructedReferences(References):
    """What the detector reconstructs for the row: its method ``reconstruct``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import AutoencoderDetector, KernelShap
    >>> X = np.random.default_rng(0).normal(size=(60, 3))
    >>> detector = AutoencoderDetector(2, max_iter=2, random_state=0)
    >>> explainer = KernelShap(detector, references="reconstruction").fit(X)
    >>> explainer.explain(X[:2]).values.shape
    (2, 3)
    """

    def check(self, estimator: Any) -> None:
        """Refuse a detector that reconstructs nothing.

        Parameters
        ----------
        estimator : estimator
            The detector.

        Raises
        ------
        ValueError
            If it has no method ``reconstruct``.
        """
        if not hasattr(estimator, "reconstruct"):
            raise ValueError(
                "references='reconstruction' asks for "
                f"{name_of(estimator)}.reconstruct(X), which it does not "
                "have: take an autoencoder, or other references, such as 'mean'."
            )

    def prepare(self, training: TrainingRows) -> None:
        """Keep the detector.

        Parameters
        ----------
        training : TrainingRows
            Its estimator reconstructs rows.

        Raises
        ------
        ValueError
            If columns hold categories.
        """
        coding = training.coding
        if coding is not None and not coding.has_numbers_only:
            raise ValueError(
                "references='reconstruction' gives numbers, and some columns hold "
                "categories: take other references, such as 'kmeans'."
            )
        self._estimator = training.estimator
        self._n_features = training.X.shape[1]

    def of(self, X: FloatArray) -> FloatArray:
        """Reconstructions ``(n_samples, 1, n_features)`` of the rows X."""
        if not len(X):  # detectors may refuse them
            return np.empty((0, 1, self._n_features))
        names = getattr(self._estimator, "feature_names_in_", None)
        rows: Any = X if names is None else pd.DataFrame(X, columns=names)
        given = np.asarray(self._estimator.reconstruct(rows), dtype=np.float64)
        return checked_stand_ins(given.reshape(len(X), -1), X, "reconstruct")[:, None]


# What a string stands for, as the value of the parameter `references`.
REFERENCES: dict[str, type[References]] = {
    "kmeans": KMeansReferences,
    "neighbors": NearestReferences,
    "sample": SampledReferences,
    "mean": MeanReferences,
    "median": MedianReferences,
    "reconstruction": ReconstructedReferences,
}


def make_references(
    given: Any, n_references: int, kinds: Mapping[str, type[References]] = REFERENCES
) -> References:
    """Make the object that a value of the parameter ``references`` stands for.

    Parameters
    ----------
    given : str, References or array-like
        One of `kinds`, an object, or rows.
    n_references : int
        Number of references, where a string asks for several.
    kinds : dict of str to type
        What strings stand for.

    Returns
    -------
    made : object
        One of the classes of `kinds`, not prepared; a clone of a given one.
    """
    if isinstance(given, References):
        made: References = clone(given)
        made._validate_params()
        return made
    if not isinstance(given, str):
        return GivenReferences(given)
    kind = kinds[given]
    takes_number = "n_references" in signature(kind).parameters
    return kind(n_references=n_references) if takes_number else kind()


def _typical_row(training: TrainingRows, row: FloatArray) -> FloatArray:
    """A row ``(1, n_features)`` of numbers that occur, and most frequent categories."""
    for i in np.flatnonzero(training.scale.n_categories):
        row[i] = np.bincount(training.X[:, i].astype(np.intp)).argmax()
    return training.occurring(row[None])


def _known_medians(X: FloatArray) -> FloatArray:
    """Medians of the entries of each column that are not missing; NaN without any."""
    medians: FloatArray = np.median(X, axis=0)
    for i in np.flatnonzero(np.isnan(medians)):
        known = X[~np.isnan(X[:, i]), i]
        medians[i] = np.median(known) if len(known) else np.nan
    return medians


def _use_known_numbers(
    centers: FloatArray, X: FloatArray, labels: NDArray[np.intp]
) -> None:
    """Put means of the numbers that are there where rows of a cluster lack some."""
    lacking = np.isnan(X)
    for i in np.flatnonzero(lacking.any(axis=0)):
        for cluster in range(len(centers)):
            column = X[labels == cluster, i]
            if np.isnan(column).any():
                most = 2 * np.isnan(column).sum() > len(column)
                centers[cluster, i] = np.nan if most else np.nanmean(column)
