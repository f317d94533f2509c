"""Bayesian Gaussian mixtures, as mixtures of other constants.

The expected log weights and log determinants of the posterior take the place
of a mixture's own.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import digamma
from sklearn.mixture import BayesianGaussianMixture
from sklearn.utils.validation import check_is_fitted

from .._typing import FloatArray
from ._mixture import MixtureScore, _precision_factors


def _log_weights(mixture: Any) -> FloatArray:
    """Expected log weights of the components."""
    concentration: FloatArray = mixture.weight_concentration_
    if mixture.weight_concentration_prior_type == "dirichlet_distribution":
        return digamma(concentration) - digamma(np.sum(concentration))
    broken, left = digamma(concentration) - digamma(np.sum(concentration, axis=0))
    log_weights: FloatArray = broken + np.concatenate([[0.0], np.cumsum(left[:-1])])
    return log_weights


def _log_normalizers(mixture: Any, factors: FloatArray) -> FloatArray:
    """Expected log densities of the components at their means."""
    n_features = factors.shape[1]
    freedom = np.broadcast_to(mixture.degrees_of_freedom_, len(factors))
    log_det = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    # scikit-learn's factors are those of the precisions times the freedom.
    halves = 0.5 * (freedom - np.arange(n_features)[:, None])
    log_lambda = digamma(halves).sum(axis=0) - n_features * np.log(0.5 * freedom)
    spread = n_features / mixture.mean_precision_
    constant = n_features * math.log(2 * math.pi)
    log_densities: FloatArray = log_det + 0.5 * (log_lambda - spread - constant)
    return log_densities


def translate_bayesian_mixture(estimator: BayesianGaussianMixture) -> MixtureScore:
    """A mixture with the expected logarithms in place of the constants."""
    check_is_fitted(estimator)
    factors = _precision_factors(estimator)
    means = estimator.means_
    center = estimator.weights_ @ means
    score = MixtureScore(
        center,
        factors,
        np.einsum("ki,kir->kr", means - center, factors),
        _log_weights(estimator) + _log_normalizers(estimator, factors),
    )
    score.description = "Bayesian Gaussian mixture"
    return score
