"""Outliers to learn from: what is shown, what is refused, how they are routed."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import (
    DSIL,
    HypersphereDetector,
    IterativeReweighting,
    OutlierExposureDetector,
)
from sklearn_anomaly_attr._torch._batches import Batch
from sklearn_anomaly_attr.detectors._exposure import GivenOutliers, noisy_rows

DETECTORS = [
    HypersphereDetector((16,), max_iter=30, learning_rate=1e-2, random_state=0),
    OutlierExposureDetector((16,), max_iter=30, learning_rate=1e-2, random_state=0),
]
# The first column alone.
FIRST = np.eye(4)[0]

every_detector = pytest.mark.parametrize(
    "detector", DETECTORS, ids=lambda d: type(d).__name__
)


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(200, 4)) + 2.0


@pytest.fixture
def outliers(X):
    """On one side only: artificial ones would lie on both."""
    return X[:50] + 4.0 * FIRST


def batch(x, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Batch(x, torch.ones(len(x)), generator)


def sides(fit):
    """Scores of rows on the side of the outliers, and on the other one."""
    return fit.anomaly_score([[6.0, 2.0, 2.0, 2.0], [-2.0, 2.0, 2.0, 2.0]])


@every_detector
def test_given_outliers_are_learned(detector, X, outliers):
    unbounded = clone(detector).set_params(bounded=False)
    exposed, other = sides(clone(unbounded).fit(X, X_outlier_exposure=outliers))
    assert exposed > max(1.0, 2 * other)
    exposed, other = sides(unbounded.fit(X))
    assert exposed < 2 * other


@every_detector
def test_known_anomalies_tell_what_matters(detector, X):
    known, new = X[:50] + 1.5 * FIRST, X + 1.5 * FIRST
    truth = np.repeat([0, 1], 200)

    def auroc(**fit_params):
        fit = clone(detector).fit(X, **fit_params)
        return roc_auc_score(truth, fit.anomaly_score(np.concatenate([X, new])))

    assert auroc(X_outlier_exposure=known) > auroc() + 0.05


@every_detector
def test_y_is_ignored(detector, X, outliers):
    expected = clone(detector).fit(X, X_outlier_exposure=outliers).score_samples(X)
    found = clone(detector).fit(X, np.arange(200), outliers).score_samples(X)
    assert_array_equal(found, expected)


@every_detector
def test_the_threshold_comes_from_the_rows_of_x_alone(detector, X, outliers):
    fit = clone(detector).fit(X, X_outlier_exposure=outliers)
    assert (fit.predict(X) == -1).sum() == 20
    assert (fit.predict(outliers) == -1).mean() > 0.9


@every_detector
def test_columns_are_standardised_by_the_rows_of_x_alone(detector, X, outliers):
    fit = clone(detector).fit(X, X_outlier_exposure=outliers)
    assert_allclose(fit.center_, X.mean(axis=0))
    unit = [1e9, 1e-9, 1.0, 1.0]
    moved = clone(detector).fit(X * unit, X_outlier_exposure=outliers * unit)
    assert_allclose(moved.score_samples(X * unit), fit.score_samples(X), rtol=1e-3)


@every_detector
@pytest.mark.parametrize("n_outliers", [1, 2, 1000])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_any_number_of_outliers_will_do(detector, n_outliers, early_stopping, X):
    outliers = X[np.arange(n_outliers) % 200] + 5.0
    detector = clone(detector).set_params(max_iter=2, early_stopping=early_stopping)
    scores = detector.fit(X, X_outlier_exposure=outliers).score_samples(X)
    assert np.isfinite(scores).all()


@every_detector
def test_the_loss_of_a_step_is_the_mean_over_both_halves(detector, X, outliers):
    fit = clone(detector).fit(X)
    net = fit._score_function().net
    x, shown = (torch.tensor((a - fit.center_) / fit.scale_) for a in (X, outliers))
    net.outliers = GivenOutliers(shown[:1], shown[1:2])
    p_normal, p_training, p_held_out = map(net.score, (x, shown[:1], shown[1:2]))
    for training, p_outlier in ((True, p_training), (False, p_held_out)):
        losses = net.train(training).losses(batch(x))
        expected = 0.5 * (-(1 - p_normal).log() - p_outlier.log())
        assert_allclose(losses, expected, rtol=1e-6)


def test_given_outliers_are_drawn_alike_and_held_out_ones_apart():
    given = GivenOutliers(torch.arange(3.0)[:, None], torch.full((2, 1), 9.0))
    rows = torch.zeros(9000, 1)
    drawn = given.draw(batch(rows), held_out=False)[:, 0]
    assert_allclose(np.bincount(drawn.long()), 3000, rtol=0.05)
    assert set(given.draw(batch(rows), held_out=True)[:, 0].tolist()) == {9.0}


def test_artificial_outliers_are_rows_with_noise_of_one_to_ten_deviations():
    rows = torch.full((4000, 100), 7.0)
    noise = (noisy_rows(batch(rows)) - rows).numpy()
    deviations = noise.std(axis=1)
    assert 0.7 < deviations.min() < deviations.max() < 13.0
    # Any factor equally likely: half of them below the geometric mean.
    assert np.mean(deviations < np.sqrt(10.0)) == pytest.approx(0.5, abs=0.03)


@every_detector
def test_early_stopping_sees_held_out_outliers(detector, X):
    # Of two kinds of outliers, a seed holds some of either out.
    detector = clone(detector).set_params(early_stopping=True, max_iter=3)
    near = detector.fit(X, X_outlier_exposure=X[:50]).validation_scores_
    far = detector.fit(X, X_outlier_exposure=X[:50] + 6.0).validation_scores_
    assert far[-1] > near[-1]


@every_detector
def test_no_outliers_are_kept(detector, X, outliers):
    outliers = outliers[:47]
    fit = clone(detector).fit(X, X_outlier_exposure=outliers)
    sizes = {
        name: array.size for name, array in vars(fit).items() if hasattr(array, "size")
    }
    assert outliers.size not in sizes.values()
    assert not any("outliers" in name for name in fit.weights_)


@every_detector
def test_outliers_that_do_not_fit_name_the_cure(detector, X, outliers):
    def refuses(bad, match):
        with pytest.raises(ValueError, match=match):
            clone(detector).fit(X, X_outlier_exposure=bad)

    refuses(outliers[:0], "X_outlier_exposure has no rows: pass one or more")
    refuses(outliers[:, :3], r"X_outlier_exposure does not fit X.*3 features")
    refuses(np.where(outliers > 6, np.nan, outliers), r"X_outlier_exposure.*NaN")
    refuses(outliers[0], r"(?s)X_outlier_exposure.*Reshape")
    refuses(outliers.reshape(50, 2, 2), r"X_outlier_exposure.*images")
    refuses([["a"] * 4], r"X_outlier_exposure.*numeric")


@every_detector
def test_frames_must_have_the_same_columns(detector, X, outliers):
    frame = pd.DataFrame(X, columns=list("abcd"))
    fit = clone(detector).fit(
        frame, X_outlier_exposure=pd.DataFrame(outliers, columns=list("abcd"))
    )
    expected = clone(detector).fit(X, X_outlier_exposure=outliers)
    assert_array_equal(fit.score_samples(frame), expected.score_samples(X))
    other = pd.DataFrame(outliers, columns=list("bacd"))
    with pytest.raises(ValueError, match=r"does not fit X.*feature names"):
        clone(detector).fit(frame, X_outlier_exposure=other)


@every_detector
def test_images_take_images(detector):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(40, 6, 6))
    other = rng.normal(size=(10, 6, 6)) + 3.0
    detector = clone(detector).set_params(max_iter=3)
    fit = detector.fit(images, X_outlier_exposure=other)
    found = fit.score_samples(images)
    rows = clone(detector).set_params(image_shape=(6, 6))
    rows.fit(images.reshape(40, 36), X_outlier_exposure=other.reshape(10, 36))
    assert_array_equal(rows.score_samples(images), found)
    with pytest.raises(ValueError, match=r"X_outlier_exposure.*shape"):
        clone(detector).fit(images, X_outlier_exposure=other[:, :4])


@every_detector
@pytest.mark.parametrize("wrap", [DSIL, IterativeReweighting])
def test_meta_estimators_refine_what_is_normal(detector, wrap, X, outliers):
    contaminated = np.concatenate([X, X[:20] - 9.0 * FIRST])
    with config_context(enable_metadata_routing=True):
        inner = clone(detector).set_fit_request(X_outlier_exposure=True)
        fit = wrap(inner, max_iter=2).fit(contaminated, X_outlier_exposure=outliers)
    exposed, other = sides(fit.estimator_)
    assert exposed > other
    fit = wrap(detector, max_iter=2).fit(contaminated)
    assert np.isfinite(fit.score_samples(X)).all()


@pytest.fixture
def pipeline():
    def make(detector):
        inner = clone(detector).set_fit_request(X_outlier_exposure=True)
        steps = [("scale", StandardScaler()), ("detect", inner)]
        return Pipeline(steps, transform_input=["X_outlier_exposure"])

    with config_context(enable_metadata_routing=True):
        yield make


@every_detector
def test_pipelines_transform_the_outliers(detector, pipeline, X, outliers):
    fit = pipeline(detector).fit(X, X_outlier_exposure=outliers)
    scaler = StandardScaler().fit(X)
    expected = clone(detector).fit(
        scaler.transform(X), X_outlier_exposure=scaler.transform(outliers)
    )
    assert_array_equal(
        fit.score_samples(X), expected.score_samples(scaler.transform(X))
    )


class Seen(OutlierExposureDetector):
    """Remembers how many outliers each fit was given."""

    counts = []  # noqa: RUF012 - shared by clones

    def fit(self, X, y=None, X_outlier_exposure=None):
        self.counts.append((len(X), len(X_outlier_exposure)))
        return super().fit(X, y, X_outlier_exposure)


@pytest.mark.parametrize(
    ("n_outliers", "in_a_fold"), [(50, 50), (200, 100)], ids=["fewer", "as many"]
)
def test_grid_search_routes_outliers(n_outliers, in_a_fold, pipeline, X):
    """As many as rows of X, scikit-learn splits them like these."""
    outliers = X[np.arange(n_outliers)] + 5.0
    search = GridSearchCV(
        pipeline(Seen((4,), max_iter=2, random_state=0)),
        {"detect__learning_rate": [1e-2, 1e-9]},
        scoring=lambda fit, X, y=None: -fit.score_samples(X).std(),
        cv=2,
        refit=False,
    )
    Seen.counts.clear()
    search.fit(X, X_outlier_exposure=outliers)
    assert Seen.counts == [(100, in_a_fold)] * 4
