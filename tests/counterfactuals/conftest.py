"""Small problems with known answers, for the tests of the methods."""

import numpy as np
import pytest
import torch

from sklearn_anomaly_attr._scale import CommonScale
from sklearn_anomaly_attr.counterfactuals._constraints import Constraints
from sklearn_anomaly_attr.counterfactuals._method import Problem
from sklearn_anomaly_attr.scores import TorchScore


class Function(TorchScore):
    """A score that is a given function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def build(function, X, threshold, *, k=1, batch_size=50, n_categories=None, **allowed):
    X = np.asarray(X, dtype=np.float64)
    d = X.shape[1]
    counts = np.zeros(d, dtype=np.intp) if n_categories is None else n_categories
    constraints = {
        "mutable": np.ones(d, dtype=bool),
        "lower": np.full(d, -np.inf),
        "upper": np.full(d, np.inf),
        "step": np.zeros(d),
        "n_categories": counts,
        "may_lack": np.isnan(X).any(axis=0),
        **allowed,
    }
    score = Function(function)
    return Problem(
        score=score,
        threshold=threshold,
        X=X,
        training_scores=score(torch.tensor(X)).numpy(),
        scale=CommonScale(np.ones(d), counts),
        constraints=Constraints(**constraints),
        n_counterfactuals=k,
        batch_size=batch_size,
        device=torch.device("cpu"),
        seed=0,
        verbose=0,
    )


@pytest.fixture
def make_problem():
    """``make_problem(function, X, threshold, **constraints) -> Problem``."""
    return build
