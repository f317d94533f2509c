"""What a fitted estimator computes once, and keeps beside its state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import RLock
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from ._typing import FloatArray

T = TypeVar("T")
_BY_VALUE = (bool, int, float, str, bytes, type(None))


class Kept:
    """Values that are made when they are first asked for, and then kept.

    Threads that ask for the same value wait for the first. Copies and pickles
    keep nothing: they make their values again.

    Examples
    --------
    >>> from sklearn_anomaly_attr._kept import Kept
    >>> kept = Kept()
    >>> kept.get("sum", (1, 2), lambda: 1 + 2)
    3
    >>> kept.get("sum", (1, 2), lambda: 1 / 0)
    3
    """

    def __init__(self) -> None:
        self._values: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._lock = RLock()

    def get(self, name: str, made_of: Iterable[Any], make: Callable[[], T]) -> T:
        """A value; made anew if it was made of something else.

        Parameters
        ----------
        name : str
            One value is kept for each name.
        made_of : iterable
            All that the value depends on. Numbers and strings are compared by
            their values, other objects are the same only if they are one.
        make : callable
            Makes the value.
        """
        made_of = tuple(made_of)
        with self._lock:
            known = self._values.get(name)
            if known is None or not _same(known[0], made_of):
                known = self._values[name] = made_of, make()
            value: T = known[1]
        return value

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]


def _same(ones: tuple[Any, ...], others: tuple[Any, ...]) -> bool:
    return len(ones) == len(others) and all(map(_equal, ones, others))


def _equal(one: Any, other: Any) -> bool:
    if one is other:
        return True
    return type(one) is type(other) and isinstance(one, _BY_VALUE) and one == other


def parameters_of(estimator: BaseEstimator) -> list[Any]:
    """The values of an estimator's parameters."""
    return [
        value
        for name, value in vars(estimator).items()
        if not (name.startswith("_") or name.endswith("_"))
    ]


def state_of(estimator: Any) -> Iterator[Any]:
    """All that an estimator holds, and the estimators inside it.

    A fit sets new objects; what is changed in place is not seen.
    """
    yield estimator
    if isinstance(estimator, BaseEstimator):
        parts: Iterable[Any] = vars(estimator).values()
    elif isinstance(estimator, dict):
        parts = estimator.values()
    elif isinstance(estimator, list | tuple):
        parts = estimator
    else:
        return
    for part in parts:
        yield from state_of(part)


def own_rows(X: FloatArray, estimator: Any) -> FloatArray:
    """A copy of rows to keep; or the array of an estimator that equals them.

    What shares it takes no memory of its own, and no room in a pickle.
    """
    for part in state_of(estimator):
        array = getattr(part, "rows", part)
        if not isinstance(array, np.ndarray) or array.shape != X.shape:
            continue
        if np.array_equal(array, X) and not np.may_share_memory(array, X):
            return array
    return X.copy()
