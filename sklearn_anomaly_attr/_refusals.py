"""Sentences for rows that a detector refuses, with a cure."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline

from ._adapters import name_of, thawed
from ._coding import TableCoding, infinite_entries, is_frame, missing_entries
from ._columns import infinities
from ._steps import refusing_step, sparse_giver

# Words of a ColumnTransformer's errors about columns without names.
_OF_NAMES = "'NoneType' object is not iterable|only supported for .*data ?frames"
# How estimators refuse rows.
REFUSALS = (TypeError, ValueError, OverflowError)
# Names, in an error that has a cure already, who refused.
_REFUSED_BY = "_refused_by"
# Words of errors about entries that are no numbers.
_OF_KINDS = "convert|float\\(\\)|[dD][tT]ype|numpy type|argument must be|sequence"


def refusal(estimator: Any, X: Any, error: Exception) -> Exception:
    """The error of an estimator that refuses rows, with a cure where one is known."""
    if getattr(error, _REFUSED_BY, None) == name_of(estimator):  # by itself
        return error
    said = str(error)
    sentence = None
    kind = TypeError if isinstance(error, TypeError) else ValueError
    if "array, got" in said:  # shows the array, and has a cure
        return error
    is_pipeline = isinstance(estimator, Pipeline)
    if isinstance(error, OverflowError):
        sentence = (
            f"X holds numbers that are too large for a float ({said}): leave these "
            "rows out, or divide the column."
        )
    elif "too large for a float" in said:
        return error
    elif is_pipeline and "parse" in said and (step := sparse_giver(estimator)):
        sentence = (
            f"The {step} gives a sparse matrix, which a later step does not take "
            f"({said}): set its sparse_output=False, or sparse_threshold=0 where it "
            "is a ColumnTransformer."
        )
    elif "omplex data" in said:
        sentence = (
            "Complex data not supported: pass the real and the imaginary parts, or the "
            "absolute values, as columns of X."
        )
    elif not is_frame(X) and "sequence" in said:
        sentence = (
            f"X holds sequences in its cells, or rows of different lengths ({said}): "
            "pass a table with one number in each cell."
        )
    elif re.search(_OF_NAMES, said):
        sentence = (
            f"{name_of(estimator)} looks up columns by name, and X has no such names "
            f"({said}): pass a DataFrame with the names that it had in fit."
        )
    elif "infinit" in said:
        sentence = _infinite_sentence(estimator, X, said)
    elif re.search("NaN|missing|NA |NAType|NoneType|null", said):
        sentence = _missing_sentence(estimator, X, said)
    elif re.search("nknown categor|unseen label", said):
        sentence = (
            f"The {refusing_step(estimator, X)} refuses rows with categories that it "
            f"has not seen in fit ({said}): set its handle_unknown, fit on rows with "
            "all categories, or leave these rows out."
        )
    elif re.search(_OF_KINDS, said):
        sentence = _kind_sentence(estimator, X, said)
    if sentence is None:
        return error
    told = kind(sentence)
    setattr(told, _REFUSED_BY, name_of(estimator))
    return told


def _missing_sentence(estimator: Any, X: Any, said: str) -> str | None:
    """Say which column lacks entries that an estimator does not take."""
    if np.ndim(X) != 2:
        return None
    missing = missing_entries(X if hasattr(X, "dtypes") else np.asarray(X))
    counts = missing.sum(axis=0)
    if not counts.any():
        return None
    lacking = np.flatnonzero(counts).tolist()
    told = [f"{_label(X, i)!r} ({counts[i]} of {len(missing)} rows)" for i in lacking]
    more = f" and {len(lacking) - 5} others" if len(lacking) > 5 else ""
    cure = f"as in make_pipeline(SimpleImputer(), {name_of(estimator)}())"
    if isinstance(thawed(estimator), Pipeline):
        cure = "in the Pipeline, for all columns that it gets"
    return (
        f"NaN, missing values, in {', '.join(told[:5])}{more}: the "
        f"{refusing_step(estimator, X)} takes none. Put an imputer before it, {cure}, "
        "or leave these rows out."
    )


def _infinite_sentence(estimator: Any, X: Any, said: str) -> str:
    """Say which column holds infinite numbers, or which step gets some."""
    counts = infinite_entries(X).sum(axis=0)
    if counts.any():
        first = int(counts.argmax())
        return infinities(_label(X, first), counts[first])
    return (
        f"{refusing_step(estimator, X)} gets infinity, or numbers beyond its range "
        f"({said.strip()}): scale the columns before it, or leave these rows out."
    )


def _kind_sentence(estimator: Any, X: Any, said: str) -> str | None:
    """Say which column holds something else than numbers."""
    if issparse(X):
        return (
            f"{name_of(estimator)} takes no sparse tables here ({said}): pass "
            "X.toarray()."
        )
    if not is_frame(X):
        return (
            f"{name_of(estimator)} takes numeric columns only ({said}): encode the "
            "other columns first, e.g. with OrdinalEncoder, leave them out, or pass a "
            "DataFrame where the detector takes categories."
        )
    coding = TableCoding.of(X)
    others = [i for i, column in enumerate(coding.columns) if not column.is_number]
    if not others:
        return None
    label, dtype = _label(X, others[0]), X[X.columns[others[0]]].dtype
    return (
        f"The {refusing_step(estimator, X)} takes numeric columns only ({said}), and "
        f"the column {label!r} holds {dtype}: encode it first, categories with "
        "OrdinalEncoder, dates as a number of days, in a ColumnTransformer in front "
        "of the detector, or drop it."
    )


def _label(X: Any, position: int) -> Any:
    return list(X.columns)[position] if hasattr(X, "columns") else position
