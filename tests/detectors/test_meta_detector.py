"""What detectors around another one share."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_matrix
from sklearn import config_context
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.detectors import ConformalDetector, ThresholdDetector
from sklearn_anomaly_attr.detectors._meta_detector import MetaDetector, some_rows
from sklearn_anomaly_attr.refinement import DSIL, IterativeReweighting
from sklearn_anomaly_attr.series import WindowedDetector

METAS = [
    DSIL(KNNDetector(), blend=1.0),
    ConformalDetector(KNNDetector(), contamination=0.1),
    ThresholdDetector(KNNDetector()),
]
every = pytest.mark.parametrize("meta", METAS, ids=lambda e: type(e).__name__)


def around(meta, inner):
    return clone(meta).set_params(estimator=inner)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(120, 3)) + 3.0


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b"], 100)
    size = rng.normal(size=100) + 3 * (kind == "b")
    size[::9] = np.nan
    return pd.DataFrame({"kind": pd.Categorical(kind), "size": size})


@pytest.fixture
def reads_frames():
    """A Pipeline that encodes categories, and fills in numbers."""
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), make_column_selector(dtype_exclude=float)),
        (SimpleImputer(), make_column_selector(dtype_include=float)),
    )
    return make_pipeline(encode, KernelDensity())


def test_the_refining_detectors_are_among_them():
    assert issubclass(DSIL, MetaDetector)
    assert issubclass(IterativeReweighting, MetaDetector)


@every
def test_frames_reach_the_detector_as_they_are(meta, frame, reads_frames):
    fit = around(meta, reads_frames).fit(frame)
    assert_array_equal(fit.score_samples(frame), fit.estimator_.score_samples(frame))
    assert fit.feature_names_in_.tolist() == ["kind", "size"]
    assert (fit.predict(frame) == -1).sum() == 10
    with pytest.raises(ValueError, match="feature names should match"):
        fit.predict(frame[["size", "kind"]])


@every
def test_missing_values_reach_a_detector_that_takes_them(meta, X):
    filling = make_pipeline(SimpleImputer(), KNNDetector())
    X[::7, 1] = np.nan
    assert get_tags(around(meta, filling)).input_tags.allow_nan
    assert np.isfinite(around(meta, filling).fit(X).score_samples(X)).all()
    assert not get_tags(meta).input_tags.allow_nan
    with pytest.raises(ValueError, match="NaN"):
        clone(meta).fit(X)


@every
def test_tags_are_those_of_the_detector_inside(meta):
    class TakesStrings(KNNDetector):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.input_tags.string = tags.input_tags.categorical = True
            return tags

    tags = get_tags(around(meta, TakesStrings())).input_tags
    assert tags.string
    assert tags.categorical
    assert not get_tags(meta).input_tags.string
    assert get_tags(around(meta, IsolationForest())).input_tags.sparse


@every
def test_sparse_rows_score_as_dense_ones(meta, X):
    forest = around(meta, IsolationForest(n_estimators=5, random_state=0))
    forest.set_params(random_state=0)
    X[X < 3.0] = 0.0
    sparse = clone(forest).fit(csr_matrix(X)).score_samples(csr_matrix(X))
    assert_array_equal(sparse, clone(forest).fit(X).score_samples(X))


@every
def test_weights_are_routed(meta, X):
    density = KernelDensity()
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        around(meta, density).fit(X, sample_weight=np.ones(120))
    weight = np.linspace(0.1, 1.0, 120)
    with config_context(enable_metadata_routing=True):
        density.set_fit_request(sample_weight=True)
        weighted = around(meta, density).fit(X, sample_weight=weight)
        plain = around(meta, density).fit(X)
    assert (weighted.score_samples(X) != plain.score_samples(X)).any()


@every
def test_what_gives_no_score_names_the_cure(meta, X):
    with pytest.raises(TypeError, match="gives no anomaly score"):
        around(meta, KMeans()).fit(X)


@pytest.mark.parametrize("meta", METAS[1:], ids=lambda e: type(e).__name__)
def test_series_have_thresholds_themselves(meta, X):
    windows = WindowedDetector(KNNDetector(), window=3)
    for inner in (windows, make_pipeline(StandardScaler(), windows), DSIL(windows)):
        with pytest.raises(TypeError, match=r"WindowedDetector.*has set_threshold"):
            around(meta, inner).fit(X)


def test_some_rows_are_taken_with_what_belongs_to_them(X):
    params = {"sample_weight": np.arange(120), "classes": [0, 1], "y": None}
    rows, y, chosen = some_rows(X, list(range(120)), params, np.array([5, 2]))
    assert_array_equal(rows, X[[5, 2]])
    assert y == [5, 2]
    assert_array_equal(chosen.pop("sample_weight"), [5, 2])
    assert chosen == {"classes": [0, 1], "y": None}
