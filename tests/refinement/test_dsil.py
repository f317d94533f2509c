"""DSIL against Algorithm 1, and its default against its definition, both naive."""

import pickle
import subprocess
import sys
from functools import partial
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from pyod.models.ecod import ECOD
from scipy.stats import rankdata
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDOneClassSVM
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, RobustScaler, StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils import check_random_state

from sklearn_anomaly_attr import (
    AnomalyShapley,
    AutoencoderDetector,
    DTEDetector,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    torch_score,
)
from sklearn_anomaly_attr._random import seed_unseeded
from sklearn_anomaly_attr.detectors import ConformalDetector
from sklearn_anomaly_attr.detectors._score_tail import ScoreTail
from sklearn_anomaly_attr.metrics import anomaly_roc_auc_scorer
from sklearn_anomaly_attr.refinement import (
    DSIL,
    CosineRetention,
    IterativeReweighting,
    SlowRetention,
)
from sklearn_anomaly_attr.scores import BlackBoxScore
from tests._catalogue import parametrize_with_checks_of_results

# As in the paper: select by scores of rows that were fitted on, and keep the last fit.
published = partial(DSIL, selection="in_sample", blend=1.0, max_iter=5)
SMALL_NET = AutoencoderDetector(2, max_iter=3)
INNER = [
    GaussianMixtureDetector(),
    KNNDetector(),
    make_pipeline(StandardScaler(), KNNDetector()),
    IsolationForest(n_estimators=10),
    SMALL_NET,
]
every_inner = pytest.mark.parametrize("inner", INNER, ids=lambda e: type(e).__name__)


# All checks are among the common ones; the default detector is around a pipeline.
@parametrize_with_checks_of_results(
    [
        DSIL(IsolationForest(n_estimators=3), max_iter=2),
        published(KNNDetector(3), max_iter=2),
        DSIL(AutoencoderDetector(2, max_iter=1), max_iter=2),
        DSIL(DTEDetector(hidden_layer_sizes=4, max_iter=1), max_iter=2),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(120, 4)) @ rng.normal(size=(4, 4)) + 3.0


@pytest.fixture
def contaminated():
    """Normal rows, and 15 % of anomalies, which widen a Gaussian."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(255, 4)) * [1.0, 1.0, 1.0, 0.1]
    X = np.concatenate([normal, normal[:45] + rng.normal(0, 2, (45, 4))])
    return X, np.repeat([0, 1], [255, 45])


def algorithm_1(detector, X, ratios):
    """Sets of retained rows, and the last fit's scores, one row at a time."""
    current, sets = list(range(len(X))), []
    scores = clone(detector).fit(X).score_samples(X)
    for ratio in ratios:
        order = sorted(range(len(X)), key=lambda i: -scores[i])
        current = sorted(order[: int(len(X) * ratio)])
        sets.append(current)
        scores = clone(detector).fit(X[current]).score_samples(X)
    return sets, scores


@pytest.mark.parametrize(
    "inner",
    [
        KNNDetector(5),
        GaussianMixtureDetector(2, random_state=0),
        make_pipeline(
            StandardScaler(), IsolationForest(n_estimators=10, random_state=0)
        ),
        OneClassSVM(),
    ],
    ids=lambda e: type(e).__name__,
)
def test_equals_algorithm_1(inner, contaminated):
    X, _ = contaminated
    ratios = [0.9, 0.75, 0.7, 0.6]
    dsil = published(inner, retention=lambda t, n: ratios[t], max_iter=4).fit(X)
    sets, scores = algorithm_1(inner, X, ratios)
    assert_array_equal(np.flatnonzero(dsil.retained_), sets[-1])
    assert_array_equal(dsil.score_samples(X), scores)
    assert_allclose(dsil.retention_path_, [1.0, *(len(s) / len(X) for s in sets)])
    assert dsil.n_iter_ == 4
    assert_allclose(dsil.score_path_[-1], np.quantile(-scores, [0, 0.25, 0.5, 0.75, 1]))


def out_of_fold_ranks(detector, X, retained, folds):
    """Share of its fold's rows that each row scores higher than, one row at a time."""
    ranks = np.empty(len(X))
    for others, fold in folds:
        rows = [i for i in others if i in retained]
        scores = clone(detector).fit(X[rows]).score_samples(X[fold])
        for i, own in zip(fold, scores, strict=True):
            ranks[i] = np.mean((scores < own) + (scores == own) / 2)
    return ranks


@pytest.mark.parametrize("max_iter", [1, 3])
@pytest.mark.parametrize("n_splits", [2, 5])
@pytest.mark.parametrize("inner", [KNNDetector(5), INNER[2], OneClassSVM()], ids=str)
def test_equals_its_definition(inner, n_splits, max_iter, contaminated):
    X, _ = contaminated
    X = X[:-1]  # folds of different sizes
    dsil = DSIL(
        inner,
        n_splits=n_splits,
        retention="cosine",
        max_iter=max_iter,
        blend=0.4,
        random_state=7,
    ).fit(X)
    rng = check_random_state(7)
    seed_unseeded(clone(inner), rng)
    folds = list(KFold(n_splits, shuffle=True, random_state=rng).split(X))
    retained = set(range(len(X)))
    for t in range(max_iter):
        ranks = out_of_fold_ranks(inner, X, retained, folds)
        count = int(len(X) * CosineRetention()(t, max_iter))
        retained = set(np.argsort(-ranks, kind="stable")[:count])
    assert set(np.flatnonzero(dsil.retained_)) == retained
    base, refined = (clone(inner).fit(rows) for rows in (X, X[sorted(retained)]))
    assert_array_equal(dsil.base_estimator_.score_samples(X), base.score_samples(X))
    assert_array_equal(dsil.estimator_.score_samples(X), refined.score_samples(X))
    new = X[:20] + 0.5
    surprises = [
        ScoreTail(-one.score_samples(X)).surprise(-one.score_samples(new))
        for one in (base, refined)
    ]
    expected = 0.6 * surprises[0] + 0.4 * surprises[1]
    assert_allclose(dsil.anomaly_score(new), expected, rtol=1e-12)


def test_fits_cost_what_the_docstring_says(X):
    """1 + (n_splits - 1) + final_retention, in fits on all rows."""

    class Counting(KNNDetector):
        rows: ClassVar = []

        def _fit(self, X):
            self.rows.append(len(X))
            super()._fit(X)

    for n_splits in (2, 5):
        Counting.rows.clear()
        DSIL(Counting(), n_splits=n_splits).fit(X)
        assert sum(Counting.rows) == len(X) * (1 + (n_splits - 1) + 0.5)
    Counting.rows.clear()
    published(Counting(), max_iter=1).fit(X)
    assert sum(Counting.rows) == len(X) * 1.5


def test_blending_neither_is_either_alone(contaminated):
    X, _ = contaminated
    alone = DSIL(KNNDetector(), blend=1.0, random_state=0).fit(X)
    assert_array_equal(alone.score_samples(X), alone.estimator_.score_samples(X))
    none = DSIL(KNNDetector(), blend=0.0, random_state=0).fit(X)
    order = rankdata(none.base_estimator_.score_samples(X))
    assert_array_equal(rankdata(none.score_samples(X).round(9)), order)
    assert (none.retained_ == alone.retained_).all()


@pytest.mark.parametrize("inner", [INNER[0], INNER[2], SMALL_NET], ids=str)
def test_detects_better_than_its_base(inner, contaminated):
    X, y = contaminated

    def auroc(detector):
        parameters = {n: 0 for n in detector.get_params() if n == "random_state"}
        detector = clone(detector).set_params(**parameters).fit(X)
        return roc_auc_score(y, -detector.score_samples(X))

    assert auroc(published(inner, retention="cosine")) > auroc(inner) + 0.005
    assert auroc(DSIL(inner, blend=1.0)) > auroc(inner) + 0.005
    assert auroc(DSIL(inner)) > auroc(inner) + 0.001


def test_rows_come_back(contaminated):
    """All original rows are scored each time, those left out too."""
    X, _ = contaminated
    first = published(GaussianMixtureDetector(), max_iter=1).fit(X)
    last = published(GaussianMixtureDetector(), max_iter=9).fit(X)
    assert (last.retained_ & ~first.retained_).any()
    assert last.retained_.sum() == first.retained_.sum() == 150


def test_a_retained_row_is_not_its_own_neighbour(X):
    dsil = DSIL(KNNDetector(1), blend=1.0).fit(X)
    rows = X[dsil.retained_]
    distances = np.linalg.norm(rows[:, None] - rows, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert_allclose(-dsil.score_samples(rows), distances.min(axis=1))


def test_preprocessing_is_fitted_on_the_retained_rows(contaminated):
    X, _ = contaminated
    dsil = DSIL(make_pipeline(StandardScaler(), KNNDetector())).fit(X)
    assert_allclose(dsil.estimator_[0].mean_, X[dsil.retained_].mean(axis=0))


def test_it_stops_when_the_retained_rows_no_longer_change(contaminated):
    X, _ = contaminated
    dsil = published(GaussianMixtureDetector(), max_iter=500).fit(X)
    assert dsil.n_iter_ < 100
    refit = GaussianMixtureDetector().fit(X[dsil.retained_]).score_samples(X)
    assert_array_equal(
        np.argsort(-refit)[:150], np.argsort(-dsil.score_samples(X))[:150]
    )


def test_all_scores_equal_end_it():
    for refine in (DSIL, published):
        dsil = refine(KNNDetector()).fit(np.ones((31, 3)))
        assert dsil.n_iter_ == 0
        assert dsil.retained_.all()
        assert dsil.base_estimator_ is dsil.estimator_
        scores = dsil.score_samples([[1.0, 1.0, 1.0], [2.0, 1.0, 1.0]])
        assert scores[1] < scores[0]


def test_two_rows_are_the_fewest(X):
    assert DSIL(KNNDetector(1), final_retention=1e-9).fit(X).retained_.sum() == 2
    assert published(KNNDetector(1)).fit(X[:2]).retained_.all()
    with pytest.raises(ValueError, match=r"refuses 1 of the 2 rows.*'in_sample'"):
        DSIL(KNNDetector(1)).fit(X[:2])


@pytest.mark.parametrize("scaler", [StandardScaler(), RobustScaler()])
def test_columns_that_become_constant(scaler, X):
    X = np.column_stack([X, np.zeros(len(X))])
    X[:5] += 9.0
    for detector in (KNNDetector(5), GaussianMixtureDetector(random_state=0)):
        dsil = DSIL(make_pipeline(scaler, detector)).fit(X)
        assert np.ptp(X[dsil.retained_, -1]) == 0.0
        assert np.isfinite(dsil.score_samples(X)).all()
        assert (dsil.predict(X[:5]) == -1).all()


def test_warm_starts_go_on(X):
    net = AutoencoderDetector(2, max_iter=5, random_state=0)
    warm, cold = published(net).fit(X), published(net, warm_start=False).fit(X)
    assert warm.estimator_.loss_curve_[0] < cold.estimator_.loss_curve_[0]
    assert warm.estimator_.warm_start is False
    expected = clone(net).fit(X[cold.retained_])
    assert_array_equal(cold.score_samples(X), expected.score_samples(X))
    of_itself = clone(net).set_params(warm_start=True)
    again = published(of_itself, warm_start=False).fit(X)
    assert_array_equal(again.score_samples(X), cold.score_samples(X))
    pipeline = published(make_pipeline(StandardScaler(), net)).fit(X)
    assert pipeline.estimator_[-1].loss_curve_[0] < cold.estimator_.loss_curve_[0]
    before = net.get_params()
    DSIL(net).fit(X)
    assert net.get_params() == before


def test_the_base_stays_as_it_was_before_a_warm_start(X):
    net = AutoencoderDetector(2, max_iter=30, random_state=0)
    dsil = DSIL(net, random_state=0).fit(X)
    expected = clone(net).fit(X).score_samples(X)
    assert_array_equal(dsil.base_estimator_.score_samples(X), expected)
    assert dsil.estimator_.loss_curve_[0] < dsil.base_estimator_.loss_curve_[0]
    fitted = (dsil.base_estimator_, dsil.estimator_)
    assert [one.warm_start for one in fitted] == [False, False]


def test_forests_grow_anew(X):
    forest = IsolationForest(n_estimators=10, random_state=0)
    dsil = published(forest).fit(X)
    expected = clone(forest).fit(X[dsil.retained_])
    assert_array_equal(dsil.score_samples(X), expected.score_samples(X))
    for other in (forest, KNNDetector()):
        with pytest.raises(TypeError, match="cannot go on from its last fit: set warm"):
            DSIL(other, warm_start=True).fit(X)


def test_other_scores_and_other_warm_starts(X):
    assert np.isfinite(
        DSIL(SGDOneClassSVM(random_state=0)).fit(X).score_samples(X)
    ).all()
    assert DSIL(KernelDensity()).fit(X).retained_.sum() == 60


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"initial_retention": 0.0}, "'initial_retention' parameter"),
        ({"final_retention": 1.1}, "'final_retention' parameter"),
        ({"retention": "linear"}, "'retention' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"warm_start": "yes"}, "'warm_start' parameter"),
        ({"contamination": 0.6}, "'contamination' parameter"),
        ({"selection": "held_out"}, "'selection' parameter"),
        ({"n_splits": 1}, "'n_splits' parameter"),
        ({"blend": 1.1}, "'blend' parameter"),
        ({"initial_retention": 0.4}, "increasing shares.*initial_retention no smaller"),
        ({"retention": lambda t, n: 0.1 * (t + 1)}, "increasing shares.*let them fall"),
        ({"retention": lambda t, n: 1.5}, r"must lie in \(0, 1\]"),
        ({"retention": lambda t, n: float("nan")}, r"must lie in \(0, 1\]"),
        ({"retention": CosineRetention(0.8, -0.1)}, r"must lie in \(0, 1\]"),
    ],
)
def test_bad_parameters_name_the_cure(parameters, message, X):
    given = {"retention": "cosine", "max_iter": 5} | parameters
    with pytest.raises(ValueError, match=message):
        DSIL(KNNDetector(), **given).fit(X)


def test_too_few_retained_rows_name_the_cure(X):
    mixture = GaussianMixtureDetector(20, random_state=0)
    with pytest.raises(ValueError, match=r"refuses 12 of the 120 rows.*retain more"):
        DSIL(mixture, final_retention=0.1).fit(X)


def test_detectors_that_cannot_be_refined_name_the_cure(X):
    with pytest.raises(TypeError, match="gives no anomaly score"):
        DSIL(StandardScaler()).fit(X)
    with pytest.raises(TypeError, match="pass its estimator"):
        DSIL(FrozenEstimator(KNNDetector().fit(X))).fit(X)
    with pytest.raises(ValueError, match="NaN or infinite to 31 of 120 rows"):
        published(KernelDensity(kernel="tophat", bandwidth=2.0)).fit(X)


def test_interrupts_leave_it_unfitted(X):
    class Interrupted(KNNDetector):
        def _score_samples(self, X):
            raise KeyboardInterrupt

    dsil = DSIL(Interrupted())
    with pytest.raises(KeyboardInterrupt):
        dsil.fit(X)
    with pytest.raises(NotFittedError):
        dsil.predict(X)


def test_agrees_with_itself(X):
    dsil = DSIL(KNNDetector()).fit(X)
    scores = dsil.score_samples(X)
    assert_array_equal(dsil.anomaly_score(X), -scores)
    assert_array_equal(dsil.decision_function(X), scores - dsil.offset_)
    assert (dsil.predict(X) == -1).sum() == 12


@every_inner
def test_seeds_repeat_round_trips_too(inner, X):
    dsil = DSIL(inner, random_state=3).fit(X)
    expected = dsil.score_samples(X)
    assert_array_equal(DSIL(inner, random_state=3).fit(X).score_samples(X), expected)
    assert_array_equal(pickle.loads(pickle.dumps(dsil)).score_samples(X), expected)
    skops = pytest.importorskip("skops.io")
    stored = skops.dumps(dsil)
    trusted = skops.get_untrusted_types(data=stored)
    assert all("sklearn" in name for name in trusted)
    assert_array_equal(skops.loads(stored, trusted=trusted).score_samples(X), expected)


def test_schedules_survive_clone_and_skops(X):
    skops = pytest.importorskip("skops.io")
    dsil = clone(DSIL(KNNDetector(), retention=CosineRetention(0.9, 0.6))).fit(X)
    stored = skops.dumps(dsil)
    loaded = skops.loads(stored, trusted=skops.get_untrusted_types(data=stored))
    assert loaded.retention == CosineRetention(0.9, 0.6)
    assert dsil.retained_.sum() == 72


@pytest.mark.parametrize("blend", [0.3, 1.0])
@pytest.mark.parametrize("explainer", [AnomalyShapley, KernelShap, NeighborShap])
@pytest.mark.parametrize("inner", INNER[:4], ids=lambda e: type(e).__name__)
def test_explainers(explainer, inner, blend, X):
    dsil = DSIL(inner, blend=blend, random_state=0)
    fit = explainer(dsil, max_evaluations=16, random_state=0).fit(X)
    explanation = fit.explain(X[:5])
    assert_allclose(explanation.scores, fit.estimator_.anomaly_score(X[:5]), rtol=1e-9)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)
    frozen = explainer(FrozenEstimator(fit.estimator_), random_state=0).fit(X)
    assert_allclose(frozen.explain(X[:5]).scores, explanation.scores)


def test_the_torch_score_is_blended_too(X):
    dsil = DSIL(GaussianMixtureDetector(2), random_state=0).fit(X)
    score = torch_score(dsil)
    assert score.differentiable
    found = score(torch.tensor(3.0 * X)).numpy()
    assert_allclose(found, dsil.anomaly_score(3.0 * X), rtol=1e-9)
    # What is set after a fit is for the next one.
    dsil.set_params(blend=1.0)
    assert_array_equal(torch_score(dsil)(torch.tensor(3.0 * X)).numpy(), found)
    assert isinstance(torch_score(DSIL(ECOD()).fit(X)), BlackBoxScore)
    with pytest.raises(NotFittedError):
        torch_score(DSIL(KNNDetector()))


def test_grid_search_reaches_into_the_detector(contaminated):
    X, y = contaminated
    search = GridSearchCV(
        make_pipeline(StandardScaler(), DSIL(GaussianMixtureDetector(random_state=0))),
        {"dsil__estimator__n_components": [1, 30], "dsil__max_iter": [1, 2]},
        scoring=anomaly_roc_auc_scorer,
        cv=StratifiedKFold(2),
    ).fit(X, y)
    assert search.best_params_["dsil__estimator__n_components"] == 1


def test_grid_search_over_blend_and_retention(contaminated):
    X, y = contaminated
    dsil = DSIL(make_pipeline(StandardScaler(), KNNDetector()), random_state=0)
    grid = {"blend": [0.0, 0.5], "retention": ["fixed", SlowRetention(0.8, 0.6)]}
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(dsil, grid, scoring=anomaly_roc_auc_scorer, cv=folds)
    assert search.fit(X, y).best_params_["blend"] == 0.5
    assert search.best_estimator_.n_iter_ == 1


def test_p_values_of_the_blended_score(X):
    dsil = DSIL(KNNDetector(random_state=0), random_state=0)
    with pytest.raises(TypeError, match=r"ConformalDetector\(estimator\)"):
        dsil.fit(X).p_values(X)
    conformal = ConformalDetector(dsil, random_state=0).fit(X)
    assert conformal.method_ == "cross"
    assert_array_equal(conformal.score_samples(X), dsil.score_samples(X))
    assert (conformal.p_values(X[:5] + 20.0) < 0.01).all()


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b"], 100)
    size = rng.normal(size=100) + 3 * (kind == "b")
    return pd.DataFrame({"kind": pd.Categorical(kind), "size": size, "y": size})


def encoded(detector):
    encode = make_column_transformer(
        (OneHotEncoder(sparse_output=False), make_column_selector(dtype_exclude=float)),
        remainder="passthrough",
    )
    return make_pipeline(encode, detector)


def test_frames_with_categories_reach_the_pipeline(frame):
    dsil = DSIL(encoded(KNNDetector(5)), random_state=0)
    fit = dsil.fit(frame)
    expected = clone(dsil.estimator).fit(frame[fit.retained_]).score_samples(frame)
    assert_array_equal(fit.estimator_.score_samples(frame), expected)
    assert fit.feature_names_in_.tolist() == ["kind", "size", "y"]
    with pytest.raises(ValueError, match="feature names should match"):
        fit.predict(frame[["size", "kind", "y"]])
    explanation = AnomalyShapley(dsil).fit(frame).explain(frame[:4])
    assert_allclose(explanation.scores, fit.anomaly_score(frame[:4]))
    assert explanation.to_frame().columns.tolist() == ["kind", "size", "y"]


def test_polars_frames(frame):
    polars = pytest.importorskip("polars")
    X = frame[["size", "y"]]
    rows = polars.DataFrame(X.to_dict("list"))
    dsil = DSIL(KNNDetector(5), random_state=0)
    found = clone(dsil).fit(rows).score_samples(rows)
    assert_array_equal(found, dsil.fit(X).score_samples(X))


class Watch:
    """A callback of scikit-learn that counts, and may end the fit."""

    def __init__(self, stop_after=None):
        self.stop_after, self.tasks = stop_after, []

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.tasks.append(context.task_name)
        return context.task_id + 1 == self.stop_after


def test_callbacks_see_iterations_and_can_stop(X):
    watch = Watch()
    published(KNNDetector(), max_iter=3, retention="cosine").set_callbacks(watch).fit(X)
    assert watch.tasks == [*["iteration"] * 4, "fit", "teardown"]
    watch = Watch()
    DSIL(KNNDetector()).set_callbacks(watch).fit(X)
    rounds = ["iteration", "fold", "fold", "iteration"]
    assert watch.tasks == [*rounds, "fit", "teardown"]
    dsil = published(SMALL_NET).set_callbacks(Watch(stop_after=2)).fit(X)
    assert dsil.n_iter_ == 1
    for n_tasks in (1, 2):
        dsil = DSIL(SMALL_NET).set_callbacks(Watch(stop_after=n_tasks)).fit(X)
        assert dsil.n_iter_ == 0


def test_weights_are_routed_with_their_rows(X):
    weight = np.linspace(0.1, 1.0, len(X))
    forest = IsolationForest(n_estimators=10, random_state=0)
    with pytest.raises(ValueError, match="enable_metadata_routing=True"):
        DSIL(forest).fit(X, sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        inner = clone(forest).set_fit_request(sample_weight=True)
        dsil = DSIL(inner, max_iter=2).fit(X, sample_weight=weight)
    rows = dsil.retained_
    expected = forest.fit(X[rows], sample_weight=weight[rows]).score_samples(X)
    assert_array_equal(dsil.estimator_.score_samples(X), expected)


def test_importing_the_package_is_cheap():
    code = "import sklearn_anomaly_attr.refinement as r, sys; assert 'DSIL' in dir(r)\n"
    code += "assert not {'sklearn', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_nests(X):
    nested = DSIL(IterativeReweighting(KernelDensity()), max_iter=2).fit(X)
    assert np.isfinite(nested.score_samples(X)).all()


def test_one_huge_entry_does_not_decide_the_blend():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(180, 3)), rng.normal(6, 1, (20, 3))]
    X[199, 0] = 1e20  # a fill value
    detector = DSIL(KNNDetector(), random_state=0).fit(X)
    scores = detector.score_samples(X)
    assert len(np.unique(scores)) > 150
    assert scores[180:].max() < np.median(scores[:180])
    assert detector.predict([[8.0, 8.0, 8.0]]) == -1


def test_a_pipeline_that_gives_other_columns_starts_afresh():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(size=(180, 3)), rng.normal(6, 1, (20, 3))]
    X = np.c_[X, np.r_[np.zeros(185), np.ones(15)]]
    pipeline = make_pipeline(VarianceThreshold(), GaussianMixture(random_state=0))
    auto = DSIL(pipeline, random_state=0).fit(X)
    cold = DSIL(pipeline, warm_start=False, random_state=0).fit(X)
    assert auto.estimator_[-1].n_features_in_ == 3
    assert auto.base_estimator_[-1].n_features_in_ == 4
    assert_allclose(auto.score_samples(X), cold.score_samples(X))


def test_one_inside_another_keeps_its_own_warm_start():
    X = np.random.default_rng(0).normal(size=(100, 2))
    inner = DSIL(KNNDetector(), warm_start=False, random_state=0)
    outer = DSIL(inner, random_state=0).fit(X)
    assert outer.estimator_.warm_start is False


@pytest.mark.parametrize("n_splits", [2, 10, 1000])
def test_parts_have_two_rows_or_more(n_splits):
    X = np.random.default_rng(0).normal(size=(30, 2))
    detector = DSIL(KNNDetector(2), n_splits=n_splits, random_state=0).fit(X)
    assert detector.n_iter_ == 1
    assert detector.retained_.sum() == 15
