"""SensorExplainer: loops over windows, closed forms, captum, planted sensors."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import (
    AnomalyShapley,
    CounterfactualExplainer,
    GaussianMixtureDetector,
    KNNDetector,
    NeighborShap,
    torch_score,
)
from sklearn_anomaly_attr.explainers import (
    ExplainerEnsemble,
    FeatureOcclusion,
    GradientShap,
    IntegratedGradients,
    KernelShap,
    MarginalScore,
    NearestReferences,
    ShapleyInteractions,
    ShapleySampling,
    SmoothGrad,
    ZScore,
)
from sklearn_anomaly_attr.series import (
    LSTMAutoencoderDetector,
    OmniAnomalyDetector,
    SensorExplainer,
    WindowedDetector,
)
from sklearn_anomaly_attr.series._series_detector import SeriesDetector
from tests._catalogue import parametrize_with_checks_of_results

WINDOW = 6
OF_SENSORS = ["occlusion", "kernel_shap", "shapley_sampling"]
OF_CELLS = ["integrated_gradients", "gradient_shap"]
ERRORS = ["error", "normalized_error"]
METHODS = [*OF_SENSORS, "anomaly_shapley", *OF_CELLS, *ERRORS]


@pytest.fixture
def X():
    """Three sensors: waves of different lengths, levels and sizes."""
    time = np.arange(200)[:, None]
    noise = np.random.default_rng(0).normal(size=(200, 3))
    waves = np.sin(time / [3.0, 5.0, 8.0]) + 0.1 * noise
    return waves * [1.0, 10.0, 0.1] + [5.0, -20.0, 0.0]


@pytest.fixture
def planted(X):
    """The second sensor hangs high for eight timestamps."""
    X = X[:60].copy()
    X[30:38, 1] = 10.0
    return X


def additive():
    """A score that is a sum over the cells."""
    inner = GaussianMixtureDetector(1, covariance_type="diag")
    return WindowedDetector(inner, window=WINDOW)


def lstm(**parameters):
    return LSTMAutoencoderDetector(
        (6, 4), window=WINDOW, max_iter=10, random_state=0, **parameters
    )


def explained(detector, X, X_new, segments=((30, 38),), **parameters):
    parameters = {"random_state": 0, "max_windows": 1000, **parameters}
    return SensorExplainer(detector, **parameters).fit(X).explain(X_new, segments)


def window_score(detector, window):
    return -detector._score_samples(window.reshape(1, -1))[0]


def cells_by_hand(detector, X, start, stop, reference, *, spread):
    """Means over windows of what single cells add to an additive score."""
    sums, counts = np.zeros(X.shape), np.zeros((len(X), 1))
    beyond = stop - WINDOW + 1 if detector.reduce == "end" else stop
    for first in range(max(0, start - WINDOW + 1), min(beyond, len(X) - WINDOW + 1)):
        window = X[first : first + WINDOW]
        inside = [t for t in range(WINDOW) if start <= first + t < stop]
        cells = np.zeros(window.shape)
        for t in inside:
            for i in range(X.shape[1]):
                other = window.copy()
                other[t, i] = reference[i]
                cells[t, i] = window_score(detector, window)
                cells[t, i] -= window_score(detector, other)
        if spread:
            cells[inside] = cells.sum(axis=0) / len(inside)
        sums[first : first + WINDOW] += cells
        counts[[first + t for t in inside]] += 1
    return sums / np.maximum(counts, 1)


@pytest.mark.parametrize("method", OF_SENSORS + OF_CELLS)
@pytest.mark.parametrize("references", ["zero", "mean", "median", "context"])
def test_an_additive_score_is_shared_as_by_hand(method, references, X, planted):
    found = explained(additive(), X, planted, explainer=method, references=references)
    reference = {
        "zero": np.zeros(3),
        "mean": X.mean(axis=0),
        "median": np.median(X, axis=0),
        "context": planted[24:30].mean(axis=0),
    }[references]
    detector, spread = additive().fit(X), method in OF_SENSORS
    expected = cells_by_hand(detector, planted, 30, 38, reference, spread=spread)
    assert_allclose(found.timestamp_values, expected, rtol=1e-7, atol=1e-9)
    assert_allclose(found.values, [expected[30:38].mean(axis=0)])


@pytest.mark.parametrize("start", [0, 56])
def test_segments_at_the_ends_of_the_series(start, X, planted):
    found = explained(additive(), X, planted, [(start, start + 4)], references="zero")
    detector = additive().fit(X)
    expected = cells_by_hand(
        detector, planted, start, start + 4, np.zeros(3), spread=True
    )
    assert_allclose(found.timestamp_values, expected, rtol=1e-7, atol=1e-9)


def test_only_windows_that_the_scores_come_from_explain_a_segment(X, planted):
    """With reduce="end" those that end in it, not those that end later."""
    detector = additive().set_params(reduce="end")
    found = explained(detector, X, planted, references="zero")
    expected = cells_by_hand(detector.fit(X), planted, 30, 38, np.zeros(3), spread=True)
    assert_allclose(found.timestamp_values, expected, rtol=1e-7, atol=1e-9)


# A series of one window: what its cells add up to are the values of captum.
@pytest.mark.parametrize("inside", [slice(0, WINDOW), slice(2, 5)])
def test_captum_gives_the_same_to_the_sensors_of_a_window(inside, X):
    attr = pytest.importorskip("captum.attr")
    detector, window = lstm().fit(X), X[50 : 50 + WINDOW] + 1.0
    baseline = window.copy()
    baseline[inside] = X.mean(axis=0)
    arguments = {
        "inputs": torch.tensor(window.reshape(1, -1)),
        "baselines": torch.tensor(baseline.reshape(1, -1)),
        "feature_mask": torch.arange(3).repeat(WINDOW)[None],
    }
    segments = [(inside.start, inside.stop)]
    for method, peer in (
        ("occlusion", attr.FeatureAblation),
        ("kernel_shap", attr.ShapleyValues),
    ):
        expected = peer(torch_score(detector)).attribute(**arguments)[0, :3]
        found = explained(
            FrozenEstimator(detector),
            X,
            window,
            segments,
            explainer=method,
            references="mean",
        )
        # captum's Shapley values are of single precision.
        assert_allclose(found.timestamp_values.sum(axis=0), expected, rtol=1e-6)
        assert_array_equal(np.ptp(found.timestamp_values[inside], axis=0), 0.0)


def test_captum_gives_the_same_gradients_to_the_cells_of_a_window(X):
    attr = pytest.importorskip("captum.attr")
    detector, window = lstm().fit(X), X[50 : 50 + WINDOW] + 1.0
    baseline = window.copy()
    baseline[2:5] = 0.0
    expected = attr.IntegratedGradients(torch_score(detector)).attribute(
        torch.tensor(window.reshape(1, -1)),
        baselines=torch.tensor(baseline.reshape(1, -1)),
        n_steps=50,
    )
    found = explained(
        FrozenEstimator(detector),
        X,
        window,
        [(2, 5)],
        explainer="integrated_gradients",
        references="zero",
    )
    assert_allclose(found.timestamp_values.ravel(), expected[0], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "references", ["zero", "context", "reconstruction", "neighbors"]
)
@pytest.mark.parametrize("cells", ["segment", "window"])
def test_shapley_values_of_a_window_add_up(cells, references, X):
    detector, window = lstm().fit(X), X[50 : 50 + WINDOW] + 1.0
    totals = [
        explained(
            FrozenEstimator(detector),
            X,
            window,
            [(0, WINDOW)],
            explainer=method,
            references=references,
            cells=cells,
        ).timestamp_values.sum()
        for method in ("kernel_shap", "shapley_sampling")
    ]
    assert_allclose(*totals, rtol=1e-9)
    if references == "zero":
        gained = window_score(detector, window)
        gained -= window_score(detector, np.zeros(window.shape))
        assert_allclose(totals[0], gained, rtol=1e-9)


def test_whole_columns_are_the_explainers_of_rows_with_sensors_as_groups(X, planted):
    """All windows of a segment, values shared among timestamps, by the row's own."""
    detector = WindowedDetector(GaussianMixtureDetector(1), window=WINDOW).fit(X)
    rows = detector._plan(X)[1].cut(X, np.arange(len(X) - WINDOW + 1))
    groups = {f"s{i}": list(range(i, 3 * WINDOW, 3)) for i in range(3)}
    peer = AnomalyShapley(
        FrozenEstimator(detector.estimator_),
        characteristic="relaxed",
        feature_groups=groups,
    ).fit(rows)
    window = X[70 : 70 + WINDOW].copy()
    window[:, 1] += 9.0
    found = explained(
        FrozenEstimator(detector),
        X,
        window,
        [(2, 5)],
        explainer="anomaly_shapley",
        cells="window",
    )
    expected = peer.transform(window.reshape(1, -1)) / WINDOW
    assert_allclose(
        found.timestamp_values[2:5], np.repeat(expected, 3, axis=0), rtol=1e-6
    )
    assert_array_equal(found.timestamp_values[[0, 1, 5]], 0.0)


def test_absent_cells_settle_only_in_the_segment(X):
    """What is minimised over the cells of the segment is the rest of the score."""
    found = explained(
        additive(), X, X[:WINDOW] + 3.0, [(2, 5)], explainer="anomaly_shapley"
    )
    detector = additive().fit(X)
    settled = X[:WINDOW] + 3.0
    rows = detector._plan(X)[1].cut(X, detector.window_starts_)
    settled[2:5] = rows.mean(axis=0).reshape(WINDOW, 3)[2:5]
    lost = window_score(detector, X[:WINDOW] + 3.0) - window_score(detector, settled)
    assert_allclose(
        found.timestamp_values.sum(), lost, rtol=0.02
    )  # gamma keeps them a bit


def test_errors_are_the_parts_of_the_score(X):
    detector, window = lstm().fit(X), X[50 : 50 + WINDOW] + 1.0
    found = explained(
        FrozenEstimator(detector), X, window, [(0, WINDOW)], explainer="error"
    )
    assert_allclose(found.timestamp_values.sum(), window_score(detector, window))
    parts = torch_score(detector).by_feature(torch.tensor(window.reshape(1, -1)))
    assert_allclose(found.timestamp_values, parts.numpy().reshape(WINDOW, 3))


def test_normalized_errors_are_the_errors_of_a_detector_that_normalizes(X, planted):
    raw = lstm(normalize_errors=False, early_stopping=False)
    found = explained(raw, X, planted, explainer="normalized_error")
    normalized = clone(raw).set_params(normalize_errors=True)
    expected = explained(normalized, X, planted, explainer="error")
    assert_allclose(found.timestamp_values, expected.timestamp_values, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_planted_sensor_leads_with_an_lstm(method, X, planted):
    found = explained(lstm(), X, planted, explainer=method, max_windows=1)
    assert found.values.argmax(axis=1).tolist() == [1]


@pytest.mark.parametrize("references", ["context", "neighbors", "sample", "median"])
@pytest.mark.parametrize("cells", ["segment", "window"])
def test_a_planted_sensor_leads_with_any_detector(references, cells, X, planted):
    detector = WindowedDetector(
        make_pipeline(StandardScaler(), KNNDetector(5)), window=WINDOW
    )
    for method in OF_SENSORS:
        found = explained(
            detector, X, planted, explainer=method, references=references, cells=cells
        )
        assert found.values.argmax(axis=1).tolist() == [1]


@pytest.mark.parametrize("criterion", ["last", "window"])
def test_a_planted_sensor_leads_with_omni_anomaly(criterion, X, planted):
    detector = OmniAnomalyDetector(
        6, window=WINDOW, max_iter=10, criterion=criterion, random_state=0
    )
    for method in ("occlusion", "error"):
        found = explained(detector, X, planted, explainer=method)
        assert found.values.argmax(axis=1).tolist() == [1]


def test_the_context_does_not_blame_a_sensor_that_drifts(X):
    """Far from where it was in training, yet not part of the segment."""
    X_new = X[:60].copy()
    X_new[:, 0] += np.linspace(0.0, 20.0, 60)
    X_new[30:33, 2] += 0.6
    blamed = {
        references: explained(
            additive(), X, X_new, [(30, 33)], references=references
        ).values.argmax()
        for references in ("context", "zero", "mean")
    }
    assert blamed == {"context": 2, "zero": 0, "mean": 0}


def test_cells_outside_a_short_segment_do_not_swamp_it(X):
    X_new = X[:60].copy()
    X_new[25:29, 0] += 6.0  # another anomaly, before the one to explain
    X_new[30:31, 2] += 0.6
    blamed = {
        cells: explained(
            additive(), X, X_new, [(30, 31)], references="mean", cells=cells
        ).values.argmax()
        for cells in ("segment", "window")
    }
    assert blamed == {"segment": 2, "window": 0}


def test_predicted_stretches_are_explained_by_default(X, planted):
    explainer = SensorExplainer(additive().set_params(contamination=0.01))
    explainer.fit(X)
    found = explainer.explain(planted)
    predicted = explainer.estimator_.predict(planted) == -1
    held = np.zeros(60, dtype=bool)
    for start, stop in found.intervals:
        held[start:stop] = True
    assert_array_equal(held, predicted)
    assert predicted[30:38].all()
    assert_array_equal((found.timestamp_values != 0).any(axis=1), predicted)
    assert_array_equal(explainer.transform(planted), found.timestamp_values)
    assert_array_equal(
        found.timestamp_scores, explainer.estimator_.anomaly_score(planted)
    )
    assert found.threshold == -explainer.estimator_.offset_


@pytest.mark.parametrize("how", ["groups", "gap"])
def test_series_are_explained_apart(how, X, planted):
    other = X[100:160].copy()
    other[:5, 0] += 9.0
    stacked = np.concatenate([planted, other])
    groups = None
    if how == "groups":
        groups = np.repeat(["a", "b"], 60)
    else:
        minutes = np.arange(120) + 1000 * (np.arange(120) >= 60)
        index = pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, "min")
        stacked = pd.DataFrame(stacked, index)
    train = (
        X
        if groups is not None
        else pd.DataFrame(X, pd.date_range("2023-01-01", periods=200, freq="min"))
    )
    explainer = SensorExplainer(additive(), max_windows=1000).fit(train)
    together = explainer.explain(stacked, [(30, 38), (60, 65)], groups)
    alone = explainer.explain(planted, [(30, 38)])
    after = explainer.explain(other, [(0, 5)])
    expected = np.concatenate([alone.timestamp_values, after.timestamp_values])
    assert_allclose(together.timestamp_values, expected, rtol=1e-9, atol=1e-12)
    predicted = explainer.explain(stacked, groups=groups)
    assert not any(start < 60 < stop for start, stop in predicted.intervals)


def test_a_run_shorter_than_the_window_is_explained(X):
    explainer = SensorExplainer(additive(), references="zero").fit(X)
    short = X[:3].copy()
    short[:, 1] += 30.0
    found = explainer.explain(short, [(0, 3)])
    window = short[[0, 1, 2, 2, 2, 2]]
    lost = window_score(explainer.estimator_, window)
    lost -= window_score(explainer.estimator_, np.zeros((WINDOW, 3)))
    assert_allclose(found.timestamp_values.sum(), lost)


def test_labels_are_taken_and_kept(X, planted):
    times = pd.date_range("2024-01-01", periods=60, freq="h")
    names = ["flow", "pressure", "heat"]
    explainer = SensorExplainer(additive()).fit(pd.DataFrame(X, columns=names))
    frame = pd.DataFrame(planted, times, names)
    found = explainer.explain(frame, [(times[30], times[37])])
    assert found.intervals.tolist() == [[30, 38]]
    assert_array_equal(found.timeline().index, times)
    assert found.timeline().columns.tolist() == names
    transformed = explainer.set_output(transform="pandas").transform(frame)
    assert_array_equal(transformed.index, times)
    assert transformed.columns.tolist() == names
    again = explainer.explain(frame, found.segments())
    assert_array_equal(again.timestamp_values, found.timestamp_values)


@pytest.mark.parametrize(
    ("segments", "message"),
    [([(50, 61)], "60 timestamps"), ([(-1, 3)], "from 0"), ([(5, 5)], "start < end")],
)
def test_segments_outside_of_the_series_are_refused(segments, message, X, planted):
    explainer = SensorExplainer(additive()).fit(X)
    with pytest.raises(ValueError, match=message):
        explainer.explain(planted, segments)


@pytest.mark.parametrize("method", ["occlusion", "error"])
def test_without_segments_or_rows_the_tables_are_empty(method, X):
    explainer = SensorExplainer(lstm(), explainer=method).fit(X)
    for rows, segments in ((X, []), (X[:0], None), (X[:0], [])):
        found = explainer.explain(rows, segments)
        assert_array_equal(found.timestamp_values, np.zeros(rows.shape))
        assert found.values.shape == (0, 3)
        assert found.segments().empty
        assert found.top_features().empty


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("batch_size", [1, 7])
def test_batches_do_not_matter(method, batch_size, X, planted, monkeypatch):
    detector = additive() if method not in ERRORS else lstm()
    explainer = SensorExplainer(detector, explainer=method, random_state=0).fit(X)
    expected = explainer.explain(planted, [(30, 33), (31, 35)]).timestamp_values
    monkeypatch.setattr("sklearn_anomaly_attr.explainers._base._CELLS", 99)
    explainer.set_params(batch_size=batch_size)
    found = explainer.explain(planted, [(30, 33), (31, 35)]).timestamp_values
    assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_calls_refits_and_round_trips_are_bit_equal(method, X, planted):
    skops = pytest.importorskip("skops.io")
    # Minima of the score of a net take long.
    detector = additive() if method == "anomaly_shapley" else lstm()
    explainer = SensorExplainer(
        detector,
        explainer=method,
        references="neighbors",
        random_state=0,
        max_windows=1,
    ).fit(X)
    stored = skops.dumps(explainer)
    trusted = skops.get_untrusted_types(data=stored)
    assert all("sklearn" in name for name in trusted)
    segments = [(30, 32)]
    expected = explainer.explain(planted, segments).timestamp_values
    for other in (
        explainer,
        clone(explainer).fit(X),
        pickle.loads(pickle.dumps(explainer)),
        skops.loads(stored, trusted=trusted),
    ):
        assert_array_equal(other.explain(planted, segments).timestamp_values, expected)


def test_a_frozen_detector_is_used_as_it_is_and_others_are_cloned(X, planted):
    detector = lstm()
    explainer = SensorExplainer(detector).fit(X)
    assert not hasattr(detector, "offset_")
    frozen = SensorExplainer(FrozenEstimator(explainer.estimator_)).fit(X)
    assert_array_equal(frozen.transform(planted), explainer.transform(planted))


class LevelDetector(SeriesDetector):
    """Distance of a window's mean from zero; without a translation to torch."""

    def __init__(self, window=WINDOW, stride=1, reduce="max", max_gap="auto"):
        self.window = window
        self.stride = stride
        self.reduce = reduce
        self.max_gap = max_gap
        self.contamination = 0.1

    def _fit(self, X):
        self.fitted_ = True

    def _score_samples(self, X):
        return -np.abs(X).mean(axis=1)


def test_a_detector_of_ones_own_is_a_black_box(X, planted):
    found = explained(LevelDetector(), X, planted, references="zero")
    assert "black box (LevelDetector)" in found.description
    expected = cells_by_hand(
        LevelDetector().fit(X), planted, 30, 38, np.zeros(3), spread=True
    )
    assert_allclose(found.timestamp_values, expected)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (IsolationForest(), r"WindowedDetector\(IsolationForest"),
        (make_pipeline(StandardScaler(), LSTMAutoencoderDetector()), "scale X before"),
        (LogisticRegression(), "no anomaly score"),
    ],
)
def test_what_detects_no_series_is_refused(estimator, message, X):
    with pytest.raises(TypeError, match=message):
        SensorExplainer(estimator).fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"explainer": "integrated_gradients"}, "none.*: take KernelShap"),
        ({"explainer": "error"}, "does not tell.*Take NeighborShap"),
        ({"references": "reconstruction"}, "take an autoencoder, or other"),
        ({"explainer": "kernel_shap", "max_evaluations": 4}, "allow at least 5"),
        ({"explainer": "nonsense"}, "must be a str among"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_what_the_score_does_not_allow_is_refused(parameters, message, X):
    detector = WindowedDetector(IsolationForest(n_estimators=2), window=WINDOW)
    with pytest.raises(ValueError, match=message):
        SensorExplainer(detector, **parameters).fit(X)


def test_a_detector_of_other_columns_is_refused(X):
    detector = FrozenEstimator(additive().fit(X[:, :2]))
    with pytest.raises(ValueError, match="fitted on other columns"):
        SensorExplainer(detector).fit(X)


@pytest.mark.parametrize(
    ("name", "explainer"),
    [
        ("occlusion", FeatureOcclusion(None)),
        ("kernel_shap", KernelShap(None, max_evaluations=7)),
        ("shapley_sampling", ShapleySampling(None, n_permutations=2)),
        (
            "anomaly_shapley",
            AnomalyShapley(None, characteristic="relaxed", max_evaluations=7),
        ),
        ("integrated_gradients", IntegratedGradients(None, n_steps=7)),
        ("error", MarginalScore(None)),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_name_is_an_explainer_of_rows(name, explainer, X, planted):
    detector = FrozenEstimator(additive().fit(X))
    parameters = {"max_evaluations": 7, "max_windows": 4}
    if name not in ("anomaly_shapley", "error"):
        parameters["references"] = "mean"
    named = explained(detector, X, planted, explainer=name, **parameters)
    found = explained(detector, X, planted, explainer=explainer, **parameters)
    assert_array_equal(found.timestamp_values, named.timestamp_values)


@pytest.mark.parametrize(
    "explainer",
    [
        NeighborShap(None),
        KernelShap(None, references="median"),
        SmoothGrad(None, n_draws=4),
        ExplainerEnsemble(
            [KernelShap(None), FeatureOcclusion(None)], estimator=KNNDetector()
        ),
    ],
    ids=lambda explainer: type(explainer).__name__,
)
def test_any_explainer_of_rows_finds_the_planted_sensor(explainer, X, planted):
    detector = WindowedDetector(GaussianMixtureDetector(1), window=WINDOW)
    parameters = {"explainer": explainer, "max_windows": 2}
    sensors = SensorExplainer(detector, random_state=0, **parameters).fit(X)
    assert sensors.references_ is None  # the explainer's own
    found = sensors.explain(planted, [(30, 38)])
    assert found.top_features(1)["feature"].tolist() == ["x1"]
    assert type(explainer).__name__ in found.description
    assert not hasattr(explainer, "estimator_")  # a clone was fitted


def test_references_of_the_series_replace_those_of_the_explainer(X, planted):
    parameters = {"explainer": NeighborShap(None), "max_windows": 4}
    own = explained(additive(), X, planted, **parameters)
    context = explained(additive(), X, planted, references="context", **parameters)
    mean = explained(
        additive(), X, planted, explainer=KernelShap(None), references="context"
    )
    assert np.abs(own.values - context.values).max() > 1e-3
    assert_allclose(context.values.argmax(), mean.values.argmax())


def test_ensembles_take_the_context_in_batches(X, planted):
    members = [GradientShap(None, n_draws=4), GradientShap(None, n_draws=6)]
    explainer = ExplainerEnsemble(members, estimator=KNNDetector())
    detector = WindowedDetector(GaussianMixtureDetector(1), window=WINDOW)
    parameters = {"explainer": explainer, "references": "context"}
    sensors = SensorExplainer(detector, random_state=0, **parameters).fit(X)
    expected = sensors.explain(planted, [(30, 38)]).values
    last = sensors.explainer_.explainers_[-1]
    last._cells = lambda n_players: 2**20  # two windows at once; the others, more
    assert_allclose(sensors.explain(planted, [(30, 38)]).values, expected)


def test_references_that_the_explainer_does_not_take_are_refused(X):
    for explainer in (ZScore(None), AnomalyShapley(None)):
        with pytest.raises(ValueError, match="takes no references"):
            SensorExplainer(additive(), explainer=explainer, references="zero").fit(X)


def test_the_description_is_that_of_the_fit(X, planted):
    explainer = SensorExplainer(additive(), explainer="kernel_shap").fit(X)
    explainer.set_params(explainer="occlusion")
    assert "kernel_shap" in explainer.explain(planted, [(30, 38)]).description


def test_references_may_be_an_object(X, planted):
    parameters = {"explainer": "kernel_shap", "max_windows": 4, "n_references": 3}
    word = explained(additive(), X, planted, references="neighbors", **parameters)
    given = explained(
        additive(), X, planted, references=NearestReferences(3), **parameters
    )
    assert_array_equal(given.values, word.values)
    assert "NearestReferences" in given.description


@pytest.mark.parametrize(
    ("explainer", "error", "message"),
    [
        (
            ShapleyInteractions(None),
            ValueError,
            "neither the 3 sensors nor their cells",
        ),
        (CounterfactualExplainer(None), TypeError, "no attributions: take"),
        (KNNDetector(), ValueError, "'explainer' parameter"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_explainers_that_attribute_to_something_else_are_refused(
    explainer, error, message, X
):
    with pytest.raises(error, match=message):
        SensorExplainer(additive(), explainer=explainer).fit(X)


def test_explainers_of_rows_say_that_the_score_is_one_of_windows(X):
    """The way in for a series is this explainer."""
    for explainer in (FeatureOcclusion, KernelShap):
        with pytest.raises(ValueError, match=r"sklearn_anomaly_attr\.series"):
            explainer(FrozenEstimator(lstm().fit(X))).fit(X).explain(X[:2])


# The context of a timestamp are the rows beside it, which the checks shuffle.
@parametrize_with_checks_of_results(
    [
        SensorExplainer(WindowedDetector(KNNDetector(), window=1), references="mean"),
        SensorExplainer(
            LSTMAutoencoderDetector(2, window=1, max_iter=1),
            explainer="kernel_shap",
            references="median",
        ),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)
