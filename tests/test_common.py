"""What all estimators promise, in one table."""

import pickle
import subprocess
import sys
import warnings
from contextlib import nullcontext
from copy import deepcopy
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator

from sklearn_anomaly_attr import (
    AnomalyDetector,
    CounterfactualExplainer,
    torch_score,
)
from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.discovery import all_estimators
from tests._catalogue import (
    ARGUMENTS,
    FURTHER,
    BlackBox,
    expected_failed_checks,
    instances,
    is_row_by_row,
    window_length,
)

DETECTORS = instances("detector")
TRANSFORMERS = instances("explainer")
ESTIMATORS = DETECTORS + TRANSFORMERS
PARAMETERS = [repr(e) for e in instances(["detector", "explainer"], further=False)]
FIRST = [e for e in ESTIMATORS if repr(e) in PARAMETERS]
ROW_BY_ROW = [e for e in ESTIMATORS if is_row_by_row(e)]
BATCHED = [e for e in TRANSFORMERS if "batch_size" in e.get_params(deep=False)]
SERIES = tuple(cls for _, cls in all_estimators("series"))
# Their explanations hold one attribution a row and feature.
EXPLAINERS = [
    e for e in TRANSFORMERS if not isinstance(e, (*SERIES, CounterfactualExplainer))
]
# Their attributions add up to the score.
ADDITIVE = {
    "AnomalyShapley",
    "ExactShapley",
    "KernelShap",
    "NeighborShap",
    "ShapleyInteractions",
    "ShapleySampling",
}
SHAPLEY = [e for e in EXPLAINERS if type(e).__name__ in ADDITIVE]


def name_of(estimator):
    inner = getattr(estimator, "estimator", None)
    last = inner[-1] if hasattr(inner, "steps") else inner
    names = [type(e).__name__ for e in (estimator, last) if e is not None]
    return "-".join(names) + ("-pipeline" if last is not inner else "")


def every(estimators):
    return pytest.mark.parametrize("estimator", estimators, ids=name_of)


every_estimator = every(ESTIMATORS)
every_explainer = every(EXPLAINERS)
every_transformer = every(TRANSFORMERS)
every_detector = every(DETECTORS)


def make_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(120, 5)) @ rng.normal(size=(5, 5)) + 3.0
    return pd.DataFrame(rows, columns=list("abcde"))


X = make_rows()
N_NEW = 16
X_NEW = X.sample(N_NEW, random_state=0) + np.random.default_rng(1).normal(
    scale=2.0, size=(N_NEW, 5)
)


def output(estimator, X):
    """What an estimator says of rows: scores, or attributions."""
    if isinstance(estimator, BaseDetector):
        return estimator.score_samples(X)
    return estimator.transform(X)


def seeded(estimator):
    names = {"random_state"} & set(estimator.get_params())
    return clone(estimator).set_params(**dict.fromkeys(names, 0))


def refitted(estimator, X=X):
    return seeded(estimator).fit(X)


@cache
def fitted(estimator):
    """Fitted on X, once for all tests that only ask; the others take a copy."""
    return refitted(estimator)


@cache
def said(estimator):
    """What the estimator, fitted on X, says of the new rows."""
    return output(fitted(estimator), X_NEW)


def test_the_tables_of_arguments_name_classes_of_the_catalogue():
    names = {name for name, _ in all_estimators(["detector", "explainer"])}
    assert set(ARGUMENTS) | set(FURTHER) <= names
    assert {type(e).__name__ for e in ESTIMATORS} == names


@every(FIRST)
def test_sklearn_checks(estimator):
    failed = expected_failed_checks(estimator)
    results = check_estimator(estimator, expected_failed_checks=failed, on_skip=None)
    told = {check["check_name"]: check["status"] for check in results}
    assert [told[name] for name in failed] == ["xfail"] * len(failed)


@every(ROW_BY_ROW)
def test_results_do_not_depend_on_chunks_or_on_neighbouring_rows(estimator):
    fit, together = fitted(estimator), said(estimator)
    tolerance = 1e-9 * together.std()
    for size, n in ((1, 5), (7, N_NEW)):
        chunks = [output(fit, X_NEW[i : i + size]) for i in range(0, n, size)]
        assert_allclose(np.concatenate(chunks), together[:n], rtol=0, atol=tolerance)
    order = np.random.default_rng(0).permutation(N_NEW)
    permuted = output(fit, X_NEW.iloc[order])
    assert_allclose(permuted, together[order], rtol=0, atol=tolerance)


@every(BATCHED)
@pytest.mark.parametrize("batch_size", [7])
def test_results_do_not_depend_on_the_batch_size(estimator, batch_size):
    fit = deepcopy(fitted(estimator))
    expected = fit.transform(X_NEW[:2])
    values = fit.set_params(batch_size=batch_size).transform(X_NEW[:2])
    assert_allclose(values, expected, rtol=0, atol=1e-9 * expected.std())


@every_estimator
def test_calls_refits_and_round_trips_are_bit_equal(estimator):
    fit, expected = fitted(estimator), said(estimator)
    assert_array_equal(output(fit, X_NEW), expected)
    assert_array_equal(output(refitted(estimator), X_NEW), expected)
    assert_array_equal(output(pickle.loads(pickle.dumps(fit)), X_NEW), expected)


@every(FIRST)
def test_skops_round_trip(estimator):
    skops = pytest.importorskip("skops.io")
    stored = skops.dumps(fitted(estimator))
    trusted = skops.get_untrusted_types(data=stored)
    foreign = {f"{BlackBox.__module__}.{BlackBox.__name__}", "pyod.models.ecod.ECOD"}
    assert all("sklearn" in name for name in set(trusted) - foreign)
    loaded = skops.loads(stored, trusted=trusted)
    assert_array_equal(output(loaded, X_NEW), said(estimator))


def test_reloading_in_another_process_is_bit_equal(tmp_path):
    fits = [fitted(estimator) for estimator in FIRST]
    (tmp_path / "in.pkl").write_bytes(pickle.dumps((fits, X_NEW)))
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
    for estimator, result in zip(FIRST, found, strict=True):
        assert_array_equal(result, said(estimator))


@every(FIRST)
def test_without_a_seed_a_fitted_estimator_still_repeats_itself(estimator):
    fit = clone(estimator).fit(X)
    assert_array_equal(output(fit, X_NEW[:5]), output(fit, X_NEW[:5]))


@every(FIRST)
def test_global_random_states_are_untouched(estimator):
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the global one
    torch_state = torch.get_rng_state()
    output(refitted(estimator), X_NEW[:2])
    assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


@every(SHAPLEY)
def test_attributions_and_base_value_add_up_to_the_score(estimator):
    explanation = fitted(estimator).explain(X_NEW)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, explanation.scores, rtol=1e-6)


@every_explainer
def test_scores_are_those_of_the_detector(estimator):
    fit = fitted(estimator)
    scores = -fit.estimator_.score_samples(X_NEW)
    assert_allclose(fit.explain(X_NEW).scores, scores, rtol=1e-9)


@every_explainer
def test_a_planted_feature_leads(estimator):
    planted = X.iloc[:20].copy()
    planted["b"] += 8 * X["b"].std()
    leading = fitted(estimator).explain(planted).to_frame().idxmax(axis=1)
    assert (leading == "b").mean() >= 0.9


@every_explainer
def test_no_rows_give_an_empty_explanation(estimator):
    fit = fitted(estimator)
    empty = fit.explain(X[:0])
    assert len(empty) == 0
    assert empty.to_frame().columns.tolist() == fit.get_feature_names_out().tolist()
    assert empty.top_features().empty


@every_transformer
def test_no_rows_give_an_empty_frame_with_the_right_columns(estimator):
    fit = deepcopy(fitted(estimator)).set_output(transform="pandas")
    transformed = fit.transform(X[:0])
    assert transformed.shape == (0, len(fit.get_feature_names_out()))
    assert transformed.columns.tolist() == fit.get_feature_names_out().tolist()


@every_transformer
def test_set_output_keeps_names_and_labels(estimator):
    fit = deepcopy(fitted(estimator)).set_output(transform="pandas")
    frame = fit.transform(X_NEW)
    assert_array_equal(frame.index, X_NEW.index)
    assert_array_equal(frame.columns, fit.get_feature_names_out())
    assert_array_equal(frame.to_numpy(), said(estimator))


@every_transformer
def test_polars_goes_in_and_comes_out(estimator):
    polars = pytest.importorskip("polars")
    fit = refitted(estimator, polars.DataFrame(X.to_dict("list")))
    frame = fit.set_output(transform="polars").transform(
        polars.DataFrame(X_NEW.to_dict("list"))
    )
    assert isinstance(frame, polars.DataFrame)
    assert_array_equal(frame.to_numpy(), said(estimator))


@every(FIRST)
def test_unfitted_estimators_say_so(estimator):
    with pytest.raises(NotFittedError, match="fit"):
        output(clone(estimator), X)


@every(FIRST)
@pytest.mark.parametrize("columns", ["bacde", "abcdf", "abcd", "abcdef"])
def test_other_columns_are_refused(estimator, columns):
    other = pd.DataFrame(np.zeros((3, len(columns))), columns=list(columns))
    with pytest.raises(ValueError, match="feature names should match"):
        output(fitted(estimator), other)


@cache
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
    "string": "numeric columns only.*encode|held numbers in fit",
    "object": "must be.* number|numeric|neither numbers|held numbers in fit",
    "complex": "[Cc]omplex",
    "one dimension": "Reshape",
    "three dimensions": "dim 3",
    "no rows": "0 sample",
    "no columns": "0 feature",
    "one row": "minimum of 2",
}


def takes_images(estimator):
    shaped = "image_shape" in estimator.get_params(deep=False)
    return shaped or isinstance(estimator, CounterfactualExplainer)


def takes(estimator, kind):
    """Whether tags say that an estimator takes missing values, or text."""
    tags = get_tags(estimator).input_tags
    return (kind == "nan" and tags.allow_nan) or (kind == "string" and tags.string)


# Variants of a class refuse alike; what they are around meets tables of each kind in
# the variants of other classes.
BY_VARIANT = {"two rows", "constant column", "duplicates"}
ODD = [
    pytest.param(estimator, kind, id=f"{kind}-{name_of(estimator)}")
    for kind in odd_inputs()
    for estimator in (ESTIMATORS if kind in BY_VARIANT else FIRST)
]


@pytest.mark.parametrize(("estimator", "kind"), ODD)
def test_odd_input_is_refused_with_a_cure_or_handled(estimator, kind):
    rows = odd_inputs()[kind]
    if getattr(estimator, "feature_groups", None) and rows[:1].size < 3:
        estimator = clone(estimator).set_params(feature_groups=None)
    # Arrays of three dimensions are images.
    images = kind == "three dimensions" and takes_images(estimator)
    if kind in REFUSED and not images and not takes(estimator, kind):
        with pytest.raises((ValueError, TypeError), match=REFUSED[kind]):
            refitted(estimator, rows)
        return
    expected = nullcontext()
    halved = isinstance(estimator.get_params().get("n_components"), list)
    halved |= getattr(estimator, "method", None) in ("cross", "split")
    halved |= getattr(estimator, "selection", None) == "out_of_fold"
    if halved and kind == "two rows":  # half of them are too few to fit on
        expected = pytest.raises(ValueError, match=r"minimum of 2|leaves 1 of 2 rows")
    if kind == "string":  # no two entries of the column are the same
        expected = pytest.warns(UserWarning, match="leaves out the columns")
    if window_length(estimator) > 1 and kind == "two rows":
        expected = pytest.warns(UserWarning, match="fewer than two training windows")
    with expected, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        few = rows[:4]
        result = output(refitted(estimator, rows), few)
        assert len(result) == len(few)
        assert np.isfinite(result).all()


@cache
def fitted_on_booleans(estimator):
    return refitted(estimator, odd_inputs()["booleans"])


@every_detector
@pytest.mark.parametrize("kind", ["nan", "inf", "string", "object", "complex"])
def test_odd_rows_to_score_are_refused_too(estimator, kind):
    if kind == "nan" and takes(estimator, kind):
        assert np.isfinite(
            output(fitted_on_booleans(estimator), odd_inputs()[kind])
        ).all()
        return
    with pytest.raises((ValueError, TypeError), match=REFUSED[kind]):
        output(fitted_on_booleans(estimator), odd_inputs()[kind])


@every_detector
def test_detectors_agree_with_themselves(estimator):
    fit = fitted(estimator)
    scores = fit.score_samples(X_NEW)
    assert_array_equal(fit.anomaly_score(X_NEW), -scores)
    assert_array_equal(fit.decision_function(X_NEW), scores - fit.offset_)
    assert_array_equal(fit.predict(X_NEW) == -1, scores < fit.offset_)
    # Of 120 rows; one in 121 is what "auto" can tell.
    n_flagged = 0 if estimator.contamination == "auto" else 12
    assert (fit.predict(X) == -1).sum() == n_flagged


@every([e for e in DETECTORS if is_row_by_row(e)])
def test_the_torch_score_is_that_of_the_detector(estimator):
    scores = -said(estimator)
    found = torch_score(fitted(estimator))(torch.tensor(X_NEW.to_numpy())).numpy()
    assert_allclose(found, scores, rtol=0, atol=1e-9 * scores.std())


# A parameter of a detector, by default its learning rate, with a value under which
# normal rows score higher and one under which they score lower.
COMPARED = {
    "AnomalyDetector": ("max_samples", [10, 60]),
    "DAGMMDetector": ("reg_covar", [1e-6, 1e3]),
    "DTEDetector": ("n_diffusion_steps", [100, 1000]),
    "DetectorEnsemble": ("combine", ["mean", "max"]),
    "FCDDDetector": ("learning_rate", [1e-9, 1e-2]),
    "GaussianMixtureDetector": ("reg_covar", [1e-3, 1e3]),
    "HypersphereDetector": ("max_iter", [60, 1]),
    "KNNDetector": ("n_neighbors", [3, 30]),
    "OutlierExposureDetector": ("max_iter", [300, 1]),
}


# ECOD, in a PyODDetector, has no parameter that changes its score.
@every([e for e in DETECTORS if type(e).__name__ != "PyODDetector"])
def test_grid_search(estimator):
    inner = getattr(estimator, "estimator", estimator)
    name, values = COMPARED.get(type(inner).__name__, ("learning_rate", [1e-2, 1e-9]))
    name = f"estimator__{name}" if inner is not estimator else name
    if hasattr(estimator, "blend"):  # surprises have no unit that a parameter changes
        estimator = clone(estimator).set_params(blend=1.0)
    search = GridSearchCV(
        seeded(estimator),
        {name: values},
        scoring=lambda detector, X, y=None: detector.score_samples(X).mean(),
        cv=2,
    )
    assert search.fit(X).best_params_ == {name: values[0]}


@every_transformer
def test_explainers_reach_into_their_detector(estimator):
    """Nested parameters, and one seed for all that has none."""
    if estimator.estimator is None:
        estimator = clone(estimator).set_params(estimator=AnomalyDetector())
    inner = fitted(estimator).estimator_.get_params()
    seeds = {name: v for name, v in inner.items() if name.endswith("random_state")}
    assert None not in seeds.values()
    nested = {f"estimator__{name}": 7 for name in seeds}
    again = refitted(clone(estimator).set_params(**nested)).estimator_.get_params()
    assert all(again[name] == 7 for name in seeds)
