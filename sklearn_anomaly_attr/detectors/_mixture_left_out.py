"""Log densities of training rows under the mixture without them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture
from sklearn.utils import gen_batches

from .._typing import FloatArray

_CELLS = 2**20
_EPS = np.finfo(np.float64).eps
# Of what a component holds, without the row: the digits of less are rounding.
_LEAST_REST = float(np.sqrt(_EPS))


def left_out_log_densities(
    mixture: GaussianMixture, X: FloatArray, responsibilities: FloatArray
) -> FloatArray:
    r"""Log densities of training rows, each under the mixture without it.

    That mixture is the one of an M step of the EM algorithm without the row, where
    the other rows keep their responsibilities: a downdate of the components' weights,
    means and covariances by one row, in closed form. ``reg_covar`` is kept.

    With :math:`N` the sum of responsibilities of a component, :math:`r` that of the
    row, :math:`N' = N - r`, and :math:`d` its difference from the mean, the
    component's covariance :math:`C`, regularized by :math:`\epsilon`, becomes

    .. math::

        C' = \frac{N}{N'} \Big( C - \frac{r}{N} \epsilon I - \frac{r}{N'} d d^T \Big)

    and the difference :math:`d N / N'`. Two cases have no digits left, and a rule: a
    component that the row carries alone has no weight without it; and no variance
    falls below ``reg_covar``, or the rounding of float64 where that is zero.

    Parameters
    ----------
    mixture : GaussianMixture
        Fitted on X.
    X : ndarray of shape (n_samples, n_features)
        Its training rows.
    responsibilities : ndarray of shape (n_samples, n_components)
        Probabilities of the components, of each row.

    Returns
    -------
    ndarray of shape (n_samples,)
        The log densities.

    References
    ----------
    Sherman & Morrison (1950), "Adjustment of an inverse matrix corresponding to a
    change in one element of a given matrix".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn_anomaly_attr.detectors._mixture_left_out import (
    ...     left_out_log_densities,
    ... )
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> mixture = GaussianMixture(reg_covar=0.0).fit(X)
    >>> left_out_log_densities(mixture, X, np.ones((3, 1))).round(4)
    array([-4.7258, -0.9189, -4.7258])
    """
    densities = _of_tied if mixture.covariance_type == "tied" else _of_own
    size = max(1, _CELLS // (X.shape[1] * mixture.n_components))
    log_densities = np.empty(len(X))
    for some in gen_batches(len(X), size):
        held = _Held.of(mixture.weights_, responsibilities[some], len(X))
        log_joint = held.log_weights + densities(mixture, X[some], held)
        log_densities[some] = logsumexp(log_joint, axis=1)
    normalization: float = 0.5 * X.shape[1] * np.log(2.0 * np.pi)
    return log_densities - normalization


class _Held(NamedTuple):
    """What components hold of the rows, with and without each row.

    Attributes
    ----------
    n_samples : int
        Number of all rows.
    every : ndarray of shape (n_components,)
        Sums of responsibilities of all rows.
    row, rest : ndarray of shape (n_some, n_components)
        The responsibilities of each row, and the sums of the others; 0 and 1 where
        there are no others.
    log_weights : ndarray of shape (n_some, n_components)
        Log weights of the components without each row.
    """

    n_samples: int
    every: FloatArray
    row: FloatArray
    rest: FloatArray
    log_weights: FloatArray

    @classmethod
    def of(cls, weights: FloatArray, row: FloatArray, n_samples: int) -> _Held:
        every = n_samples * weights
        rest = every - row
        alone = rest <= _LEAST_REST * every
        row, rest = np.where(alone, 0.0, row), np.where(alone, 1.0, rest)
        log_weights = np.where(alone, -np.inf, np.log(rest / (n_samples - 1)))
        return cls(n_samples, every, row, rest, log_weights)


def _of_own(mixture: GaussianMixture, X: FloatArray, held: _Held) -> FloatArray:
    """Unnormalized log densities (n, K): each component has its own covariance."""
    density = _full if mixture.covariance_type == "full" else _diagonal
    log_densities = np.empty(held.row.shape)
    for k, covariance in enumerate(mixture.covariances_):
        log_densities[:, k] = density(
            X - mixture.means_[k],
            covariance,
            held.every[k],
            held.row[:, k],
            held.rest[:, k],
            mixture.reg_covar,
        )
    return log_densities


def _full(
    differences: FloatArray,
    covariance: FloatArray,
    every: float,
    row: FloatArray,
    rest: FloatArray,
    reg_covar: float,
) -> FloatArray:
    spectrum, axes = np.linalg.eigh(covariance)
    growth = every / rest
    # Eigenvalues of C - r / N epsilon I, whose axes are those of C.
    variances = spectrum - (row / every)[:, None] * reg_covar
    variances = variances.clip(min=_EPS * spectrum[-1])
    squares = (np.square(differences @ axes) / variances).sum(axis=1)
    least = (reg_covar / spectrum[-1] / growth).clip(min=_EPS)
    left = (1.0 - row / rest * squares).clip(min=least)
    log_det = np.log(growth[:, None] * variances).sum(axis=1) + np.log(left)
    log_densities: FloatArray = -0.5 * (log_det + growth * squares / left)
    return log_densities


def _diagonal(
    differences: FloatArray,
    variance: FloatArray,
    every: float,
    row: FloatArray,
    rest: FloatArray,
    reg_covar: float,
) -> FloatArray:
    """The same of variances of the columns, or of one for all of them."""
    squares, growth = np.square(differences), (every / rest)[:, None]
    own = squares if variance.ndim else squares.mean(axis=1, keepdims=True)
    row, rest = row[:, None], rest[:, None]
    variances = growth * (variance - row / every * reg_covar - row / rest * own)
    variances = variances.clip(min=np.maximum(reg_covar, _EPS * variance))
    ratios = np.log(variances) + np.square(growth) * squares / variances
    log_densities: FloatArray = -0.5 * ratios.sum(axis=1)
    return log_densities


def _of_tied(mixture: GaussianMixture, X: FloatArray, held: _Held) -> FloatArray:
    """Unnormalized log densities (n, K): a downdate of rank K of one covariance."""
    n, reg_covar = held.n_samples, mixture.reg_covar
    spectrum, axes = np.linalg.eigh(mixture.covariances_)
    largest = spectrum[-1]
    spectrum = (spectrum - reg_covar / n).clip(min=_EPS * largest)
    whitened = (X[:, None] - mixture.means_) @ (axes / np.sqrt(spectrum))
    products = whitened @ whitened.swapaxes(1, 2)
    growth = held.every / held.rest
    roots = np.sqrt(held.row * growth / n)
    parts, turned = np.linalg.eigh(products * roots[:, None] * roots[:, :, None])
    least = max((n - 1) / n * reg_covar / largest, _EPS)
    left = (1.0 - parts).clip(min=least)
    added = np.square((products * roots[:, None]) @ turned) / left[:, None]
    squares = np.diagonal(products, axis1=1, axis2=2) + added.sum(axis=2)
    log_det = np.log(n / (n - 1) * spectrum).sum() + np.log(left).sum(axis=1)
    squares = (n - 1) / n * np.square(growth) * squares
    log_densities: FloatArray = -0.5 * (log_det[:, None] + squares)
    return log_densities
