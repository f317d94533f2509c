"""p-values by any detector."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold, train_test_split
from sklearn.utils import check_random_state

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._typing import FloatArray
from .._validation import finite_scores
from ._left_out import find_left_out_scores, left_out_scores
from ._meta_detector import (
    MetaDetector,
    check_not_frozen,
    check_scores_alone,
)
from ._training_rows import TrainingRows


@shared_paragraphs
class ConformalDetector(MetaDetector):
    r"""Give p-values and false-alarm rates by any detector of rows.

    The score of a row says which of two rows is more abnormal, and not how rare such a
    score is among normal rows. That is counted here, among calibration scores: those
    of rows that the detector had not seen when it scored them. With m of them,

    .. math::

        p(x) = \frac{1 + \#\{i : s_i \le s(x)\}}{m + 1}

    Scores, and what explainers explain, are those of ``estimator_``.

    Parameters
    ----------
    estimator : estimator
        Outlier detector, density model, or Pipeline that ends in one; models of PyOD
        are taken through :class:`.PyODDetector`. It is cloned and fitted, also where
        it is fitted already, unless ``prefit`` says so.
    method : {"auto", "left_out", "cross", "split"}, default="auto"
        Where calibration scores come from.

        - "left_out": from the detector, fitted on all rows, which scores each as if it
          had been left out: :class:`AnomalyDetector`, :class:`KNNDetector` and
          :class:`GaussianMixtureDetector` do, and so do the trees of an
          :class:`~sklearn.ensemble.IsolationForest` that have not drawn it. A Pipeline
          cannot: its transformers have seen the row;
        - "cross": from ``n_splits`` further detectors, each of which is fitted without
          a part of the rows, and scores this part; the detector itself is fitted on
          all rows;
        - "split": from the detector, which is fitted on a part of the rows, and scores
          the others;
        - "auto": "left_out" where the detector can, else "cross".
    n_splits : int, default=5
        Number of parts of "cross", drawn at random; no more than there are rows.
    calibration_size : float, default=0.5
        Share of the rows on which "split" calibrates, in (0, 1), drawn at random.
    contamination : "auto" or float, default="auto"
        "auto" sets the threshold of ``predict`` by the calibration scores, to a
        false-alarm rate of 1 %: where there are 99 of them, ``predict`` flags rows
        whose p-value is at most 0.01. A float in (0, 0.5] is the share of the rows
        given to ``fit`` that it flags.
    prefit : bool or "auto", default=False
        True takes a fitted detector as it is, and calibrates on all of X: rows that it
        has NOT seen. "auto" does so where it is fitted. Not "auto" by default, as
        elsewhere, for the rows that it was fitted on would make p-values too small.
    random_state : int, RandomState instance or None, default=None
        Seeds the draws of "cross" and "split"; and the detector's ``random_state``
        parameters that are None.

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    prefit_ : bool
        Whether the detector was taken as it was given, fitted.
    method_ : {"left_out", "cross", "split", "prefit"}
        Where calibration scores came from; "prefit" for a detector given fitted.
    calibration_scores_ : ndarray of shape (n_calibration_rows,)
        Scores of rows by detectors that had not seen them; LOWER is more abnormal.
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score, is frozen but not
        ``prefit``, is a detector of series, or cannot leave out rows with "left_out".
    ValueError
        In ``fit``, if the detector refuses the rows, was fitted on other columns,
        gives scores that are NaN or infinite, or scores that depend on the rows beside
        a row; or if ``method`` is given for a detector that is taken as it is.
    sklearn.exceptions.NotFittedError
        In ``fit``, if ``prefit=True``, and the detector is not fitted.

    See Also
    --------
    ThresholdDetector : Sets a threshold by any rule, without p-values.

    Notes
    -----
    With "split" and ``prefit``, a normal row has a p-value of at most a with a chance
    of at most a, for any a, whatever the detector: if it and the calibration rows are
    exchangeable, as independent rows of one distribution are. That holds on average
    over calibration rows and new rows, not for a given row, nor a given kind of rows.
    Rows that belong together, as of one machine or one hour, are not exchangeable
    where some of them are seen and others not.

    With "cross" and "left_out" it holds about: as far as a detector changes little by
    a part of its rows. It has seen all rows that calibrate, and the guarantees of the
    jackknife+ and of CV+ would take the scores of all detectors, so that the score
    that is explained would no longer be the one that is judged. In return all rows
    train, and all calibrate. The detectors of "cross" saw fewer rows, by which their
    scores tend to be lower, and p-values too large. They are much too large where
    scores grow with the number of rows, as those of
    :class:`~sklearn.svm.OneClassSVM` and
    :class:`~sklearn.linear_model.SGDOneClassSVM` do: take "split".

    Anomalies among the training rows make p-values larger, and alarms fewer.

    The smallest p-value is ``1 / (m + 1)``: many rows must calibrate where many rows
    are tested at once.

    References
    ----------
    Laxhammar & Falkman (2015), "Inductive conformal anomaly detection for sequential
    detection of anomalous sub-trajectories" ("split"); Bates, Candès, Lei, Romano &
    Sesia (2023), "Testing for outliers with conformal p-values" (validity); Barber,
    Candès, Ramdas & Tibshirani (2021), "Predictive inference with the jackknife+"
    (what leaving out, and folds, promise).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KernelDensity
    >>> from sklearn_anomaly_attr.detectors import ConformalDetector
    >>> X = np.random.default_rng(0).normal(size=(399, 2))
    >>> detector = ConformalDetector(KernelDensity(), random_state=0).fit(X)
    >>> detector.method_
    'cross'
    >>> detector.p_values([[0.0, 0.0], [6.0, 6.0]]).round(4)
    array([0.9975, 0.0025])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **MetaDetector._parameter_constraints,
        "method": [StrOptions({"auto", "left_out", "cross", "split"})],
        "n_splits": [Interval(Integral, 2, None, closed="left")],
        "calibration_size": [Interval(Real, 0.0, 1.0, closed="neither")],
        "contamination": [
            StrOptions({"auto"}),
            *MetaDetector._parameter_constraints["contamination"],
        ],
        "prefit": ["boolean", StrOptions({"auto"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        method: str = "auto",
        n_splits: int = 5,
        calibration_size: float = 0.5,
        contamination: float | str = "auto",
        prefit: bool | str = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.method = method
        self.n_splits = n_splits
        self.calibration_size = calibration_size
        self.contamination = contamination
        self.prefit = prefit
        self.random_state = random_state

    def _fit(
        self, X: Any, y: Any = None, params: Mapping[str, Any] | None = None
    ) -> None:
        self._refuse_series()
        self.prefit_ = self._takes_fitted()
        rows = TrainingRows(X, y, params or {})
        if self.prefit_:
            known = self._calibrate_given(rows)
        else:
            known = self._fit_and_leave_out(rows)
        check_scores_alone(self.estimator_, X)
        self.calibration_scores_ = known
        self._calibrate(finite_scores(self.estimator_, X), known)

    def _calibrate_given(self, rows: TrainingRows) -> FloatArray:
        """Take the detector as it is; calibration scores of rows new to it."""
        if self.method != "auto":
            raise ValueError(
                f"method={self.method!r} fits the detector, and "
                f"prefit={self.prefit!r} takes it as it is: leave method='auto', or "
                "set prefit=False."
            )
        self.method_ = "prefit"
        self.estimator_ = self._given_estimator(rows.X)
        return finite_scores(self.estimator_, rows.X)

    def _fit_and_leave_out(self, rows: TrainingRows) -> FloatArray:
        """Fit the detector; calibration scores of rows that are left out."""
        check_not_frozen(
            self.estimator,
            "pass its estimator; or prefit=True, to calibrate it on rows that it has "
            "not seen",
        )
        rng = check_random_state(self.random_state)
        estimator = self._seeded_estimator(rng)
        if self.method == "split":
            return self._split(estimator, rows, rng)
        self.estimator_ = rows.fit(clone(estimator))
        if self.method != "cross":
            tell = (
                left_out_scores if self.method == "left_out" else find_left_out_scores
            )
            known = tell(self.estimator_, rows.X)
            if known is not None:
                self.method_ = "left_out"
                return known
        self.method_ = "cross"
        return self._cross(estimator, rows, rng)

    def _split(
        self, estimator: Any, rows: TrainingRows, rng: np.random.RandomState
    ) -> FloatArray:
        self.method_ = "split"
        n_samples = rows.n_samples
        n_held_out = int(np.ceil(self.calibration_size * n_samples))
        if n_samples - n_held_out < self._min_samples:
            raise ValueError(
                f"calibration_size={self.calibration_size:g} leaves "
                f"{n_samples - n_held_out} of {n_samples} rows to fit on: pass more "
                "rows, set a smaller calibration_size, or take method='cross'."
            )
        training, held_out = train_test_split(
            np.arange(n_samples),
            test_size=self.calibration_size,
            random_state=rng,
        )
        self.estimator_ = rows.fit(estimator, training)
        return rows.scores(self.estimator_, held_out)

    def _cross(
        self, estimator: Any, rows: TrainingRows, rng: np.random.RandomState
    ) -> FloatArray:
        n_samples = rows.n_samples
        folds = KFold(min(self.n_splits, n_samples), shuffle=True, random_state=rng)
        return rows.out_of_fold(
            lambda others: rows.fit(clone(estimator), others),
            folds.split(np.empty(n_samples)),
        )
