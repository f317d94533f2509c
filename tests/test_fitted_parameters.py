"""Parameters that are set after a fit are for the next one."""

import pickle
from copy import deepcopy
from numbers import Integral

import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import Interval, StrOptions, generate_valid_param

from sklearn_anomaly_attr import AutoencoderDetector, KernelShap, KNNDetector
from sklearn_anomaly_attr.images import ConvAutoencoderDetector, FCDDDetector
from sklearn_anomaly_attr.refinement import DSIL
from sklearn_anomaly_attr.scores import torch_score
from sklearn_anomaly_attr.series import SensorExplainer, WindowedDetector
from tests._catalogue import instances
from tests.test_common import X_NEW, every, seeded
from tests.test_torch_globals import ROWS

# Where the constraints do not tell a value.
OTHERS = {
    "binary_features": [[0]],
    "calibration_size": [0.3],
    "device": ["cpu"],
    "final_retention": [0.4],
    "estimator": [IsolationForest(), KNNDetector(1)],
    "estimators": [[IsolationForest()], [KNNDetector(1)]],
    "image_shape": [(1, 1, 5), (5, 1)],
    "max_gap": ["2h", None],
    "n_components": [3, [1, 2]],
    "n_jobs": [1, 2],
    "neighbors": [IsolationForest()],
}


def others(detector, name):
    """Valid values of a parameter, other than its own."""
    own, found = detector.get_params()[name], list(OTHERS.get(name, []))
    for constraint in detector._parameter_constraints[name]:
        if isinstance(constraint, StrOptions):
            found += constraint.options
        elif isinstance(constraint, Interval):
            found.append(generate_valid_param(constraint))
            if constraint.type is Integral:
                found.append(int(found[-1]) + 1)
        elif constraint in ("boolean", "verbose"):
            found += [True, False]
        elif constraint == "array-like":
            found.append((7, 3))
        elif constraint == "random_state":
            found.append(3)
        elif constraint is None:
            found.append(None)
    return [value for value in found if value is not own and repr(value) != repr(own)]


def said(detector):
    """All that a fitted detector says of rows."""
    given = [
        detector.score_samples(X_NEW),
        detector.decision_function(X_NEW),
        detector.predict(X_NEW),
    ]
    if getattr(detector, "window_", 1) == 1:
        x = torch.tensor(X_NEW.to_numpy())
        given.append(torch_score(detector)(x).detach().numpy())
    more = ("reconstruct", "heat_maps", "feature_scores")
    given += [getattr(detector, m)(X_NEW) for m in more if hasattr(detector, m)]
    return given


def says(detector, expected):
    for one, other in zip(said(detector), expected, strict=True):
        assert_array_equal(one, other)


@every(instances("detector"))
def test_scores_are_those_of_the_fit_whatever_is_set_later(estimator):
    fit = seeded(estimator).fit(ROWS)
    expected = said(fit)
    values = {name: others(fit, name) for name in fit.get_params(deep=False)}
    assert all(values.values())
    for i in range(max(map(len, values.values()))):
        says(fit.set_params(**{n: v[i % len(v)] for n, v in values.items()}), expected)


@pytest.mark.parametrize(
    ("detector", "parameters"),
    [
        (KNNDetector(3), {"aggregation": "max"}),
        (AutoencoderDetector(4, max_iter=2), {"hidden_layer_sizes": 6}),
        (FCDDDetector(n_kernels=2, max_iter=2), {"bounded": True}),
        (ConvAutoencoderDetector(n_kernels=2, max_iter=2), {"latent_size": 3}),
        (WindowedDetector(KNNDetector(3), window=2), {"reduce": "max"}),
        (DSIL(KNNDetector(3)), {"estimator": KNNDetector(9)}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_next_fit_takes_what_was_set(detector, parameters):
    fit = seeded(detector).fit(ROWS)
    before = fit.score_samples(X_NEW)
    after = fit.set_params(**parameters).fit(ROWS).score_samples(X_NEW)
    assert (after != before).any()
    fresh = seeded(detector).set_params(**parameters).fit(ROWS)
    assert_array_equal(fresh.score_samples(X_NEW), after)


def test_a_list_that_is_changed_in_place_is_for_the_next_fit():
    fit = seeded(AutoencoderDetector([4], max_iter=2)).fit(ROWS)
    expected = said(fit)
    fit.hidden_layer_sizes.append(2)
    says(fit, expected)


def test_copies_and_pickles_score_as_the_fit_did():
    fit = seeded(AutoencoderDetector(4, max_iter=2)).fit(ROWS)
    expected = said(fit)
    fit.set_params(hidden_layer_sizes=9)
    says(deepcopy(fit), expected)
    says(pickle.loads(pickle.dumps(fit)), expected)
    assert clone(fit).hidden_layer_sizes == 9


def test_explainers_read_the_detector_as_it_was_fitted():
    detector = seeded(AutoencoderDetector(4, max_iter=2)).fit(ROWS)
    explainer = KernelShap(FrozenEstimator(detector), random_state=0).fit(ROWS)
    expected = explainer.transform(X_NEW)
    detector.set_params(hidden_layer_sizes=6, activation="relu")
    assert_array_equal(explainer.transform(X_NEW), expected)
    explainer = KernelShap(FrozenEstimator(detector), random_state=0).fit(ROWS)
    assert_array_equal(explainer.transform(X_NEW), expected)


class DoubledAutoencoder(AutoencoderDetector):
    """A black box."""

    def _score_samples(self, X):
        return 2.0 * super()._score_samples(X)


@pytest.mark.parametrize(
    ("inner", "parameters"),
    [
        (WindowedDetector(KNNDetector(3), window=4), {"reduce": "end", "window": 2}),
        (
            WindowedDetector(DoubledAutoencoder(3, max_iter=2), window=2),
            {"reduce": "max"},
        ),
    ],
)
def test_explainers_of_series_do_too(inner, parameters):
    detector = seeded(inner).fit(ROWS)
    explainer = SensorExplainer(
        FrozenEstimator(detector), max_evaluations=20, random_state=0
    ).fit(ROWS)
    segments = [(2, 6)]
    expected = explainer.explain(X_NEW, segments=segments)
    detector.set_params(**parameters)
    found = explainer.explain(X_NEW, segments=segments)
    assert_array_equal(found.timestamp_scores, expected.timestamp_scores)
    assert_array_equal(found.timestamp_values, expected.timestamp_values)


def test_what_only_costs_is_read_when_rows_are_scored():
    fit = seeded(AutoencoderDetector(4, max_iter=2)).fit(ROWS)
    fit.set_params(device="nowhere")
    with pytest.raises(ValueError, match="device='nowhere' is not available"):
        fit.score_samples(X_NEW)
