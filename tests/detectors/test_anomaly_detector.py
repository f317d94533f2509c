"""The detector to start with."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import (
    AnomalyDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    torch_score,
)
from sklearn_anomaly_attr.explainers import FeaturePermutation
from sklearn_anomaly_attr.scores import BlackBoxScore


@pytest.fixture(scope="module")
def orders():
    """A frame of all kinds: the currency follows the country, times are by day."""
    rng = np.random.default_rng(0)
    n = 500
    country = rng.choice(["FR", "DE", "US", "JP"], n, p=[0.4, 0.3, 0.2, 0.1])
    amount = rng.normal(50.0, 8.0, n)
    days = np.array([d for d in range(700) if d % 7 < 5])
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(
        rng.choice(days, n) * 86400 + (13 + 2 * rng.normal(size=n)) * 3600, unit="s"
    )
    return pd.DataFrame(
        {
            "amount": amount,
            "weight": 0.1 * amount + rng.normal(0, 0.3, n),
            "discount": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "country": country,
            "currency": pd.Series(country).map(
                {"FR": "EUR", "DE": "EUR", "US": "USD", "JP": "JPY"}
            ),
            "express": rng.random(n) < 0.3,
            "when": when,
            "version": 3,
        }
    )


@pytest.fixture(scope="module")
def fitted(orders):
    return AnomalyDetector(random_state=0).fit(orders)


def changed(orders, **values):
    """An order like the first one, but for some values."""
    row = orders.iloc[[0]].reset_index(drop=True)
    return row.assign(amount=50.0, weight=5.0, **values)


ODD = {
    "a far number": ({"discount": 30.0}, "neighbors"),
    "numbers that do not go together": ({"amount": 66.0, "weight": 3.5}, "correlation"),
    "a new category": ({"country": "IT"}, "rarity"),
    "categories that do not go together": (
        {"country": "FR", "currency": "JPY"},
        "rarity",
    ),
    "a number that is never missing": ({"weight": np.nan}, "missingness"),
    "a date far away": ({"when": pd.Timestamp("1970-01-01 12:00")}, "neighbors"),
    "a date at night": ({"when": pd.Timestamp("2025-01-07 02:30")}, "neighbors"),
    "a date on a Sunday": ({"when": pd.Timestamp("2025-01-12 12:00")}, "rarity"),
    "another constant": ({"version": 4}, "columns"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_rows_of_all_kinds_are_found_by_the_view_that_sees_them(
    fitted, orders, kind
):
    values, view = ODD[kind]
    row = changed(orders)
    for name, value in values.items():
        row[name] = value
    assert fitted.predict(row).tolist() == [-1]
    p_values = fitted.by_view(row).iloc[0]
    assert p_values[view] <= 0.02
    assert fitted.p_values(row)[0] <= 0.01


def test_a_usual_row_is_normal(fitted, orders):
    row = changed(orders)
    assert fitted.predict(row).tolist() == [1]
    assert (fitted.by_view(row).iloc[0] > 0.02).all()


def test_tumors_stand_out_among_those_of_the_other_kind():
    X, benign = load_breast_cancer(return_X_y=True)
    train, normal = np.split(X[benign == 1], [180])
    rows = np.concatenate([normal, X[benign == 0]])
    y = np.repeat([0, 1], [len(normal), len(rows) - len(normal)])

    def auroc(detector):
        return roc_auc_score(y, -detector.fit(train).score_samples(rows))

    found = auroc(AnomalyDetector(random_state=0))
    assert found > auroc(make_pipeline(StandardScaler(), KNNDetector(5)))
    assert found > 0.95


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_training_rows_leave_themselves_out(missing):
    """They score as rows that were not there: but for one more row, and the trees."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4))
    X[rng.random(X.shape) < missing] = np.nan
    scores = AnomalyDetector(random_state=0).fit(X).score_samples(X)
    apart = [
        clone(AnomalyDetector(random_state=0))
        .fit(np.delete(X, i, axis=0))
        .score_samples(X[i : i + 1])[0]
        for i in range(0, 200, 20)
    ]
    assert np.corrcoef(scores[::20], apart)[0, 1] > 0.99
    assert_allclose(np.mean(scores[::20]), np.mean(apart), atol=0.1)


def test_a_row_that_equals_a_training_row_scores_as_it(orders, fitted):
    scores = fitted.score_samples(orders)
    order = np.random.default_rng(1).permutation(len(orders))
    assert_array_equal(fitted.score_samples(orders.iloc[order]), scores[order])
    assert_allclose(
        np.concatenate([fitted.score_samples(orders[i : i + 7]) for i in (0, 7)]),
        scores[:14],
        rtol=1e-12,
    )


def test_false_alarms_come_at_one_percent():
    rng = np.random.default_rng(0)
    found = []
    for seed in range(5):
        detector = AnomalyDetector(random_state=seed).fit(rng.normal(size=(999, 5)))
        found.append((detector.predict(rng.normal(size=(4000, 5))) == -1).mean())
    assert np.mean(found) == pytest.approx(0.01, rel=0.35)


def test_a_float_is_the_share_of_training_rows():
    X = np.random.default_rng(0).normal(size=(3000, 3))
    detector = AnomalyDetector(contamination=0.05, max_samples=500, random_state=0)
    assert (detector.fit_predict(X) == -1).sum() == 150


def test_constants_that_change_stand_out():
    X = np.c_[np.random.default_rng(0).normal(size=(100, 2)), np.full(100, 7.0)]
    detector = AnomalyDetector(random_state=0).fit(X)
    row = np.array([[0.1, 0.2, 7.0], [0.1, 0.2, 7.1], [0.1, 0.2, np.nan]])
    usual, other, missing = -detector.score_samples(row)
    assert other == pytest.approx(usual + 100.0)
    assert usual + 1.0 < missing < usual + 10.0


def test_values_rarer_than_the_rows_kept_are_rare():
    """One row in a thousand has another value; none that is kept."""
    X = np.random.default_rng(0).normal(size=(3000, 3))
    X[:, 2] = np.arange(3000) % 1000 == 7
    detector = AnomalyDetector(max_samples=100, random_state=0).fit(X)
    assert X[detector._judge.kept, 2].max() == 0.0
    usual, rare = -detector.score_samples([[0.0, 0.1, 0.0], [0.0, 0.1, 1.0]])
    assert usual + 1.0 < rare < usual + 50.0


def test_columns_that_name_or_number_rows_are_left_out(orders):
    n = len(orders)
    order = np.random.default_rng(1).permutation(n)
    named = orders.assign(
        key=[f"order {i}" for i in range(n)], count=order, line=order + 1
    )
    with pytest.warns(UserWarning, match=r"\['key', 'count', 'line'\]"):
        detector = AnomalyDetector(random_state=0).fit(named)
    assert detector.left_out_columns_ == ["key", "count", "line"]
    expected = AnomalyDetector(random_state=0).fit(orders)
    new = named.iloc[:20].assign(key="another", count=-5, line=9)
    new["amount"] += 3.0
    found = detector.score_samples(new)
    assert_allclose(found, expected.score_samples(new[list(orders)]))


def test_floats_and_repeated_text_are_never_left_out():
    run = np.arange(100)
    frame = pd.DataFrame({"run": run * 1.0, "name": [f"{i // 2}" for i in run]})
    assert AnomalyDetector().fit(frame).left_out_columns_ == []
    with pytest.raises(ValueError, match="number the rows or name them: pass columns"):
        AnomalyDetector().fit(run[:, None])


@pytest.mark.parametrize(
    "bad", [np.inf, -np.inf], ids=["infinity", "negative infinity"]
)
@pytest.mark.parametrize("kind", ["frame", "array"])
def test_infinity_is_refused(orders, fitted, bad, kind):
    rows = orders.iloc[:30].copy()
    rows.loc[3, "amount"] = bad
    if kind == "array":
        rows = rows[["amount", "weight"]].to_numpy()
        fitted = AnomalyDetector().fit(np.zeros((30, 2)))
    for call in (AnomalyDetector().fit, fitted.predict):
        with pytest.raises(ValueError, match="infinit"):
            call(rows)


def test_a_dict_in_a_cell_is_refused_with_the_column():
    X = np.random.default_rng(0).normal(size=(20, 2)).astype(object)
    X[3, 1] = {"a": 1}
    with pytest.raises(TypeError, match="column 1 holds neither numbers, nor dates"):
        AnomalyDetector().fit(X)


def test_polars_and_arrays_of_objects_score_alike(orders):
    frame = orders.drop(columns="when")
    expected = AnomalyDetector(random_state=0).fit(frame).score_samples(frame)
    as_polars = pl.from_pandas(frame)
    detector = AnomalyDetector(random_state=0).fit(as_polars)
    assert_allclose(detector.score_samples(as_polars), expected)
    assert isinstance(detector.by_view(as_polars), pl.DataFrame)
    objects = frame.to_numpy(dtype=object)
    detector = AnomalyDetector(random_state=0).fit(objects)
    assert_allclose(detector.score_samples(objects), expected)


def test_dates_are_read_by_their_local_clock(orders):
    """The same hours in Berlin, in summer and in winter."""
    local = orders.assign(when=orders["when"].dt.tz_localize("Europe/Berlin"))
    odd = changed(local, when=pd.Timestamp("2025-07-08 02:30", tz="Europe/Berlin"))
    usual = odd.assign(when=pd.Timestamp("2025-07-08 12:30", tz="Europe/Berlin"))
    detector = AnomalyDetector(random_state=0).fit(local)
    assert detector.predict(odd).tolist() == [-1]
    assert detector.predict(usual).tolist() == [1]


def test_what_is_explained_is_what_is_scored(orders, fitted):
    rows = pd.concat([changed(orders, country="IT"), changed(orders, discount=30.0)])
    for explainer, first in [
        (FeaturePermutation(fitted, random_state=0), True),
        (KernelShap(fitted, max_evaluations=200, random_state=0), True),
        (NeighborShap(fitted, max_evaluations=200, random_state=0), True),
    ]:
        explanation = explainer.fit(orders).explain(rows)
        assert_allclose(explanation.scores, -fitted.score_samples(rows))
        leading = explanation.top_features(1)["feature"].tolist()
        assert (leading == ["country", "discount"]) == first


def test_coded_rows_are_scored_without_frames(orders, fitted):
    explainer = KernelShap(fitted, max_evaluations=64).fit(orders)
    score = torch_score(fitted, explainer._coding)
    assert not isinstance(score, BlackBoxScore)
    other = KernelShap(fitted, max_evaluations=64).fit(
        orders[orders["country"] != "FR"]
    )
    assert isinstance(torch_score(fitted, other._coding), BlackBoxScore)
    rows = orders.iloc[:5].assign(amount=90.0)
    assert_allclose(other.explain(rows).scores, -fitted.score_samples(rows))


def test_units_and_zeros_do_not_matter():
    rng = np.random.default_rng(0)
    X, new = rng.normal(size=(300, 3)), 3.0 * rng.normal(size=(50, 3))
    expected = AnomalyDetector(random_state=0).fit(X).score_samples(new)
    for unit, zero in [(1e-6, 0.0), (1e6, 0.0), (1.0, 1e6)]:
        detector = AnomalyDetector(random_state=0).fit(unit * X + zero)
        found = detector.score_samples(unit * new + zero)
        assert np.corrcoef(found, expected)[0, 1] > 0.9999


def test_tables_without_numbers_or_without_variety():
    letters = pd.DataFrame({"a": list("aabbab" * 10), "b": list("xyxyxx" * 10)})
    detector = AnomalyDetector(random_state=0).fit(letters)
    odd = pd.DataFrame({"a": ["a", "c"], "b": ["x", "y"]})
    assert np.argmin(detector.score_samples(odd)) == 1
    flat = AnomalyDetector().fit(np.ones((30, 2)))
    assert flat.score_samples([[1.0, 1.0], [1.0, 2.0]]).tolist() == [0.0, -100.0]


@pytest.mark.parametrize("n", [200, 500])
def test_p_values_hold_where_gaps_and_flags_are_rare(n):
    """A row that alone has a gap, or a flag, is as new as that of another row."""
    rng = np.random.default_rng(0)

    def rows(n):
        X = rng.normal(size=(n, 30))
        X[rng.random(X.shape) < 0.002] = np.nan
        return np.hstack([X, rng.random((n, 20)) < 0.002])

    found = [
        (AnomalyDetector(random_state=0).fit(rows(n)).p_values(rows(1000)) <= 0.05)
        for _ in range(4)
    ]
    assert np.mean(found) < 0.065


def test_all_training_rows_set_the_threshold():
    X = np.random.default_rng(0).normal(size=(12_000, 2))
    detector = AnomalyDetector(max_samples=200, random_state=0).fit(X)
    detector.set_threshold(n_alerts=30)
    assert (detector.predict(X) == -1).sum() == 30


def test_ties_of_distances_do_not_depend_on_other_rows():
    rng = np.random.default_rng(0)
    X, rows = rng.integers(0, 4, (1000, 6)), rng.integers(0, 5, (200, 6))
    detector = AnomalyDetector(random_state=0).fit(X * 1.0)
    together = detector.score_samples(rows * 1.0)
    alone = [detector.score_samples(row[None] * 1.0)[0] for row in rows]
    assert_allclose(together, alone, atol=1e-6)
    assert_array_equal(detector.score_samples(-0.0 * X), detector.score_samples(0 * X))


def test_missing_categories_are_the_same_whatever_stands_for_them():
    x = np.random.default_rng(0).normal(size=200)
    columns = {
        "object": pd.Series(["a", "b", None, "a"] * 50, dtype=object),
        "NaN": pd.Series(["a", "b", np.nan, "a"] * 50, dtype=object),
        "text": pd.Series(["a", "b", None, "a"] * 50, dtype="str"),
        "category": pd.Series(["a", "b", None, "a"] * 50, dtype="category"),
    }
    frames = [pd.DataFrame({"x": x, "kind": kind}) for kind in columns.values()]
    rows = [frame[:8] for frame in frames]
    rows[0] = rows[0].assign(kind=["a", "b", pd.NA, "a", None, "b", np.nan, "a"])
    rows = [row.assign(x=0.1) for row in rows]
    for frame in frames:
        detector = AnomalyDetector(random_state=0).fit(frame)
        first, *others = (detector.score_samples(row) for row in rows[1:])
        for other in others:
            assert_array_equal(other, first)
        assert_array_equal(detector.score_samples(rows[0])[[0, 1, 2]], first[[0, 1, 2]])


@pytest.mark.parametrize(
    ("values", "new"),
    [
        (pd.arrays.SparseArray([0.0, 1.0, 0.0, 2.0] * 25), 50.0),
        (pd.array([1, None, 2, 3] * 25, dtype="Int64"), 50),
        (pd.Series([pd.NA, 1.0, 2.0, 3.0] * 25, dtype=object), 50.0),
        (10**17 + np.arange(100) % 7, 5),
    ],
    ids=["sparse", "nullable", "objects", "large"],
)
def test_columns_of_many_types_are_numbers(values, new):
    frame = pd.DataFrame({"x": values, "y": np.random.default_rng(0).normal(size=100)})
    detector = AnomalyDetector(random_state=0).fit(frame)
    odd = frame[:1].assign(x=pd.Series([new]))
    assert detector.score_samples(odd)[0] < detector.score_samples(frame).min()


def test_columns_that_are_all_missing_are_constant():
    frame = pd.DataFrame({"x": np.arange(50) % 7 * 1.0, "e": np.nan}).convert_dtypes()
    detector = AnomalyDetector(random_state=0).fit(frame)
    usual, other = detector.score_samples(frame[:2].assign(e=[None, 3]))
    assert other < usual - 90.0


def test_other_libraries_and_matrices_are_refused_with_a_cure(orders, fitted):
    frame = orders.drop(columns="when")
    detector = AnomalyDetector(random_state=0).fit(frame)
    with pytest.raises(TypeError, match="pass one of the same library"):
        detector.predict(pl.from_pandas(frame))
    with pytest.raises(TypeError, match=r"X\.toarray\(\)"):
        AnomalyDetector().fit(sparse.eye(9, format="csr"))
    with pytest.raises(TypeError, match="real and imaginary parts"):
        AnomalyDetector().fit(pd.DataFrame({"z": [1j, 2.0]}))


def test_many_categories_take_little_memory():
    rng = np.random.default_rng(0)
    names = rng.integers(0, 3000, (4000, 2)).astype(str)
    detector = AnomalyDetector(random_state=0).fit(pd.DataFrame(names))
    views = detector._judge._views._views
    assert [view._pairs for look, view in views if look == "pairs"] == [[]]


def test_rows_that_repeat_are_scored_once(monkeypatch, orders):
    detector = AnomalyDetector(random_state=0).fit(orders)
    rows = orders[:5].assign(amount=90.0)
    expected = detector.score_samples(rows)
    surprises, counts = detector._judge.surprises, []

    def counted(rows):
        counts.append(len(rows))
        return surprises(rows)

    monkeypatch.setattr(detector._judge, "surprises", counted)
    found = detector.score_samples(pd.concat([rows, rows[::-1], rows]))
    assert_array_equal(found, np.concatenate([expected, expected[::-1], expected]))
    assert counts == [5]
