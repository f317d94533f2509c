"""Which scores, tables and references the metrics of faithfulness take."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import AnomalyShapley, GaussianMixtureDetector, KernelShap
from sklearn_anomaly_attr.metrics import (
    deletion_auc,
    deletion_curve,
    faithfulness,
    infidelity,
    insertion_auc,
)

METRICS = [faithfulness, infidelity, deletion_auc, insertion_auc]
RNG = np.random.default_rng(0)
TRAIN = RNG.normal(size=(80, 3))
X = RNG.normal(size=(5, 3))
VALUES = RNG.normal(size=(5, 3))
REFERENCE = TRAIN.mean(axis=0)
NAMES = ["a", "b", "c"]


def score(X):
    return np.square(np.asarray(X, dtype=float)).sum(axis=1)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    "detector",
    [
        GaussianMixtureDetector(),
        IsolationForest(n_estimators=10, random_state=0),
        make_pipeline(
            StandardScaler(), IsolationForest(n_estimators=10, random_state=0)
        ),
    ],
    ids=lambda d: type(d).__name__,
)
def test_a_detector_is_its_negated_score_samples(metric, detector):
    detector.fit(TRAIN)
    found = metric(detector, X, values=VALUES, references=REFERENCE)
    expected = metric(
        lambda X: -detector.score_samples(X), X, values=VALUES, references=REFERENCE
    )
    assert found == expected


@pytest.mark.parametrize("metric", METRICS)
def test_references_of_any_shape(metric):
    expected = metric(score, X, values=VALUES, references=REFERENCE, per_row=True)
    frame = pd.DataFrame(X, columns=NAMES)
    for reference in (
        REFERENCE.tolist(),
        REFERENCE[None],
        np.tile(REFERENCE, (5, 1)),
        pd.DataFrame(TRAIN).mean(),
    ):
        found = metric(score, X, values=VALUES, references=reference, per_row=True)
        assert_allclose(found, expected)
    for reference in (
        REFERENCE,
        pd.Series(REFERENCE, index=NAMES),
        pd.DataFrame([REFERENCE] * 5, columns=NAMES),
    ):
        found = metric(score, frame, values=VALUES, references=reference, per_row=True)
        assert_allclose(found, expected)
    references = np.arange(15.0).reshape(5, 3)
    rows = metric(score, X, values=VALUES, references=references, per_row=True)
    for i in range(5):
        alone = metric(score, X[[i]], values=VALUES[[i]], references=references[i])
        assert alone == pytest.approx(rows[i])


@pytest.mark.parametrize("metric", METRICS)
def test_a_detector_of_a_frame_gets_its_columns(metric):
    train, frame = (pd.DataFrame(T, columns=NAMES) for T in (TRAIN, X))
    detector = GaussianMixtureDetector().fit(train)
    explanation = KernelShap(detector, random_state=0).fit(train).explain(frame)
    expected = metric(
        GaussianMixtureDetector().fit(TRAIN),
        X,
        values=explanation.values,
        references=REFERENCE,
    )
    for values in (explanation, explanation.to_frame(), explanation.values):
        found = metric(detector, frame, values=values, references=train.mean())
        assert found == pytest.approx(expected)
    with pytest.raises(ValueError, match="values stand in another order than those"):
        metric(
            detector,
            frame,
            values=explanation.to_frame()[NAMES[::-1]],
            references=train.mean(),
        )
    with pytest.raises(ValueError, match="pass those of X"):
        metric(detector, frame, values=explanation, references=train.mean()[::-1])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("as_frame", [False, True])
def test_several_references_give_the_mean_score(metric, as_frame):
    rows = pd.DataFrame(X, columns=NAMES) if as_frame else X
    several = RNG.normal(size=(5, 4, 3))

    def mean_score(row, references):
        """A score of the features' presence."""
        return lambda present: np.mean(
            [score(np.where(present == 1, row, one)) for one in references], axis=0
        )

    expected = [
        metric(
            mean_score(row, references),
            np.ones((1, 3)),
            values=values[None],
            references=np.zeros(3),
        )
        for row, values, references in zip(X, VALUES, several, strict=True)
    ]
    found = metric(score, rows, values=VALUES, references=several, per_row=True)
    assert_allclose(found, expected)
    small = metric(
        score, rows, values=VALUES, references=several, per_row=True, batch_size=3
    )
    assert_allclose(small, expected)
    same = np.repeat(several[:1], 5, axis=0)
    assert_allclose(
        metric(score, rows, values=VALUES, references=several[:1], per_row=True),
        metric(score, rows, values=VALUES, references=same, per_row=True),
    )
    assert_allclose(
        metric(score, rows, values=VALUES, references=several[:, :1], per_row=True),
        metric(score, rows, values=VALUES, references=several[:, 0], per_row=True),
    )


def test_polars_frames():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X, schema=NAMES)
    reference = polars.DataFrame(TRAIN, schema=NAMES).mean()
    found = faithfulness(
        lambda X: score(X.to_numpy()), frame, values=VALUES, references=reference
    )
    assert found == pytest.approx(
        faithfulness(score, X, values=VALUES, references=REFERENCE)
    )


def mixed_frame(n, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "colour": rng.choice(["red", "blue", "green"], n, p=[0.8, 0.15, 0.05]),
            "age": rng.integers(20, 60, n),
        }
    )


@pytest.mark.parametrize("kind", ["frame", "series"])
@pytest.mark.parametrize("dtype", [None, "category"])
def test_categories_even_where_the_rows_lack_the_references(kind, dtype):
    train = mixed_frame(200, 0)
    if dtype is not None:
        train["colour"] = train["colour"].astype(dtype)
    reference = train.mode().iloc[[0]]
    rows = train[train["colour"] != reference["colour"].iloc[0]][:4]
    detector = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(sparse_output=False), ["colour"]), remainder="passthrough"
        ),
        IsolationForest(n_estimators=10, random_state=0),
    ).fit(train)
    values = np.array([[1.0, 3.0, 2.0]] * 4)
    curve = deletion_curve(
        detector,
        rows,
        values=values,
        references=reference if kind == "frame" else reference.iloc[0],
    )
    expected = []
    changed = rows.astype({"age": float})
    for column in ("colour", "age", "size"):
        expected.append(-detector.score_samples(changed))
        changed[column] = reference[column].iloc[0]
    expected.append(-detector.score_samples(changed))
    assert_allclose(curve.scores, np.transpose(expected))
    with pytest.raises(TypeError, match="pass the references in a DataFrame"):
        deletion_curve(detector, rows, values=values, references=[0.0, 0.0, 0.0])


@pytest.mark.parametrize("metric", METRICS)
def test_groups_are_removed_as_one(metric):
    rng = np.random.default_rng(2)
    train = rng.normal(size=(80, 4))
    explainer = AnomalyShapley(
        GaussianMixtureDetector(), feature_groups={"pair": [0, 2]}, random_state=0
    ).fit(train)
    explanation = explainer.explain(rng.normal(size=(5, 4)))
    assert explanation.values.shape == (5, 3)
    found = metric(score, explanation.data, values=explanation, references=np.zeros(4))

    def score_of_present(row):
        """A score of the players' presence."""
        return lambda present: score(row * present[:, [0, 1, 0, 2]])

    expected = [
        metric(
            score_of_present(row),
            np.ones((1, 3)),
            values=values[None],
            references=np.zeros(3),
        )
        for row, values in zip(explanation.data, explanation.values, strict=True)
    ]
    assert found == pytest.approx(np.mean(expected))
    with pytest.raises(ValueError, match="groups of features as an Explanation"):
        metric(
            score, explanation.data, values=explanation.values, references=np.zeros(4)
        )


def test_columns_may_be_called_like_attributes():
    names = ["groups", "values", "feature_names"]
    frame, values = (pd.DataFrame(T, columns=names) for T in (X, VALUES))
    assert faithfulness(
        score, frame, values=values, references=REFERENCE
    ) == pytest.approx(faithfulness(score, X, values=VALUES, references=REFERENCE))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("changed", "error", "sentence"),
    [
        ({"values": VALUES[:, :2]}, ValueError, "pass the rows that were explained"),
        ({"X": X[:4]}, ValueError, "pass the rows that were explained"),
        ({"X": X[0]}, ValueError, r"of a single sample as \[row\]"),
        ({"X": X[:0], "values": X[:0]}, ValueError, "at least one row"),
        ({"X": pd.DataFrame(X[:0])}, ValueError, "at least one row"),
        ({"X": X * np.nan}, ValueError, "X holds NaN or infinity: leave such"),
        ({"X": pd.DataFrame(X * np.inf)}, ValueError, "infinite numbers"),
        ({"X": [["x", "y", "z"]] * 5}, TypeError, "pass a table of numbers"),
        ({"values": VALUES * np.inf}, ValueError, "values holds NaN or infinity"),
        ({"values": VALUES[0]}, ValueError, r"of a single sample as \[row\]"),
        ({"references": [0.0, 0.0]}, ValueError, "pass one row of 3 features"),
        ({"references": X[:2]}, ValueError, "one for each of the 5 rows"),
        ({"references": X[:2]}, ValueError, r"all rows share as references\[None\]"),
        ({"references": X[None, :, :2]}, ValueError, r"\(5, n_references, 3\)"),
        ({"references": X[None, None]}, ValueError, r"\(5, n_references, 3\)"),
        ({"references": X[:, :0, None]}, ValueError, r"\(5, n_references, 3\)"),
        ({"references": np.zeros((5, 0, 3))}, ValueError, "at least one row"),
        ({"references": 0.0}, ValueError, "references has the shape"),
        ({"references": [np.nan] * 3}, ValueError, "references holds NaN"),
        ({"references": [["x"] * 3]}, TypeError, "references holds something else"),
        ({"references": [[1.0], [1.0, 2.0]]}, TypeError, "references holds something"),
        ({"score": LogisticRegression()}, TypeError, "gives no anomaly score"),
        ({"score": lambda X: X}, ValueError, "must give one number a row"),
        ({"score": lambda X: X[:, 0] / 0}, ValueError, "take a score that is finite"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_input_is_refused(metric, changed, error, sentence):
    given = {"score": score, "X": X, "values": VALUES, "references": REFERENCE}
    with pytest.raises(error, match=sentence):
        metric(**{**given, **changed})
