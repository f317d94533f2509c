"""Several detectors, one score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.pipeline import _name_estimators
from sklearn.utils import Bunch, check_random_state, get_tags

from .._adapters import adapted, takes_missing
from .._coding import TableCoding
from .._docstrings import shared_paragraphs
from .._frames import container_of, in_container
from .._members import MembersMixin
from .._p_values import p_values_of
from .._random import seed_unseeded
from .._sklearn_compat import StrOptions, _fit_context
from .._typing import FloatArray
from .._validation import (
    finite_scores,
    fit_detector,
    score_method,
)
from ..base import BaseDetector
from ._left_out import find_left_out_scores
from ._meta_detector import (
    check_given_table,
    check_not_frozen,
    check_scores_alone,
    refuse_series,
)
from ._score_tail import ScoreTail
from ._tail import harmonic

if TYPE_CHECKING:
    from ..scores import TorchScore


def _mean(surprises: FloatArray) -> FloatArray:
    return np.asarray(surprises.mean(axis=-1))


def _max(surprises: FloatArray) -> FloatArray:
    return np.asarray(surprises.max(axis=-1))


_COMBINE: dict[str, Callable[[FloatArray], FloatArray]] = {
    "harmonic": harmonic,
    "mean": _mean,
    "max": _max,
}


@shared_paragraphs
class DetectorEnsemble(MetaEstimatorMixin, MembersMixin, BaseDetector):
    r"""Combine detectors of rows by how rare each finds a row.

    Scores of different detectors have different units. Each becomes a surprise,
    :math:`-\log p`, where p is about the share of the training rows that the
    detector finds as abnormal; beyond these, it falls off with the score. A change of
    the zero or the unit of a detector's score changes nothing.

    Parameters
    ----------
    estimators : list of estimators, or of (str, estimator)
        Outlier detectors, density models, models of PyOD, or Pipelines that end in
        one. They are cloned and fitted, also where they are fitted already. Without
        names they have those of their classes, in lower case, with "-1", "-2" where
        these repeat. The names lead to their parameters, as in ``name__parameter``.
    combine : {"harmonic", "mean", "max"}, default="harmonic"
        How the anomaly score comes from the surprises of a row.

        - "harmonic": minus the logarithm of the harmonic mean of p. One detector that
          finds a row very rare is enough, and several that find it rare count;
        - "mean": the mean surprise, minus the logarithm of the geometric mean of p.
          All have a say, which evens out the errors of detectors of one kind;
        - "max": the largest surprise. For detectors that each see anomalies of their
          own kind; one bad detector raises false alarms.
    contamination : float, default=0.1 {contamination}
    n_jobs : int or None, default=None
        Number of detectors that are fitted at once, as in joblib.
    random_state : int, RandomState instance or None, default=None
        Seeds the detectors' ``random_state`` parameters that are None, each
        differently.

    Attributes
    ----------
    estimators_ : list of estimators
        The fitted detectors.
    named_estimators_ : Bunch
        The same by name.
    offset_ : float {offset_}
    {features_in}

    Raises
    ------
    TypeError
        In ``fit``, if ``estimators`` holds what gives no anomaly score, is frozen, or
        is a detector of series.
    ValueError
        In ``fit``, if ``estimators`` is empty, two have the same name, or one refuses
        the rows, or gives scores that are not finite or depend on the rows beside a
        row.

    See Also
    --------
    AnomalyDetector : Combines several ways to look at rows, without a choice to make.
    sklearn_anomaly_attr.explainers.ExplainerEnsemble : Combines explanations.

    Notes
    -----
    Scores of training rows are as if each had been left out where a detector can tell,
    as :class:`KNNDetector` and :class:`~sklearn.ensemble.IsolationForest` can, and else
    those of the fitted detector: nets and densities that have seen a row find it a
    little too normal, and new rows too rare. A :class:`ConformalDetector` around the
    ensemble gives p-values that hold. ``p_values`` need detectors that all leave out.

    Beyond the 90 % quantile of the training scores, the surprise grows with the
    logarithm of the score above the lowest one of the training rows.

    References
    ----------
    Wilson (2019), "The harmonic mean p-value for combining dependent tests"
    ("harmonic"); Fisher (1932), "Statistical methods for research workers" ("mean",
    his sum of logarithms); Tippett (1931), "The methods of statistics" ("max", his
    least p-value); Aggarwal & Sathe (2015), "Theoretical foundations and algorithms
    for outlier ensembles" (mean against max).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.detectors import DetectorEnsemble
    >>> X = np.random.default_rng(0).normal(size=(300, 2))
    >>> members = [KNNDetector(), IsolationForest(n_estimators=50)]
    >>> ensemble = DetectorEnsemble(members, random_state=0).fit(X)
    >>> ensemble.predict([[0.0, 0.0], [6.0, 6.0]])
    array([ 1, -1])
    >>> list(ensemble.by_detector([[6.0, 6.0]]))
    ['knndetector', 'isolationforest']
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "estimators": [list, tuple],
        "combine": [StrOptions(set(_COMBINE))],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimators: Sequence[Any],
        *,
        combine: str = "harmonic",
        contamination: float = 0.1,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.estimators = estimators
        self.combine = combine
        self.contamination = contamination
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def _named(self) -> Any:
        if not isinstance(self.estimators, list | tuple):
            return self.estimators  # for fit to refuse
        unnamed = [one for one in self.estimators if not isinstance(one, tuple)]
        named = iter(_name_estimators(unnamed))
        return [o if isinstance(o, tuple) else next(named) for o in self.estimators]

    @_named.setter
    def _named(self, named: Any) -> None:
        self.estimators = named

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detectors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, mostly normal. DataFrames reach the detectors as they are.
        y : array-like of shape (n_samples,), default=None
            Handed to the detectors; most ignore it.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return self._fit_and_publish(X, y=y)

    def _fit_draft(self, X: Any, y: Any = None) -> None:
        members = self._new_members()
        X = check_given_table(self, X, reset=True)
        self._fit(X, y, members)
        self._calibrate(self._score_samples(X), self._score_left_out(X))

    def _fit(
        self, X: Any, y: Any = None, members: Sequence[tuple[str, Any]] = ()
    ) -> None:
        self.estimators_ = Parallel(n_jobs=self.n_jobs)(
            delayed(fit_detector)(one, X, y) for _, one in members
        )
        for one in self.estimators_:
            check_scores_alone(one, X)
        names = [name for name, _ in members]
        self.named_estimators_ = Bunch(
            **dict(zip(names, self.estimators_, strict=True))
        )
        found = [find_left_out_scores(one, X) for one in self.estimators_]
        self._leave_out = all(f is not None and len(f) == X.shape[0] for f in found)
        self._known = [
            finite_scores(one, X) if scores is None else scores
            for one, scores in zip(self.estimators_, found, strict=True)
        ]
        self._tails = [ScoreTail(-known) for known in self._known]

    def _new_members(self) -> list[tuple[str, Any]]:
        """Clones to fit, with their names, and seeds where they have none."""
        if not len(self.estimators):
            raise ValueError("estimators is empty: pass at least one detector.")
        rng = check_random_state(self.random_state)
        members = []
        for one in self._named:
            if not (isinstance(one, tuple) and len(one) == 2):
                raise TypeError(
                    f"estimators holds {one!r}: pass detectors, or pairs of a name and "
                    "a detector."
                )
            estimator = adapted(one[1])
            score_method(estimator)
            check_not_frozen(estimator)
            refuse_series(type(self).__name__, estimator)
            members.append((one[0], clone(estimator)))
            if self.random_state is not None:
                seed_unseeded(members[-1][1], rng)
        self._validate_names([name for name, _ in members])
        return members

    def score_samples(self, X: Any) -> FloatArray:
        """Score rows; LOWER is more abnormal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to score.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Minus the combined surprise.
        """
        fitted = self._as_fitted()
        X = check_given_table(fitted, X, reset=False)
        return fitted._finite(fitted._score_samples(X), X)

    def _score_samples(self, X: Any) -> FloatArray:
        return self._combined([finite_scores(one, X) for one in self.estimators_])

    def _score_left_out(self, X: Any) -> FloatArray | None:
        return self._combined(self._known) if self._leave_out else None

    def _combined(self, scores: Sequence[FloatArray]) -> FloatArray:
        """Scores by those of the detectors."""
        pairs = zip(self._tails, scores, strict=True)
        surprises = np.stack([tail.surprise(-own) for tail, own in pairs], axis=-1)
        return -_COMBINE[self.combine](surprises)

    def by_detector(self, X: Any) -> Any:
        """Tell which detector finds rows rare.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to look at.

        Returns
        -------
        p_values : DataFrame of shape (n_samples, n_detectors)
            p-values by each detector among the training rows, LOW for anomalies.
            Like X, a frame of pandas or polars.
        """
        fitted = self._as_fitted()
        rows = check_given_table(fitted, X, reset=False)
        members = zip(fitted.named_estimators_.items(), fitted._known, strict=True)
        table = pd.DataFrame(
            {
                name: p_values_of(finite_scores(one, rows), known)
                for (name, one), known in members
            }
        )
        if isinstance(X, pd.DataFrame):
            table.index = X.index
        return in_container(table, container_of(X))

    def _coded_score(self, coding: TableCoding | None) -> TorchScore | None:
        """The score of coded rows; None where a detector's is a black box."""
        # The detector itself needs no torch.
        from ..scores import BlackBoxScore, torch_score
        from ._ensemble_score import EnsembleScore

        scores = [torch_score(one, coding) for one in self.estimators_]
        if any(isinstance(score, BlackBoxScore) for score in scores):
            return None
        return EnsembleScore(scores, self._tails, self.combine)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        members = [one[1] if isinstance(one, tuple) else one for one in self.estimators]
        inner = [get_tags(adapted(one)).input_tags for one in members]
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = all(takes_missing(one) for one in members)
        tags.input_tags.string = all(one.string for one in inner)
        tags.input_tags.categorical = all(one.categorical for one in inner)
        return tags
