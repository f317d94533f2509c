"""What the metrics of attributions take, and sentences for what they do not."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .._coding import is_frame
from .._typing import BoolArray, FloatArray
from ..explanation import BaseExplanation, Explanation


def check_attributions(values: Any, name: str = "values") -> FloatArray:
    """Attributions of an array, a DataFrame or an Explanation, as an array."""
    if isinstance(values, BaseExplanation) and not isinstance(values, Explanation):
        raise TypeError(
            f"{name} is a {type(values).__name__}, which holds no attributions: pass "
            "an Explanation, or an array of what ranks the features, such as "
            "np.abs(explanation.moves) of counterfactuals."
        )
    inner = getattr(values, "values", values)
    return check_numbers(values if callable(inner) else inner, name)


def as_numbers(array: Any, name: str) -> FloatArray:
    """An array of numbers of any shape."""
    try:
        return np.asarray(array, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} holds something else than numbers ({error}): pass a table of "
            "numbers, one row a sample and one column a feature."
        ) from error


def check_numbers(table: Any, name: str) -> FloatArray:
    """A table of finite numbers with at least one row, as an array."""
    numbers = as_numbers(table, name)
    if numbers.ndim != 2:
        raise ValueError(
            f"{name} has the shape {numbers.shape}: pass one row a sample and one "
            "column a feature, of a single sample as [row]."
        )
    if numbers.size == 0:
        raise ValueError(
            f"{name} has the shape {numbers.shape}: pass at least one row and column."
        )
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} holds NaN or infinity: leave such rows out.")
    return numbers


def check_tables(**tables: ArrayLike) -> list[FloatArray]:
    """Tables of numbers with the same columns, by the names of their arguments."""
    checked = [check_numbers(table, name) for name, table in tables.items()]
    widths = [table.shape[1] for table in checked]
    if len(set(widths)) > 1:
        raise ValueError(
            f"{', '.join(tables)} have {', '.join(map(str, widths))} columns: pass "
            "rows with the same columns."
        )
    first, *others = tables.items()
    for other in others:
        check_same_order(first, other)
    return checked


def check_runs(runs: Any) -> list[Any]:
    """Several explanations of the same rows, not a single one, which iterates rows."""
    single = is_frame(runs) or isinstance(runs, BaseExplanation)
    if single or (isinstance(runs, np.ndarray) and runs.ndim == 2):
        raise TypeError(
            f"runs is a single {type(runs).__name__}: pass a list of the attributions "
            "of the same rows in each run."
        )
    return list(runs)


def check_labels(y_true: Any, n_rows: int) -> NDArray[Any]:
    """Labels without gaps, one for each of some rows."""
    labels = np.asarray(y_true)
    if labels.shape != (n_rows,):
        raise ValueError(
            f"y_true has the shape {labels.shape}, and there are {n_rows} anomaly "
            "scores: pass one label a row, in one dimension."
        )
    if pd.isna(labels).any():
        raise ValueError("y_true lacks some labels: leave such rows out.")
    return labels


def check_scores(scores: Any, name: str, *, missing: bool = False) -> FloatArray:
    """Finite anomaly scores, one a row; `missing` allows NaN for some of them."""
    numbers = as_numbers(scores, name)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(
            f"{name} has the shape {numbers.shape}: pass one anomaly score a row, such "
            "as -detector.score_samples(rows), and those of several alternatives a "
            "row in one dimension, by scores.ravel()."
        )
    if missing and np.isnan(numbers).all():
        raise ValueError(f"{name} holds NaN alone: pass some rows with a score.")
    if not (np.isfinite(numbers) | (missing & np.isnan(numbers))).all():
        what = "infinity" if missing else "NaN or infinity"
        raise ValueError(f"{name} holds {what}: leave such rows out.")
    return numbers


def check_y_true(y_true: ArrayLike, values: Any) -> tuple[BoolArray, FloatArray]:
    """Which features are truly anomalous, as booleans, and the attributions."""
    mask = np.asarray(y_true)
    if mask.dtype != np.bool_:
        raise TypeError(
            f"y_true is of dtype {mask.dtype}: pass booleans, True for the truly "
            "anomalous features, such as y_true == 1 of zeros and ones."
        )
    attributions = check_attributions(values)
    if mask.shape != attributions.shape:
        raise ValueError(
            f"y_true has the shape {mask.shape}, the attributions have "
            f"{attributions.shape}: pass y_true with one row for each explained row "
            "and one column for each feature, or group of features, explained."
        )
    check_same_order(("y_true", y_true), ("values", values))
    refuse_rows(mask.sum(axis=1) == 0, "no truly anomalous feature")
    return mask, attributions


def check_same_order(*tables: tuple[str, Any]) -> None:
    """Refuse tables whose columns bear the same names in another order."""
    (first, one), *others = tables
    names = _names(one)
    for other, table in others:
        theirs = _names(table)
        if theirs != names and sorted(theirs) == sorted(names):
            raise ValueError(
                f"The columns of {other} stand in another order than those of {first}: "
                f"select them by {names}."
            )


def _names(table: Any) -> list[str]:
    """Names of the columns of a DataFrame or an Explanation; none of an array."""
    if isinstance(table, Explanation):
        return [str(name) for name in table.feature_names]
    return [str(name) for name in table.columns] if is_frame(table) else []


def refuse_rows(faulty: BoolArray, fault: str) -> None:
    """Name the rows that a metric is not defined for."""
    if faulty.any():
        raise ValueError(
            f"Rows {np.flatnonzero(faulty)[:5].tolist()} (at most 5 named) have "
            f"{fault}: the metric is not defined for them, leave them out."
        )


def check_whole(number: Any, name: str, least: int, most: int | None = None) -> None:
    """Refuse all but whole numbers in a range."""
    whole = isinstance(number, Integral)
    if not whole or number < least or (most is not None and number > most):
        upper = "up" if most is None else f"to {most}"
        raise ValueError(
            f"{name}={number!r}: ask for a whole number from {least} {upper}."
        )


def rows_or_mean(rows: FloatArray, per_row: bool) -> float | FloatArray:
    """Give a metric of each row, or their mean."""
    return rows if per_row else float(rows.mean())
