"""What all estimators promise, in one table."""

import pickle
import subprocess
import sys
import warnings
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_anomaly_attr import (
    DSIL,
    AnomalyShapley,
    AutoencoderDetector,
    ConvAutoencoderDetector,
    CounterfactualExplainer,
    DAGMMDetector,
    DDPMDetector,
    DeepSVDDDetector,
    DTEDetector,
    GaussianMixtureDetector,
    HypersphereDetector,
    IterativeReweighting,
    KernelShap,
    KNNDetector,
    NeighborShap,
    OutlierExposureDetector,
    RegionShapley,
    VAEDetector,
)
from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.counterfactuals import GradientDescent
from sklearn_anomaly_attr.explainers import (
    AnomalyCompensation,
    AnomalyContribution,
    DiffusionPerturbation,
    ExactShapley,
    ExplainerEnsemble,
    FeatureOcclusion,
    FeaturePermutation,
    GradientShap,
    IntegratedGradients,
    MarginalScore,
    NearestNormalInsertion,
    Saliency,
    SequentialFeatureExplainer,
    ShapleyInteractions,
    ShapleySampling,
    SmoothGrad,
    ZScore,
)
from sklearn_anomaly_attr.images import ErrorMap, FCDDDetector, RegionOcclusion
from sklearn_anomaly_attr.series import LSTMAutoencoderDetector, WindowedDetector


class BlackBox(IsolationForest):
    """Called as it is: subclasses are not translated."""


DETECTORS = [
    GaussianMixtureDetector(),
    GaussianMixtureDetector([1, 2], covariance_type="diag", cv=2),
    KNNDetector(),
    AutoencoderDetector(),
    AutoencoderDetector((64, 32), max_iter=3, early_stopping=True),
    DAGMMDetector(max_iter=10),
    DDPMDetector(max_iter=3, n_draws=2),
    DTEDetector(max_iter=10),
    DTEDetector("non_parametric"),
    VAEDetector(max_iter=10),
    DSIL(KNNDetector()),
    DSIL(GaussianMixtureDetector()),
    IterativeReweighting(AutoencoderDetector(4, max_iter=3)),
    LSTMAutoencoderDetector((4, 2), window=1, max_iter=2),
    WindowedDetector(KNNDetector(), window=1),
    DeepSVDDDetector(max_iter=3),
    HypersphereDetector(max_iter=3),
    OutlierExposureDetector(max_iter=3),
    ConvAutoencoderDetector(n_kernels=4, max_iter=3),
    FCDDDetector(n_kernels=4, max_iter=3),
]
INNER = [
    GaussianMixtureDetector(2),
    make_pipeline(StandardScaler(), GaussianMixtureDetector(2)),
    IsolationForest(n_estimators=5),
    BlackBox(n_estimators=3),
    KNNDetector(5),
    OneClassSVM(),
    AutoencoderDetector(4, max_iter=3),
]
SHAPLEY = [
    explainer(inner, max_evaluations=64)
    for explainer in (AnomalyShapley, KernelShap, NeighborShap)
    for inner in INNER
]
SHAPLEY += [
    AnomalyShapley(INNER[0], characteristic="relaxed", max_evaluations=20),
    KernelShap(INNER[1], groups={"pair": [0, 2]}),
    ExactShapley(INNER[5]),
    ShapleySampling(INNER[3], n_permutations=3),
    ShapleyInteractions(INNER[0]),
]
EXPLAINERS = [
    *SHAPLEY,
    AnomalyCompensation(INNER[0]),
    AnomalyCompensation(INNER[2]),
    AnomalyContribution(INNER[2]),
    DiffusionPerturbation(INNER[4], n_times=5),
    DiffusionPerturbation(INNER[6], aggregation="max"),
    ExplainerEnsemble([ZScore(None), FeatureOcclusion(None)], estimator=INNER[0]),
    FeatureOcclusion(INNER[2]),
    FeaturePermutation(INNER[3], n_references=4),
    GradientShap(INNER[1]),
    IntegratedGradients(INNER[6]),
    MarginalScore(INNER[1]),
    NearestNormalInsertion(INNER[4]),
    Saliency(INNER[0]),
    SequentialFeatureExplainer(INNER[0]),
    SequentialFeatureExplainer(INNER[2]),
    SmoothGrad(INNER[1]),
    ZScore(INNER[5]),
    RegionShapley(INNER[0], n_permutations=3),
    RegionShapley(INNER[2], regions="grid", mask="train_median"),
    RegionOcclusion(INNER[4]),
    ErrorMap(INNER[6]),
]
COUNTERFACTUALS = [
    CounterfactualExplainer(INNER[0], n_counterfactuals=2),
    CounterfactualExplainer(INNER[1], method=GradientDescent(max_iter=2)),
    CounterfactualExplainer(INNER[3], method="nearest", target=0.8),
    CounterfactualExplainer(INNER[5], target=0.8),
]
TRANSFORMERS = EXPLAINERS + COUNTERFACTUALS
ESTIMATORS = DETECTORS + TRANSFORMERS
IMAGES = (
    ConvAutoencoderDetector,
    CounterfactualExplainer,
    DeepSVDDDetector,
    ErrorMap,
    FCDDDetector,
    HypersphereDetector,
    OutlierExposureDetector,
    RegionOcclusion,
    RegionShapley,
)
BATCHED = [e for e in TRANSFORMERS if "batch_size" in e.get_params(deep=False)]


def name_of(estimator):
    inner = getattr(estimator, "estimator", None)
    last = inner[-1] if hasattr(inner, "steps") else inner
    names = [type(e).__name__ for e in (estimator, last) if e is not None]
    return "-".join(names) + ("-pipeline" if last is not inner else "")


every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=name_of)
every_explainer = pytest.mark.parametrize("estimator", EXPLAINERS, ids=name_of)
every_transformer = pytest.mark.parametrize("estimator", TRANSFORMERS, ids=name_of)
every_shapley = pytest.mark.parametrize("estimator", SHAPLEY, ids=name_of)
every_detector = pytest.mark.parametrize("estimator", DETECTORS, ids=name_of)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 5)) @ rng.normal(size=(5, 5)) + 3.0
    return pd.DataFrame(rows, columns=list("abcde"))


@pytest.fixture
def X_new(X):
    rng = np.random.default_rng(1)
    return X.sample(70, random_state=0) + rng.normal(scale=2.0, size=(70, 5))


def output(estimator, X):
    """What an estimator says of rows: scores, or attributions."""
    if isinstance(estimator, BaseDetector):
        return estimator.score_samples(X)
    return estimator.transform(X)


def fitted(estimator, X):
    return seeded(estimator).fit(X)


def seeded(estimator):
    names = {"random_state"} & set(estimator.get_params())
    return clone(estimator).set_params(**dict.fromkeys(names, 0))


@parametrize_with_checks([e for e in ESTIMATORS if not getattr(e, "groups", None)])
def test_sklearn_checks(estimator, check):
    check(estimator)


@every_estimator
def test_results_do_not_depend_on_chunks_or_on_neighbouring_rows(estimator, X, X_new):
    fit = fitted(estimator, X)
    together = output(fit, X_new)
    tolerance = 1e-9 * together.std()
    for size in (1, 7, 64):
        chunks = [output(fit, X_new[i : i + size]) for i in range(0, 70, size)]
        assert_allclose(np.concatenate(chunks), together, rtol=0, atol=tolerance)
    order = np.random.default_rng(0).permutation(70)
    permuted = output(fit, X_new.iloc[order])
    assert_allclose(permuted, together[order], rtol=0, atol=tolerance)


@pytest.mark.parametrize("estimator", BATCHED, ids=name_of)
@pytest.mark.parametrize("batch_size", [1, 50])
def test_results_do_not_depend_on_the_batch_size(estimator, batch_size, X, X_new):
    fit = fitted(estimator, X)
    expected = fit.transform(X_new[:5])
    values = fit.set_params(batch_size=batch_size).transform(X_new[:5])
    assert_allclose(values, expected, rtol=0, atol=1e-9 * expected.std())


@every_estimator
def test_calls_refits_and_round_trips_are_bit_equal(estimator, X, X_new):
    fit = fitted(estimator, X)
    expected = output(fit, X_new)
    assert_array_equal(output(fit, X_new), expected)
    assert_array_equal(output(fitted(estimator, X), X_new), expected)
    assert_array_equal(output(pickle.loads(pickle.dumps(fit)), X_new), expected)


@every_estimator
def test_skops_round_trip(estimator, X, X_new):
    skops = pytest.importorskip("skops.io")
    fit = fitted(estimator, X)
    stored = skops.dumps(fit)
    trusted = skops.get_untrusted_types(data=stored)
    ours = {f"{BlackBox.__module__}.{BlackBox.__name__}"}
    assert all("sklearn" in name for name in set(trusted) - ours)
    loaded = skops.loads(stored, trusted=trusted)
    assert_array_equal(output(loaded, X_new), output(fit, X_new))


def test_reloading_in_another_process_is_bit_equal(X, X_new, tmp_path):
    fits = [fitted(estimator, X) for estimator in ESTIMATORS]
    expected = [output(fit, X_new) for fit in fits]
    (tmp_path / "in.pkl").write_bytes(pickle.dumps((fits, X_new)))
    code = f"""
import pickle, torch
torch.set_num_threads(1)
fits, X_new = pickle.loads(open({str(tmp_path / "in.pkl")!r}, "rb").read())
out = [fit.transform(X_new) if hasattr(fit, "transform")
       else fit.score_samples(X_new) for fit in fits]
pickle.dump(out, open({str(tmp_path / "out.pkl")!r}, "wb"))
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    found = pickle.loads((tmp_path / "out.pkl").read_bytes())
    for result, target in zip(found, expected, strict=True):
        assert_array_equal(result, target)


@every_estimator
def test_without_a_seed_a_fitted_estimator_still_repeats_itself(estimator, X, X_new):
    fit = clone(estimator).fit(X)
    assert_array_equal(output(fit, X_new), output(fit, X_new))


@every_estimator
def test_global_random_states_are_untouched(estimator, X, X_new):
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one
    torch_state = torch.get_rng_state()
    output(fitted(estimator, X), X_new[:2])
    assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


@every_shapley
def test_attributions_and_base_value_add_up_to_the_score(estimator, X, X_new):
    fit = fitted(estimator, X)
    explanation = fit.explain(X_new)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)


@every_explainer
def test_scores_are_those_of_the_detector(estimator, X, X_new):
    fit = fitted(estimator, X)
    scores = -fit.estimator_.score_samples(X_new)
    assert_allclose(fit.explain(X_new).scores, scores, rtol=1e-9)


@every_explainer
def test_a_planted_feature_leads(estimator, X):
    fit = fitted(estimator, X)
    planted = X.iloc[:20].copy()
    planted["b"] += 8 * X["b"].std()
    leading = fit.explain(planted).to_frame().idxmax(axis=1)
    assert (leading == "b").mean() >= 0.9


@every_explainer
def test_no_rows_give_an_empty_explanation(estimator, X):
    fit = fitted(estimator, X)
    empty = fit.explain(X[:0])
    assert len(empty) == 0
    assert empty.to_frame().columns.tolist() == fit.get_feature_names_out().tolist()
    assert empty.top_features().empty


@every_transformer
def test_no_rows_give_an_empty_frame_with_the_right_columns(estimator, X):
    fit = fitted(estimator, X).set_output(transform="pandas")
    transformed = fit.transform(X[:0])
    assert transformed.shape == (0, len(fit.get_feature_names_out()))
    assert transformed.columns.tolist() == fit.get_feature_names_out().tolist()


@every_transformer
def test_set_output_keeps_names_and_labels(estimator, X, X_new):
    fit = fitted(estimator, X)
    values = fit.transform(X_new)
    frame = fit.set_output(transform="pandas").transform(X_new)
    assert_array_equal(frame.index, X_new.index)
    assert_array_equal(frame.columns, fit.get_feature_names_out())
    assert_array_equal(frame.to_numpy(), values)


@every_transformer
def test_polars_goes_in_and_comes_out(estimator, X, X_new):
    polars = pytest.importorskip("polars")
    fit = fitted(estimator, polars.DataFrame(X.to_dict("list")))
    frame = fit.set_output(transform="polars").transform(
        polars.DataFrame(X_new.to_dict("list"))
    )
    assert isinstance(frame, polars.DataFrame)
    assert_array_equal(frame.to_numpy(), fitted(estimator, X).transform(X_new))


@every_estimator
def test_unfitted_estimators_say_so(estimator, X):
    with pytest.raises(NotFittedError, match="fit"):
        output(clone(estimator), X)


@every_estimator
@pytest.mark.parametrize("columns", ["bacde", "abcdf", "abcd", "abcdef"])
def test_other_columns_are_refused(estimator, columns, X):
    fit = fitted(estimator, X)
    other = pd.DataFrame(np.zeros((3, len(columns))), columns=list(columns))
    with pytest.raises(ValueError, match="feature names should match"):
        output(fit, other)


def odd_inputs():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 4))
    near_constant = rows.copy()
    near_constant[:, 1] = 5.0
    near_constant[0, 1] += 1e-13
    with_nan, with_inf, strings = rows.copy(), rows.copy(), rows.astype(object)
    with_nan[3, 2], with_inf[3, 2], strings[3, 2] = np.nan, -np.inf, "high"
    objects = rows.astype(object)
    objects[3, 2] = {"a": 1}
    return {
        "nan": with_nan,
        "inf": with_inf,
        "string": strings,
        "object": objects,
        "complex": rows + 1j,
        "one dimension": rows[:, 0],
        "three dimensions": rows[:, :, None],
        "no rows": rows[:0],
        "no columns": rows[:, :0],
        "one row": rows[:1],
        "two rows": rows[:2],
        "one column": rows[:, :1],
        "more columns than rows": rng.normal(size=(10, 12)),
        "constant": np.ones((30, 4)),
        "constant column": np.c_[rows, np.full(30, 7.0)],
        "nearly constant column": near_constant,
        "duplicates": np.repeat(rows[:3], 10, axis=0),
        "huge": rows * 1e20,
        "tiny": rows * 1e-20,
        "all scales": rows * [1e20, 1e-20, 1.0, 1e6] + [0, 0, 1e9, 0],
        "booleans": rows > 0,
        "integers": (rows * 3).astype(np.int8),
    }


REFUSED = {
    "nan": "NaN",
    "inf": "infinity",
    "string": "numeric columns only.*encode",
    "object": "must be.* number|numeric",
    "complex": "[Cc]omplex",
    "one dimension": "Reshape",
    "three dimensions": "dim 3",
    "no rows": "0 sample",
    "no columns": "0 feature",
    "one row": "minimum of 2",
}


@every_estimator
@pytest.mark.parametrize("kind", odd_inputs())
def test_odd_input_is_refused_with_a_cure_or_handled(estimator, kind):
    rows = odd_inputs()[kind]
    if getattr(estimator, "groups", None) and rows[:1].size < 3:
        estimator = clone(estimator).set_params(groups=None)
    # Arrays of three dimensions are images.
    takes_images = isinstance(estimator, IMAGES) and kind == "three dimensions"
    if kind in REFUSED and not takes_images:
        with pytest.raises((ValueError, TypeError), match=REFUSED[kind]):
            fitted(estimator, rows)
        return
    expected = nullcontext()
    if isinstance(estimator.get_params().get("n_components"), list):
        # Half of the rows, or such scales, are too little for two components.
        expected = {
            "two rows": pytest.raises(ValueError, match="minimum of 2"),
            "all scales": pytest.raises(ValueError, match="scale the input data"),
        }.get(kind, expected)
    with expected, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = output(fitted(estimator, rows), rows)
        assert len(result) == len(rows)
        assert np.isfinite(result).all()


@every_detector
@pytest.mark.parametrize("kind", ["nan", "inf", "string", "object", "complex"])
def test_odd_rows_to_score_are_refused_too(estimator, kind):
    fit = fitted(estimator, odd_inputs()["booleans"])
    with pytest.raises((ValueError, TypeError), match=REFUSED[kind]):
        output(fit, odd_inputs()[kind])


@every_detector
def test_detectors_agree_with_themselves(estimator, X, X_new):
    fit = fitted(estimator, X)
    scores = fit.score_samples(X_new)
    assert_array_equal(fit.anomaly_score(X_new), -scores)
    assert_array_equal(fit.decision_function(X_new), scores - fit.offset_)
    assert_array_equal(fit.predict(X_new) == -1, scores < fit.offset_)
    assert (fit.predict(X) == -1).sum() == 12  # contamination of 120 rows


@every_detector
def test_grid_search(estimator, X):
    inner = getattr(estimator, "estimator", estimator)
    name, values = {
        GaussianMixtureDetector: ("reg_covar", [1e-3, 1e3]),
        AutoencoderDetector: ("learning_rate", [1e-2, 1e-9]),
        DAGMMDetector: ("reg_covar", [1e-6, 1e3]),
        DDPMDetector: ("learning_rate", [1e-2, 1e-9]),
        DTEDetector: ("n_diffusion_steps", [100, 1000]),
        VAEDetector: ("learning_rate", [1e-2, 1e-9]),
        KNNDetector: ("n_neighbors", [3, 30]),
        LSTMAutoencoderDetector: ("learning_rate", [1e-2, 1e-9]),
        ConvAutoencoderDetector: ("learning_rate", [1e-2, 1e-9]),
        DeepSVDDDetector: ("learning_rate", [1e-2, 1e-9]),
        FCDDDetector: ("learning_rate", [1e-9, 1e-2]),
        HypersphereDetector: ("max_iter", [60, 1]),
        OutlierExposureDetector: ("max_iter", [300, 1]),
    }[type(inner)]
    name = f"estimator__{name}" if inner is not estimator else name
    search = GridSearchCV(
        seeded(estimator),
        {name: values},
        scoring=lambda detector, X, y=None: detector.score_samples(X).mean(),
        cv=2,
    )
    assert search.fit(X).best_params_ == {name: values[0]}


@every_transformer
def test_explainers_reach_into_their_detector(estimator, X):
    """Nested parameters, and one seed for all that has none."""
    inner = fitted(estimator, X).estimator_.get_params()
    seeds = {name: v for name, v in inner.items() if name.endswith("random_state")}
    assert None not in seeds.values()
    nested = {f"estimator__{name}": 7 for name in seeds}
    again = fitted(clone(estimator).set_params(**nested), X).estimator_.get_params()
    assert all(again[name] == 7 for name in seeds)
