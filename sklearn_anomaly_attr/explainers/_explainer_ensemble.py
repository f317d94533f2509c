"""ExplainerEnsemble: several explainers, one answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .._adapters import is_fitted
from .._docstrings import shared_paragraphs
from .._members import MembersMixin
from .._publish import snapshot
from .._random import seed_unseeded
from .._scale import score_spread
from .._sklearn_compat import StrOptions
from .._typing import BoolArray, FloatArray
from .._validation import check_table, finite_scores
from ..base import BaseExplainer
from ..explanation import BaseExplanation, Explanation
from ._ensemble_explanation import EnsembleExplanation, in_shares


def _ranks(values: FloatArray) -> FloatArray:
    """The share of the features that a feature is ahead of, itself in half."""
    ranks: FloatArray = (rankdata(values, axis=-1) - 0.5) / values.shape[-1]
    return ranks


# What is done to each explainer's attributions, and to all of them together.
_AGGREGATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mean": (in_shares, np.mean),
    "median": (in_shares, np.median),
    "mean_rank": (_ranks, np.mean),
}


@shared_paragraphs
class ExplainerEnsemble(BaseExplainer[EnsembleExplanation], MembersMixin):
    """Attribute anomaly scores by several explainers, detectors, or both.

    Which feature leads may depend on the method and on the detector's seed
    more than on the row. An ensemble asks several and takes what they agree on.

    POSITIVE attributions push the anomaly score UP. They have no unit and do
    not add up to the score: what the explainers say is first made comparable,
    row by row.

    Parameters
    ----------
    explainers : list of explainers, or of (str, explainer)
        Each around its own detector, or all around `estimator`. Without names
        their parameters are those of "0", "1", ...; the explanation's ``members`` then
        has the names of their classes, if these are all different.
    estimator : estimator, default=None
        Detector that all explain in place of their own; one that is not fitted is
        cloned and fitted, once. If None, each explains its own.
    prefit : "auto" or bool, default="auto" {prefit}
    aggregation : {"mean", "median", "mean_rank"}, default="mean"
        "mean" and "median" are those of the attributions divided by the sum of
        their absolute values in the row: who blames one feature alone has more
        say than who blames all. "mean_rank" is the mean of the features' ranks
        in a row, from near 0 for the least to near 1 for the most blamed; tied
        features share theirs.
    random_state : int, RandomState instance or None, default=None
        Seeds the explainers' and detectors' ``random_state`` where that is
        None, each differently.

    Attributes
    ----------
    explainers_ : list of explainers
        The fitted explainers.
    estimator_ : estimator or None
        The fitted detector that all of them explain.
    {features_in}

    Raises
    ------
    TypeError
        In ``fit``, if `explainers` holds something else, such as explainers of
        series or by counterfactuals, or a detector gives no anomaly score.
    ValueError
        In ``fit``, if `explainers` is empty, two have the same name, or they
        attribute to different groups of columns.

    See Also
    --------
    sklearn_anomaly_attr.AnomalyExplainer : Three cheap methods, ready to use.
    NeighborShap : A single explainer that does well on many tables.

    Notes
    -----
    The explanation's ``scores`` are those of `estimator`. Where each explains
    its own detector, they are the mean of the detectors' scores, each less its
    median over the training rows and in units of their spread. The base values
    are NaN.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", whose discussion advises to combine
    methods.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> from sklearn_anomaly_attr import NeighborShap
    >>> from sklearn_anomaly_attr.explainers import ExplainerEnsemble
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> mixtures = [GaussianMixtureDetector(k) for k in (1, 2)]
    >>> ensemble = ExplainerEnsemble(
    ...     [KernelShap(mixtures[0]), NeighborShap(mixtures[1])], random_state=0
    ... ).fit(X)
    >>> ensemble.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseExplainer._parameter_constraints,
        "explainers": [list, tuple],
        "aggregation": [StrOptions(set(_AGGREGATIONS))],
    }

    def __init__(
        self,
        explainers: Sequence[Any],
        *,
        estimator: Any = None,
        prefit: bool | str = "auto",
        aggregation: str = "mean",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.explainers = explainers
        self.estimator = estimator
        self.prefit = prefit
        self.aggregation = aggregation
        self.random_state = random_state

    @property
    def _named(self) -> Any:
        if not isinstance(self.explainers, list | tuple):
            return self.explainers  # for fit to refuse
        return [
            (str(i), one) if hasattr(one, "explain") else one
            for i, one in enumerate(self.explainers)
        ]

    @_named.setter
    def _named(self, named: Any) -> None:
        self.explainers = named

    def _check_estimator(self) -> None:
        self._check_explainers()
        if self.estimator is not None:
            super()._check_estimator()

    def _takes_fitted(self) -> bool:
        return self.estimator is not None and super()._takes_fitted()

    def _check_training(self, X: Any) -> Any:
        return check_table(self, X, reset=True, n_rows=2)

    def _fit_estimator(
        self, X: Any, y: Any, rng: np.random.RandomState, **given: Any
    ) -> Any:
        """Fit the detector that all explain, if there is one, and the explainers."""
        detector = None
        if self.estimator is not None:
            detector = super()._fit_estimator(X, y, rng)
        explainers = []
        for one in self._check_explainers():
            explainer: Any = clone(one)
            if one.prefit is not False and is_fitted(one.estimator):
                explainer.estimator = one.estimator
            explainers.append(explainer)
            if detector is not None:
                explainer.set_params(estimator=FrozenEstimator(detector))
            if self.random_state is not None:
                seed_unseeded(explainer, rng)
            explainer.fit(X, y)
        self._check_players(explainers)
        self.explainers_ = explainers
        return detector

    def _fit_background(self, X: Any, **given: Any) -> None:
        self._score_centers, self._score_spreads = np.transpose(
            [_center_and_spread(one.estimator_, X) for one in self.explainers_]
        )

    def explain(self, X: Any) -> EnsembleExplanation:
        """Attribute the anomaly score of each row to the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        EnsembleExplanation
            Attributions without unit; POSITIVE pushes the anomaly score UP. Its
            ``members`` tells what each explainer says.
        """
        check_is_fitted(self)
        fitted = snapshot(self)
        return fitted._joined([one.explain(X) for one in fitted.explainers_])

    def _explain_within(self, X: FloatArray, free: BoolArray) -> EnsembleExplanation:
        return self._joined([one._explain_within(X, free) for one in self.explainers_])

    @property
    def _n_at_once(self) -> int:
        """Number of rows that no explainer splits."""
        size: int = min(one._n_at_once for one in self.explainers_)
        return size

    @property
    def _takes_references(self) -> bool:
        return any(one._takes_references for one in self.explainers_)

    def _with_references(self, references: Any) -> Self:
        other = snapshot(self)
        other.explainers_ = [
            one._with_references(references) for one in self.explainers_
        ]
        return other

    def _joined(self, found: list[Explanation]) -> EnsembleExplanation:
        """What the explainers agree on."""
        for explainer, one in zip(self.explainers_, found, strict=True):
            _check_result(explainer, type(one))
        comparable, combine = _AGGREGATIONS[self.aggregation]
        said = np.stack([comparable(one.values) for one in found], axis=1)
        values = combine(said, axis=1)
        scores = found[0].scores
        if self.estimator_ is None:
            raw = np.array([one.scores for one in found]).T
            scores = ((raw - self._score_centers) / self._score_spreads).mean(axis=1)
        names = ", ".join(type(explainer).__name__ for explainer in self.explainers_)
        given = ", fitted detector as given" if self.prefit_ else ""
        return found[0]._as(
            EnsembleExplanation,
            values=values,
            base_values=np.full(len(values), np.nan),
            scores=scores,
            standard_errors=None,
            reference=None,
            description=f"ExplainerEnsemble, {self.aggregation} of {names}{given}",
            member_values=said,
            member_names=tuple(self._member_names()),
        )

    def _member_names(self) -> list[str]:
        """Names that were given; or those of the classes, where all are different."""
        names = [name for name, _ in self._named]
        kinds = [type(explainer).__name__ for explainer in self.explainers_]
        unnamed = names == [str(i) for i in range(len(names))]
        return kinds if unnamed and len(set(kinds)) == len(kinds) else names

    def _check_explainers(self) -> list[Any]:
        """The explainers, if they are some, with different names."""
        if not len(self.explainers):
            raise ValueError("explainers is empty: pass at least one explainer.")
        for one in self._named:
            if not (
                isinstance(one, tuple) and len(one) == 2 and hasattr(one[1], "explain")
            ):
                raise TypeError(
                    f"explainers holds {one!r}: pass explainers, such as "
                    "KernelShap(detector), or pairs of a name and an explainer."
                )
            _check_result(one[1], _result_of(one[1]))
        self._validate_names([name for name, _ in self._named])
        return [explainer for _, explainer in self._named]

    @staticmethod
    def _check_players(explainers: list[Any]) -> None:
        first, *others = (list(e.get_feature_names_out()) for e in explainers)
        if any(names != first for names in others):
            raise ValueError(
                "The explainers attribute to different features: give all of them "
                "the same groups, and leave out those of interactions."
            )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the attributions' columns, as the explainers have them.

        Parameters
        ----------
        input_features : array-like of str or None, default=None {input_features}

        Returns
        -------
        names : ndarray of str
            Names of the features, or groups.
        """
        check_is_fitted(self)
        names: NDArray[Any] = self.explainers_[0].get_feature_names_out(input_features)
        return names


def _result_of(explainer: Any) -> type[BaseExplanation]:
    """What an explainer says that it returns, as the argument of its base."""
    stated = [
        result
        for kind in type(explainer).__mro__
        for base in getattr(kind, "__orig_bases__", ())
        for result in get_args(base)
        if isinstance(result, type) and issubclass(result, BaseExplanation)
    ]
    return stated[0] if stated else Explanation


def _check_result(explainer: Any, result: type[BaseExplanation]) -> None:
    """Refuse what is not, or not only, attributions to the columns of rows."""
    if issubclass(result, Explanation) and result._item == Explanation._item:
        return
    raise TypeError(
        f"{type(explainer).__name__} returns {result.__name__}, and an ensemble "
        "combines attributions of rows: pass explainers such as KernelShap(detector). "
        "Sensors are explained by SensorExplainer(detector, explainer=ensemble)."
    )


def _center_and_spread(detector: Any, X: Any) -> tuple[float, float]:
    """What makes anomaly scores comparable; an ensemble's own already are."""
    if detector is None:
        return 0.0, 1.0
    scores = finite_scores(detector, X)
    return -float(np.median(scores)), score_spread(scores)
