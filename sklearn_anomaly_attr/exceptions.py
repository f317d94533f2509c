"""Warnings that a program may want to catch, or to turn into errors."""

__all__ = ["BatchDependenceWarning"]


class BatchDependenceWarning(UserWarning):
    """The score of a row depends on the rows that are scored with it.

    :class:`.PyODDetector` raises it in ``fit`` where it has to score the rows one
    by one, which is slow. ``row_wise=True`` asks for that, and ``row_wise=False`` for
    PyOD's own scores; neither warns.

    Explainers raise it in ``fit`` where the detector's own score is of that kind: a
    step computes rolling means, ranks, or means of groups, for instance. They explain
    the score that rows have among the rows that they are scored with, which are made
    up. Compute what needs other rows before, as columns of X.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_anomaly_attr.exceptions import BatchDependenceWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", BatchDependenceWarning)  # refuse such models
    """
