"""How good what ``CounterfactualExplainer.explain`` returns is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._typing import FloatArray

if TYPE_CHECKING:
    from ..counterfactuals import CounterfactualExplanation


_PASS = "what CounterfactualExplainer.explain returns"


def validity(explanation: CounterfactualExplanation) -> float:
    """Share of the rows for which a valid counterfactual was found.

    Parameters
    ----------
    explanation : CounterfactualExplanation
        What ``explain`` returned.

    Returns
    -------
    float
        Between 0 and 1; 1 is best.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import CounterfactualExplainer, KNNDetector
    >>> from sklearn_anomaly_attr.metrics import validity
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(KNNDetector(), random_state=0)
    >>> validity(explainer.fit(X).explain([[0.0, 5.0, 0.0]]))
    1.0
    """
    return float(_best(explanation).valid[:, 0].mean())


def sparsity(
    explanation: CounterfactualExplanation, *, per_row: bool = False
) -> float | FloatArray:
    """Number of features that the best alternatives change.

    Parameters
    ----------
    explanation : CounterfactualExplanation
        What ``explain`` returned.
    per_row : bool, default=False
        Whether to give the number of each row instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_samples,)
        Fewer is better.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import CounterfactualExplainer, KNNDetector
    >>> from sklearn_anomaly_attr.metrics import sparsity
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(KNNDetector(), random_state=0)
    >>> sparsity(explainer.fit(X).explain([[0.0, 5.0, 0.0]]))
    1.0
    """
    changed = _best(explanation).n_changed[:, 0].astype(np.float64)
    return changed if per_row else float(changed.mean())


def proximity(
    explanation: CounterfactualExplanation, *, per_row: bool = False
) -> float | FloatArray:
    """L1 distance of the best alternatives from their rows.

    Parameters
    ----------
    explanation : CounterfactualExplanation
        What ``explain`` returned.
    per_row : bool, default=False
        Whether to give the distance of each row instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_samples,)
        In spreads of the columns; less is better.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import CounterfactualExplainer, KNNDetector
    >>> from sklearn_anomaly_attr.metrics import proximity
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(KNNDetector(), random_state=0)
    >>> proximity(explainer.fit(X).explain([[0.0, 5.0, 0.0]])) < 5
    True
    """
    distance = _best(explanation).distance[:, 0]
    return distance.copy() if per_row else float(distance.mean())


def diversity(
    explanation: CounterfactualExplanation, *, per_row: bool = False
) -> float | FloatArray:
    """How much the alternatives of a row differ from each other.

    Parameters
    ----------
    explanation : CounterfactualExplanation
        What ``explain`` returned, with two alternatives or more.
    per_row : bool, default=False
        Whether to give the share of each row instead of their mean.

    Returns
    -------
    float or ndarray of shape (n_samples,)
        Mean share of features in which two alternatives of a row differ, between 0
        and 1.

    Raises
    ------
    ValueError
        If rows have a single alternative.

    References
    ----------
    Mothilal, Sharma & Tan (2020), "Explaining machine learning classifiers
    through diverse counterfactual explanations", count-diversity in section 4.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import CounterfactualExplainer, KNNDetector
    >>> from sklearn_anomaly_attr.metrics import diversity
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = CounterfactualExplainer(KNNDetector(), n_counterfactuals=2)
    >>> diversity(explainer.fit(X).explain([[0.0, 5.0, 0.0]])) > 0
    True
    """
    rows = _best(explanation).counterfactuals
    n_alternatives = rows.shape[1]
    if n_alternatives < 2:
        raise ValueError(
            "The rows have one alternative each: explain with n_counterfactuals=2, "
            "or more."
        )
    first, second = np.triu_indices(n_alternatives, 1)
    shares = np.zeros(len(rows))
    for i, j in zip(first, second, strict=True):
        shares += np.asarray(rows[:, i] != rows[:, j], dtype=bool).mean(axis=1)
    shares /= len(first)
    return shares if per_row else float(shares.mean())


def _best(explanation: CounterfactualExplanation) -> CounterfactualExplanation:
    if not hasattr(explanation, "counterfactuals"):
        in_windows = hasattr(explanation, "windows")
        raise TypeError(
            f"explanation is of type {type(explanation).__name__}, which holds no "
            "alternatives of rows: pass "
            + ("its windows, explanation.windows" if in_windows else _PASS)
            + "."
        )
    if len(explanation) == 0:
        raise ValueError("The explanation has no rows: explain at least one.")
    return explanation
