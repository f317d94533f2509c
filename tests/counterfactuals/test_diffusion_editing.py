"""DiffusionEditing on digits, and its promises on images of a few pixels."""

import copy
import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr import AutoencoderDetector, GaussianMixtureDetector
from sklearn_anomaly_attr.counterfactuals import (
    CounterfactualExplainer,
    DiffusionEditing,
)
from sklearn_anomaly_attr.images import PixelRangeWarning

TINY = {"image_shape": (4, 4), "channels": (4, 8), "n_updates": 30, "n_seeds": 3}


def small_images(n=80, seed=0):
    """Images of 4 x 4, bright in the left half."""
    X = np.random.default_rng(seed).normal(scale=0.2, size=(n, 4, 4))
    X[..., :2] += 1.0
    return X.reshape(n, 16)


def strange_images(n=5):
    """Bright in the right half as well."""
    X = small_images(n, seed=1).reshape(n, 4, 4)
    X[..., 2:] += 1.0
    return X.reshape(n, 16)


def an_explainer(detector=None, n_counterfactuals=1, immutable=(), **kwargs):
    return CounterfactualExplainer(
        GaussianMixtureDetector() if detector is None else detector,
        method=DiffusionEditing(**{**TINY, **kwargs}),
        n_counterfactuals=n_counterfactuals,
        immutable=immutable,
        random_state=0,
    )


@pytest.fixture(scope="module")
def fitted():
    return an_explainer(n_counterfactuals=2).fit(small_images())


def found_with(fitted, X, **params):
    """What the trained model finds with other parameters of the search."""
    other = copy.deepcopy(fitted)
    other.method_.set_params(**params)
    return other.explain(X).counterfactuals


def valid(fitted, alternatives):
    """Whether each of the alternatives is at the threshold or below."""
    rows = alternatives.reshape(-1, alternatives.shape[2])
    scores = fitted.estimator_.anomaly_score(rows).reshape(alternatives.shape[:2])
    return scores <= fitted.threshold_


def test_digits_become_normal_and_stay_nearer_than_the_nearest_normal_ones():
    X, y = load_digits(return_X_y=True)
    normal, strange = X[y == 3], X[y != 3][:10]
    train, test = normal[:120], normal[120:]
    explainer = CounterfactualExplainer(
        AutoencoderDetector(random_state=0),
        method=DiffusionEditing(image_shape=(8, 8), channels=(8, 16), n_updates=150),
        target=0.95,
        random_state=0,
    ).fit(train)
    found = explainer.explain(strange)
    edited = found.counterfactuals[:, 0]
    assert found.valid[:, 0].mean() >= 0.9

    nearest = np.abs(strange[:, None] - train).sum(axis=2).min(axis=1)
    assert np.abs(edited - strange).sum(axis=1).mean() < 0.9 * nearest.mean()

    def auroc(rows):
        scores = explainer.estimator_.anomaly_score(np.vstack([test, rows]))
        return roc_auc_score(np.arange(len(scores)) >= len(test), scores)

    assert auroc(edited) < auroc(strange) - 0.1


def test_alternatives_differ(fitted):
    found = fitted.explain(strange_images()).counterfactuals
    assert found.shape == (5, 2, 16)
    assert (np.abs(found[:, 0] - found[:, 1]).sum(axis=1) > 0.01).all()


@pytest.mark.parametrize("mask", [None, 0.5])
def test_rows_do_not_depend_on_those_beside_them(fitted, mask):
    X = strange_images(3)
    together = found_with(fitted, X, mask=mask)
    for size in (1, 2):
        parts = [
            found_with(fitted, X[i : i + size], mask=mask) for i in range(0, 3, size)
        ]
        assert_allclose(np.concatenate(parts), together, atol=1e-9)
    assert_allclose(found_with(fitted, X[::-1], mask=mask)[::-1], together, atol=1e-9)


def test_the_batches_make_no_difference():
    X, strange = small_images(), strange_images(3)
    few, many = (
        an_explainer().set_params(batch_size=size).fit(X).explain(strange)
        for size in (2, 500)
    )
    assert_allclose(few.counterfactuals, many.counterfactuals, atol=1e-9)


def test_the_same_seed_gives_the_same_and_another_one_others(fitted):
    X, strange = small_images(), strange_images()
    first = fitted.explain(strange).counterfactuals
    assert_array_equal(fitted.explain(strange).counterfactuals, first)
    again = clone(fitted).fit(X).explain(strange).counterfactuals
    assert_array_equal(again, first)
    other = clone(fitted).set_params(random_state=1).fit(X).explain(strange)
    assert (other.counterfactuals != first).any()


def test_a_pickle_finds_the_same(fitted):
    strange = strange_images()
    reloaded = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(
        reloaded.explain(strange).counterfactuals,
        fitted.explain(strange).counterfactuals,
    )


def test_what_is_learned_is_kept_as_arrays(fitted):
    method = fitted.method_
    assert all(isinstance(array, np.ndarray) for array in method.weights_.values())
    assert not any(
        isinstance(value, torch.nn.Module | torch.Tensor)
        for value in vars(method).values()
    )
    assert len(method.loss_curve_) == 15  # 30 updates in epochs of 2 batches


def test_global_generators_are_left_alone():
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = torch.random.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    an_explainer(n_updates=2).fit(small_images()).explain(strange_images())
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_the_mask_leaves_its_share_of_the_pixels_alone(fitted):
    strange = strange_images()
    found = found_with(fitted, strange, mask=0.5)
    stays = (found == strange[:, None]).all(axis=1)
    assert (stays.sum(axis=1) >= 8).all()
    changed = (found_with(fitted, strange, mask=None) != strange[:, None]).mean()
    assert changed > 0.9


def test_immutable_pixels_stay():
    explainer = an_explainer(immutable=[0, 7]).fit(small_images())
    strange = strange_images()
    found = explainer.explain(strange).counterfactuals[:, 0]
    changed = found != strange
    assert not changed[:, [0, 7]].any()
    assert changed[:, 1].any()


def test_guidance_lowers_the_scores(fitted):
    strange = strange_images()
    # So little noise that the model alone changes nothing much.
    plain, guided = (
        found_with(fitted, strange, strength=0.05, guidance=guidance)[:, 0]
        for guidance in (0.0, 30.0)
    )
    score = fitted.estimator_.anomaly_score
    assert (score(guided) <= score(plain) + 1e-9).all()
    assert score(guided).mean() < score(plain).mean() - 1.0


def test_more_noise_changes_more(fitted):
    x = torch.tensor(strange_images())
    method, problem = (
        copy.deepcopy(fitted.method_),
        fitted._problem(fitted._translated()),
    )
    sizes = [
        (
            method.set_params(strength=strength, guidance=0.0).search(problem, x)[:, 0]
            - x
        )
        .abs()
        .mean()
        for strength in (0.02, 0.2, 0.6)
    ]
    assert sizes == sorted(sizes)


def test_more_noise_is_tried_only_where_less_does_not_do(fitted):
    right = np.tile([0.0, 0.0, 1.0, 1.0], 4)
    X = small_images(12, seed=2) + np.linspace(0.1, 1.5, 12)[:, None] * right
    little, much, both = (
        found_with(fitted, X, strength=strength)
        for strength in (0.05, 0.8, (0.8, 0.05))
    )
    enough = valid(fitted, little).all(axis=1)
    assert 1 < enough.sum() < len(X)
    assert_allclose(both[enough], little[enough], atol=1e-9)
    # The best of both amounts.
    assert valid(fitted, much).all()
    assert valid(fitted, both).all()
    never = ~valid(fitted, little).any(axis=1)
    assert never.any()
    assert_allclose(both[never, 0], much[never, 0], atol=1e-9)


@pytest.mark.parametrize("strength", [(), (0.5, 1.5), (0.0, 0.5), "little", [[0.5]]])
def test_what_is_no_amount_of_noise_is_refused(strength):
    with pytest.raises(ValueError, match="strength"):
        an_explainer(strength=strength).fit(small_images())


class Logits(OutlierMixin, BaseEstimator):
    """Known by its scores only: no gradient to follow."""

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        self.n_features_in_ = X.shape[1]
        return self

    def score_samples(self, X):
        return -np.square(np.asarray(X) - self.mean_).sum(axis=1)


def test_a_score_without_a_gradient_serves_to_choose():
    explainer = an_explainer(Logits(), n_seeds=6).fit(small_images())
    found = explainer.explain(strange_images())
    assert (found.scores_after <= found.scores_before[:, None]).all()


def test_exposed_rows_and_rejected_ones_show_the_null_token(monkeypatch):
    seen = []
    monkeypatch.setattr(
        DiffusionEditing, "_train", lambda self, rows, *others: seen.append(rows)
    )
    X = small_images()
    explainer = an_explainer().set_params(target=0.9)
    explainer.fit(X, X_outlier_exposure=strange_images(200))
    (rows,) = seen
    assert rows.shape == (160, 17)
    assert rows[:80, -1].sum() == 72
    assert not rows[80:, -1].any()
    assert_allclose(rows[:, :-1].mean(), 0.0, atol=1e-12)
    assert_allclose(rows[:, :-1].std(), 1.0)


def test_channels_have_scales_of_their_own():
    images = np.random.default_rng(0).normal(size=(50, 2, 3, 3))
    images[:, 1] = 1e6 * images[:, 1] + 3e7
    explainer = an_explainer(image_shape=(2, 3, 3)).fit(images.reshape(50, 18))
    method = explainer.method_
    assert_allclose(method.center_, images.mean(axis=(0, 2, 3)))
    assert_allclose(method.scale_, images.std(axis=(0, 2, 3)))
    found = explainer.explain(images[:2].reshape(2, 18) + np.repeat([0.0, 2e7], 9))
    assert np.isfinite(found.counterfactuals).all()


def test_the_unit_of_the_pixels_makes_no_difference():
    X, strange = small_images(), strange_images(3)
    plain, *others = (
        an_explainer(AutoencoderDetector(random_state=0, max_iter=5))
        .fit(X * unit)
        .explain(strange * unit)
        .counterfactuals
        / unit
        for unit in (1.0, 1e-20, 1e20)
    )
    for scaled in others:
        assert_allclose(scaled, plain, rtol=1e-3, atol=1e-3)


def test_pixels_keep_to_the_training_range():
    X = small_images()
    far = strange_images() * 1e9
    explainer = an_explainer().fit(X)
    with pytest.warns(PixelRangeWarning):
        found = explainer.explain(far)
    changed = found.counterfactuals[found.counterfactuals != far[:, None]]
    assert changed.min() >= X.min() - 1e-9
    assert changed.max() <= X.max() + 1e-9


def test_constant_images_are_no_obstacle():
    explainer = an_explainer(Logits()).fit(np.ones((10, 16)))
    found = explainer.explain(np.full((2, 16), 3.0))
    assert_allclose(found.counterfactuals, 1.0)


def test_no_rows_give_no_counterfactuals(fitted):
    assert fitted.explain(np.empty((0, 16))).counterfactuals.shape == (0, 2, 16)


def test_a_table_is_refused():
    with pytest.raises(ValueError, match="set image_shape"):
        an_explainer(image_shape=None).fit(small_images())


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="image_shape"):
        an_explainer(image_shape=(3, 5)).fit(small_images())


def test_categories_are_refused():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(small_images()).rename(columns=str)
    X["0"] = np.where(X["0"] > 1, "bright", "dark")
    explainer = CounterfactualExplainer(
        _MixedScore(), method=DiffusionEditing(**TINY), random_state=0
    )
    with pytest.raises(ValueError, match="hold categories"):
        explainer.fit(X)


class _MixedScore(Logits):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def score_samples(self, X):
        return -X.drop(columns="0").abs().sum(axis=1).to_numpy()


@pytest.mark.parametrize(
    ("name", "value"),
    [("strength", 0.0), ("strength", 1.1), ("mask", 1.0), ("n_seeds", 0)],
)
def test_parameters_out_of_their_ranges_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        an_explainer(**{name: value}).fit(small_images())
