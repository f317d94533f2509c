"""Objects that are no tables, or could be misread as one."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd


def check_container(X: Any) -> None:
    """Refuse what could be misread, or cannot be read, as a table.

    Raises
    ------
    TypeError
        If X is lazy, masked, structured, grouped, an index or a class, a tensor that
        numpy cannot read, or a frame of another library than pandas and polars.
    ValueError
        If two columns have the same name.
    """
    if isinstance(X, pd.DataFrame) and not X.columns.is_unique:
        label = X.columns[X.columns.duplicated()][0]
        raise ValueError(
            f"The column name {label!r} stands for several columns: give each column "
            "a name of its own."
        )
    check_object(X)
    cure = _cure_of_tensor(X) if _is_tensor(X) else _cure(X)
    if cure is not None:
        raise TypeError(f"X {cure}.")


def check_object(X: Any) -> None:
    """Refuse objects that hold no table, whatever is read of them."""
    cure = None
    if isinstance(X, type):
        cure = f"is the class {X.__name__}: pass a table"
    elif isinstance(X, pd.Index):
        cure = "is an index: pass X.to_frame()"
    elif isinstance(X, pd.api.typing.DataFrameGroupBy):
        cure = "is a grouped frame: pass X.obj"
    if cure is not None:
        raise TypeError(f"X {cure}.")


def _cure(X: Any) -> str | None:
    """What X is, and what to pass instead; None where it may be a table."""
    if isinstance(X, np.ma.MaskedArray):
        return "is a masked array: pass X.filled(np.nan)"
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        return "is a structured array: pass pd.DataFrame(X)"
    if isinstance(nw.from_native(X, pass_through=True), nw.LazyFrame):
        return "is a lazy frame: pass X.collect()"
    if type(X).__module__.startswith("pyarrow"):
        return "is a table of pyarrow: pass X.to_pandas()"
    return None


def _is_tensor(X: Any) -> bool:
    return type(X).__module__ == "torch"


def _cure_of_tensor(X: Any) -> str | None:
    """Why numpy cannot read a tensor, and what to pass instead."""
    if X.requires_grad:
        return "is a tensor that requires gradients: pass X.detach()"
    if str(X.layout) != "torch.strided":
        return "is a sparse tensor: pass X.to_dense()"
    if X.device.type != "cpu":
        return f"is a tensor on the device {X.device}: pass X.cpu()"
    if str(X.dtype) == "torch.bfloat16":
        return "is a tensor of bfloat16: pass X.float()"
    return None
