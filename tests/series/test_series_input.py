"""What a series may hold, and what is said of the rest."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import IsolationForest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import make_pipeline

from sklearn_anomaly_attr import AutoencoderDetector, KNNDetector
from sklearn_anomaly_attr.explainers import (
    ExplainerEnsemble,
    FeatureOcclusion,
    KernelShap,
)
from sklearn_anomaly_attr.scores import torch_score
from sklearn_anomaly_attr.series import (
    LSTMAutoencoderDetector,
    SensorExplainer,
    SeriesCounterfactualExplainer,
    WindowedDetector,
    find_segments,
)
from sklearn_anomaly_attr.series._runs import Runs, WindowPlan
from sklearn_anomaly_attr.series._series_input import (
    complete_windows,
    filled,
    known_mean,
)
from sklearn_anomaly_attr.series._window_references import (
    local_context,
    make_window_references,
)
from sklearn_anomaly_attr.series._window_view import WindowView

TIMES = pd.date_range("2024-01-01", periods=80, freq="min")
filling = partial(make_pipeline, SimpleImputer())


@pytest.fixture
def X():
    rows = np.random.default_rng(0).normal(size=(80, 3))
    return pd.DataFrame(rows, index=TIMES, columns=list("abc"))


@pytest.fixture
def gaps(X):
    """A series with two gaps; the sensor b is off where c lacks a value."""
    X.iloc[17, 1] = X.iloc[42, 2] = X.iloc[43, 2] = np.nan
    X.iloc[40:44, 1] += 6.0
    return X


def windowed(estimator):
    return WindowedDetector(estimator, window=3)


ESTIMATORS = {
    "windows": windowed(KNNDetector(3)),
    "net": LSTMAutoencoderDetector(2, window=3, max_iter=1),
    "sensors": SensorExplainer(windowed(KNNDetector(3))),
    "counterfactuals": SeriesCounterfactualExplainer(windowed(KNNDetector(3))),
}


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return ESTIMATORS[request.param]


def use(estimator, X):
    explains = hasattr(estimator, "explain")
    return estimator.explain(X) if explains else estimator.score_samples(X)


@pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_the_sensor_and_the_row_are_named(value, what, estimator, X):
    fit = estimator.fit(X)
    X.iloc[[17, 30], 1] = X.iloc[3, 2] = value
    message = rf"sensor 'b' has {what} in 2 row\(s\), first in row 17 \(.*00:17:00\): "
    for call in (estimator.fit, partial(use, fit)):
        with pytest.raises(ValueError, match=message):
            call(X)
        with pytest.raises(ValueError, match=r"first in row 17:"):
            call(X.reset_index(drop=True))
    fit = estimator.fit(np.nan_to_num(X.to_numpy(), neginf=0.0))
    with pytest.raises(ValueError, match=rf"sensor 1 has {what} in 2 .* row 17: "):
        use(fit, X.to_numpy())


COLUMNS = {
    "datetimes": (TIMES, r"holds times.*X\.set_index\('time'\), or X\.drop"),
    "time zone": (TIMES.tz_localize("UTC"), "holds times"),
    "periods": (TIMES.to_period("min"), "holds times"),
    "timedeltas": (TIMES - TIMES[0], "holds times"),
    "objects": (TIMES.astype(object), "holds times"),
    "dates": (pd.Index(TIMES.date), "holds times"),
    "text of times": (TIMES.astype(str), r"pd\.to_datetime\(X\.pop\('time'\)\)"),
    "category": (pd.Categorical(TIMES.astype(str)), r"pd\.to_datetime\("),
    "machines": (np.repeat(["pump 1", "pump 2"], 40), "holds text.*as groups"),
}


@pytest.mark.parametrize("kind", COLUMNS)
@pytest.mark.parametrize("place", [0, 3])
def test_columns_without_numbers_are_named(kind, place, estimator, X):
    column, message = COLUMNS[kind]
    fit = estimator.fit(X)
    X.insert(place, "time", column)
    for call in (estimator.fit, partial(use, fit)):
        with pytest.raises(ValueError, match=f"column 'time' .*{message}"):
            call(X)


def test_columns_of_arrays_are_named_by_position(X):
    with pytest.raises(ValueError, match=r"column 3 holds times.*pass a pandas Data"):
        windowed(KNNDetector()).fit(X.assign(time=TIMES).to_numpy())
    with pytest.raises(ValueError, match="column 0 holds times"):
        windowed(KNNDetector()).fit(TIMES.to_numpy()[:, None])


def test_columns_of_polars_are_named(X):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X.assign(time=TIMES).to_dict("list"))
    with pytest.raises(ValueError, match=r"'time' holds times.*leave it out"):
        windowed(KNNDetector()).fit(frame)


def test_a_mask_of_timestamps_becomes_segments(X):
    sensors = SensorExplainer(windowed(KNNDetector(3))).fit(X)
    mask = np.arange(80) // 4 == 5
    with pytest.raises(TypeError, match=r"find_segments\(mask\)"):
        sensors.explain(X, segments=mask)
    found = sensors.explain(X, segments=find_segments(mask))
    assert found.intervals.tolist() == [[20, 24]]


def test_numbers_of_any_type_are_taken(X):
    X["c"] = X["c"] > 0.0
    expected = windowed(KNNDetector(3)).fit(X.astype(float)).offset_
    for changed in (
        X.assign(c=X["c"].astype(object)),
        X.assign(a=X["a"].astype("Float64"), c=X["c"].astype("Int64")),
        X.assign(a=X["a"].astype(object)),
    ):
        assert windowed(KNNDetector(3)).fit(changed).offset_ == expected


TAKERS = {
    "imputer": filling(KNNDetector(3)),
    "other imputer": make_pipeline(KNNImputer(), KNNDetector(3)),
    "forest": IsolationForest(random_state=0),
}


@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("explainer", ["occlusion", "kernel_shap"])
@pytest.mark.parametrize("trained", ["complete", "gaps"])
def test_gaps_are_explained_where_the_detector_takes_them(
    taker, explainer, trained, gaps
):
    X = filled(gaps.to_numpy()) if trained == "complete" else gaps.to_numpy()
    sensors = SensorExplainer(
        windowed(TAKERS[taker]), explainer=explainer, random_state=0
    )
    found = sensors.fit(X).explain(gaps.to_numpy(), segments=[(40, 44)])
    assert found.values.argmax() == 1
    assert np.isfinite(found.timestamp_values).all()
    assert_array_equal(np.isnan(found.series), gaps.isna())


@pytest.mark.parametrize("taker", TAKERS)
def test_windows_with_gaps_are_explained_by_the_score_of_the_detector(taker, gaps):
    """By hand: a sensor's value is what the score falls by without it."""
    detector = windowed(TAKERS[taker])
    sensors = SensorExplainer(detector, references="mean").fit(gaps)
    found = sensors.explain(gaps, segments=[(41, 44)])
    view = WindowView(sensors.estimator_)
    rows = gaps.to_numpy()
    expected = np.zeros((5, 3))
    for start in range(39, 44):
        window = rows[start : start + 3]
        inside = (np.arange(start, start + 3) >= 41) & (
            np.arange(start, start + 3) < 44
        )
        for sensor in range(3):
            absent = window.copy()
            absent[inside, sensor] = np.nanmean(rows[:, sensor])
            fall = view.score_samples(absent.reshape(1, 9))
            fall = fall - view.score_samples(window.reshape(1, 9))
            expected[start - 39, sensor] = fall[0] / inside.sum()
    of_rows = [expected[i : i + 3].mean(axis=0) for i in range(3)]
    assert_allclose(found.timestamp_values[41:44], of_rows, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("references", ["context", "mean", "median"])
def test_references_are_of_the_known_values(references, gaps):
    sensors = SensorExplainer(
        windowed(filling(KNNDetector(3))), references=references
    ).fit(gaps)
    found = sensors.explain(gaps.iloc[:6], segments=[(0, 6)])
    assert np.isfinite(found.values).all()


def test_neighbors_are_near_in_spreads_of_the_known_values(gaps):
    gaps.iloc[5] = np.nan
    rows = gaps.iloc[50:].to_numpy()
    neighbors = make_window_references("neighbors", 1, gaps.to_numpy(), rows, 0)
    assert_array_equal(neighbors.of(rows[:5]), rows[:5, None])


def test_complete_windows_are_still_translated(gaps):
    sensors = SensorExplainer(windowed(filling(KNNDetector(3)))).fit(gaps)
    view = sensors.explainer_.estimator_.estimator
    assert torch_score(view).description == "nearest neighbours"
    own = WindowView(sensors.estimator_, translated=False)
    assert "black box" in torch_score(own).description


def test_ensembles_take_gaps(gaps):
    both = ExplainerEnsemble([KernelShap(None), FeatureOcclusion(None)])
    sensors = SensorExplainer(windowed(filling(KNNDetector(3))), explainer=both)
    assert sensors.fit(gaps).explain(gaps, segments=[(40, 44)]).values.argmax() == 1


@pytest.mark.parametrize("explainer", ["error", "integrated_gradients"])
def test_what_asks_for_more_than_scores_says_so(explainer, gaps):
    detector = windowed(filling(AutoencoderDetector(2, max_iter=1)))
    sensors = SensorExplainer(detector, explainer=explainer).fit(gaps)
    assert np.isfinite(sensors.explain(gaps, segments=[(60, 64)]).values).all()
    with pytest.raises(ValueError, match=r"such as 'occlusion'.*fill the gaps first"):
        sensors.explain(gaps, segments=[(40, 44)])


def test_counterfactuals_of_complete_windows_have_gaps_elsewhere(gaps):
    detector = windowed(filling(KNNDetector(3)))
    explainer = SeriesCounterfactualExplainer(detector, target=0.9).fit(gaps)
    gaps.iloc[60:64, 0] += 6.0
    found = explainer.explain(gaps, segments=[(60, 64)])
    assert found.valid.all()
    assert set(found.changes()["feature"]) == {"a"}
    with pytest.raises(ValueError, match=r"missing in windows.*fill the gaps first"):
        explainer.explain(gaps, segments=[(42, 44)])


@pytest.mark.parametrize(
    "refuser",
    [KNNDetector(3), make_pipeline(KNNDetector(3)), AutoencoderDetector(2, max_iter=1)],
    ids=lambda refuser: type(refuser).__name__,
)
def test_what_is_inside_refuses_gaps_by_the_names_of_sensors(refuser, gaps):
    detector = windowed(refuser)
    with pytest.raises(ValueError, match=r"'b' has NaN.*SimpleImputer"):
        detector.fit(gaps)
    with pytest.raises(ValueError, match=r"'b' has NaN.*SimpleImputer"):
        SensorExplainer(detector).fit(gaps)


def test_other_errors_are_left_as_they_are(gaps):
    with pytest.raises(ValueError, match="n_neighbors"):
        windowed(filling(KNNDetector(0))).fit(gaps)
    with pytest.raises(ValueError, match="NaN in the net"):
        raise_in_fit(gaps.dropna())


def raise_in_fit(X):
    class Broken(KNNDetector):
        def _fit(self, X):
            raise ValueError("NaN in the net")

    windowed(Broken()).fit(X)


def test_means_are_of_the_known_values():
    X = np.array([[1.0, np.nan, np.nan], [3.0, 4.0, np.nan]])
    assert_array_equal(known_mean(X), [2.0, 4.0, 0.0])
    assert_array_equal(filled(X), [[1.0, 4.0, 0.0], [3.0, 4.0, 0.0]])
    complete = np.ones((2, 2))
    assert filled(complete) is complete


def test_windows_without_gaps_are_the_background():
    X = np.arange(8.0)[:, None]
    plan = WindowPlan(Runs.between(np.zeros(7, dtype=bool)), 2)
    starts = np.arange(7)
    X[3] = np.nan
    series, whole = complete_windows(X, plan, starts)
    assert series is X
    assert_array_equal(whole, [0, 1, 4, 5, 6])
    X[[1, 5]] = np.nan
    series, whole = complete_windows(X, plan, starts)
    assert_array_equal(whole, starts)
    assert_array_equal(series[[1, 3, 5], 0], [(0 + 2 + 4 + 6 + 7) / 5] * 3)


def test_the_context_is_of_the_known_values():
    X = np.arange(16.0).reshape(8, 2)
    X[4:, 1] = X[4, 0] = np.nan
    plan = WindowPlan(Runs.between(np.zeros(7, dtype=bool)), 2)
    found = local_context(X, plan, np.array([[6, 8]]), np.array([-1.0, -2.0]))
    assert_array_equal(found, [[10.0, -2.0]])
