"""Anomalies of known kinds and features, planted into rows of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.utils import Bunch

from ._kinds import Plan, RandomStateLike, as_generator, count, plant
from ._tables import as_rows, column_like, feature_names, table_like


def inject_anomalies(
    X: Any,
    *,
    kind: str | Sequence[str] = "global",
    contamination: float = 0.05,
    n_anomalies: int | None = None,
    n_anomalous_features: int | tuple[int, int] | None = None,
    alpha: Mapping[str, float] | None = None,
    random_state: RandomStateLike = None,
) -> Bunch:
    r"""Turn some normal rows into anomalies whose features are known.

    Rows drawn at random become anomalous where they stand; the others, and the
    order of the rows, stay as they were. Each anomaly draws distinct features of
    its own among those that are not constant; the rest of the row stays as it was.
    Of a cluster anomaly all features are anomalous.

    ================  ======================================================  =====
    Kind              The features' values                                    alpha
    ================  ======================================================  =====
    "cluster"         times alpha                                             3
    "global"          uniform on the range of the column, alpha times as      1.025
                      wide about its middle
    "local"           from N(mean, alpha cov) of these columns                1.05
    "additive"        plus :math:`\varepsilon \sim N(\alpha s, s)`            3
    "multiplicative"  times :math:`\varepsilon \sim N(\alpha s, 0.3)`         0.5
    ================  ======================================================  =====

    Here s is the standard deviation of the column. All statistics are of X as
    given, so what a row becomes depends on the other rows through them.

    Parameters
    ----------
    X : array-like or DataFrame of shape (n_samples, n_features)
        Normal rows of finite numbers, at least 2. X itself is not changed.
    kind : str or sequence of str, default="global"
        The kinds of anomalies, which share the rows evenly; "all" for all five.
    contamination : float, default=0.05
        Share of the rows that become anomalous, in [0, 1].
    n_anomalies : int, default=None
        Their number; it takes the place of ``contamination``.
    n_anomalous_features : int, (int, int) or None, default=None
        Number of features of an anomaly that is not a cluster one, or the bounds
        between which it is drawn anew for each, both included. If None, it is
        drawn from 1 to ``(n_features - 1) // 2``: fewer than half. A row gets
        fewer, within the bounds, where it has no more that can change.
    alpha : dict of str to float, default=None
        Strengths of kinds that replace those of the table, e.g. ``{"global": 1.5}``.
    random_state : int, Generator, RandomState instance or None, default=None
        Seed for the rows, the features and their values.

    Returns
    -------
    bunch : Bunch
        data : {ndarray, DataFrame} of shape (n_samples, n_features)
            The rows as float64, with X's columns and index.
        target : {ndarray, Series} of shape (n_samples,)
            1 for anomalies and 0 for normal rows, as in ADBench and as
            :mod:`sklearn_anomaly_attr.metrics` takes it. scikit-learn's
            detectors predict -1 and +1: ``np.where(target, -1, 1)``.
        anomalous_features : {ndarray, DataFrame} of shape (n_samples, n_features)
            Which features of which rows are anomalous, as booleans.
        kind : {ndarray, Series} of shape (n_samples,)
            The kind of each row, "normal" for normal ones.
        feature_names : list of str
            X's columns, or x0, x1, ...

    Raises
    ------
    ValueError
        If X holds NaN, infinity or text, or a row has too few features that an
        anomaly of its kind can change: constant ones, and zeros that are
        multiplied, stay what they are.

    See Also
    --------
    make_graph_anomalies : The same anomalies in generated rows.
    perturb_features : Perturb features of every row.

    Notes
    -----
    The paper multiplies the parameters of the distributions for cluster anomalies,
    which real rows do not have. Multiplying the value does the same to a uniform
    or normal one. It depends on where the units have their zeros, as does the
    factor of a multiplicative anomaly on the units: scale the columns first where
    they do not compare. "global" corrects the paper's U(alpha min, alpha max),
    which lies partly inside the range of a column whose minimum is positive.

    References
    ----------
    Vincent et al. (2025), "Diffusion for explainable unsupervised anomaly
    detection", section V-A; Han et al. (2022), "ADBench: Anomaly detection
    benchmark", for anomalies of such kinds in real rows.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_anomaly_attr.datasets import inject_anomalies
    >>> X = load_wine(as_frame=True).data[["alcohol", "hue", "ash"]]
    >>> planted = inject_anomalies(
    ...     X, kind="additive", n_anomalies=2, random_state=0
    ... )
    >>> planted.anomalous_features[planted.target == 1]
         alcohol    hue    ash
    84      True  False  False
    171    False   True  False
    >>> X.loc[171, "hue"], planted.data.loc[171, "hue"].round(2)
    (np.float64(0.57), np.float64(0.93))
    """
    rows = as_rows(X, min_rows=2)
    if n_anomalies is None:
        n_anomalies = count(contamination, len(rows))
    plan = Plan.of(rows.shape, kind, n_anomalies, n_anomalous_features, alpha)
    planted = plant(
        rows,
        plan,
        lambda drawn, alpha: alpha * rows[drawn],
        as_generator(random_state),
    )
    return Bunch(
        data=table_like(X, planted.data),
        target=column_like(X, planted.target, "target"),
        anomalous_features=table_like(X, planted.anomalous_features),
        kind=column_like(X, planted.kind, "kind"),
        feature_names=feature_names(X),
    )
