"""Tables of any types, in those that detectors tell apart."""

from __future__ import annotations

from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse


def in_plain_types(X: Any) -> Any:
    """A table where a missing category is None, whatever it was before.

    Arrays, and lists of rows, whose entries are not numbers all become frames.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        The table; it stays as it is.

    Raises
    ------
    TypeError
        If X is a sparse matrix, or a column of a frame holds complex numbers.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn_anomaly_attr.detectors._plain_types import in_plain_types
    >>> in_plain_types(pd.DataFrame({"kind": ["a", np.nan]}))["kind"].tolist()
    ['a', None]
    """
    if sparse.issparse(X):
        raise TypeError("X is a sparse matrix: pass X.toarray().")
    if isinstance(X, pd.DataFrame):
        return _plain_frame(X)
    if isinstance(X, list | tuple):
        entries = np.array(X, dtype=object)
    elif isinstance(X, np.ndarray) and X.dtype.kind in "OUS":
        entries = X.astype(object)
    else:
        return X
    if entries.ndim != 2 or all(isinstance(e, Number | None) for e in entries.flat):
        return X
    return _plain_frame(pd.DataFrame(entries).infer_objects())


def _plain_frame(X: pd.DataFrame) -> pd.DataFrame:
    columns = [X.iloc[:, i] for i in range(X.shape[1])]
    plain = [_plain(column) for column in columns]
    if all(new is old for new, old in zip(plain, columns, strict=True)):
        return X
    frame = pd.concat(plain, axis=1)
    return frame.set_axis(X.columns, axis=1)


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column with a type of numbers, of dates, or of Python's objects."""
    dtype: Any = column.dtype
    if pd.api.types.is_complex_dtype(dtype):
        raise TypeError(
            f"The column {column.name!r} holds complex numbers: pass their real and "
            "imaginary parts as columns."
        )
    if isinstance(dtype, pd.SparseDtype):
        return _plain(column.astype(dtype.subtype))
    if _is_of_objects(dtype):
        plain = column.astype(object)
        return plain.where(plain.notna(), None)
    return column


def _is_of_objects(dtype: Any) -> bool:
    """Whether a type is one of text, categories, flags that may be missing, or any."""
    objects = isinstance(dtype, pd.CategoricalDtype | pd.StringDtype | pd.BooleanDtype)
    return objects or pd.api.types.is_object_dtype(dtype)
