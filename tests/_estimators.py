"""Detectors and Pipelines as users have them, around the columns of a table."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.models.knn import KNN
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.linear_model import SGDOneClassSVM
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import OneClassSVM

from sklearn_anomaly_attr import (
    DSIL,
    AnomalyDetector,
    AutoencoderDetector,
    GaussianMixtureDetector,
    KNNDetector,
)
from tests._frames import ALL, FRAMES, NUMBERS, Table

PANDAS = frozenset(FRAMES) - {"numpy", "polars"}
IN_COLUMNS = frozenset(FRAMES) - {"numpy"}


class Votes(OutlierMixin, BaseEstimator):
    """The mean of other detectors' scores."""

    def __init__(self, estimators):
        self.estimators = estimators

    def fit(self, X, y=None):
        self.estimators_ = [clone(one).fit(X) for one in self.estimators]
        return self

    def score_samples(self, X):
        return np.mean([one.score_samples(X) for one in self.estimators_], axis=0)


class HalfPrecision(IsolationForest):
    """Scores of float32."""

    def score_samples(self, X):
        return super().score_samples(X).astype(np.float32)


class AmongOthers(GaussianMixture):
    """Scores less their mean over the rows beside them."""

    def score_samples(self, X):
        scores = super().score_samples(X)
        return scores - scores.mean()


def _digits(X, label):
    """Numbers of the digits of a column, as text, and which is the first."""
    column = X[label]
    text = column.cast(pl.String) if isinstance(X, pl.DataFrame) else column.astype(str)
    entries = [str(entry) for entry in text.to_list()]
    return np.array([[len(entry), ord(entry[0])] for entry in entries], dtype=float)


def _labels_of_rows(X):
    """The numbers in the labels of the rows."""
    return np.array([[float(label[-2:])] for label in X.index])


def _by_types(X):
    """Whole numbers count twice."""
    if isinstance(X, pl.DataFrame):
        whole = [dtype.is_integer() for dtype in X.dtypes]
    elif isinstance(X, pd.DataFrame):
        whole = [pd.api.types.is_integer_dtype(dtype) for dtype in X.dtypes]
    else:
        whole = [X.dtype.kind in "iu"] * X.shape[1]
    return np.asarray(X, dtype=float) * (1 + np.array(whole))


def _hours(X, label):
    """Hours of the day and days of the week."""
    if isinstance(X, pl.DataFrame):
        parts = X[label].dt.hour(), X[label].dt.weekday() - 1
    else:
        parts = X[label].dt.hour, X[label].dt.dayofweek
    return np.column_stack([np.asarray(part, dtype=float) for part in parts])


def _seconds(X, label):
    seconds = X[label].dt.total_seconds()
    return np.asarray(seconds, dtype=float)[:, None]


def _one_column(X, label):
    """Works by name only."""
    return np.asarray(X[label], dtype=float)[:, None] ** 2


def _overwritten(X):
    """Doubles in place what can be written to."""
    if isinstance(X, pl.DataFrame):
        return X * 2
    if isinstance(X, pd.DataFrame):
        X.iloc[:, 0] = X.iloc[:, 0] * 2
    else:
        X *= 2
    return X


def _scored_by_spread(estimator, X, y=None):
    return float(np.std(estimator.score_samples(X)))


def _forest(**params):
    return IsolationForest(n_estimators=3, random_state=0, **params)


def _after(step, table, *names, last=None, **params):
    """Some columns through a step, numbers through an imputer, in a Pipeline."""
    return make_pipeline(
        make_column_transformer(
            (step, table.at(*names)),
            (SimpleImputer(), table.at("amount", "weight")),
            **params,
        ),
        _forest() if last is None else last,
    )


def _function(function, *args):
    return FunctionTransformer(partial(function, *args) if args else function)


def _by_label(function, name):
    """A function that reads one column by its label, in front of a forest."""

    def make(table):
        step = FunctionTransformer(function, kw_args={"label": table.label(name)})
        return make_pipeline(step, _forest())

    return make


def _encoded(encoder, **params):
    return lambda table: _after(encoder, table, "city", "kind", "flag", **params)


def _scaled(last, *before):
    return lambda table: make_pipeline(*before, StandardScaler(), last)


def _always(estimator):
    return lambda table: estimator


def _everything(last):
    """A detector behind encoders of all columns but dates."""

    def make(table):
        return make_pipeline(
            make_column_transformer(
                (
                    make_pipeline(SimpleImputer(), StandardScaler()),
                    table.at(*NUMBERS),
                ),
                (
                    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                    table.at("flag", "city", "kind"),
                ),
            ),
            last,
        )

    return make


def _with_output(container):
    def make(table):
        steps = make_pipeline(SimpleImputer(), StandardScaler(), _forest())
        return steps.set_output(transform=container)

    return make


def _search(table):
    return GridSearchCV(
        _forest(), {"max_samples": [0.5, 1.0]}, scoring=_scored_by_spread, cv=2
    )


def _random_search(table):
    return RandomizedSearchCV(
        make_pipeline(SimpleImputer(), StandardScaler(), GaussianMixture()),
        {"gaussianmixture__reg_covar": [1e-3, 1e-2]},
        n_iter=1,
        scoring=_scored_by_spread,
        cv=2,
        random_state=0,
    )


@dataclass(frozen=True)
class Case:
    """An estimator, around the columns of a table.

    Parameters
    ----------
    make : callable
        Gives it, not fitted, for a Table.
    names : tuple of str
        The columns that it gets.
    frames : frozenset of str
        Those that it is written for.
    needs_y : bool
        Whether its fit takes targets.
    given_fitted : bool
        Whether explainers get it fitted.
    frozen : bool
        Whether in a FrozenEstimator.
    """

    make: Callable[[Table], Any]
    names: tuple[str, ...] = NUMBERS
    frames: frozenset[str] = frozenset(FRAMES)
    needs_y: bool = False
    given_fitted: bool = True
    frozen: bool = False

    def fitted(self, table: Table) -> Any:
        """The estimator, fitted."""
        y = np.arange(len(table.X)) % 7.0 if self.needs_y else None
        X = table.X.copy() if hasattr(table.X, "copy") else table.X.clone()
        fitted = self.make(table).fit(X, y)
        return FrozenEstimator(fitted) if self.frozen else fitted


ESTIMATORS: dict[str, Case] = {
    "any table": Case(_always(AnomalyDetector(random_state=0)), ALL),
    "forest": Case(_always(_forest())),
    "forest in columns": Case(
        lambda table: make_pipeline(
            make_column_transformer(("passthrough", table.at(*NUMBERS))), _forest()
        ),
        ALL,
    ),
    "simple imputer": Case(lambda t: make_pipeline(SimpleImputer(), _forest())),
    "neighbors imputer": Case(lambda t: make_pipeline(KNNImputer(), _forest())),
    "iterative imputer": Case(
        lambda t: make_pipeline(IterativeImputer(max_iter=2), _forest())
    ),
    "missing indicator": Case(_scaled(_forest(), SimpleImputer(add_indicator=True))),
    "one-hot, error": Case(_encoded(OneHotEncoder()), ALL),
    "one-hot, error, known": Case(
        lambda t: _after(OneHotEncoder(), t, "kind", "flag"),
        ("amount", "weight", "kind", "flag"),
    ),
    "one-hot, ignore": Case(_encoded(OneHotEncoder(handle_unknown="ignore")), ALL),
    "one-hot, infrequent": Case(
        _encoded(OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=12)),
        ALL,
    ),
    "one-hot, warn": Case(
        _encoded(OneHotEncoder(handle_unknown="warn", min_frequency=12)), ALL
    ),
    "ordinal": Case(
        _encoded(
            OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=-1,
                encoded_missing_value=-2,
            )
        ),
        ALL,
    ),
    "target": Case(_encoded(TargetEncoder(cv=2, random_state=0)), ALL, needs_y=True),
    "bins": Case(
        lambda t: make_pipeline(
            SimpleImputer(),
            KBinsDiscretizer(3, encode="ordinal", quantile_method="linear"),
            _forest(),
        )
    ),
    "digits": Case(_by_label(_digits, "hour"), frames=IN_COLUMNS),
    "labels of rows": Case(
        lambda t: make_pipeline(_function(_labels_of_rows), _forest()), frames=PANDAS
    ),
    "types": Case(lambda t: make_pipeline(_function(_by_types), _forest())),
    "hours": Case(_by_label(_hours, "when"), ALL, IN_COLUMNS),
    "durations": Case(_by_label(_seconds, "took"), ALL, PANDAS),
    "one column": Case(_by_label(_one_column, "hour"), frames=IN_COLUMNS),
    "scaler in place": Case(
        lambda t: make_pipeline(StandardScaler(copy=False), GaussianMixtureDetector())
    ),
    "imputer in place": Case(
        lambda t: make_pipeline(SimpleImputer(copy=False), _forest())
    ),
    "overwriting": Case(lambda t: make_pipeline(_function(_overwritten), _forest())),
    "PyOD": Case(_always(KNN(n_neighbors=3))),
    "PyOD, not fitted": Case(_always(KNN(n_neighbors=3)), given_fitted=False),
    "PyOD at the end": Case(lambda t: make_pipeline(SimpleImputer(), ECOD())),
    "PyOD, frozen": Case(_always(IForest(n_estimators=5, random_state=0)), frozen=True),
    "votes": Case(
        lambda t: make_pipeline(
            SimpleImputer(), StandardScaler(), Votes([_forest(), GaussianMixture()])
        )
    ),
    "search": Case(_search),
    "random search": Case(_random_search),
    "output in pandas": Case(_with_output("pandas")),
    "output in polars": Case(_with_output("polars")),
    "our neighbors": Case(_everything(KNNDetector(3)), ALL),
    "our mixture": Case(_everything(GaussianMixtureDetector(reg_covar=1e-2)), ALL),
    "our net": Case(
        _everything(AutoencoderDetector(4, max_iter=2, random_state=0)), ALL
    ),
    "one-class SVM": Case(_everything(OneClassSVM(nu=0.2)), ALL),
    "local outlier factor": Case(
        _scaled(LocalOutlierFactor(5, novelty=True), SimpleImputer())
    ),
    "elliptic envelope": Case(
        _scaled(EllipticEnvelope(support_fraction=1.0, random_state=0))
    ),
    "kernel density": Case(_scaled(KernelDensity(), SimpleImputer())),
    "mixture": Case(_scaled(GaussianMixture(), SimpleImputer())),
    "linear SVM": Case(_everything(SGDOneClassSVM(random_state=0)), ALL),
    "DSIL": Case(
        lambda t: DSIL(_scaled(KNNDetector(3), SimpleImputer())(t), max_iter=1)
    ),
    "float32": Case(_always(HalfPrecision(n_estimators=5, random_state=0))),
    "batch": Case(_scaled(AmongOthers(), SimpleImputer())),
}
