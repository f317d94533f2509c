"""What a mixed table is given to: the detector to start with, and plain baselines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import AnomalyDetector, KNNDetector

from ._common import FloatArray

# Anomaly scores of test rows, higher for anomalies, and the detector.
Scored = tuple[FloatArray, Any]
Method = Callable[[pd.DataFrame, pd.DataFrame, int], Scored]
OURS = "AnomalyDetector"
_MOST_ONE_HOTS = 100


def encoder(train: pd.DataFrame) -> ColumnTransformer:
    """Standardised numbers, dates among them, and one-hot categories, no gaps."""
    is_text = [
        not (types.is_numeric_dtype(t) or types.is_datetime64_any_dtype(t))
        for t in train.dtypes
    ]
    texts = list(train.columns[is_text])
    numbers = [label for label in train if label not in texts]
    of_numbers = make_pipeline(
        FunctionTransformer(_as_numbers), SimpleImputer(strategy="median")
    )
    of_texts = make_pipeline(
        FunctionTransformer(_as_objects),
        SimpleImputer(strategy="constant", fill_value="missing"),
        OneHotEncoder(
            handle_unknown="infrequent_if_exist",
            min_frequency=2,
            max_categories=_MOST_ONE_HOTS,
            sparse_output=False,
        ),
    )
    return ColumnTransformer(
        [
            ("numbers", make_pipeline(of_numbers, StandardScaler()), numbers),
            ("categories", of_texts, texts),
        ]
    )


def _as_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """Dates as days, booleans as 0 and 1."""
    return table.apply(
        lambda column: (
            (column - pd.Timestamp(0)) / pd.Timedelta(days=1)
            if types.is_datetime64_any_dtype(column)
            else column.astype(np.float64)
        )
    )


def _as_objects(table: pd.DataFrame) -> pd.DataFrame:
    """Texts as objects, missing ones NaN."""
    return table.astype(object).where(table.notna(), np.nan)


def _ours(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Scored:
    detector = AnomalyDetector(random_state=seed).fit(train)
    return detector.anomaly_score(test), detector


def _encoded(make: Callable[[int], Any], *steps: Any) -> Method:
    """A detector behind the encoder, and further steps."""

    def scored(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Scored:
        pipeline: Pipeline = make_pipeline(encoder(train), *steps, make(seed))
        pipeline.fit(train)
        return -pipeline.score_samples(test), pipeline

    return scored


def _ecod(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> Scored:
    """PyOD's, which needs no seed."""
    from pyod.models.ecod import ECOD

    encoding = encoder(train)
    detector = ECOD().fit(encoding.fit_transform(train))
    return detector.decision_function(encoding.transform(test)), detector


METHODS: dict[str, Method] = {
    OURS: _ours,
    "IsolationForest": _encoded(lambda seed: IsolationForest(random_state=seed)),
    "kNN k=5": _encoded(lambda seed: KNNDetector(5)),
    "kNN k=20": _encoded(lambda seed: KNNDetector(20)),
    "kNN k=20, one-hots scaled": _encoded(
        lambda seed: KNNDetector(20), StandardScaler()
    ),
    "ECOD": _ecod,
}
