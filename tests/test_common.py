"""What all estimators promise, in one table."""

from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_anomaly_attr import (
    AnomalyShapley,
    GaussianMixtureDetector,
    KernelShap,
    NeighborShap,
)

DETECTORS = [
    GaussianMixtureDetector(),
    GaussianMixtureDetector([1, 2], covariance_type="diag", cv=2),
]
INNER = [
    GaussianMixtureDetector(),
    make_pipeline(StandardScaler(), GaussianMixtureDetector(2)),
    IsolationForest(n_estimators=5),
]
EXPLAINERS = [
    explainer(inner, max_evaluations=64)
    for explainer in (AnomalyShapley, KernelShap, NeighborShap)
    for inner in INNER
]


@parametrize_with_checks(DETECTORS + EXPLAINERS)
def test_sklearn_checks(estimator, check):
    check(estimator)
