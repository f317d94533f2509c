"""All or nothing: what ``fit`` finds is published in one place, at its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from sklearn.base import BaseEstimator

E = TypeVar("E", bound=BaseEstimator)


@contextmanager
def published(estimator: E) -> Iterator[E]:
    """Fit a draft of an estimator, and publish what it found if nothing fails.

    Parameters
    ----------
    estimator : estimator
        It stays as it is until the end, and for good if the fit is left by an
        exception, ``KeyboardInterrupt`` among them. Its attributes change all at
        once; what is set on it meanwhile, as by a callback, is lost.

    Yields
    ------
    draft : estimator
        A shallow copy to fit, with the attributes of the last fit. It may set
        and delete attributes, and must not change what they hold.

    Examples
    --------
    >>> from sklearn.base import BaseEstimator
    >>> from sklearn_anomaly_attr._publish import published
    >>> class Mean(BaseEstimator):
    ...     def fit(self, X):
    ...         with published(self) as draft:
    ...             draft.sum_ = sum(X)
    ...             draft.mean_ = draft.sum_ / len(X)
    ...         return self
    >>> mean = Mean().fit([1, 2, 3])
    >>> mean.fit([])
    Traceback (most recent call last):
        ...
    ZeroDivisionError: division by zero
    >>> mean.sum_, mean.mean_
    (6, 2.0)
    """
    draft = snapshot(estimator)
    yield draft
    estimator.__dict__ = vars(draft)


def snapshot(estimator: E) -> E:
    """A shallow copy, for what reads several attributes of one fit.

    Another thread may publish a new fit between two readings of the estimator.
    """
    # Not copy(): __getstate__ may leave out what cannot be pickled.
    taken: E = object.__new__(type(estimator))
    vars(taken).update(vars(estimator))
    return taken
