"""Where the scores of a detector and of what stands for it part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.pipeline import Pipeline
from torch import Tensor

from .._adapters import name_of
from .._coding import TableCoding
from .._typing import FloatArray
from .._validation import scoring_part
from ._torch_transform import is_passthrough, torch_transform
from ._transform import NotTranslatedError

_ROUNDING = 1e-6


def differing_part(
    estimator: Any, X: Any, coded: FloatArray, coding: TableCoding
) -> str:
    """A sentence on the step of a detector that gives something else, and a cure.

    Parameters
    ----------
    estimator : fitted estimator
        The detector.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Rows.
    coded : ndarray of shape (n_samples, n_features)
        The same as numbers.
    coding : TableCoding
        What the numbers stand for.
    """
    part = scoring_part(estimator)
    steps = part.steps if isinstance(part, Pipeline) else []
    x = torch.tensor(coded)
    made = coding.decode(coded, X.index if hasattr(X, "index") else None)
    for name, step in steps[:-1]:
        if is_passthrough(step):
            continue
        translated = _translated(step, coding, x)
        X, made = step.transform(X), step.transform(made)
        if not _same(X, made):
            return (
                f"The step {name!r} ({type(step).__name__}) makes something else of "
                "the same values in the types that they had in fit: pass the columns "
                "in these types."
            )
        if translated is None:
            break
        if not _same(X, translated.cpu().numpy()):
            return (
                f"The translation of the step {name!r} ({type(step).__name__}) gives "
                "something else than its transform: correct what is registered for "
                "it, or remove it."
            )
        x, coding = translated, TableCoding.of(np.empty((0, translated.shape[1])))
    last = steps[-1][0] if steps else name_of(estimator)
    return (
        f"The step {last!r}, which scores, makes the difference: correct what is "
        "registered for it, or its _torch_score; or pass the columns in the types that "
        "they had in fit."
    )


def _translated(step: Any, coding: TableCoding, x: Tensor) -> Tensor | None:
    """What the translation of a step gives; None where there is none."""
    plain = None if coding.has_numbers_only else coding
    try:
        with torch.no_grad():
            given: Tensor = torch_transform(step, plain)(x)
    except NotTranslatedError:
        return None
    return given


def _same(one: Any, other: Any) -> bool:
    """Whether two tables hold the same, up to rounding."""
    one, other = (_array(table) for table in (one, other))
    if one.shape != other.shape:
        return False
    if one.dtype == object or other.dtype == object:
        return bool(pd.DataFrame(one).equals(pd.DataFrame(other)))
    return np.allclose(one, other, rtol=_ROUNDING, atol=0.0, equal_nan=True)


def _array(table: Any) -> Any:
    dense = table.toarray() if hasattr(table, "toarray") else table
    array = np.asarray(dense)
    return (
        array.astype(np.float64) if array.dtype.kind in "iufb" else array.astype(object)
    )
