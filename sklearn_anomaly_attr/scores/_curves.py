"""Transformers that bend each column by a curve of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.interpolate import BSpline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    SplineTransformer,
)
from torch import Tensor

from ._affine_transformers import translate_max_abs, translate_min_max
from ._torch_transform import torch_transform
from ._transform import TorchTransform
from ._transforms import AffineTransform, ChainTransform

# numpy's functions of one value, and whether their gradients are finite: that
# of a root is not at zero.
_FUNCTIONS: dict[np.ufunc, tuple[Callable[[Tensor], Tensor], bool]] = {
    np.abs: (torch.abs, True),
    np.arcsinh: (torch.arcsinh, True),
    np.exp: (torch.exp, True),
    np.expm1: (torch.expm1, True),
    np.log: (torch.log, True),
    np.log10: (torch.log10, True),
    np.log1p: (torch.log1p, True),
    np.log2: (torch.log2, True),
    np.sqrt: (torch.sqrt, False),
    np.square: (torch.square, True),
}


class ColumnwiseTransform(TorchTransform):
    """A function of each column by itself, in its place; NaN stays NaN."""

    takes_missing = True

    def presence(self, present: Tensor) -> Tensor | None:
        """The columns that are present, as they are."""
        return present


class Elementwise(ColumnwiseTransform):
    """A function of each value.

    Parameters
    ----------
    function : callable
        Maps a tensor to one of the same shape.
    differentiable : bool
        Whether its gradients are finite.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], differentiable: bool
    ) -> None:
        super().__init__()
        self.function = function
        self.differentiable = differentiable

    def forward(self, x: Tensor) -> Tensor:
        """Values of the function at `x`."""
        return self.function(x)


def translate_function(transformer: FunctionTransformer) -> TorchTransform | None:
    """Only numpy's own functions are known to do the same to each value."""
    function = transformer.func
    if function is None:
        return ChainTransform([])
    known = isinstance(function, np.ufunc) and function in _FUNCTIONS
    if not known or transformer.kw_args:
        return None
    return Elementwise(*_FUNCTIONS[function])


class Clip(ColumnwiseTransform):
    """Cuts values to a range, beyond which it is constant.

    Parameters
    ----------
    lower, upper : float
        The range.
    """

    coercive = False

    def __init__(self, lower: float, upper: float) -> None:
        super().__init__()
        self.lower, self.upper = lower, upper

    def forward(self, x: Tensor) -> Tensor:
        """Clipped values of the rows `x`."""
        return x.clamp(self.lower, self.upper)


def translate_min_max_scaler(scaler: MinMaxScaler) -> TorchTransform | None:
    """Scale to a range, and clip to it where the scaler does."""
    return _clipped(translate_min_max(scaler), scaler.clip, scaler.feature_range)


def translate_max_abs_scaler(scaler: MaxAbsScaler) -> TorchTransform | None:
    """Scale to [-1, 1], and clip to it where the scaler does."""
    return _clipped(translate_max_abs(scaler), scaler.clip, (-1, 1))


def _clipped(
    transform: AffineTransform | None, clip: bool, limits: tuple[float, float]
) -> TorchTransform | None:
    if transform is None or not clip:
        return transform
    return ChainTransform([transform, Clip(*limits)])


class Power(ColumnwiseTransform):
    """Yeo-Johnson and Box-Cox transforms.

    Parameters
    ----------
    lambdas : ndarray of shape (n_features,)
        The exponents.
    positive : bool
        Whether values up to zero have no transform (Box-Cox).
    """

    lambdas: Tensor

    def __init__(self, lambdas: Any, *, positive: bool) -> None:
        super().__init__()
        self._keep(lambdas=lambdas)
        self.positive = positive

    def forward(self, x: Tensor) -> Tensor:
        """Transformed rows `x`; NaN where Box-Cox has no value."""
        if self.positive:
            return _power(torch.where(x > 0, x, torch.nan).log(), self.lambdas)
        sign = torch.where(x >= 0, 1.0, -1.0).to(x)
        exponent = torch.where(x >= 0, self.lambdas, 2.0 - self.lambdas)
        return sign * _power((sign * x).log1p(), exponent)


def _power(logarithm: Tensor, exponent: Tensor) -> Tensor:
    """Value of ``(exp(logarithm) ** exponent - 1) / exponent``, also at zero."""
    flat = exponent.abs() < torch.finfo(logarithm.dtype).eps
    powers = torch.expm1(exponent * logarithm) / exponent.where(~flat, 1.0)
    return torch.where(flat, logarithm, powers)


def translate_power(transformer: PowerTransformer) -> TorchTransform:
    """Powers, and the scaler that follows them."""
    power = Power(transformer.lambdas_, positive=transformer.method == "box-cox")
    if not transformer.standardize:
        return power
    return ChainTransform([power, torch_transform(transformer._scaler)])


class Quantiles(ColumnwiseTransform):
    """Share of the training rows below each value, or its normal quantile.

    Beyond the training rows it is constant.

    Parameters
    ----------
    quantiles : ndarray of shape (n_quantiles, n_features)
        Quantiles of the training columns.
    references : ndarray of shape (n_quantiles,)
        Their shares, from 0 to 1.
    normal : bool
        Whether the result is normally distributed instead of uniformly.
    """

    coercive = False
    # scikit-learn moves results this far away from 0 and 1, where the normal
    # quantiles are infinite, and values this near to the limits onto them.
    _MARGIN = 1e-7

    quantiles: Tensor
    references: Tensor
    slopes: Tensor

    def __init__(self, quantiles: Any, references: Any, *, normal: bool) -> None:
        super().__init__()
        quantiles = np.asarray(quantiles, dtype=np.float64)
        steps = np.diff(quantiles, axis=0)
        slopes = np.diff(references)[:, None] / np.where(steps > 0, steps, np.inf)
        self._keep(quantiles=quantiles.T, references=references, slopes=slopes.T)
        self.normal = normal

    def forward(self, x: Tensor) -> Tensor:
        """Shares or quantiles of the values of `x`."""
        columns = x.reshape(-1, x.shape[-1]).T.contiguous()
        # Values that are repeated in training lie on a step, and get its middle.
        share = 0.5 * (self._line(columns, True) + self._line(columns, False))
        margin = self._MARGIN if self.normal else 0.0
        lowest, highest = self.quantiles[:, :1], self.quantiles[:, -1:]
        above = (columns >= highest) | (columns + margin > highest)
        below = (columns <= lowest) | (columns - margin < lowest)
        share = share.where(~above, 1.0).where(~below, 0.0)
        if self.normal:
            least = self._MARGIN - np.spacing(1)
            share = torch.special.ndtri(share.clamp(least, 1.0 - least))
        return share.T.reshape(x.shape)

    def _line(self, columns: Tensor, right: bool) -> Tensor:
        """Interpolate from the quantile at, or else the one below, each value."""
        index = torch.searchsorted(self.quantiles, columns.detach(), right=right)
        index = index.clamp(1, self.quantiles.shape[1] - 1) - 1
        steps = columns - self.quantiles.gather(1, index)
        return self.references[index] + self.slopes.gather(1, index) * steps


def translate_quantile(transformer: QuantileTransformer) -> Quantiles | None:
    """Not translated: quantiles that are one, or that fall by rounding."""
    quantiles = transformer.quantiles_
    rises = (np.diff(quantiles, axis=0) >= 0).all()
    if len(quantiles) < 2 or not rises:
        return None
    normal = transformer.output_distribution == "normal"
    return Quantiles(quantiles, transformer.references_, normal=normal)


class Splines(TorchTransform):
    """B-splines of each column.

    Parameters
    ----------
    splines : list of scipy.interpolate.BSpline
        The splines of each column, of the same degree and number.
    extrapolation : {"constant", "linear", "continue", "periodic"}
        What they are outside the knots.
    n_kept : int
        Number of splines that are kept for each column.
    """

    # The transformer refuses NaN.
    takes_missing = True
    gives_missing = False

    knots: Tensor
    coefficients: Tensor
    lower_slopes: Tensor
    upper_slopes: Tensor

    def __init__(
        self, splines: list[BSpline[Any]], extrapolation: str, n_kept: int
    ) -> None:
        super().__init__()
        degree = self.degree = splines[0].k
        self.extrapolation = extrapolation
        self.coercive = extrapolation in ("linear", "continue")
        self._keep(
            knots=[s.t for s in splines],
            coefficients=splines[0].c[:, :n_kept],
            lower_slopes=[s(s.t[degree], nu=1)[:n_kept] for s in splines],
            upper_slopes=[s(s.t[-degree - 1], nu=1)[:n_kept] for s in splines],
        )

    def forward(self, x: Tensor) -> Tensor:
        """Splines of the rows `x`, those of a column side by side."""
        lower = self.knots[:, self.degree]
        upper = self.knots[:, -self.degree - 1]
        inside = x
        if self.extrapolation == "periodic":
            inside = lower + torch.remainder(x - lower, upper - lower)
        elif self.extrapolation != "continue":
            inside = x.maximum(lower).minimum(upper)
        values = self._basis(inside) @ self.coefficients
        if self.extrapolation == "linear":
            beyond = (x - inside)[..., None]
            slopes = torch.where(beyond < 0, self.lower_slopes, self.upper_slopes)
            values = values + beyond * slopes
        return values.flatten(-2)

    def _basis(self, x: Tensor) -> Tensor:
        """All B-splines ``(..., n_features, n_splines)``, by de Boor's recursion."""
        x, t = x[..., None], self.knots
        # Beyond the knots, the first and the last interval go on.
        breaks = t[:, self.degree + 1 : -self.degree - 1]
        interval = self.degree + (x >= breaks).sum(dim=-1, keepdim=True)
        positions = torch.arange(t.shape[1] - 1, device=t.device)
        basis = (positions == interval).to(x)
        for p in range(1, self.degree + 1):
            rising = (x - t[:, : -p - 1]) / (t[:, p:-1] - t[:, : -p - 1])
            falling = (t[:, p + 1 :] - x) / (t[:, p + 1 :] - t[:, 1:-p])
            basis = rising * basis[..., :-1] + falling * basis[..., 1:]
        return basis


def translate_spline(transformer: SplineTransformer) -> Splines | None:
    """Not translated: steps, repeated knots, errors outside the knots, and NaN."""
    splines, extrapolation = transformer.bsplines_, transformer.extrapolation
    rising = all((np.diff(s.t) > 0).all() for s in splines)
    degree = splines[0].k
    # scikit-learn extrapolates lines from the wrong knot in all columns but one.
    astray = degree == 1 and extrapolation == "linear" and len(splines) > 1
    refuses = extrapolation == "error" or transformer.sparse_output
    refuses = refuses or transformer.handle_missing != "error"
    if degree == 0 or astray or refuses or not rising:
        return None
    n_kept = transformer.n_features_out_ // len(splines)
    return Splines(splines, extrapolation, n_kept)
