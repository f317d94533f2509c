"""Any detector and any pipeline, by each explainer: one table.

An entry of ``DETECTORS`` makes a detector. It is fitted to rows of five correlated
columns, and scores rows of the same kind in which one value each was moved by six
standard deviations, up or down: the planted feature. Every explainer is to put it
first, to add up to the score of the detector itself, and to take little time.
"""

import time
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.compose import ColumnTransformer
from sklearn.covariance import EllipticEnvelope
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import SGDOneClassSVM
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import (
    AnomalyShapley,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
    PyODDetector,
    torch_score,
)
from sklearn_anomaly_attr.scores import BlackBoxScore

COLUMNS = list("abcde")
CENTER = np.array([10.0, 50.0, -30.0, 0.0, 20.0])
SHIFT = 6.0
RATE = 0.95  # of the rows have the planted feature first
MOST_MS = 200.0  # CPU milliseconds a row

EXPLAINERS = {
    explainer.__name__: explainer
    for explainer in (AnomalyShapley, KernelShap, NeighborShap)
}


class RangeDetector(OutlierMixin, BaseEstimator):
    """A user's own: how far the columns leave their quartiles, in their ranges."""

    def fit(self, X, y=None):
        self.lower_, self.upper_ = np.quantile(X, [0.25, 0.75], axis=0)
        return self

    def score_samples(self, X):
        beyond = np.maximum(self.lower_ - X, X - self.upper_).clip(0.0)
        return -np.sum(beyond / (self.upper_ - self.lower_), axis=1)


def pyod(name):
    models = pytest.importorskip(f"pyod.models.{name.lower()}")
    return PyODDetector(getattr(models, name)())


def gaussian_mixture():
    return GaussianMixture(2, random_state=0)


def isolation_forest():
    return IsolationForest(random_state=0)


def linear_svm():
    return SGDOneClassSVM(nu=0.1, random_state=0)


def each_column_its_own():
    return ColumnTransformer(
        [
            ("scaled", StandardScaler(), ["a", "b"]),
            ("curved", SplineTransformer(extrapolation="linear"), ["c"]),
            ("squared", PolynomialFeatures(include_bias=False), ["d"]),
            ("as it is", "passthrough", ["e"]),
        ]
    )


DETECTORS = {
    "GaussianMixtureDetector": lambda: GaussianMixtureDetector(random_state=0),
    "KNNDetector, mean": lambda: KNNDetector(),
    "KNNDetector, largest": lambda: KNNDetector(aggregation="max"),
    "GaussianMixture": gaussian_mixture,
    "BayesianGaussianMixture": lambda: BayesianGaussianMixture(random_state=0),
    "EllipticEnvelope": lambda: EllipticEnvelope(random_state=0),
    "OneClassSVM": lambda: OneClassSVM(nu=0.1),
    "KernelDensity, gaussian": lambda: KernelDensity(bandwidth=1.5),
    "KernelDensity, exponential": lambda: KernelDensity(kernel="exponential"),
    "LocalOutlierFactor": lambda: LocalOutlierFactor(novelty=True),
    "IsolationForest": isolation_forest,
    "PyOD's ECOD": lambda: pyod("ECOD"),
    "PyOD's KNN": lambda: pyod("KNN"),
    "a user's own": RangeDetector,
    "MinMaxScaler, linear OneClassSVM": lambda: make_pipeline(
        MinMaxScaler(), OneClassSVM(kernel="linear", nu=0.1)
    ),
    "StandardScaler, GaussianMixture": lambda: make_pipeline(
        StandardScaler(), gaussian_mixture()
    ),
    "whitening, KNNDetector": lambda: make_pipeline(PCA(whiten=True), KNNDetector()),
    "PowerTransformer, GaussianMixture": lambda: make_pipeline(
        PowerTransformer(), gaussian_mixture()
    ),
    "QuantileTransformer, IsolationForest": lambda: make_pipeline(
        QuantileTransformer(n_quantiles=100), isolation_forest()
    ),
    "ColumnTransformer, OneClassSVM": lambda: make_pipeline(
        each_column_its_own(), StandardScaler(), OneClassSVM(nu=0.1)
    ),
    "FeatureUnion, KernelDensity": lambda: make_pipeline(
        make_union(StandardScaler(), PCA(2)), KernelDensity()
    ),
    "Nystroem, SGDOneClassSVM": lambda: make_pipeline(
        StandardScaler(), Nystroem(gamma=0.1, random_state=0), linear_svm()
    ),
    "RBFSampler, SGDOneClassSVM": lambda: make_pipeline(
        StandardScaler(), RBFSampler(gamma=0.1, random_state=0), linear_svm()
    ),
}

# Called row by row; the others are translated to torch.
BLACK_BOXES = {
    "PyOD's ECOD",
    "PyOD's KNN",
    "a user's own",
    "Nystroem, SGDOneClassSVM",
    "RBFSampler, SGDOneClassSVM",
}

LOWER_RATES = {
    # Its score is a sum over the columns that falls as they rise: a value moved up
    # lowers the score. All that were moved down, half of the rows, it sees.
    "MinMaxScaler, linear OneClassSVM": dict.fromkeys(EXPLAINERS, 0.5),
    # A value beyond the training range becomes the end of the range: no more
    # abnormal than the most extreme training value.
    "QuantileTransformer, IsolationForest": {
        "AnomalyShapley": 0.8,
        "KernelShap": 0.9,
        # The nearest training rows have such values themselves.
        "NeighborShap": 0.2,
    },
    # The same, where trees split no further out, or tails hold no more rows.
    "IsolationForest": {"NeighborShap": 0.9},
    "PyOD's ECOD": {"NeighborShap": 0.9},
}

every_detector = pytest.mark.parametrize("name", DETECTORS)
every_explainer = pytest.mark.parametrize("explainer", EXPLAINERS)
# scikit-learn's own: it takes the names off its rows and then misses them.
pytestmark = pytest.mark.filterwarnings(
    "ignore:X does not have valid feature names, but LocalOutlierFactor:UserWarning"
)


def normal_rows(n, seed):
    """Gaussian rows; each two columns have a correlation of about .5."""
    independent = np.random.default_rng(seed).normal(size=(n, len(COLUMNS)))
    rows = independent + 0.3 * independent.sum(axis=1, keepdims=True)
    return pd.DataFrame(rows + CENTER, columns=COLUMNS)


X = normal_rows(300, seed=0)
# Two rows for each column, one up and one down, and so on.
PLANTED = np.arange(40) // 2 % len(COLUMNS)
MOVED = np.zeros((40, len(COLUMNS)))
MOVED[np.arange(40), PLANTED] = np.tile([SHIFT, -SHIFT], 20)
ANOMALIES = normal_rows(40, seed=1) + MOVED * X.std().to_numpy()


@cache
def fitted(name):
    return DETECTORS[name]().fit(X)


@cache
def explained(name, explainer):
    """Explanation of the anomalies, and what a row of it took."""
    detector = FrozenEstimator(fitted(name))
    explainer = EXPLAINERS[explainer](detector, random_state=0).fit(X)
    start = time.process_time()
    explanation = explainer.explain(ANOMALIES)
    return explanation, 1e3 * (time.process_time() - start) / len(ANOMALIES)


@every_detector
def test_the_torch_score_is_the_detectors_own(name):
    rows, detector = pd.concat([X, ANOMALIES]), fitted(name)
    score, expected = torch_score(detector), -detector.score_samples(rows)
    assert isinstance(score, BlackBoxScore) == (name in BLACK_BOXES)
    found = score(torch.tensor(rows.to_numpy()))
    assert_allclose(found, expected, rtol=0, atol=1e-9 * expected.std())


@every_detector
@every_explainer
def test_attributions_and_base_value_add_up_to_the_detectors_score(name, explainer):
    explanation, _ = explained(name, explainer)
    total = explanation.base_values + explanation.values.sum(axis=1)
    expected = -fitted(name).score_samples(ANOMALIES)
    assert_allclose(total, expected, rtol=1e-6, atol=1e-9 * expected.std())


@every_detector
@every_explainer
def test_the_planted_feature_leads(name, explainer):
    explanation, _ = explained(name, explainer)
    first = explanation.values.argmax(axis=1) == PLANTED
    assert first.mean() >= LOWER_RATES.get(name, {}).get(explainer, RATE)


@every_detector
@every_explainer
def test_a_row_takes_little_time(name, explainer):
    _, ms = explained(name, explainer)
    assert ms < MOST_MS


def test_a_linear_score_sees_one_direction():
    svm = "MinMaxScaler, linear OneClassSVM"
    normal = -fitted(svm).score_samples(normal_rows(40, seed=1))
    gain = -fitted(svm).score_samples(ANOMALIES) - normal
    assert ((gain > 0) == (MOVED.sum(axis=1) < 0)).all()
