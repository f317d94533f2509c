"""How good counterfactuals are: normal, plausible, and of use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from .._typing import FloatArray
from .._validation import finite_scores
from ._detection import anomaly_roc_auc
from ._inputs import check_numbers, check_whole

_COMPONENTS = 16  # of the default features of `frechet_ratio`


def counterfactual_roc_auc(normal: ArrayLike, counterfactuals: ArrayLike) -> float:
    """How well the detector tells counterfactuals from normal rows.

    Parameters
    ----------
    normal : array-like of shape (n_normal,)
        Anomaly scores of normal test rows; HIGHER is more abnormal.
    counterfactuals : array-like
        Anomaly scores of counterfactuals, of any shape.

    Returns
    -------
    float
        Area under the ROC curve with the counterfactuals as anomalies. Up to
        0.5 they appear entirely normal; 1 tells them all apart.

    Raises
    ------
    ValueError
        If there are no scores, or they are not finite.

    References
    ----------
    Liznerski et al., "Reimagining anomalies: what if anomalies were normal?",
    section 4.3.1 and appendix D.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import counterfactual_roc_auc
    >>> counterfactual_roc_auc([0.1, 0.4], [0.2, 0.3])
    0.5
    """
    normal, edited = (
        _scores(normal, "normal"),
        _scores(counterfactuals, "counterfactuals"),
    )
    labels = np.r_[np.zeros(len(normal)), np.ones(len(edited))]
    return anomaly_roc_auc(labels, np.r_[normal, edited])


def substitution_roc_auc(
    detector: Any,
    counterfactuals: ArrayLike,
    normal: ArrayLike,
    anomalous: ArrayLike,
    **fit_params: Any,
) -> float:
    """How well a detector works that learned from counterfactuals alone.

    Parameters
    ----------
    detector : estimator
        Cloned, and fitted on the counterfactuals instead of normal rows.
    counterfactuals : array-like of shape (n_counterfactuals, n_features)
        Of rows other than `anomalous`: else the detector has seen a part of them.
    normal : array-like of shape (n_normal, n_features)
        Normal test rows.
    anomalous : array-like of shape (n_anomalous, n_features)
        Anomalous test rows.
    **fit_params : dict
        Handed to ``fit``, such as the ``X_outlier_exposure`` of some detectors.

    Returns
    -------
    float
        Area under the ROC curve of the test rows; 0.5 is chance.

    References
    ----------
    Liznerski et al., section 4.3.2 and appendix D. There, the counterfactuals are
    those of the anomalous test rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.metrics import substitution_roc_auc
    >>> rng = np.random.default_rng(0)
    >>> edited, normal = rng.normal(size=(2, 100, 3))
    >>> substitution_roc_auc(KNNDetector(), edited, normal, normal + 9.0)
    1.0
    """
    rows = check_numbers(counterfactuals, "counterfactuals")
    fitted = clone(detector).fit(rows, **fit_params)
    return counterfactual_roc_auc(
        -finite_scores(fitted, check_numbers(normal, "normal")),
        -finite_scores(fitted, check_numbers(anomalous, "anomalous")),
    )


def score_distance(normal: ArrayLike, others: ArrayLike) -> float:
    """How far the mean anomaly scores of two sets of rows are apart.

    Parameters
    ----------
    normal : array-like of shape (n_normal,)
        Anomaly scores of normal test rows.
    others : array-like
        Anomaly scores of anomalies, or of their counterfactuals, of any shape.

    Returns
    -------
    float
        Distance of the means, in units of the score.

    References
    ----------
    Liznerski et al., "Reimagining anomalies: what if anomalies were normal?",
    the appendix on results of each dataset.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import score_distance
    >>> score_distance([0.0, 0.5], [1.0, 1.0])
    0.75
    """
    gap = _scores(normal, "normal").mean() - _scores(others, "others").mean()
    return float(abs(gap))


def concept_accuracy(concepts: ArrayLike, predicted: ArrayLike) -> float:
    """How often a classifier tells which concept a counterfactual belongs to.

    Parameters
    ----------
    concepts : array-like of int
        Concept that each counterfactual was made for, of any shape.
    predicted : array-like of int or float
        What the classifier says, of the same shape; or its probabilities of the
        concepts, along one more axis at the end.

    Returns
    -------
    float
        Share of those it tells right; 1 / n_concepts is chance. High values say
        little where the counterfactuals hardly differ: see `diversity`.

    References
    ----------
    Liznerski et al., section 4.3.4 and appendix D.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import concept_accuracy
    >>> concept_accuracy([0, 1], [[0.9, 0.1], [0.6, 0.4]])
    0.5
    """
    truth, told = np.asarray(concepts), np.asarray(predicted)
    if told.ndim == truth.ndim + 1:
        told = told.argmax(axis=-1)
    if truth.shape != told.shape or truth.size == 0:
        raise ValueError(
            f"concepts has the shape {truth.shape}, predicted {told.shape}: pass one "
            "prediction for each counterfactual, and at least one."
        )
    return float((truth == told).mean())


def frechet_ratio(
    normal: ArrayLike,
    anomalous: ArrayLike,
    counterfactuals: ArrayLike,
    feature_extractor: Callable[[Any], ArrayLike] | None = None,
) -> float:
    r"""Whether counterfactuals are distributed like normal rows, or like anomalies.

    .. math::

        \frac{d(\text{counterfactuals}, \text{normal})}
             {d(\text{anomalous}, \text{normal})}
        \quad\text{with}\quad
        d = \|m_1 - m_2\|^2
            + \operatorname{tr}\bigl(C_1 + C_2 - 2 (C_1 C_2)^{1/2}\bigr)

    The Fréchet distance :math:`d` compares the means and covariances of features.

    Parameters
    ----------
    normal : array-like of shape (n_normal, n_columns)
        Normal test rows.
    anomalous : array-like of shape (n_anomalous, n_columns)
        Anomalous test rows.
    counterfactuals : array-like of shape (n_counterfactuals, n_columns)
        What these might be if they were normal.
    feature_extractor : callable, default=None
        Maps rows to features ``(n_rows, n_features)``: a trained net for images.
        By default, up to 16 principal components of the normal rows.

    Returns
    -------
    float
        0 if they follow the normal rows, 1 if they are as far from these as the
        anomalies are. Close to 0 they may keep nothing of the anomalies.

    Raises
    ------
    ValueError
        If the anomalies have the same mean and covariance as the normal rows.

    Notes
    -----
    Not comparable to published values of the distance between the features of
    an Inception net: features differ.

    References
    ----------
    Liznerski et al., section 4.3.3 and appendix D; Heusel et al. (2017), "GANs
    trained by a two time-scale update rule converge to a local Nash equilibrium".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import frechet_ratio
    >>> normal = np.random.default_rng(0).normal(size=(100, 3))
    >>> round(frechet_ratio(normal, normal + 4.0, normal + 2.0), 3)
    0.25
    """
    names = ("normal", "anomalous", "counterfactuals")
    tables = [
        check_numbers(rows, name)
        for rows, name in zip((normal, anomalous, counterfactuals), names, strict=True)
    ]
    if feature_extractor is None:
        size = min(_COMPONENTS, *tables[0].shape)
        pca = PCA(size, svd_solver="full").fit(tables[0])
        feature_extractor = pca.transform
    features = [
        check_numbers(feature_extractor(table), f"features of {name}")
        for table, name in zip(tables, names, strict=True)
    ]
    whole = _frechet(features[1], features[0])
    if not whole > 0:
        raise ValueError(
            "The anomalous rows have the mean and the covariance of the normal ones: "
            "pass anomalies that differ, or another feature_extractor."
        )
    return _frechet(features[2], features[0]) / whole


def plausibility(
    counterfactuals: ArrayLike,
    normal: ArrayLike,
    *,
    n_neighbors: int = 5,
    per_row: bool = False,
) -> float | FloatArray:
    """How far counterfactuals are from normal rows, beside how far these are.

    Parameters
    ----------
    counterfactuals : array-like of shape (n_counterfactuals, n_features)
        Rows to judge; of shape (n_samples, n_alternatives, n_features) too.
    normal : array-like of shape (n_normal, n_features)
        Normal rows.
    n_neighbors : int, default=5
        How many nearest normal rows the mean distance is taken to.
    per_row : bool, default=False
        Whether to give the ratio of each counterfactual instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_counterfactuals,)
        The mean Euclidean distance from the nearest normal rows, in standard
        deviations of the columns, over the mean of the same of the normal rows. 1
        is as close as they are to each other; more is less plausible.

    Raises
    ------
    ValueError
        If there are not more normal rows than neighbours, or all are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr.metrics import plausibility
    >>> normal = np.arange(10.0)[:, None]
    >>> plausibility([[4.5], [100.0]], normal, n_neighbors=1, per_row=True)
    array([ 0.5, 91. ])
    """
    edited = np.asarray(counterfactuals)
    edited = check_numbers(edited.reshape(-1, edited.shape[-1]), "counterfactuals")
    rows = check_numbers(normal, "normal")
    check_whole(n_neighbors, "n_neighbors", 1, len(rows) - 1)
    spread = rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    search = NearestNeighbors(n_neighbors=n_neighbors).fit(rows / spread)
    usual = search.kneighbors()[0].mean()
    if not usual > 0:
        raise ValueError(
            "The nearest neighbours of all normal rows are their duplicates: pass "
            "distinct rows, or more n_neighbors."
        )
    ratios: FloatArray = search.kneighbors(edited / spread)[0].mean(axis=1) / usual
    return ratios if per_row else float(ratios.mean())


def _scores(scores: ArrayLike, name: str) -> NDArray[np.float64]:
    flat = np.ravel(np.asarray(scores, dtype=np.float64))
    checked: NDArray[np.float64] = check_numbers(flat[None], name)[0]
    return checked


def _frechet(first: FloatArray, second: FloatArray) -> float:
    """Fréchet distance of two normal distributions with the rows' moments."""
    gap = first.mean(axis=0) - second.mean(axis=0)
    one, other = (
        np.atleast_2d(np.cov(rows, rowvar=False, bias=True)) for rows in (first, second)
    )
    lengths, axes = np.linalg.eigh(one)
    root = axes * np.sqrt(lengths.clip(min=0))
    # A symmetric matrix with the eigenvalues of the product of the covariances.
    values = np.linalg.eigvalsh(root.T @ other @ root)
    trace = np.trace(one) + np.trace(other) - 2 * np.sqrt(values.clip(min=0)).sum()
    return float(gap @ gap + max(trace, 0.0))
