"""Rows as numbers, and back in the kind of table that they came in."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import check_array

from .._coding import is_frame
from .._typing import FloatArray


def as_rows(X: Any, *, min_rows: int = 1) -> FloatArray:
    """Validate a table of finite numbers, as float64."""
    try:
        rows: FloatArray = check_array(
            X,
            dtype=np.float64,
            order="C",
            ensure_all_finite=False,
            ensure_min_samples=min_rows,
        )
    except ValueError as error:
        if "could not convert" not in str(error):
            raise
        raise ValueError(
            f"X has columns that are not numbers ({error}): encode them first, e.g. "
            "with OneHotEncoder, or leave them out."
        ) from error
    if not np.isfinite(rows).all():
        raise ValueError("X holds NaN or infinity: impute or drop these rows first.")
    return rows


def feature_names(X: Any) -> list[str]:
    """Names of the columns; x0, x1, ... where they have none."""
    if is_frame(X):
        return [str(name) for name in X.columns]
    return default_names(np.shape(X)[1])


def default_names(n_features: int) -> list[str]:
    """Names for columns without any, as in scikit-learn."""
    return [f"x{i}" for i in range(n_features)]


def table_like(X: Any, values: NDArray[Any]) -> Any:
    """Values of the shape of X in the same kind of table, with its labels."""
    if isinstance(X, pd.DataFrame):
        return pd.DataFrame(values, index=X.index, columns=X.columns)
    if is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        return nw.from_numpy(
            values, frame.columns, backend=frame.implementation
        ).to_native()
    return values


def column_like(X: Any, values: NDArray[Any], name: str) -> Any:
    """One value a row of X: an array, or a Series where X is a DataFrame."""
    if isinstance(X, pd.DataFrame):
        return pd.Series(values, index=X.index, name=name)
    if is_frame(X):
        backend = nw.from_native(X, eager_only=True).implementation
        return nw.new_series(name, values.tolist(), backend=backend).to_native()
    return values
