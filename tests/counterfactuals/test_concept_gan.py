"""ConceptGAN on digits that a logistic regression tells apart, and its promises."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr import HypersphereDetector
from sklearn_anomaly_attr._coding import TableCoding
from sklearn_anomaly_attr._scale import CommonScale
from sklearn_anomaly_attr._torch._nets import from_arrays
from sklearn_anomaly_attr.counterfactuals import ConceptGAN, CounterfactualExplainer
from sklearn_anomaly_attr.counterfactuals._concept_gan_images import (
    ImageScaling,
    ScoreScale,
)
from sklearn_anomaly_attr.counterfactuals._concept_gan_presets import PRESETS
from sklearn_anomaly_attr.counterfactuals._constraints import Constraints
from sklearn_anomaly_attr.counterfactuals._method import Problem
from sklearn_anomaly_attr.scores import TorchScore

TINY = {
    "image_shape": (4, 4),
    "widths": (4, 8),
    "discriminator_widths": (4, 8),
    "classifier_widths": (4, 8),
    "max_iter": 2,
}


class Logistic(TorchScore):
    """A score in (0, 1)."""

    description = "logistic"

    def __init__(self, coef, intercept=0.0):
        super().__init__()
        self.register_buffer("coef", torch.tensor(coef, dtype=torch.float64))
        self.intercept = intercept

    def forward(self, x):
        return torch.sigmoid(x @ self.coef + self.intercept)


class Energy(TorchScore):
    """A score without an upper bound."""

    description = "energy"

    def forward(self, x):
        return x.square().sum(dim=-1)


class Columns:
    def __init__(self, n):
        self.n_features_in_ = n


def make_problem(score, X, extra_rows=None, **changes):
    numbers = np.zeros(X.shape[1], dtype=np.intp)
    scores = score(torch.tensor(X)).numpy()
    problem = Problem(
        score=score,
        threshold=float(np.quantile(scores, 0.95)),
        X=X,
        training_scores=scores,
        scale=CommonScale.of(X, numbers),
        constraints=Constraints.of(
            Columns(X.shape[1]), (), None, None, TableCoding.of(X), numbers > 0
        ),
        n_counterfactuals=2,
        batch_size=64,
        device=torch.device("cpu"),
        seed=0,
        verbose=0,
        extra_rows=extra_rows,
    )
    return replace(problem, **changes)


def make_tiny(n=24, seed=0, **changes):
    """Images of 4 x 4 pixels; bright ones are abnormal."""
    X = np.random.default_rng(seed).normal(size=(n, 16))
    score = Logistic(np.full(16, 0.3), -1.0)
    return make_problem(score, X, extra_rows=X[:9] + 1.0, **changes)


def prepared(problem, **params):
    method = ConceptGAN(**{**TINY, **params})
    method.prepare(problem)
    return method


@pytest.fixture(scope="module")
def tiny():
    problem = make_tiny()
    return problem, prepared(problem)


def found(method, problem, X):
    return method.search(problem, torch.tensor(X)).numpy()


def test_digits_become_normal_by_concepts_that_can_be_told_apart():
    X, y = load_digits(return_X_y=True)
    train = np.arange(len(X)) < 1000
    normal, anomalies = X[train & (y == 3)], X[train & (y != 3)][:100]
    model = LogisticRegression(C=1e-3, max_iter=1000)
    model.fit(np.concatenate([normal, anomalies]), np.arange(-len(normal), 100) >= 0)
    score = Logistic(model.coef_[0], float(model.intercept_[0]))
    problem = make_problem(score, normal, anomalies)
    method = ConceptGAN(image_shape=(8, 8), widths=(8, 16), max_iter=15)
    method.prepare(problem)
    test_normal, test_anomalies = X[~train & (y == 3)], X[~train & (y != 3)][:100]
    edited = found(method, problem, test_anomalies)

    def auroc(rows):
        scores = [score(torch.tensor(part)).numpy() for part in (test_normal, rows)]
        labels = np.repeat([0, 1], [len(part) for part in scores])
        return roc_auc_score(labels, np.concatenate(scores))

    assert auroc(edited.reshape(-1, 64)) < auroc(test_anomalies) - 0.1
    told = method.classify_concepts(test_anomalies, edited)
    assert (told == [0, 1]).mean() > 0.8
    assert np.abs(edited[:, 0] - edited[:, 1]).mean() > 0.01 * np.ptp(normal)


def test_candidates_are_the_edits_to_score_zero_within_the_range(tiny):
    problem, method = tiny
    X = np.random.default_rng(1).normal(size=(5, 16))
    edited = found(method, problem, X)
    assert edited.shape == (5, 2, 16)
    assert_array_equal(edited, method.generate(X))
    assert_array_equal(edited, method.generate(X.reshape(5, 4, 4), target=0.2))
    assert not np.allclose(edited, method.generate(X, target=1.0))
    everything = np.concatenate([problem.X, problem.extra_rows])
    assert everything.min() <= edited.min()
    assert edited.max() <= everything.max()


def test_chunks_and_order_do_not_matter(tiny):
    problem, method = tiny
    X = np.random.default_rng(1).normal(size=(7, 16))
    whole = found(method, problem, X)
    alone = np.concatenate([found(method, problem, X[i : i + 1]) for i in range(7)])
    assert_allclose(alone, whole, rtol=0, atol=1e-12)
    backwards = found(method, problem, X[::-1].copy())[::-1]
    assert_allclose(backwards, whole, rtol=0, atol=1e-12)
    assert found(method, problem, X[:0]).shape == (0, 2, 16)


def test_each_edit_is_compared_with_its_own_image(tiny):
    problem, _ = tiny
    method = prepared(problem, max_iter=1)
    rng = np.random.default_rng(1)
    X, edited = rng.normal(size=(20, 16)) * 3.0, rng.normal(size=(20, 3, 16))
    nets = method._preset().nets((1, 4, 4), 2)
    from_arrays(nets.classifier.double().eval(), method.classifier_weights_)
    before, after = (method._scaling().to_images(torch.tensor(a)) for a in (X, edited))
    pairs = [(before[i, None], after[i, j, None]) for i in range(20) for j in range(3)]
    logits = torch.cat([nets.concept_logits(*pair) for pair in pairs]).detach().numpy()
    # Without training one concept is told throughout.
    bias = np.median(logits[:, 0] - logits[:, 1]) * np.array([-0.5, 0.5])
    method.classifier_weights_["linear.bias"] += bias.astype(np.float32)
    expected = (logits + bias).argmax(axis=1).reshape(20, 3)
    assert 20 < expected.sum() < 40
    assert_array_equal(method.classify_concepts(X, edited), expected)


def test_the_same_seed_gives_the_same_edits(tiny):
    problem, method = tiny
    torch.manual_seed(7)
    state = torch.get_rng_state()
    again = prepared(problem)
    assert torch.equal(torch.get_rng_state(), state)
    assert_array_equal(again.generate(problem.X), method.generate(problem.X))
    other = prepared(replace(problem, seed=1))
    assert not np.allclose(other.generate(problem.X), method.generate(problem.X))


def test_pickles_edit_alike(tiny):
    problem, method = tiny
    again = pickle.loads(pickle.dumps(method))
    assert_array_equal(again.generate(problem.X), method.generate(problem.X))


@pytest.mark.parametrize(("scale", "shift"), [(1e20, 0.0), (1e-20, 0.0), (5.0, 100.0)])
def test_units_do_not_matter(tiny, scale, shift):
    problem, method = tiny
    extra = problem.extra_rows * scale + shift
    other = Logistic(np.full(16, 0.3 / scale), -1.0 - 16 * 0.3 * shift / scale)
    moved = prepared(make_problem(other, problem.X * scale + shift, extra))
    expected = method.generate(problem.X)
    given = (moved.generate(problem.X * scale + shift) - shift) / scale
    assert_allclose(given, expected, atol=1e-3)


def test_constant_channels_stay_as_they_are():
    X = np.random.default_rng(0).normal(size=(12, 2, 4, 4))
    X[:, 1] = 7.0
    score = Logistic(np.repeat([0.3, 0.0], 16))
    method = prepared(make_problem(score, X.reshape(12, 32)), image_shape=(2, 4, 4))
    assert np.isfinite(method.generate(X)).all()


def test_scaling_there_and_back():
    X = np.random.default_rng(0).normal(size=(9, 3 * 4)) * 30.0
    scaling = ImageScaling.of(X, (3, 2, 2))
    images = scaling.to_images(torch.tensor(X))
    assert_allclose(images.amin(dim=(0, 2, 3)).numpy(), -1.0)
    assert_allclose(images.amax(dim=(0, 2, 3)).numpy(), 1.0)
    assert_allclose(scaling.to_rows(images).numpy(), X)


@pytest.mark.parametrize("quantile", [0.5, 0.95])
def test_scores_are_moved_by_their_log_odds(quantile):
    logits = np.random.default_rng(0).normal(-6.0, 2.0, 1001)  # mostly near zero
    scores = 1.0 / (1.0 + np.exp(-logits))
    moved = ScoreScale.of(scores, quantile)(torch.tensor(scores)).numpy()
    assert_allclose(np.quantile(moved, quantile), 0.25, rtol=1e-4)
    shift = np.log(moved / (1.0 - moved)) - logits
    assert_allclose(shift, shift[0], rtol=1e-6)
    assert_array_equal(np.argsort(moved), np.argsort(scores))


def test_scores_may_stay_and_may_be_certain():
    scores = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    assert_array_equal(ScoreScale.of(scores.numpy(), None)(scores), scores)
    for certain in (np.zeros(5), np.ones(5)):
        moved = ScoreScale.of(certain, 0.95)(scores)
        assert moved[[0, 2]].tolist() == [0.0, 1.0]
        assert 0.0 < moved[1] < 1.0


def test_edits_of_a_detector_whose_scores_are_all_small_become_normal():
    X, y = load_digits(return_X_y=True)
    normal, strange = X[y == 0][:32] / 16, X[y == 1][:32] / 16
    direction = (strange.mean(axis=0) - normal.mean(axis=0)) * 2.0
    middle = (strange.mean(axis=0) + normal.mean(axis=0)) / 2.0
    score = Logistic(direction, -float(middle @ direction) - 6.0)  # never above .1
    problem = make_problem(score, normal, strange)
    shape = {"image_shape": (8, 8), "max_iter": 8, "learning_rate": 4e-3}
    before = score(torch.tensor(strange)).numpy()
    means = [
        score(torch.tensor(prepared(problem, **shape, **given).generate(strange)))
        .numpy()
        .mean()
        for given in ({}, {"normal_quantile": None})
    ]
    assert means[0] < 0.5 * means[1]
    assert means[0] < 0.5 * before.mean()


def test_training_goes_on_from_a_state():
    problem = make_tiny()
    first = prepared(problem, keep_state=True)
    longer = clone(first).set_params(max_iter=4, initial_state=first.state_)
    longer.prepare(problem)
    unbroken = prepared(problem, max_iter=4)
    assert longer.n_iter_ == 4
    assert len(longer.loss_curve_) == 2
    assert longer.loss_curve_ == unbroken.loss_curve_[2:]
    assert_array_equal(longer.generate(problem.X), unbroken.generate(problem.X))
    assert not hasattr(unbroken, "state_")


def test_with_more_concepts_the_closest_valid_edits_are_shown():
    problem = make_tiny(threshold=1.0, n_counterfactuals=1)
    method = prepared(problem, n_concepts=3)
    assert method.n_concepts_ == 3
    edits = torch.tensor(method.generate(problem.X))
    distances = problem.distances(torch.tensor(problem.X)[:, None], edits)
    closest = edits[torch.arange(len(edits)), distances.argmin(dim=1)]
    assert_array_equal(found(method, problem, problem.X)[:, 0], closest.numpy())


def test_the_explainer_lets_it_edit_what_its_detector_rejects():
    rng = np.random.default_rng(0)
    dark, bright = rng.normal(0.0, 0.3, (48, 16)), rng.normal(2.0, 0.3, (48, 16))
    detector = HypersphereDetector(image_shape=(4, 4), max_iter=10, random_state=0)
    explainer = CounterfactualExplainer(
        FrozenEstimator(detector.fit(dark, X_outlier_exposure=bright)),
        method=ConceptGAN(**{**TINY, "max_iter": 12}, learning_rate=5e-3),
        n_counterfactuals=2,
        random_state=0,
    )
    explanation = explainer.fit(dark, X_outlier_exposure=bright).explain(bright[:4])
    assert explanation.counterfactuals.shape == (4, 2, 16)
    assert (explanation.scores_after[:, 0] < explanation.scores_before).all()
    again = pickle.loads(pickle.dumps(explainer)).explain(bright[:4])
    assert_array_equal(again.counterfactuals, explanation.counterfactuals)


@pytest.mark.parametrize("n", [1, 3])
def test_there_are_as_many_concepts_as_counterfactuals(n):
    method = prepared(make_tiny(n_counterfactuals=n))
    assert method.n_concepts_ == n
    assert method.generate(np.zeros((2, 16))).shape == (2, n, 16)


def test_the_shape_comes_from_the_detector_unless_it_is_given():
    problem = make_tiny(image_shape=(1, 2, 8))
    assert prepared(problem, image_shape=None).image_shape_ == (1, 2, 8)
    assert prepared(problem).image_shape_ == (1, 4, 4)


def test_training_without_extra_rows():
    method = prepared(replace(make_tiny(), extra_rows=None))
    assert np.isfinite(method.generate(np.zeros((2, 16)))).all()


def test_losses_of_each_epoch_are_kept(tiny):
    _, method = tiny
    names = {"gan", "score", "rec", "cyc", "con", "discriminator"}
    assert [set(losses) for losses in method.loss_curve_] == [names, names]


def test_presets_fill_in_what_is_none():
    paper = PRESETS["mnist"]
    assert paper.widths == (256, 512, 1024)
    assert PRESETS["cifar10"] == paper
    assert PRESETS["gtsdb"].lambda_rec == PRESETS["gtsdb"].lambda_cyc == 20.0
    method = ConceptGAN(preset="mnist", widths=[4, 8], lambda_gan=0.0)
    chosen = method._preset()
    assert chosen == replace(paper, widths=(4, 8), lambda_gan=0.0)


@pytest.mark.parametrize(
    ("problem", "params", "cure"),
    [
        ({"score": Energy()}, {}, "HypersphereDetector"),
        ({}, {"image_shape": None}, "set image_shape"),
        ({}, {"image_shape": (3, 4)}, "image_shape"),
        ({}, {"image_shape": (2, 8), "widths": (4, 8, 8)}, "multiples of 4"),
        ({}, {"widths": ()}, "widths="),
        ({}, {"classifier_widths": (4, 0)}, "classifier_widths="),
        ({}, {"learning_rate": 1e30}, "learning_rate"),
        ({"extra_rows": np.empty((0, 16))}, {}, "X_outlier_exposure"),
    ],
    ids=[
        "unbounded", "a table", "another product", "sides", "no widths",
        "no kernels", "diverging", "no extra rows",
    ],
)  # fmt: skip
def test_what_is_refused_names_the_cure(problem, params, cure):
    tiny = make_tiny()
    if "score" in problem:
        tiny = make_problem(problem["score"], tiny.X)
    with pytest.raises(ValueError, match=cure):
        prepared(replace(tiny, **problem), **params)


def test_scores_without_gradients_are_refused():
    problem = make_tiny()
    problem.score.differentiable = False
    with pytest.raises(ValueError, match="GreedyInsertion"):
        prepared(problem)


def test_an_untrained_method_says_so():
    with pytest.raises(NotFittedError, match="CounterfactualExplainer"):
        ConceptGAN().generate(np.zeros((1, 16)))
