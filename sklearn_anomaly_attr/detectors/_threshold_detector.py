"""Any detector, with a threshold that can be set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from .._docstrings import shared_paragraphs
from .._sklearn_compat import StrOptions
from .._validation import finite_scores, fit_detector
from ._left_out import find_left_out_scores
from ._meta_detector import MetaDetector


@shared_paragraphs
class ThresholdDetector(MetaDetector):
    """Give any detector a threshold that can be set.

    Scores are those of the detector inside; ``offset_``, ``predict`` and
    ``set_threshold`` are those that all detectors of this library have. Explainers
    explain the score in the columns of X, and counterfactuals follow the threshold.

    Parameters
    ----------
    estimator : estimator {estimator}
    contamination : float, default=0.1
        Share of the rows given to ``fit`` that are beyond the threshold of
        ``predict``, in (0, 0.5]. It replaces the threshold of the detector.
    prefit : "auto" or bool, default="auto" {prefit}
    random_state : int, RandomState instance or None, default=None
        {seeds_inner_detectors}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    prefit_ : bool
        Whether the detector was taken as it was given, fitted.
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score, or is a detector of
        series, which has ``set_threshold`` itself.
    ValueError
        In ``fit``, if the detector refuses the rows, was fitted on other columns, or
        gives scores that are NaN or infinite.
    sklearn.exceptions.NotFittedError
        In ``fit``, if ``prefit=True``, and the detector is not fitted.

    See Also
    --------
    ConformalDetector : Also gives p-values, by any detector.

    Notes
    -----
    ``p_values`` are those of a detector that is fitted here, where it leaves out its
    training rows as :class:`AnomalyDetector`, :class:`KNNDetector` and
    :class:`GaussianMixtureDetector` do, and the trees of an
    :class:`~sklearn.ensemble.IsolationForest` that have not drawn them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_anomaly_attr.detectors import ThresholdDetector
    >>> X = np.random.default_rng(0).normal(size=(500, 2))
    >>> forest = IsolationForest(random_state=0).fit(X)
    >>> detector = ThresholdDetector(forest).fit(X).set_threshold(n_alerts=3)
    >>> int((detector.predict(X) == -1).sum())
    3
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MetaDetector._parameter_constraints,
        "prefit": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        contamination: float = 0.1,
        prefit: bool | str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.contamination = contamination
        self.prefit = prefit
        self.random_state = random_state

    def _fit(
        self, X: Any, y: Any = None, params: Mapping[str, Any] | None = None
    ) -> None:
        self._refuse_series()
        self.prefit_ = self._takes_fitted()
        if self.prefit_:
            self.estimator_ = self._given_estimator(X)
        else:
            estimator = self._seeded_estimator(check_random_state(self.random_state))
            self.estimator_ = fit_detector(estimator, X, y, **(params or {}))
        # A detector that is given fitted has its threshold set by the rows of fit.
        known = None if self.prefit_ else find_left_out_scores(self.estimator_, X)
        self._calibrate(finite_scores(self.estimator_, X), known)
