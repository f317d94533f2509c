"""What an anomaly would be if it were normal."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import (
    GaussianMixtureDetector,
    HypersphereDetector,
    KNNDetector,
)
from sklearn_anomaly_attr.counterfactuals import (
    ConceptGAN,
    CounterfactualExplainer,
    CounterfactualMethod,
    DiffusionEditing,
    GreedyInsertion,
)

METHODS = ["nearest", "greedy", "gradient"]


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(150, 4)) @ rng.normal(size=(4, 4))
    return pd.DataFrame(rows, columns=list("abcd"))


@pytest.fixture
def anomalies(X):
    rng = np.random.default_rng(1)
    return X.sample(20, random_state=0) + rng.normal(scale=4.0, size=(20, 4))


@pytest.fixture
def orders():
    rng = np.random.default_rng(0)
    shop = rng.choice(["east", "west"], size=120)
    amount = np.where(shop == "east", 10.0, 50.0) + rng.normal(size=120)
    return pd.DataFrame({"shop": shop, "amount": amount, "items": rng.poisson(3, 120)})


def mixed_detector():
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["shop"]),
        remainder=StandardScaler(),
    )
    return make_pipeline(encode, KNNDetector(5))


FOREST = IsolationForest(n_estimators=10, contamination=0.1)
LOCAL = make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True))


@pytest.mark.parametrize(
    ("detector", "method"),
    [
        (GaussianMixtureDetector(2), "nearest"),
        (GaussianMixtureDetector(2), "greedy"),
        (GaussianMixtureDetector(2), "gradient"),
        (KNNDetector(5), "greedy"),
        (KNNDetector(5), "gradient"),
        (LOCAL, "greedy"),
        (FOREST, "nearest"),
        (FOREST, "greedy"),
    ],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_the_detector_accepts_the_counterfactuals(detector, method, X, anomalies):
    explainer = CounterfactualExplainer(
        detector, method=method, n_counterfactuals=2, random_state=0
    ).fit(X)
    anomalies = anomalies[:6]
    found = explainer.explain(anomalies)
    assert found.valid.all()
    for k in range(2):
        table = pd.DataFrame(found.counterfactuals[:, k], columns=X.columns)
        assert (explainer.estimator_.predict(table) == 1).all()
        scores = -explainer.estimator_.score_samples(table)
        assert_allclose(found.scores_after[:, k], scores, rtol=1e-9)
    assert (np.diff(found.distance, axis=1) >= 0).all()
    moves = np.abs(found.counterfactuals - anomalies.to_numpy()[:, None])
    spread = X.to_numpy().std(axis=0)
    assert_allclose(found.distance, (moves / spread).sum(axis=2), rtol=1e-9)
    assert_array_equal(found.n_changed, (moves > 0).sum(axis=2))


@pytest.mark.parametrize("method", METHODS)
def test_a_row_that_is_accepted_stays(method, X):
    explainer = CounterfactualExplainer(GaussianMixtureDetector(), method=method).fit(X)
    between = (X + X.mean()) / 2.0  # no training rows
    accepted = between[explainer.estimator_.predict(between) == 1]
    found = explainer.explain(accepted)
    assert_array_equal(found.counterfactuals[:, 0], accepted)
    assert found.valid.all()
    assert not found.distance.any()
    assert not found.n_changed.any()
    assert found.changes().empty


def test_constraints_are_kept_and_what_they_forbid_is_not_valid(X, anomalies):
    explainer = CounterfactualExplainer(
        GaussianMixtureDetector(),
        immutable=["a", 1],
        ranges={"c": (0.0, None)},
        steps={"d": 0.5},
    ).fit(X)
    found = explainer.explain(anomalies)
    rows, best = anomalies.to_numpy(), found.counterfactuals[:, 0]
    assert_array_equal(best[:, :2], rows[:, :2])
    assert ((best[:, 2] >= 0) | (best[:, 2] == rows[:, 2])).all()
    assert ((best[:, 3] % 0.5 == 0) | (best[:, 3] == rows[:, 3])).all()
    assert 0 < found.valid.sum() < len(found)
    assert_array_equal(found.valid, found.scores_after <= found.threshold)
    assert (found.scores_after[:, 0] <= found.scores_before).all()


def test_a_quantile_of_the_training_scores_is_a_target(X, anomalies):
    detector = FrozenEstimator(GaussianMixtureDetector().fit(X))
    strict, usual = (
        CounterfactualExplainer(detector, target=q).fit(X).explain(anomalies)
        for q in (0.2, 0.9)
    )
    scores = detector.estimator.anomaly_score(X)
    assert_allclose(strict.threshold, np.quantile(scores, 0.2))
    assert (strict.scores_after <= strict.threshold).all()
    assert (strict.distance >= usual.distance).all()


def test_thresholds_are_the_detectors(X):
    def threshold(detector):
        return CounterfactualExplainer(detector, random_state=0).fit(X).threshold_

    detector = GaussianMixtureDetector(contamination=0.2, random_state=0)
    assert_allclose(threshold(detector), -detector.fit(X).offset_)
    pipeline = make_pipeline(StandardScaler(), detector)
    assert_allclose(threshold(pipeline), -pipeline.fit(X)[-1].offset_)
    density = GaussianMixture(random_state=0)
    scores = -density.fit(X).score_samples(X)
    assert_allclose(threshold(density), np.quantile(scores, 0.9))


def test_categories_change_to_those_of_training(orders):
    explainer = CounterfactualExplainer(
        mixed_detector(), immutable=["amount"], steps={"items": 1}
    ).fit(orders)
    rows = pd.DataFrame(
        {"shop": ["east", "north"], "amount": [50.0, 9.0], "items": [3, 2]},
        index=["swap", "new"],
    )
    found = explainer.explain(rows)
    assert found.valid.all()
    best = found.counterfactual_frame()
    assert best.index.tolist() == ["swap", "new"]
    assert set(best["shop"]) <= {"east", "west", "north"}
    assert best.loc["swap", "shop"] == "west"
    assert best.loc["swap", "amount"] == 50.0
    assert_array_equal(explainer.transform(rows)[0], [1.0, 0.0, 0.0])
    changes = found.changes()
    assert changes.iloc[0].tolist() == ["swap", 1, "shop", "east", "west"]


class Recorder(CounterfactualMethod):
    """Keeps what it is given, and finds nothing."""

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def prepare(self, problem):
        self.extra_ = problem.extra_rows
        self.shape_ = problem.image_shape

    def search(self, problem, x):
        return x[:, None]


def test_given_rows_beside_the_training_rows_reach_the_method(X):
    explainer = CounterfactualExplainer(GaussianMixtureDetector(), method=Recorder())
    assert explainer.fit(X).method_.extra_ is None
    exposed = X[:5] + 9.0
    fit = explainer.fit(X, X_outlier_exposure=exposed)
    assert_array_equal(fit.method_.extra_, exposed)
    # A method that finds nothing: the rows as they are, and not valid.
    found = fit.explain(exposed)
    assert not found.valid.any()
    assert_array_equal(found.counterfactuals[:, 0], exposed)


def test_parameters_of_the_method_are_reached(X, anomalies):
    explainer = CounterfactualExplainer(
        GaussianMixtureDetector(), method=GreedyInsertion(3)
    )
    explainer.set_params(method__n_neighbors=1)
    assert explainer.fit(X).method_.n_neighbors == 1
    with pytest.raises(ValueError, match="n_neighbors"):
        explainer.set_params(method__n_neighbors=0).fit(X)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"immutable": list("abcd")}, "leave out at least one"),
        ({"immutable": ["e"]}, "immutable lists the column 'e'"),
        ({"ranges": {"a": (2, 1)}}, "lowest <= highest"),
        ({"target": 1.0}, "target"),
        ({"target": 0}, "target"),
        ({"method": "best"}, "method"),
        ({"n_counterfactuals": 0}, "n_counterfactuals"),
    ],
)
def test_bad_parameters_are_refused(params, message, X):
    with pytest.raises(ValueError, match=message):
        CounterfactualExplainer(GaussianMixtureDetector(), **params).fit(X)


def test_a_detector_that_accepts_no_training_row_is_refused(X):
    detector = FrozenEstimator(GaussianMixtureDetector().fit(X))
    with pytest.raises(ValueError, match=r"accepts no training row.*set its cont"):
        CounterfactualExplainer(detector).fit(X + 99.0)


def test_a_method_that_needs_a_gradient_refuses_a_forest(X):
    explainer = CounterfactualExplainer(IsolationForest(), method="gradient")
    with pytest.raises(TypeError, match="no gradient: take method='greedy'"):
        explainer.fit(X)


def test_exposed_rows_with_unknown_categories_are_refused(orders):
    exposed = orders[:2].assign(shop="north")
    with pytest.raises(ValueError, match="leave these rows out"):
        CounterfactualExplainer(mixed_detector()).fit(
            orders, X_outlier_exposure=exposed
        )


@pytest.fixture
def images():
    """Three channels of 4 x 5 pixels, one in other units; a dark corner."""
    drawn = np.random.default_rng(0).normal(size=(60, *SHAPE))
    drawn[:, 1] *= 5.0
    drawn[:, :, 0, 0] = 0.0
    return drawn


SHAPE = (3, 4, 5)
NET = HypersphereDetector(max_iter=1, random_state=0)


def test_images_are_arrays_or_rows_with_a_shape(images):
    rows = images.reshape(60, -1)
    known = HypersphereDetector(image_shape=SHAPE, max_iter=1, random_state=0)
    of_arrays = CounterfactualExplainer(NET, method="nearest").fit(images)
    of_rows = CounterfactualExplainer(known, method="nearest").fit(rows)
    strange = images[:4] + 4.0
    found = of_arrays.explain(strange)
    assert of_arrays.estimator_.image_shape_ == found.image_shape == SHAPE
    assert_array_equal(found.images, strange)
    assert found.counterfactual_images.shape == (4, 1, *SHAPE)
    moves = found.counterfactual_images[:, 0] - strange
    assert_array_equal(found.values, moves.reshape(4, -1))
    other = of_rows.explain(strange.reshape(4, -1))
    assert_array_equal(other.counterfactual_images, found.counterfactual_images)
    assert_array_equal(of_rows.transform(strange), found.values)
    assert of_arrays.explain(images[:0]).counterfactual_images.shape == (0, 1, *SHAPE)


def test_pixels_count_in_standard_deviations_of_their_channel(images):
    explainer = CounterfactualExplainer(KNNDetector(), method="nearest").fit(images)
    strange = images[:3] + 9.0
    found = explainer.explain(strange)
    assert found.valid.all()
    moves = np.abs(found.counterfactual_images[:, 0] - strange).sum(axis=(2, 3))
    spread = images.std(axis=(0, 2, 3))
    assert_allclose(found.distance[:, 0], (moves / spread).sum(axis=1), rtol=1e-9)


@pytest.mark.parametrize(
    ("detector", "told", "flat"),
    [
        (KNNDetector(), None, False),
        (make_pipeline(StandardScaler(), NET), None, False),
        (HypersphereDetector(image_shape=SHAPE, max_iter=1), None, True),
        (KNNDetector(), SHAPE, True),
    ],
    ids=["array", "Pipeline", "detector", "method"],
)
def test_methods_know_the_shape_of_the_images(detector, told, flat, images):
    X = images.reshape(60, -1) if flat else images
    explainer = CounterfactualExplainer(detector, method=Recorder(told))
    explainer.fit(X, X_outlier_exposure=X[:7] + 1.0)
    assert explainer.method_.shape_ == explainer.image_shape_ == SHAPE
    assert_array_equal(explainer.method_.extra_, images[:7].reshape(7, -1) + 1.0)
    assert explainer.explain(X[:2]).image_shape == SHAPE


def test_a_frozen_detector_tells_the_shape_that_it_saw(images):
    detector = HypersphereDetector(max_iter=1).fit(images)
    explainer = CounterfactualExplainer(FrozenEstimator(detector), method="nearest")
    assert explainer.fit(images.reshape(60, -1)).image_shape_ == SHAPE


@pytest.mark.parametrize(
    "method",
    [
        DiffusionEditing(channels=8, n_updates=1, n_seeds=1, n_denoising_steps=1),
        ConceptGAN(widths=(4,), max_iter=1),
    ],
    ids=["diffusion", "gan"],
)
def test_generators_need_not_be_told_the_shape(method, images):
    explainer = CounterfactualExplainer(NET, method=method, random_state=0)
    found = explainer.fit(images).explain(images[:2] + 3.0)
    assert found.counterfactual_images.shape == (2, 1, *SHAPE)
    assert found.image_shape == explainer.method_.image_shape_


def test_a_shape_that_could_be_channels_last_is_told(images):
    narrow = images[:, :2, :, :3]
    with pytest.raises(ValueError, match=r"set image_shape=\(2, 4, 3\)"):
        CounterfactualExplainer(NET).fit(narrow)
    known = HypersphereDetector(image_shape=(2, 4, 3), max_iter=1)
    assert CounterfactualExplainer(known).fit(narrow).image_shape_ == (2, 4, 3)


def test_a_table_has_no_images(X):
    explainer = CounterfactualExplainer(GaussianMixtureDetector()).fit(X)
    assert explainer.image_shape_ is None
    with pytest.raises(ValueError, match="was fitted on a table, and X has images"):
        explainer.explain(np.zeros((3, 2, 2)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images: images[:, :1].transpose(0, 3, 2, 1), "channels as"),
        (lambda images: images.swapaxes(2, 3), "images of the same shape"),
        (lambda images: np.where(images > 1.0, np.nan, images), "NaN"),
    ],
    ids=["channels last", "turned", "NaN"],
)
def test_other_images_are_refused(change, message, images):
    fitted = HypersphereDetector(max_iter=1).fit(images)
    explainer = CounterfactualExplainer(FrozenEstimator(fitted))
    with pytest.raises(ValueError, match=message):
        explainer.fit(change(images))


def test_images_unlike_those_of_fit_are_refused(images):
    explainer = CounterfactualExplainer(NET).fit(images)
    with pytest.raises(ValueError, match="pass images of this shape"):
        explainer.explain(images[:, :, :3])
    with pytest.raises(ValueError, match="pass images of this shape"):
        explainer.fit(images, X_outlier_exposure=images[:, :1])
