"""Counterfactuals of rows with missing entries, and of tables with dates."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import CounterfactualExplainer, GaussianMixtureDetector
from sklearn_anomaly_attr.counterfactuals import ConceptGAN, DiffusionEditing

NAMES = list("abcd")
rng = np.random.default_rng(0)
WHOLE = rng.normal(size=(150, 4)) * [1, 10, 1, 100] + [0, 50, 0, 0]
GAPS = np.where(rng.random(WHOLE.shape) < [0, 0.15, 0.15, 0], np.nan, WHOLE)
# Far out, some of them with gaps.
ODD = np.array([[9.0, 50, 0, 0], [9.0, np.nan, 0, 0], [0.0, 50, np.nan, 900]])


def indicator_pipeline():
    """A missing entry is a feature of its own."""
    return make_pipeline(
        SimpleImputer(add_indicator=True),
        StandardScaler(),
        GaussianMixture(reg_covar=1e-2, random_state=0),
    )


def forest():
    return IsolationForest(n_estimators=25, random_state=0)


DETECTORS = {
    "mixture": indicator_pipeline,
    "forest": forest,
    "black box": lambda: make_pipeline(KNNImputer(), GaussianMixtureDetector()),
}


def explained(detector, X, rows, **params):
    params = {"target": 0.9, "random_state": 0, **params}
    explainer = CounterfactualExplainer(detector, **params).fit(X)
    return explainer, explainer.explain(rows)


def assert_sound(explainer, found, rows):
    """Scores are the detector's, distances those of the cells, words are finite."""
    rows = np.asarray(rows, dtype=float)
    n, k, d = found.counterfactuals.shape
    cells = found.counterfactuals.astype(float).reshape(n * k, d)
    own = -explainer.estimator_.score_samples(cells).reshape(n, k)
    assert_allclose(found.scores_after, own, atol=1e-6)
    assert_array_equal(found.valid, own <= found.threshold)
    before, after = np.broadcast_to(rows[:, None], (n, k, d)), cells.reshape(n, k, d)
    lost, filled = np.isnan(after), np.isnan(before)
    one = lost != filled
    moves = np.where(one, 1.0, np.nan_to_num(np.abs(after - before)) / found.spread)
    assert_allclose(found.distance, moves.sum(axis=2), rtol=1e-9)
    assert_array_equal(found.n_changed, (moves != 0).sum(axis=2))
    assert np.isfinite(found.values).all()
    assert np.isfinite(found.moves).all()
    assert len(found.changes()) == found.n_changed.sum()
    assert len(found.to_frame()) == n
    for sentence, changed in zip(found.sentences(), found.n_changed[:, 0], strict=True):
        assert ("instead of" in sentence) == (changed > 0)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("method", ["greedy", "nearest"])
@pytest.mark.parametrize("training", [WHOLE, GAPS], ids=["whole", "gaps"])
def test_rows_with_gaps_have_counterfactuals(name, method, training):
    # A forest accepts what is odd in one column only, at a higher threshold.
    target = 0.5 if name == "forest" else 0.9
    given = {"method": method, "n_counterfactuals": 2, "target": target}
    explainer, found = explained(DETECTORS[name](), training, ODD, **given)
    assert found.valid[:, 0].all()
    assert (found.n_changed[:, 0] > 0).all()
    assert_sound(explainer, found, ODD)
    may_lack = np.isnan(training).any(axis=0)
    lost = np.isnan(found.counterfactuals) & ~np.isnan(ODD[:, None])
    assert not lost[..., ~may_lack].any()


def test_a_gap_that_is_abnormal_is_filled():
    X = np.where(np.arange(150)[:, None] < 2, [[np.nan, 0, 0, 0]], WHOLE * [1, 1, 1, 1])
    row = np.array([[np.nan, 50.0, 0.0, 0.0]])
    _, found = explained(indicator_pipeline(), X, row)
    assert_array_equal(found.changed[0, 0], [True, False, False, False])
    assert found.distance[0, 0] == 1.0
    assert_allclose(found.moves, [[1.0, 0, 0, 0]])
    assert found.sentences()[0].startswith("Row 0: if `x0` were ")
    assert "instead of missing" in found.sentences()[0]


@pytest.mark.parametrize("may_lack", [True, False])
def test_entries_become_missing_only_where_training_rows_lack_some(may_lack):
    share = 0.9 if may_lack else 0.0
    X = np.where(rng.random((150, 1)) < share, [[np.nan, 0, 0, 0]], WHOLE)
    X[:, 1:] = WHOLE[:, 1:]
    row = np.array([[9.0, 50.0, 0.0, 0.0]])
    explainer, found = explained(indicator_pipeline(), X, row)
    assert found.valid[0, 0]
    assert np.isnan(found.counterfactuals[0, 0, 0]) == may_lack
    assert_sound(explainer, found, row)


FORBIDDEN = [
    {"immutable": ["b", "c"]},
    {"immutable": [1, 2]},
    {"immutable": np.array([False, True, True, False])},
]


@pytest.mark.parametrize("given", FORBIDDEN)
@pytest.mark.parametrize("method", ["greedy", "nearest"])
def test_what_may_not_change_stays_missing(given, method):
    X, rows = (pd.DataFrame(table, columns=NAMES) for table in (GAPS, ODD))
    _, found = explained(indicator_pipeline(), X, rows, method=method, **given)
    assert_array_equal(found.counterfactuals[:, 0, 1:3], ODD[:, 1:3])


@pytest.mark.parametrize("method", ["greedy", "nearest"])
def test_what_is_filled_in_keeps_to_ranges_and_steps(method):
    given = {"ranges": {1: (51.5, 70)}, "steps": {2: 0.5}, "method": method}
    # Gaps in b and c are so rare that they are abnormal.
    X = WHOLE.copy()
    X[:2, 1] = X[2:4, 2] = np.nan
    _, found = explained(indicator_pipeline(), X, [[0.0, np.nan, np.nan, 0]], **given)
    _, b, c, _ = found.counterfactuals[0, 0]
    assert 51.5 <= b <= 70
    assert c * 2 == round(c * 2)


@pytest.mark.parametrize("method", ["gradient", ConceptGAN(), DiffusionEditing()])
def test_methods_that_need_numbers_say_so(method):
    message = "of 150 training rows hold NaN.*method='greedy'"
    with pytest.raises(ValueError, match=message):
        explained(indicator_pipeline(), GAPS, ODD, method=method)


def test_a_method_that_needs_numbers_refuses_rows_without_them():
    with pytest.raises(ValueError, match=r"2 of 3 rows hold NaN.*method='greedy'"):
        explained(indicator_pipeline(), WHOLE, ODD, method="gradient")
    _, found = explained(indicator_pipeline(), WHOLE, ODD[:1], method="gradient")
    assert found.valid.all()


DATES = pd.DataFrame(
    {
        "when": pd.date_range("2024-01-01", periods=150, freq="D"),
        "size": rng.normal(size=150),
        "kind": rng.choice(["x", "y"], size=150),
        "notes": [[i] for i in range(150)],
    }
)
DATES.loc[::10, "size"] = np.nan
DATES.loc[::9, "when"] = pd.NaT
DATES.loc[::8, "kind"] = None


def to_days(column):
    return (column - pd.Timestamp("2024-01-01")) / pd.Timedelta("1D")


def of_dates():
    columns = [
        ("d", make_pipeline(FunctionTransformer(to_days), SimpleImputer()), ["when"]),
        ("n", SimpleImputer(add_indicator=True), ["size"]),
        ("k", OneHotEncoder(sparse_output=False), ["kind"]),
    ]
    return make_pipeline(ColumnTransformer(columns), StandardScaler(), forest())


def odd_dates():
    rows = DATES.iloc[[20, 21]].copy()
    rows["when"] = pd.to_datetime(["2031-05-05", None])
    rows["size"] = [np.nan, 60.0]
    return rows


@pytest.mark.parametrize("method", ["greedy", "nearest"])
def test_dates_categories_and_columns_that_nobody_reads(method):
    rows = odd_dates()
    explainer, found = explained(
        of_dates(), DATES, rows, method=method, target=0.7, n_counterfactuals=2
    )
    assert found.valid[:, 0].all()
    assert not found.changed[:, :, 3].any()
    assert found.is_categorical.tolist() == [False, False, True, True]
    assert np.isfinite(found.values).all()
    assert len(found.to_frame()) == 2
    assert_array_equal(found.n_changed, found.changed.sum(axis=2))
    known = {*DATES["when"].dropna(), *rows["when"].dropna(), None}
    shown = found.counterfactuals[..., 0].ravel()
    assert {None if pd.isna(date) else date for date in shown} <= known
    best = found.counterfactual_frame()
    best["when"] = pd.to_datetime(best["when"])
    own = -explainer.estimator_.score_samples(best[list(DATES.columns)])
    assert_allclose(found.scores_after[:, 0], own, atol=1e-9)


@pytest.mark.parametrize("bounds", [("2024-03-01", None), (None, DATES["when"][31])])
def test_dates_stay_in_their_ranges(bounds):
    rows = odd_dates().iloc[:1]
    given = {"ranges": {"when": bounds}, "immutable": ["size", "kind"], "target": 0.1}
    _, found = explained(of_dates(), DATES, rows, **given)
    (date,) = found.counterfactuals[:, 0, 0]
    assert date != rows["when"].iloc[0]
    low, high = (None if bound is None else pd.Timestamp(bound) for bound in bounds)
    assert low is None or date >= low
    assert high is None or date <= high


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": {"when": 1}}, "steps lists the column 'when'.*by ranges"),
        ({"ranges": {"when": ("2030-01-01", None)}}, "No value of the column 'when'"),
        ({"ranges": {"when": ("some day", None)}}, "no pair of dates"),
    ],
)
def test_constraints_of_dates_that_cannot_be_kept(given, message):
    with pytest.raises(ValueError, match=message):
        explained(of_dates(), DATES, odd_dates(), **given)
