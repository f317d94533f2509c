"""Scores of an isolation forest's training rows out of bag."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.utils.validation import validate_data

from .._sklearn_compat import _average_path_length
from .._typing import FloatArray, IntArray


def out_of_bag_scores(forest: IsolationForest, X: Any) -> FloatArray | None:
    """Scores of training rows by the trees that have not drawn them.

    They are ``score_samples`` of a forest of these trees alone: the fewer they are,
    the more such scores scatter.

    Parameters
    ----------
    forest : IsolationForest
        A fitted forest.
    X : array-like, sparse matrix or DataFrame of shape (n_samples, n_features)
        The rows that it was fitted on, in their order.

    Returns
    -------
    ndarray of shape (n_samples,) or None
        LOWER is more abnormal; None if some row was drawn by all trees.

    Raises
    ------
    ValueError
        If X has another number of rows than the forest was fitted on.

    References
    ----------
    Breiman (1996), "Out-of-bag estimation".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.ensemble import IsolationForest
    >>> from sklearn_anomaly_attr.detectors._forest_left_out import out_of_bag_scores
    >>> X = np.append(np.random.default_rng(0).normal(size=(99, 2)), [[9.0, 9.0]], 0)
    >>> forest = IsolationForest(max_samples=50, random_state=0).fit(X)
    >>> int(out_of_bag_scores(forest, X).argmin())
    99
    """
    n_samples, n_features = forest._n_samples, forest.n_features_in_
    drawn = forest.estimators_samples_
    n_trees = _n_left_out(forest, drawn)
    if not n_trees.all():
        return None
    X = validate_data(
        forest,
        X,
        accept_sparse="csr",
        dtype=np.float32,
        reset=False,
        ensure_all_finite=False,
    )
    if X.shape[0] != n_samples:
        raise ValueError(
            f"X has {X.shape[0]} rows, and the forest was fitted on {n_samples}: pass "
            "those, in their order."
        )
    lengths = np.zeros(n_samples)
    trees = zip(forest.estimators_, forest.estimators_features_, drawn, strict=True)
    for tree, features, rows in trees:
        columns = X if len(features) == n_features else X[:, features]
        some = _path_lengths(tree, columns)
        some[rows] = 0.0
        lengths += some
    normal = n_trees * usual_length(forest)
    # Trees of one row have no length, and score 1 / 2 whatever the row.
    ratios = np.divide(lengths, normal, out=np.ones(n_samples), where=normal > 0)
    return np.asarray(-(2.0**-ratios))


def leaves_out(forest: IsolationForest) -> bool:
    """Whether each training row has trees that have not drawn it."""
    return bool(_n_left_out(forest, forest.estimators_samples_).all())


def _n_left_out(forest: IsolationForest, drawn: list[IntArray]) -> IntArray:
    """How many trees have not drawn each row, as far as is known."""
    # After a warm start there is no record of what the first trees have drawn.
    known = len(drawn) == len(forest.estimators_)
    n_trees = np.full(forest._n_samples, len(drawn) if known else 0)
    for rows in drawn if known else ():
        n_trees[np.unique(rows)] -= 1
    return n_trees


def leaf_lengths(tree: Any) -> FloatArray:
    """Lengths of the paths to the nodes of a tree, and on from there as usual."""
    nodes = tree.tree_
    lengths: FloatArray = nodes.compute_node_depths() - 1.0
    lengths += _average_path_length(nodes.n_node_samples)
    return lengths


def usual_length(forest: IsolationForest) -> float:
    """The usual length of a path in a tree of the forest; 0 in trees of one row."""
    return float(_average_path_length([forest.max_samples_])[0])


def _path_lengths(tree: Any, X: Any) -> FloatArray:
    found: FloatArray = leaf_lengths(tree)[tree.apply(X, check_input=False)]
    return found
