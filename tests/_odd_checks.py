"""What estimators make of odd inputs: a right result, or an error with a cure."""

import re
import warnings
import zlib
from functools import cache
from inspect import signature
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_anomaly_attr import CounterfactualExplainer, KernelShap
from sklearn_anomaly_attr.base import BaseDetector
from sklearn_anomaly_attr.refinement import DSIL
from tests._catalogue import instances
from tests._odd_inputs import ARGUMENTS, INPUTS, LABELS, ROWS

REFUSALS = (ValueError, TypeError, NotFittedError)
ODD = {odd.name: odd for odd in INPUTS}
FINE = ("handled", "refused")
N_FEW = 4
# An imperative, or what would be right.
CURE = re.compile(
    r"\b(pass|set|take|give|drop|replace|leave|scale|divide|encode|fit|wrap|use|turn|"
    r"put|impute|call|choose|list|install|reshape|state|"
    r"using|load|parameter of \w+ must|should|expect\w*|required|needs?|takes)\b",
    re.IGNORECASE,
)


def _numbers(X):
    """Positions of the columns of numbers, but for the last."""
    return [i for i, dtype in enumerate(list(X.dtypes)[:-1]) if _is_number(dtype)]


def _others(X):
    """Positions of the last column, and of those that hold something else."""
    return [i for i in range(X.shape[1]) if i not in _numbers(X)]


def _is_number(dtype):
    if hasattr(dtype, "is_numeric"):  # one of polars
        return dtype.is_numeric()
    return pd.api.types.is_numeric_dtype(dtype)


# Takes missing values and categories.
TABLE_FOREST = make_pipeline(
    make_column_transformer(
        (SimpleImputer(keep_empty_features=True), _numbers),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), _others),
    ),
    IsolationForest(n_estimators=5),
)
TABLES = [
    CounterfactualExplainer(TABLE_FOREST),
    DSIL(TABLE_FOREST),
    KernelShap(TABLE_FOREST, max_evaluations=14),
]


class Cell(NamedTuple):
    """An estimator that gets something odd, in one of its methods."""

    estimator: str
    method: str
    kind: str
    input: str

    @property
    def chance(self):
        """A number between 0 and 1, the same in every run."""
        return zlib.crc32("|".join(self).encode()) / 2**32


class Outcome(NamedTuple):
    """What came of it; ``FINE`` are those that are as they should be."""

    name: str
    message: str = ""


@cache
def estimators():
    """Estimators by a short name."""
    found = {}
    for estimator in [*instances(["detector", "explainer"], further=False), *TABLES]:
        inner = getattr(estimator, "estimator", None)
        last = inner[-1] if hasattr(inner, "steps") else inner
        names = [type(e).__name__ for e in (estimator, last) if e is not None]
        if last is not inner:
            names.append("table" if inner is TABLE_FOREST else "pipeline")
        seeds = {"random_state"} & set(estimator.get_params())
        found["-".join(names)] = clone(estimator).set_params(**dict.fromkeys(seeds, 0))
    return found


def cells():
    """All cells, in the order in which fits are shared."""
    for name, estimator in estimators().items():
        is_detector = isinstance(estimator, BaseDetector)
        methods = ["score_samples", "predict"] if is_detector else ["explain"]
        for odd in INPUTS:
            if name.endswith("table") and not odd.is_frame:
                continue  # its columns have names
            if odd.fits:
                yield Cell(name, "fit", odd.kind, odd.name)
            yield from (Cell(name, method, odd.kind, odd.name) for method in methods)
        for parameter, values in ARGUMENTS.items():
            if parameter in estimator.get_params(deep=False):
                default = signature(type(estimator)).parameters[parameter].default
                for i, value in enumerate(values):
                    if value is None and default is None:
                        continue
                    yield Cell(name, "fit", "arguments", f"{parameter}, {i}")


def outcome(cell):
    """What comes of a cell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fault = _fault(cell)
        except Exception as error:  # whatever it is, it is told
            return _refusal(error)
    return Outcome("silent", fault) if fault else Outcome("handled")


def _refusal(error):
    message = str(error)
    if not isinstance(error, REFUSALS):
        return Outcome("bare error", f"{type(error).__name__}: {message}")
    has_cure = len(message) >= 30 and CURE.search(message)
    return Outcome("refused" if has_cure else "no cure", message)


def _fault(cell):
    """What is wrong with the result of a cell; None where it is right."""
    if cell.kind == "arguments":
        return _fault_of_argument(cell)
    odd, on = ODD[cell.input], None
    if cell.method == "fit":
        fit = clone(estimators()[cell.estimator]).fit(odd.make())
        method = "score_samples" if isinstance(fit, BaseDetector) else "explain"
    else:
        on, method = odd.is_frame, cell.method
        fit = fitted(cell.estimator, on)
    X = odd.make() if odd.kind == "dimensions" else few(odd.make())
    array, others = said(fit, method, X)
    shape = getattr(X, "shape", ())
    if len(shape) == 2 and len(array) != shape[0]:
        return f"{len(array)} results for {shape[0]} rows"
    if not all(np.isfinite(numbers).all() for numbers in (array, *others)):
        return "NaN or infinity"
    if method == "predict" and not np.isin(array, [-1, 1]).all():
        return "labels other than -1 and 1"
    if on is not None and odd.means_rows and not _as_usual(cell, on, array):
        return "another result than that of the same numbers in a usual table"
    return None


def _fault_of_argument(cell):
    parameter, i = cell.input.split(", ")
    value = ARGUMENTS[parameter][int(i)]
    estimator = clone(estimators()[cell.estimator]).set_params(**{parameter: value})
    X = _table(cell.estimator.endswith("table"))
    fit = estimator.fit(X)
    if not isinstance(fit, BaseDetector):
        fit.explain(few(X))
    return f"{parameter}={value!r} is taken"


def _as_usual(cell, on_frame, array):
    usual = _usual(cell.estimator, cell.method, on_frame)[: len(array)]
    if array.shape != usual.shape:  # whole containers change the company of rows
        return False
    return np.allclose(array, usual, rtol=1e-6, atol=1e-6 * max(usual.std(), 1e-9))


@cache
def _usual(name, method, on_frame):
    """What an estimator says of the first rows in a usual table."""
    return said(fitted(name, on_frame), method, few(_table(on_frame)))[0]


@cache
def fitted(name, on_frame):
    """An estimator that is fitted on the rows, once."""
    return clone(estimators()[name]).fit(_table(on_frame))


def _table(is_frame):
    return pd.DataFrame(ROWS, columns=LABELS) if is_frame else np.array(ROWS)


def said(fit, method, X):
    """The main array of a result, and others that have to be finite."""
    result = getattr(fit, method)(X)
    if method != "explain":
        return result, ()
    for told in (result.to_frame(), result.top_features(2), result.to_json()):
        repr(told)
    values = getattr(result, "timestamp_values", result.values)
    return values, (getattr(result, "scores", ()),)


def few(X):
    """The first rows of a table; anything else as it is."""
    if isinstance(X, list | tuple):
        return X[:N_FEW]
    if isinstance(X, type) or len(getattr(X, "shape", ())) != 2:
        return X
    if sp.issparse(X) or getattr(X, "is_sparse", False):
        return X
    return X.iloc[:N_FEW] if isinstance(X, pd.DataFrame) else X[:N_FEW]
