"""Which rows are anomalies, by labels in any code, and which of them have a score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .._typing import BoolArray, FloatArray
from ._inputs import check_labels, check_scores

_FOLDS_OF_ROWS = (
    "cv=StratifiedKFold(shuffle=True), since the folds of cv=5 hold rows that follow "
    "each other"
)


def scored_rows(
    y_true: ArrayLike, anomaly_score: ArrayLike, pos_label: Any
) -> tuple[BoolArray, FloatArray]:
    """Which of the rows with a score are anomalies, and their scores."""
    score = check_scores(anomaly_score, "anomaly_score", missing=True)
    labels = check_labels(y_true, len(score))
    scored = ~np.isnan(score)
    return anomalies_of_both(labels[scored], pos_label), score[scored]


def anomalies_of_both(
    labels: NDArray[Any], pos_label: Any, folds: str = _FOLDS_OF_ROWS
) -> BoolArray:
    """Which rows are anomalies, where there are rows of both kinds.

    Parameters
    ----------
    labels : ndarray of shape (n_rows,)
        Labels without gaps.
    pos_label : object
        Label of the anomalies, or None for the usual codes.
    folds : str
        What gives each fold of a search rows of both kinds.
    """
    found = pd.unique(labels).tolist()
    if len(found) == 1:
        raise ValueError(
            f"All labels are {found[0]!r}: pass rows of both kinds, in a search by "
            f"{folds}."
        )
    if pos_label is not None and (len(found) != 2 or pos_label not in found):
        raise ValueError(
            f"pos_label={pos_label!r} and the labels {_shown(found)!r}: pass the label "
            "of the anomalies, with it and one other label among the rows."
        )
    return _equal(labels, _label_of_anomalies(found, pos_label))


def anomalies_of_any(labels: NDArray[Any], pos_label: Any) -> BoolArray:
    """Which rows are anomalies, where there may be rows of one kind only."""
    found = pd.unique(labels).tolist()
    if pos_label is not None:
        if len({*found, pos_label}) > 2:
            raise ValueError(
                f"pos_label={pos_label!r} and the labels {_shown(found)!r}: pass the "
                "label of the anomalies, with at most one other label among the rows."
            )
        return _equal(labels, pos_label)
    if found == [1] and labels.dtype != np.bool_:
        raise ValueError(
            f"All labels are {found[0]!r}, which marks anomalies beside 0 and normal "
            "rows beside -1: name the label of the anomalies by pos_label."
        )
    if len(found) == 1 and found[0] in {0, 1, -1}:
        return np.full(len(labels), found[0] in {True, -1})
    return _equal(labels, _label_of_anomalies(found, None))


def _label_of_anomalies(found: list[Any], pos_label: Any) -> Any:
    if pos_label is not None:
        return pos_label
    for code, anomalous in (({0, 1}, 1), ({-1, 1}, -1)):
        if set(found) == code:
            return anomalous
    raise ValueError(
        f"Labels {_shown(found)!r}: use 0 for normal rows and 1 for anomalies, or +1 "
        "for normal rows and -1 for anomalies, with both among the rows. Of other "
        "labels name that of the anomalies by pos_label, in a search by "
        "scoring=make_anomaly_scorer(anomaly_roc_auc, pos_label=...)."
    )


def _shown(found: list[Any]) -> list[Any]:
    return sorted(found, key=str)[:5]


def _equal(labels: NDArray[Any], label: Any) -> BoolArray:
    is_anomaly: BoolArray = np.asarray(labels == label, dtype=bool)
    return is_anomaly
