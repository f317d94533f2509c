"""Whether what an explainer explains is what the detector scores."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone

from sklearn_anomaly_attr import (
    AnomalyExplainer,
    AnomalyShapley,
    CounterfactualExplainer,
    KernelShap,
    NeighborShap,
)
from sklearn_anomaly_attr.exceptions import BatchDependenceWarning
from sklearn_anomaly_attr.explainers import (
    AnomalyCompensation,
    AnomalyContribution,
    DiffusionPerturbation,
    ExactShapley,
    ExplainerEnsemble,
    FeatureOcclusion,
    FeaturePermutation,
    GradientShap,
    IntegratedGradients,
    MarginalScore,
    NearestNormalInsertion,
    Saliency,
    SequentialFeatureExplainer,
    ShapleyInteractions,
    ShapleySampling,
    SmoothGrad,
    SubspaceExplainer,
    ZScore,
)
from tests._estimators import ESTIMATORS
from tests._frames import Table, entries, table

# What rounding may change, in spreads of the training scores and sizes of the score.
_ROUNDING = 1e-9

EXPLAINERS: dict[str, Callable[[Any], Any]] = {
    "AnomalyExplainer": lambda e: AnomalyExplainer(e, n_references=2),
    "SubspaceExplainer": SubspaceExplainer,
    "KernelShap": lambda e: KernelShap(e, n_references=2, max_evaluations=16),
    "ShapleySampling": lambda e: ShapleySampling(e, n_references=2, n_permutations=2),
    "FeatureOcclusion": lambda e: FeatureOcclusion(e, n_references=2),
    "NearestNormalInsertion": lambda e: NearestNormalInsertion(e, n_references=2),
    "SequentialFeatureExplainer": lambda e: SequentialFeatureExplainer(
        e, n_references=2
    ),
    "AnomalyShapley": lambda e: AnomalyShapley(e, max_evaluations=16),
    "ZScore": ZScore,
    "MarginalScore": MarginalScore,
    "Saliency": Saliency,
    "CounterfactualExplainer": lambda e: CounterfactualExplainer(
        e, method="nearest", target=0.9, random_state=0
    ),
    "ExplainerEnsemble": lambda e: ExplainerEnsemble(
        [ZScore(None), FeatureOcclusion(None, n_references=2)], estimator=e
    ),
}
# For the whole product; they are of the same families.
FURTHER: dict[str, Callable[[Any], Any]] = {
    "AnomalyCompensation": AnomalyCompensation,
    "AnomalyContribution": lambda e: AnomalyContribution(e, n_draws=16),
    "DiffusionPerturbation": lambda e: DiffusionPerturbation(e, n_times=2),
    "ExactShapley": lambda e: ExactShapley(e, n_references=2),
    "GradientShap": lambda e: GradientShap(e, n_references=2, n_draws=3),
    "IntegratedGradients": lambda e: IntegratedGradients(e, n_steps=2),
    "FeaturePermutation": lambda e: FeaturePermutation(e, n_references=2),
    "NeighborShap": lambda e: NeighborShap(e, n_references=2, max_evaluations=16),
    "ShapleyInteractions": lambda e: ShapleyInteractions(
        e, n_references=2, max_evaluations=40
    ),
    "SmoothGrad": lambda e: SmoothGrad(e, n_draws=3),
}
# What some explainers ask of a detector, by nature, and say when it is not there.
NEEDS = {
    "MarginalScore": "does not tell what each feature says alone",
    "AnomalyContribution": "along which no score has a slope",
    **dict.fromkeys(
        ["Saliency", "GradientShap", "IntegratedGradients", "SmoothGrad"],
        "needs the gradient of the score|along which no score has a slope",
    ),
}
# What may come of a cell.
RIGHT = ("exact", "depends", "refused", "needs")
# Their values and the base value add up to the score.
ADD_UP = (
    "AnomalyExplainer",
    "AnomalyShapley",
    "ExactShapley",
    "KernelShap",
    "NeighborShap",
    "ShapleySampling",
)


class Fitted(NamedTuple):
    """A fitted estimator, what it was fitted on, and what it says of two rows.

    `refusal` is its own error where it refuses to be fitted, or the rows.
    """

    estimator: Any
    table: Table
    scores: Any
    spread: float
    refusal: Exception | None


class Cell(NamedTuple):
    """What came of one estimator, frame and explainer.

    `outcome` is "exact", "depends" (on the batch), "refused" (by the estimator),
    "needs" (what the estimator has not), or, which is wrong, anything else.
    """

    outcome: str
    sentence: str = ""


@cache
def fitted(name: str, frame: str) -> Fitted:
    """An estimator, fitted by itself, and its anomaly scores of the rows to explain."""
    case = ESTIMATORS[name]
    data = table(frame, case.names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimator = case.fitted(data)
            scores = _scores(estimator, data.rows)
            spread = float(np.std(_scores(estimator, data.X)))
    except (TypeError, ValueError) as error:
        return Fitted(case.make(data), data, None, np.nan, error)
    return Fitted(estimator, data, scores, spread, None)


def _scores(estimator: Any, X: Any) -> Any:
    """Anomaly scores, HIGHER is more abnormal, of the estimator itself."""
    if hasattr(estimator, "score_samples"):
        return -np.asarray(estimator.score_samples(_copy(X)))
    # PyOD's; some of its models score rows against each other.
    rows = [X[i : i + 1] for i in range(len(X))]
    return np.concatenate([estimator.decision_function(_copy(row)) for row in rows])


def _copy(X: Any) -> Any:
    return X.copy() if hasattr(X, "copy") else X.clone()


def cell(name: str, frame: str, explainer: str) -> Cell:
    """Explain two rows, and compare with what the estimator says of them."""
    own, case = fitted(name, frame), ESTIMATORS[name]
    given = own.estimator
    if not case.given_fitted or own.refusal is not None:
        given = clone(given)
    X, rows = _copy(own.table.X), _copy(own.table.rows)
    y = np.arange(len(X)) % 7.0 if case.needs_y else None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        try:
            one = {**EXPLAINERS, **FURTHER}[explainer](given).fit(X, y)
            at_fit = len(_of_batches(caught))
            explanation = one.explain(rows)
        except (TypeError, ValueError) as error:
            return _refused(own, explainer, error)
    if own.refusal is not None:
        return Cell("accepted", str(own.refusal))
    # One for each explainer, all of them in fit.
    n_explainers = len(getattr(one, "explainers_", [one])) if name == "batch" else 0
    n_warnings = len(_of_batches(caught))
    if (at_fit, n_warnings) != (n_explainers, n_explainers):
        return Cell("warnings", f"{at_fit} in fit, {n_warnings} with explain")
    checks = [_check_shown, _check_sum]
    if name != "batch":  # which has other scores among made-up rows
        checks.append(_check_scores)
    for check in checks:
        if sentence := check(own, explainer, explanation):
            return Cell(check.__name__[7:], sentence)
    return Cell("depends" if name == "batch" else "exact")


def _of_batches(caught: Any) -> list[Any]:
    return [w for w in caught if issubclass(w.category, BatchDependenceWarning)]


def _refused(own: Fitted, explainer: str, error: Exception) -> Cell:
    """An explainer's refusal, which is the estimator's own, or of its nature."""
    sentence = str(error)
    needs = NEEDS.get(explainer)
    if needs is not None and any(part in sentence for part in needs.split("|")):
        return Cell("needs", sentence)
    if own.refusal is not None:
        # A sentence with a cure: what is wrong, and what to do.
        return Cell("refused" if ": " in sentence else "no cure", sentence)
    return Cell("failed", f"{type(error).__name__}: {sentence}")


def _check_scores(own: Fitted, explainer: str, explanation: Any) -> str:
    """The score that is explained is the estimator's own."""
    scores = getattr(explanation, "scores_before", None)
    if scores is None:
        scores = explanation.scores
    if scores.shape != (len(own.table.rows),) or not np.isfinite(scores).all():
        return f"{scores}"
    apart = np.abs(scores - own.scores)
    if (apart <= _ROUNDING * (own.spread + np.abs(own.scores))).all():
        return ""
    return f"explained {scores}, own {own.scores}"


def _check_shown(own: Fitted, explainer: str, explanation: Any) -> str:
    """The user's values, labels of rows and of columns come back."""
    rows = own.table.rows
    expected, shown = entries(rows), entries(explanation.data)
    if shown != expected:
        return f"shown {shown}, given {expected}"
    index = rows.index if isinstance(rows, pd.DataFrame) else pd.RangeIndex(len(rows))
    if not explanation.index.equals(index):
        return f"index {explanation.index}"
    names = explanation.feature_names
    labels = own.table.labels
    if isinstance(rows, np.ndarray):
        labels = [f"x{i}" for i in labels]
    if "Interactions" not in explainer and list(names) != labels:
        return f"labels {names}"
    return ""


def _check_sum(own: Fitted, explainer: str, explanation: Any) -> str:
    """Values and the base value add up to the score."""
    if explainer not in ADD_UP:
        return ""
    total = explanation.values.sum(axis=1) + explanation.base_values
    apart = np.abs(total - explanation.scores)
    # A black box's own scores are of the user's rows, and those of games of made-up
    # ones in other company: float32 rounds them, too.
    rounding = 1e-5 if own.scores.dtype == np.float32 else 1e-7
    if (apart <= rounding * (own.spread + np.abs(own.scores))).all():
        return ""
    return f"sum {total}, score {explanation.scores}"
