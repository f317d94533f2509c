"""How good counterfactuals are: normal, and of use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.decomposition import PCA

from .._adapters import adapted
from .._typing import FloatArray
from .._validation import finite_scores
from ._detection import anomaly_roc_auc
from ._inputs import check_numbers, check_scores, check_tables

_COMPONENTS = 16  # of the default features of `frechet_ratio`


def counterfactual_roc_auc(
    *, normal_scores: ArrayLike, counterfactual_scores: ArrayLike
) -> float:
    """How well the detector tells counterfactuals from normal rows.

    Parameters
    ----------
    normal_scores : array-like of shape (n_normal,)
        Anomaly scores of normal test rows; HIGHER is more abnormal.
    counterfactual_scores : array-like of shape (n_counterfactuals,)
        Anomaly scores of counterfactuals.

    Returns
    -------
    float
        Area under the ROC curve with the counterfactuals as anomalies. Up to
        0.5 they appear entirely normal; 1 tells them all apart.

    Raises
    ------
    TypeError
        If scores are not numbers.
    ValueError
        If scores have not one dimension, as tables of rows have two, there are
        none, or they are not finite.

    References
    ----------
    Liznerski et al., "Reimagining anomalies: what if anomalies were normal?",
    section 4.3.1 and appendix D.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import counterfactual_roc_auc
    >>> counterfactual_roc_auc(
    ...     normal_scores=[0.1, 0.4], counterfactual_scores=[0.2, 0.3]
    ... )
    0.5
    """
    normal = check_scores(normal_scores, "normal_scores")
    edited = check_scores(counterfactual_scores, "counterfactual_scores")
    labels = np.r_[np.zeros(len(normal)), np.ones(len(edited))]
    return anomaly_roc_auc(labels, np.r_[normal, edited])


def substitution_roc_auc(
    estimator: Any,
    *,
    normal_rows: ArrayLike,
    anomalous_rows: ArrayLike,
    counterfactual_rows: ArrayLike,
    **fit_params: Any,
) -> float:
    """How well a detector works that learned from counterfactuals alone.

    Parameters
    ----------
    estimator : estimator
        A detector. It is cloned, and fitted on the counterfactuals instead of
        normal rows.
    normal_rows : array-like of shape (n_normal, n_features)
        Normal test rows.
    anomalous_rows : array-like of shape (n_anomalous, n_features)
        Anomalous test rows.
    counterfactual_rows : array-like of shape (n_counterfactuals, n_features)
        Counterfactuals of rows other than `anomalous_rows`: else the detector
        has seen a part of them.
    **fit_params : dict
        Handed to ``fit``, such as the ``X_outlier_exposure`` of some detectors.

    Returns
    -------
    float
        Area under the ROC curve of the test rows; 0.5 is chance.

    Raises
    ------
    TypeError
        If a table holds something else than numbers, or the estimator gives no
        anomaly score.
    ValueError
        If the tables differ in their columns, or numbers or scores are not
        finite.

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
    >>> normal, edited = rng.normal(size=(2, 100, 3))
    >>> substitution_roc_auc(
    ...     KNNDetector(),
    ...     normal_rows=normal,
    ...     anomalous_rows=normal + 9.0,
    ...     counterfactual_rows=edited,
    ... )
    1.0
    """
    normal, anomalous, edited = check_tables(
        normal_rows=normal_rows,
        anomalous_rows=anomalous_rows,
        counterfactual_rows=counterfactual_rows,
    )
    fitted = clone(adapted(estimator)).fit(edited, **fit_params)
    labels = np.r_[np.zeros(len(normal)), np.ones(len(anomalous))]
    scores = [-finite_scores(fitted, rows) for rows in (normal, anomalous)]
    return anomaly_roc_auc(labels, np.concatenate(scores))


def score_distance(*, normal_scores: ArrayLike, other_scores: ArrayLike) -> float:
    """How far the mean anomaly scores of two sets of rows are apart.

    Parameters
    ----------
    normal_scores : array-like of shape (n_normal,)
        Anomaly scores of normal test rows.
    other_scores : array-like of shape (n_others,)
        Anomaly scores of anomalies, or of their counterfactuals.

    Returns
    -------
    float
        Distance of the means, in units of the score.

    Raises
    ------
    TypeError
        If scores are not numbers.
    ValueError
        If scores have not one dimension, as tables of rows have two, there are
        none, or they are not finite.

    References
    ----------
    Liznerski et al., "Reimagining anomalies: what if anomalies were normal?",
    the appendix on results of each dataset.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import score_distance
    >>> score_distance(normal_scores=[0.0, 0.5], other_scores=[1.0, 1.0])
    0.75
    """
    normal = check_scores(normal_scores, "normal_scores")
    others = check_scores(other_scores, "other_scores")
    return float(abs(normal.mean() - others.mean()))


def concept_accuracy(*, y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """How often a classifier tells which concept a counterfactual belongs to.

    Parameters
    ----------
    y_true : array-like of int
        Concept that each counterfactual was made for, of any shape.
    y_pred : array-like of int or float
        What the classifier says, of the same shape; or its probabilities of the
        concepts, along one more axis at the end.

    Returns
    -------
    float
        Share of those it tells right; 1 / n_concepts is chance. High values say
        little where the counterfactuals hardly differ: see `diversity`.

    Raises
    ------
    ValueError
        If shapes differ, there are no counterfactuals, or `y_true` is not of
        whole numbers from 0 (and below the number of probabilities).

    References
    ----------
    Liznerski et al., section 4.3.4 and appendix D.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import concept_accuracy
    >>> concept_accuracy(y_true=[0, 1], y_pred=[[0.9, 0.1], [0.6, 0.4]])
    0.5
    """
    concepts, told = np.asarray(y_true), np.asarray(y_pred)
    n_concepts = told.shape[-1] if told.ndim == concepts.ndim + 1 else np.inf
    if told.ndim == concepts.ndim + 1:
        told = told.argmax(axis=-1)
    if concepts.shape != told.shape or concepts.size == 0:
        raise ValueError(
            f"y_true has the shape {concepts.shape}, y_pred {np.shape(y_pred)}: pass "
            "one prediction for each counterfactual, and at least one."
        )
    if concepts.dtype.kind not in "iu" or not (
        0 <= concepts.min() <= concepts.max() < n_concepts
    ):
        raise ValueError(
            f"y_true is of dtype {concepts.dtype}, from {concepts.min()} to "
            f"{concepts.max()}: pass the number of each counterfactual's concept, "
            "counted from 0; the predictions go into y_pred."
        )
    return float((concepts == told).mean())


def frechet_ratio(
    *,
    normal_rows: ArrayLike,
    anomalous_rows: ArrayLike,
    counterfactual_rows: ArrayLike,
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
    normal_rows : array-like of shape (n_normal, n_columns)
        Normal test rows.
    anomalous_rows : array-like of shape (n_anomalous, n_columns)
        Anomalous test rows.
    counterfactual_rows : array-like of shape (n_counterfactuals, n_columns)
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
    TypeError
        If a table holds something else than numbers.
    ValueError
        If the tables differ in their columns, hold NaN or infinity, or the
        anomalies have the same mean and covariance as the normal rows.

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
    >>> ratio = frechet_ratio(
    ...     normal_rows=normal,
    ...     anomalous_rows=normal + 4.0,
    ...     counterfactual_rows=normal + 2.0,
    ... )
    >>> round(ratio, 3)
    0.25
    """
    tables = check_tables(
        normal_rows=normal_rows,
        anomalous_rows=anomalous_rows,
        counterfactual_rows=counterfactual_rows,
    )
    if feature_extractor is None:
        size = min(_COMPONENTS, *tables[0].shape)
        pca = PCA(size, svd_solver="full").fit(tables[0])
        feature_extractor = pca.transform
    features = [
        check_numbers(feature_extractor(table), "What feature_extractor returns")
        for table in tables
    ]
    whole = _frechet(features[1], features[0])
    if not whole > 0:
        raise ValueError(
            "The anomalous rows have the mean and the covariance of the normal ones: "
            "pass anomalies that differ, or another feature_extractor."
        )
    return _frechet(features[2], features[0]) / whole


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
