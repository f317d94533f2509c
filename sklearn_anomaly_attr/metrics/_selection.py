"""Which features an attribution names as anomalous."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import BoolArray, FloatArray
from ._inputs import check_attributions, check_whole, check_y_true

# What sums and products of decimal fractions may miss by rounding.
_ROUNDING = 1e-9


def select_features(
    values: Any,
    *,
    k: int | None = None,
    mass: float | None = None,
    share: float | None = None,
    y_true: ArrayLike | None = None,
    min_share: float = 0.0,
) -> BoolArray:
    """Mark the leading features of each row, by one of three rules.

    Only features with a positive attribution, which push the anomaly score UP,
    are ever selected: fewer than the rule asks for, if a row has no more of
    them, and none if it has none. Features that tie are taken from left to
    right.

    Parameters
    ----------
    values : Explanation or array-like of shape (n_samples, n_features)
        Attributions of rows, or means over the segments of a series; the
        greatest come first.
    k : int, default=None
        Select the first `k`: 5 is the rule "AT@5" of [1]_.
    mass : float, default=None
        Select the fewest that hold this part, in (0, 1], of the sum of the
        row's positive attributions: 0.8 is the rule "AT@80%" of [1]_.
    share : float, default=None
        Select as many as this multiple of the number of the row's truly
        anomalous features, rounded down: 1.2 is the rule "GT@120%" of [1]_.
    y_true : array-like of bool of shape (n_samples, n_features), default=None
        Which features of each row are truly anomalous; only `share` needs it.
    min_share : float, default=0.0
        Leave out features that hold less than this part, in [0, 1), of the sum of
        the row's positive attributions, whatever the rule.

    Returns
    -------
    selected : ndarray of bool of shape (n_samples, n_features)
        True for the selected features.

    Raises
    ------
    TypeError
        If `y_true` is not a boolean array, or `values` holds something else than
        numbers.
    ValueError
        If not exactly one of `k`, `mass` and `share` is given or it is out of
        range, as `min_share` may be, `share` is given without `y_true`, shapes
        differ, attributions are not finite, or a row has no anomalous feature.

    See Also
    --------
    localization_iou : How well a selection matches the truth.
    hit_rate : The anomalous features among the first, without a selection.

    References
    ----------
    .. [1] Ameli et al. (2022), "Unsupervised multi-sensor anomaly localization
       with explainable AI", section 5.3.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import select_features
    >>> values = [[1.5, 0.3, 0.2, -0.4]]
    >>> select_features(values, k=1)
    array([[ True, False, False, False]])
    >>> select_features(values, mass=0.8)
    array([[ True,  True, False, False]])
    >>> select_features(values, k=3, min_share=0.12)
    array([[ True,  True, False, False]])
    >>> y_true = [[True, True, False, True]]
    >>> select_features(values, share=1.2, y_true=y_true)
    array([[ True,  True,  True, False]])
    """
    _check_one_rule(k=k, mass=mass, share=share, y_true=y_true)
    if not isinstance(min_share, Real) or not 0 <= float(min_share) < 1:
        raise ValueError(f"min_share={min_share!r}: ask for a part from 0 to below 1.")
    mask: BoolArray | None = None
    if y_true is None:
        attributions = check_attributions(values)
    else:
        mask, attributions = check_y_true(y_true, values)
    order = np.argsort(-attributions, axis=1, kind="stable")
    positives = np.take_along_axis(attributions, order, axis=1).clip(min=0)
    n_first: int | NDArray[np.intp]
    if k is not None:
        n_first = k
    elif mass is not None:
        n_first = _n_holding(mass, positives)
    elif share is not None and mask is not None:
        n_first = n_of_truth(share, mask)
    places = np.arange(attributions.shape[1]) < np.reshape(n_first, (-1, 1))
    holds = (positives > 0) & (_parts(positives) >= min_share * (1 - _ROUNDING))
    selected = np.empty(attributions.shape, dtype=bool)
    np.put_along_axis(selected, order, places & holds, axis=1)
    return selected


def n_of_truth(share: float, y_true: BoolArray) -> NDArray[np.intp]:
    """A multiple of the number of each row's anomalous features, rounded down."""
    _check_part(share, "share", y_true.shape[1])
    exact = share * y_true.sum(axis=1) + _ROUNDING
    counts: NDArray[np.intp] = np.floor(exact).astype(np.intp)
    return counts


def _check_part(number: Any, name: str, most: int) -> None:
    """Refuse all but numbers above 0 and up to `most`."""
    if not isinstance(number, Real) or not 0 < float(number) <= most:
        raise ValueError(f"{name}={number!r}: ask for a number above 0, up to {most}.")


def _check_one_rule(*, k: Any, mass: Any, share: Any, y_true: Any) -> None:
    rules = {"k": k, "mass": mass, "share": share}
    given = [name for name, value in rules.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            f"{' and '.join(given) or 'No rule'} given: select by exactly one of k, "
            "mass and share."
        )
    if k is not None:
        check_whole(k, "k", 1)
    if mass is not None:
        _check_part(mass, "mass", 1)
    if share is not None and y_true is None:
        raise ValueError(
            "share counts by the truly anomalous features: pass y_true, or select by k "
            "or mass, which need none."
        )


def _n_holding(mass: float, positives: FloatArray) -> NDArray[np.intp]:
    """How many of the sorted positive values of each row hold a part of their sum."""
    # What the values from each place on add up to, the smallest first.
    rest = _parts(positives)[:, ::-1].cumsum(axis=1)[:, ::-1]
    holding = rest > (1 - mass) * rest[:, :1] * (1 + _ROUNDING)
    counts: NDArray[np.intp] = holding.sum(axis=1)
    return counts


def _parts(positives: FloatArray) -> FloatArray:
    """Sorted positive values of each row as parts of their sum; else 0."""
    largest = positives[:, :1]
    # The sum of the values themselves may overflow.
    scaled = np.divide(
        positives, largest, out=np.zeros_like(positives), where=largest > 0
    )
    parts: FloatArray = scaled / scaled.sum(axis=1, keepdims=True).clip(min=1.0)
    return parts
