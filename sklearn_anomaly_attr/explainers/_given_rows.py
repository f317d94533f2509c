"""Rows that the user gives for references."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._coding import is_frame
from .._images import PixelRange, as_rows
from .._typing import FloatArray, ImageShape
from ._references import TrainingRows


def coded_rows(given: Any, training: TrainingRows) -> FloatArray:
    """Code given references as the training rows are coded.

    Parameters
    ----------
    given : array-like or DataFrame
        Rows, or images, of the user.
    training : TrainingRows
        The training rows, and their coding.

    Returns
    -------
    ndarray of shape (n_references, n_features)
        A copy of the rows.

    Raises
    ------
    ValueError
        If there are none, or they have other columns than X, numbers that are not
        finite, or categories that X does not have.
    """
    coding, n_features = training.coding, training.X.shape[1]
    if training.image_shape is not None:
        given = _image_rows(given, training.image_shape)
    _check_names(given, training.feature_names)
    if coding is None or not is_frame(given):
        try:
            rows = np.array(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"references holds something else than numbers ({error}): pass a "
                "DataFrame with the columns and the types of X."
            ) from error
    else:
        _check_shape(given.shape, n_features)
        rows = coding.like(given).encode(given)
    _check_shape(rows.shape, n_features)
    n_seen = np.zeros(n_features) if coding is None else coding.n_categories
    codes = rows[:, n_seen > 0]
    unseen = (codes < 0) | (codes >= n_seen[n_seen > 0]) | (codes % 1 != 0)
    lacking = np.isnan(rows).any(axis=0) & ~np.isnan(training.X).any(axis=0)
    if np.isinf(rows).any() or lacking.any() or unseen.any():
        raise ValueError(
            "references holds numbers that are NaN or infinite, where X has none, or "
            "categories that X does not have: leave these rows out."
        )
    if training.image_shape is not None:
        PixelRange.of(training.X).warn_of_units(rows, "references")
    return rows


def _image_rows(given: Any, image_shape: ImageShape) -> Any:
    """Given images as rows."""
    try:
        rows, _ = as_rows(given, image_shape)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"references holds no images like those of X ({error}): pass (n, H, W) or "
            "(n, C, H, W), a single image as image[None]."
        ) from error
    return rows


def _check_names(given: Any, feature_names: NDArray[Any] | None) -> None:
    """Refuse a frame of other columns than those of X, or in another order."""
    if feature_names is None or not is_frame(given):
        return
    names, expected = [str(name) for name in given.columns], feature_names.tolist()
    if names != expected:
        raise ValueError(
            f"references has the columns {names}, and X has {expected}: pass the same "
            "columns in the same order."
        )


def _check_shape(shape: tuple[int, ...], n_features: int) -> None:
    """Refuse a table without rows, or with another number of columns than X."""
    if len(shape) != 2 or shape[0] < 1 or shape[1] != n_features:
        raise ValueError(
            f"references has the shape {shape}: pass one or more rows of "
            f"{n_features} columns, those of X."
        )
