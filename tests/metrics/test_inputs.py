"""Arguments of metrics that are mistaken for each other are refused."""

import inspect

import numpy as np
import pandas as pd
import pytest

from sklearn_anomaly_attr import Explanation, metrics
from sklearn_anomaly_attr.counterfactuals import CounterfactualExplanation
from sklearn_anomaly_attr.images import ImageExplanation
from sklearn_anomaly_attr.series import SeriesCounterfactualExplanation

NAMES = np.array(["a", "b", "c"], dtype=object)
X, Y_TRUE = np.arange(6.0).reshape(2, 3), np.eye(3, dtype=bool)[:2]
ATTRIBUTIONS = Explanation(
    values=X,
    base_values=np.zeros(2),
    scores=X.sum(axis=1),
    data=X,
    index=pd.RangeIndex(2),
    feature_names=NAMES,
    column_names=NAMES,
    feature_groups=((0,), (1,), (2,)),
)
ALTERNATIVES = CounterfactualExplanation(
    counterfactuals=np.zeros((2, 2, 3)),
    scores_before=np.ones(2),
    scores_after=np.zeros((2, 2)),
    valid=np.ones((2, 2), dtype=bool),
    distance=np.ones((2, 2)),
    n_changed=np.full((2, 2), 3),
    data=X,
    index=pd.RangeIndex(2),
    feature_names=NAMES,
    is_categorical=np.zeros(3, dtype=bool),
    spread=np.ones(3),
    threshold=0.5,
)
SEGMENTS = SeriesCounterfactualExplanation(
    windows=ALTERNATIVES,
    rows=np.zeros((2, 1), dtype=int),
    intervals=np.array([[0, 1], [1, 2]]),
    timestamp_scores=np.ones(2),
    series=X,
    timestamps=pd.RangeIndex(2),
    feature_names=NAMES,
)


def function_of_rows(X):
    return np.asarray(X).sum(axis=1)


FUNCTIONS = [
    function
    for name in metrics.__all__
    if inspect.isfunction(function := getattr(metrics, name))
]


def with_argument(*names):
    """The metrics that have all of these arguments."""
    return [f for f in FUNCTIONS if set(names) <= set(inspect.signature(f).parameters)]


@pytest.mark.parametrize("metric", with_argument("score", "X"))
def test_tables_of_one_shape_go_by_name(metric):
    with pytest.raises(TypeError, match="positional argument"):
        metric(function_of_rows, X, X, np.zeros(3))
    metric(function_of_rows, X, values=X, references=np.zeros(3))


@pytest.mark.parametrize("metric", FUNCTIONS)
def test_vectors_and_tables_of_one_kind_go_by_name(metric):
    """Only what is known first, and what cannot be taken for it, goes by position."""
    parameters = inspect.signature(metric).parameters.values()
    by_position = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position in (
        [],
        ["estimator"],
        ["estimator", "X"],
        ["estimator", "X", "y"],
        ["explanation"],
        ["metric"],
        ["metric_values"],
        ["p_values", "fdr"],
        ["runs"],
        ["runs", "k"],
        ["score", "X"],
        ["values"],
        ["y_true", "anomaly_score"],
        ["y_true", "anomaly_score", "n"],
        ["y_true", "heat_maps"],
        ["y_true", "selected"],
        ["y_true", "values"],
        ["y_true", "values", "k"],
    )


def select_by_truth(y_true, values):
    return metrics.select_features(values, y_true=y_true, share=1.0)


@pytest.mark.parametrize(
    "metric",
    [
        select_by_truth if metric is metrics.select_features else metric
        for metric in with_argument("y_true", "values")
    ],
)
def test_truth_and_attributions_are_told_apart(metric):
    metric(Y_TRUE, X)
    metric(Y_TRUE, ATTRIBUTIONS)
    with pytest.raises(TypeError, match="pass booleans"):
        metric(X, Y_TRUE)
    for others in (ALTERNATIVES, SEGMENTS):
        with pytest.raises(TypeError, match=r"values is a .* holds no attributions"):
            metric(Y_TRUE, others)


@pytest.mark.parametrize("metric", with_argument("score", "values"))
@pytest.mark.parametrize("others", [ALTERNATIVES, SEGMENTS], ids=["rows", "series"])
def test_changes_are_no_attributions(metric, others):
    with pytest.raises(TypeError, match="holds no attributions: pass an Explanation"):
        metric(function_of_rows, X, values=others, references=np.zeros(3))


@pytest.mark.parametrize("metric", with_argument("runs"))
@pytest.mark.parametrize(
    "single", [ATTRIBUTIONS, ALTERNATIVES, X, pd.DataFrame(X)], ids=type
)
def test_one_run_is_not_taken_for_several(metric, single):
    metric([ATTRIBUTIONS, X])
    with pytest.raises(TypeError, match=r"runs is a single .*: pass a list"):
        metric(single)


@pytest.mark.parametrize(
    "metric",
    [metrics.diversity, metrics.proximity, metrics.sparsity, metrics.validity],
)
@pytest.mark.parametrize(
    ("other", "cure"),
    [
        (ATTRIBUTIONS, "what CounterfactualExplainer.explain returns"),
        (X, "what CounterfactualExplainer.explain returns"),
        (SEGMENTS, "its windows, explanation.windows"),
    ],
    ids=["attributions", "array", "series"],
)
def test_metrics_of_alternatives_name_what_they_take(metric, other, cure):
    assert np.isfinite(metric(ALTERNATIVES))
    with pytest.raises(TypeError, match=f"holds no alternatives of rows: pass {cure}"):
        metric(other)


@pytest.mark.parametrize(
    "metric", with_argument("normal_scores"), ids=lambda metric: metric.__name__
)
@pytest.mark.parametrize("rows", [X, X[:, :1], [[0.1, 0.2]], 3.0], ids=np.shape)
def test_rows_are_not_taken_for_scores(metric, rows):
    first, second = inspect.signature(metric).parameters
    metric(**{first: [0.1, 0.2], second: [0.3]})
    for name, other in ((first, second), (second, first)):
        with pytest.raises(ValueError, match=f"{name} has the shape .*: pass one anom"):
            metric(**{name: rows, other: [0.1, 0.2]})


@pytest.mark.parametrize("metric", with_argument("heat_maps"))
@pytest.mark.parametrize("other", [ATTRIBUTIONS, ALTERNATIVES, SEGMENTS], ids=type)
def test_explanations_without_heat_maps_name_how_to_make_them(metric, other):
    sentence = r"heat_maps is of type .* pass ImageExplanation\.from_explanation\(expl"
    with pytest.raises(TypeError, match=sentence):
        metric(Y_TRUE[:, None], other)
    maps = ImageExplanation.from_explanation(ATTRIBUTIONS, (1, 3))
    assert np.isfinite(metric(Y_TRUE[:, None], maps))
