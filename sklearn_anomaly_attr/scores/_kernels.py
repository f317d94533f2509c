"""One-class SVMs and kernel density estimates, on tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.neighbors import KernelDensity
from sklearn.svm import OneClassSVM
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from .._typing import FloatArray
from ._black_box import BlackBoxScore
from ._linear import LinearScore
from ._pairwise import PairwiseScore, distances
from ._score import TorchScore

Kernel = Callable[[Tensor, Tensor], Tensor]


class _SquaredDistances(torch.autograd.Function):
    """Squared distances by differences, their gradient by products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return distances(x, y).square_()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        x, y = ctx.saved_tensors
        # The products lose no digits where the rows lie far from the origin.
        center = y.mean(dim=0)
        total = gradients[0].sum(dim=1, keepdim=True)
        return 2.0 * (total * (x - center) - gradients[0] @ (y - center)), None


class SupportVectorScore(PairwiseScore):
    r"""Score of a one-class SVM, :math:`-\sum_i \alpha_i k(s_i, x)`.

    Far from the training rows, where scikit-learn's own score is rounded to
    the digits of ``offset_``, it keeps all digits.

    Parameters
    ----------
    support_vectors : ndarray of shape (n_support, n_features)
        The rows :math:`s_i`.
    weights : ndarray of shape (n_support,)
        :math:`\alpha_i`.
    kernel : callable
        ``kernel(x, support_vectors)`` gives :math:`k`, ``(n, n_support)``.
    name : str
        Name of the kernel.
    """

    weights: Tensor
    coercive = False  # flat far out, or without end

    def __init__(
        self,
        support_vectors: FloatArray,
        weights: FloatArray,
        kernel: Kernel,
        name: str,
    ) -> None:
        super().__init__(support_vectors)
        self._keep(weights=weights)
        self.kernel = kernel
        self.description = f"one-class SVM, {name} kernel"

    def _score(self, rows: Tensor) -> Tensor:
        return -(self.kernel(rows, self.train_rows) @ self.weights)


def _rbf(x: Tensor, y: Tensor, gamma: float) -> Tensor:
    squares: Tensor = _SquaredDistances.apply(x, y)
    return (-gamma * squares).exp()


def _poly(x: Tensor, y: Tensor, gamma: float, coef0: float, degree: int) -> Tensor:
    return (gamma * (x @ y.T) + coef0).pow(degree)


def _sigmoid(x: Tensor, y: Tensor, gamma: float, coef0: float) -> Tensor:
    return (gamma * (x @ y.T) + coef0).tanh()


def translate_one_class_svm(estimator: OneClassSVM) -> TorchScore:
    """Sums of kernels; a black box for those that are computed elsewhere."""
    check_is_fitted(estimator)
    name, support_vectors = estimator.kernel, estimator.support_vectors_
    if callable(name) or name == "precomputed" or issparse(support_vectors):
        return BlackBoxScore(estimator)
    weights = estimator.dual_coef_[0]
    if name == "linear":
        return LinearScore(weights @ support_vectors, "one-class SVM, linear kernel")
    gamma, coef0 = estimator._gamma, estimator.coef0
    kernel = {
        "rbf": partial(_rbf, gamma=gamma),
        "poly": partial(_poly, gamma=gamma, coef0=coef0, degree=estimator.degree),
        "sigmoid": partial(_sigmoid, gamma=gamma, coef0=coef0),
    }[name]
    return SupportVectorScore(support_vectors, weights, kernel, name)


class KernelDensityScore(PairwiseScore):
    r"""Negative log density of a kernel density estimate.

    .. math::

        -\log \sum_i \exp\bigl(c_i + \log K(\lVert x - t_i \rVert)\bigr)

    The sum is over all training rows and keeps its digits where the density is
    small. scikit-learn's search tree rounds it at some 1e-16 of the kernel's
    peak: its scores of rows further out are too low or too high.

    Where no kernel reaches, the score is infinite and its gradient zero. The
    tophat kernel's is zero everywhere: it leads nowhere.

    Parameters
    ----------
    train_rows : ndarray of shape (n_train, n_features)
        Training rows :math:`t_i`.
    log_constants : ndarray of shape (n_train,)
        :math:`c_i`: log weight plus log normaliser.
    bandwidth : float
        The kernel's length.
    kernel : {"gaussian", "exponential", "tophat", "epanechnikov", "linear"}
        Name of the kernel.
    """

    log_constants: Tensor

    def __init__(
        self,
        train_rows: FloatArray,
        log_constants: FloatArray,
        bandwidth: float,
        kernel: str,
    ) -> None:
        super().__init__(train_rows)
        self._keep(log_constants=log_constants)
        self.bandwidth = bandwidth
        self.kernel = kernel
        self.differentiable = kernel != "tophat"
        self.description = f"kernel density, {kernel} kernel"

    def _score(self, rows: Tensor) -> Tensor:
        squares: Tensor = _SquaredDistances.apply(rows, self.train_rows)
        log_kernel = _LOG_KERNELS[self.kernel](squares, self.bandwidth)
        return -torch.logsumexp(log_kernel + self.log_constants, dim=1)

    @torch.no_grad()
    def by_feature(self, x: Tensor) -> Tensor | None:
        """Negative log densities of the columns, each alone.

        The density is that per standard deviation of the column in the
        estimate. None but for the gaussian kernel, the only one that is a
        product over the columns.
        """
        if self.kernel != "gaussian":
            return None
        n_features = x.shape[-1]
        others = _log_normalizer(self.kernel, self.bandwidth, n_features - 1)
        weights = self.log_constants.softmax(dim=0)
        apart = self.train_rows - weights @ self.train_rows
        overall = (weights @ apart.square() + self.bandwidth**2).sqrt()
        log_constants = (self.log_constants - others)[:, None] + overall.log()
        rows = x.reshape(-1, n_features)
        parts = []
        for part in rows.split(max(1, self._cells // self.train_rows.numel())):
            squares = (part[:, None] - self.train_rows).square()
            log_kernel = _LOG_KERNELS[self.kernel](squares, self.bandwidth)
            parts.append(-torch.logsumexp(log_kernel + log_constants, dim=1))
        return torch.cat(parts).reshape(x.shape)


def _root(squares: Tensor) -> Tensor:
    # The root has no slope at zero; clamped, it is flat there.
    return squares.clamp(min=torch.finfo(squares.dtype).tiny).sqrt()


def _log_within(kernel: Tensor, squares: Tensor, bandwidth: float) -> Tensor:
    """Log of a kernel that ends at the bandwidth."""
    inside = squares.sqrt() < bandwidth
    return torch.where(inside, kernel.where(inside, 1.0).log(), -torch.inf)


_LOG_KERNELS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "gaussian": lambda s, h: s * (-0.5 / h**2),
    "exponential": lambda s, h: _root(s) / -h,
    "tophat": lambda s, h: _log_within(torch.ones_like(s), s, h),
    "epanechnikov": lambda s, h: _log_within(1.0 - s / h**2, s, h),
    "linear": lambda s, h: _log_within(1.0 - _root(s) / h, s, h),
}


def _log_normalizer(kernel: str, bandwidth: float, n_features: int) -> float:
    """Negative log integral of a kernel that is one at distance zero."""
    ball = 0.5 * n_features * math.log(math.pi) - math.lgamma(0.5 * n_features + 1)
    integral = {
        "gaussian": 0.5 * n_features * math.log(2 * math.pi),
        "exponential": ball + math.lgamma(n_features + 1),
        "tophat": ball,
        "epanechnikov": ball + math.log(2.0 / (n_features + 2)),
        "linear": ball - math.log(n_features + 1),
    }[kernel]
    return -integral - n_features * math.log(bandwidth)


def translate_kernel_density(estimator: KernelDensity) -> TorchScore:
    """Exact sums of kernels; a black box where scikit-learn approximates them."""
    check_is_fitted(estimator)
    kernel, bandwidth = estimator.kernel, estimator.bandwidth_
    exact = estimator.atol == 0 and estimator.rtol == 0
    if kernel not in _LOG_KERNELS or estimator.metric != "euclidean" or not exact:
        return BlackBoxScore(estimator)
    rows, weights = np.asarray(estimator.tree_.data), estimator.tree_.sample_weight
    weights = np.ones(len(rows)) if weights is None else np.asarray(weights)
    rows, weights = rows[weights > 0], weights[weights > 0]
    log_constants = np.log(weights / weights.sum())
    log_constants += _log_normalizer(kernel, bandwidth, rows.shape[1])
    return KernelDensityScore(rows, log_constants, bandwidth, kernel)
