"""Small instances of every detector and explainer, for the tests that all share.

The catalogue of the package says which classes there are; here stands only what a
class has to be given to be small, or to exist.
"""

import pytest
from pyod.models.ecod import ECOD
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_anomaly_attr import (
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
)
from sklearn_anomaly_attr.counterfactuals import GradientDescent
from sklearn_anomaly_attr.discovery import all_estimators
from sklearn_anomaly_attr.explainers import FeatureOcclusion, ZScore
from sklearn_anomaly_attr.series import SeriesCounterfactualExplainer, WindowedDetector


class BlackBox(IsolationForest):
    """Called as it is: subclasses are not translated."""


MIXTURE = GaussianMixtureDetector(2)
PIPELINE = make_pipeline(StandardScaler(), GaussianMixtureDetector(2))
FOREST = IsolationForest(n_estimators=5)
BLACK_BOX = BlackBox(n_estimators=3)
NEIGHBORS = KNNDetector(5)
MARGIN = OneClassSVM()
NET = AutoencoderDetector(4, max_iter=3)


def around(*inner, **params):
    """One variant for each inner estimator."""
    return [{"estimator": estimator, **params} for estimator in inner]


def windows(length):
    return WindowedDetector(KNNDetector(), window=length)


# Constructor arguments by class, one dict a variant. A class that is missing here
# is tried as it comes; a meta-estimator, around a detector.
ARGUMENTS = {
    "AnomalyCompensation": around(MIXTURE),
    "AnomalyContribution": around(FOREST),
    "AnomalyExplainer": around(MIXTURE),
    "AnomalyShapley": around(MIXTURE, max_evaluations=14),
    "AutoencoderDetector": [
        {"hidden_layer_sizes": (64, 32), "max_iter": 3, "early_stopping": True},
    ],
    # The share of training rows is that of the other detectors.
    "ConformalDetector": around(KNNDetector(), contamination=0.1),
    "ConvAutoencoderDetector": [{"n_kernels": 4, "max_iter": 3}],
    "CounterfactualExplainer": around(MIXTURE, n_counterfactuals=2),
    "DAGMMDetector": [{"max_iter": 4}],
    "DDPMDetector": [{"max_iter": 3, "n_draws": 2}],
    "DSIL": around(KNNDetector()),
    "DTEDetector": [{"max_iter": 4}],
    "DeepSVDDDetector": [{"max_iter": 3}],
    "DetectorEnsemble": [{"estimators": [NEIGHBORS, MIXTURE]}],
    "DiffusionPerturbation": around(NEIGHBORS, n_times=5),
    "ErrorMap": around(NET),
    "ExactShapley": around(MARGIN),
    "ExplainerEnsemble": [
        {"explainers": [ZScore(None), FeatureOcclusion(None)], "estimator": MIXTURE}
    ],
    "FCDDDetector": [{"n_kernels": 4, "max_iter": 3}],
    "FeatureOcclusion": around(FOREST),
    "FeaturePermutation": around(BLACK_BOX, n_references=4),
    "GradientShap": around(PIPELINE),
    "HypersphereDetector": [{"max_iter": 3}],
    "IntegratedGradients": around(NET),
    "IterativeReweighting": around(NET),
    "KernelShap": around(PIPELINE, BLACK_BOX, max_evaluations=64),
    "LSTMAutoencoderDetector": [
        {"hidden_layer_sizes": (4, 2), "window": 1, "max_iter": 2},
    ],
    "MarginalScore": around(PIPELINE),
    "NearestNormalInsertion": around(NEIGHBORS),
    "NeighborShap": around(MIXTURE, max_evaluations=64),
    "OmniAnomalyDetector": [{"hidden_layer_sizes": 4, "window": 1, "max_iter": 1}],
    "OutlierExposureDetector": [{"max_iter": 3}],
    "PyODDetector": around(ECOD()),
    "RegionOcclusion": around(NEIGHBORS),
    "RegionShapley": around(MIXTURE, n_permutations=3),
    "Saliency": around(MIXTURE),
    "SensorExplainer": around(windows(1)),
    "SequentialFeatureExplainer": around(MIXTURE),
    # Consecutive anomalies are one segment: with any window, rows depend on order.
    "SeriesCounterfactualExplainer": around(windows(3)),
    "ShapleyInteractions": around(MIXTURE),
    "ShapleySampling": around(BLACK_BOX, n_permutations=3),
    "SmoothGrad": around(PIPELINE),
    "SubspaceExplainer": around(NEIGHBORS),
    "ThresholdDetector": around(KNNDetector()),
    "VAEDetector": [{"max_iter": 4}],
    "WindowedDetector": [
        {"estimator": KNNDetector(), "window": 1},
        {"estimator": KNNDetector(), "window": 3},
    ],
    "ZScore": around(MARGIN),
}
# Further variants, which scikit-learn's checks and inputs that are refused leave out:
# they validate as other variants of their class do, and what they are around goes
# through the same code in other classes there.
FURTHER = {
    "AnomalyCompensation": around(FOREST),
    "AnomalyExplainer": [
        {},
        *around(FOREST, BLACK_BOX, subspace_weight=0.0),
        *around(PIPELINE, feature_groups={"pair": [0, 2]}),
    ],
    "AnomalyShapley": [
        *around(
            PIPELINE, FOREST, BLACK_BOX, NEIGHBORS, MARGIN, NET, max_evaluations=14
        ),
        *around(MIXTURE, characteristic="relaxed", max_evaluations=20),
    ],
    "AutoencoderDetector": [{"max_iter": 10}],
    "CounterfactualExplainer": [
        *around(PIPELINE, method=GradientDescent(max_iter=2)),
        *around(BLACK_BOX, method="nearest", target=0.8),
        *around(MARGIN, target=0.8),
    ],
    "ConformalDetector": [
        *around(MIXTURE, method="cross", n_splits=2, contamination=0.1),
        *around(MIXTURE, method="split", contamination=0.1),
    ],
    "DSIL": around(GaussianMixtureDetector(), max_iter=2),
    "DTEDetector": [{"variant": "non_parametric"}],
    "DiffusionPerturbation": around(NET, aggregation="max"),
    "GaussianMixtureDetector": [
        {"n_components": [1, 2], "covariance_type": "diag", "cv": 2},
    ],
    "KernelShap": [
        *around(FOREST, NET, max_evaluations=64),
        *around(PIPELINE, feature_groups={"pair": [0, 2]}),
    ],
    "RegionShapley": around(FOREST, regions="grid", references="median"),
    "SensorExplainer": around(windows(3)),
    "SequentialFeatureExplainer": around(FOREST),
    "SeriesCounterfactualExplainer": around(windows(1)),
    "ThresholdDetector": around(MIXTURE),
}
# What scikit-learn checks of results, after the validation that all estimators share.
CHECKS_OF_RESULTS = {
    "check_dict_unchanged",
    "check_estimators_dtypes",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit_idempotent",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_outliers_train",
    "check_transformer_general",
}


def parametrize_with_checks_of_results(estimators):
    """For variants that go other ways than those which undergo all checks."""
    every = parametrize_with_checks(estimators)
    names, pairs = every.args
    kept = [
        (estimator, check)
        for estimator, check in pairs
        if getattr(check, "func", check).__name__ in CHECKS_OF_RESULTS
    ]
    return pytest.mark.parametrize(names, kept, **every.kwargs)


def instances(kind, *, further=True):
    """Instances of all estimators of a kind.

    Parameters
    ----------
    kind : str or list of str
        The filter of :func:`all_estimators`.
    further : bool, default=True
        Whether to give the variants of ``FURTHER``, too.

    Returns
    -------
    list of estimators
        Not fitted.
    """
    metas = dict(all_estimators("meta_estimator"))
    found = []
    for name, cls in all_estimators(kind):
        default = {"estimator": KNNDetector()} if name in metas else {}
        variants = ARGUMENTS.get(name, [default])
        if further:
            variants = [*variants, *FURTHER.get(name, [])]
        found += [cls(**arguments) for arguments in variants]
    return found


def window_length(estimator):
    """Number of rows in a window of the estimator or of what it is around."""
    inner = getattr(estimator, "estimator", None)
    return getattr(estimator, "window", getattr(inner, "window", 1))


def is_row_by_row(estimator):
    """Whether the result of a row does not depend on the rows beside it.

    It does, as it should, where windows hold several rows, and where consecutive
    anomalies are one segment whose rows are changed together.
    """
    by_segments = isinstance(estimator, SeriesCounterfactualExplainer)
    return window_length(estimator) == 1 and not by_segments


def expected_failed_checks(estimator):
    """The checks of scikit-learn that an estimator cannot pass, and why."""
    if window_length(estimator) == 1:
        return {}
    reason = "a window of several rows depends on their order"
    return {
        "check_methods_sample_order_invariance": reason,
        "check_methods_subset_invariance": reason,
    }
