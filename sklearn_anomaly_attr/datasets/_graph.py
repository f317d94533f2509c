"""Rows from a random causal graph, with anomalies whose features are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._typing import FloatArray
from ._kinds import Plan, RandomStateLike, as_generator, count, plant
from ._tables import default_names

# Numbers of features and edges in Table II of the paper.
_PAPER_FEATURES, _PAPER_EDGES = (1, 4, 10, 50, 100), (0, 2, 4, 12, 30)


class Noise(NamedTuple):
    """Distribution of a node's own noise.

    Attributes
    ----------
    family : {"uniform", "normal", "exponential", "gamma"}
        Name of the method of numpy's Generator that draws it.
    parameters : tuple of float
        Its parameters in numpy's order: (low, high), (mean, standard deviation),
        (scale,), or (shape, scale).
    """

    family: str
    parameters: tuple[float, ...]

    def draw(
        self, n_samples: int, rng: np.random.Generator, alpha: float = 1.0
    ) -> FloatArray:
        """Draw from the distribution with all parameters times alpha."""
        parameters = [alpha * p for p in self.parameters]
        noise: FloatArray = getattr(rng, self.family)(*parameters, size=n_samples)
        return noise


class Graph(NamedTuple):
    """A linear causal graph: a node is its own noise plus its parents."""

    noises: list[Noise]
    adjacency: NDArray[np.int64]
    order: NDArray[np.intp]

    def draw(
        self, n_samples: int, rng: np.random.Generator, alpha: float = 1.0
    ) -> FloatArray:
        """Draw rows with all parameters of the noises times alpha."""
        nodes = np.stack([noise.draw(n_samples, rng, alpha) for noise in self.noises])
        # Parents come first: what a node adds is complete.
        for node in self.order:
            parents = np.flatnonzero(self.adjacency[:, node])
            if len(parents):
                nodes[node] += nodes[parents].sum(axis=0)
        return np.ascontiguousarray(nodes.T)


def make_graph_anomalies(
    n_samples: int = 5000,
    n_features: int = 10,
    *,
    contamination: float = 0.05,
    kind: str | Sequence[str] = "all",
    n_anomalous_features: int | tuple[int, int] | None = None,
    n_edges: int | None = None,
    distributions: Sequence[str] = ("uniform", "normal", "exponential", "gamma"),
    alpha: Mapping[str, float] | None = None,
    random_state: RandomStateLike = None,
    as_frame: bool = False,
    return_X_y: bool = False,
) -> Any:
    r"""Generate rows from a random causal graph, and anomalies with known features.

    Each feature is a node of a random directed acyclic graph: its own noise plus
    the sum of its parents, which are complete before their children add them.
    Random rows then become anomalies of five kinds. A cluster anomaly is a row
    drawn anew, and all its features are anomalous. Of the others, each draws
    distinct features of its own; the rest of the row stays as it was.

    ================  ======================================================  =====
    Kind              The features' values                                    alpha
    ================  ======================================================  =====
    "cluster"         from the graph with all parameters times alpha          3
    "global"          uniform on the range of the column, alpha times as      1.025
                      wide about its middle
    "local"           from N(mean, alpha cov) of these columns                1.05
    "additive"        plus :math:`\varepsilon \sim N(\alpha s, s)`            3
    "multiplicative"  times :math:`\varepsilon \sim N(\alpha s, 0.3)`         0.5
    ================  ======================================================  =====

    Here s is the standard deviation of the column. All statistics are of the rows
    before any became anomalous.

    Parameters
    ----------
    n_samples : int, default=5000
        Number of rows, anomalies among them; at least 2.
    n_features : int, default=10
        Number of columns.
    contamination : float, default=0.05
        Share of anomalies among the rows, in [0, 1].
    kind : str or sequence of str, default="all"
        The kinds of anomalies, which share the rows evenly; "all" for all five.
    n_anomalous_features : int, (int, int) or None, default=None
        Number of features of an anomaly that is not a cluster one, or the bounds
        between which it is drawn anew for each, both included. If None, it is
        drawn from 1 to ``(n_features - 1) // 2``: fewer than half.
    n_edges : int, default=None
        Number of edges of the graph. If None, as many as the paper's data have:
        2, 4, 12 and 30 for 4, 10, 50 and 100 features, interpolated, and 30 for
        more.
    distributions : sequence of str, default=all four
        Families from which each node draws that of its noise: "uniform",
        "normal", "exponential", "gamma".
    alpha : dict of str to float, default=None
        Strengths of kinds that replace those of the table, e.g. ``{"global": 1.5}``.
    random_state : int, Generator, RandomState instance or None, default=None
        Seed for the graph, the rows and the anomalies.
    as_frame : bool, default=False
        Whether to return pandas objects.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` only.

    Returns
    -------
    bunch : Bunch
        data : {ndarray, DataFrame} of shape (n_samples, n_features)
            The rows, in random order.
        target : {ndarray, Series} of shape (n_samples,)
            1 for anomalies and 0 for normal rows, as in ADBench and as
            :mod:`sklearn_anomaly_attr.metrics` takes it. scikit-learn's
            detectors predict -1 and +1: ``np.where(target, -1, 1)``.
        anomalous_features : {ndarray, DataFrame} of shape (n_samples, n_features)
            Which features of which rows are anomalous, as booleans.
        kind : {ndarray, Series} of shape (n_samples,)
            The kind of each row, "normal" for normal ones.
        adjacency : ndarray of shape (n_features, n_features)
            1 at [i, j] where feature i is a parent of feature j.
        distributions : list of (family, parameters)
            Distribution of each node's own noise.
        feature_names : list of str
            x0, x1, ...
        frame : DataFrame of shape (n_samples, n_features + 1), or None
            Data and target, if ``as_frame``.
    (data, target) : tuple
        If ``return_X_y``.

    See Also
    --------
    inject_anomalies : The same anomalies in rows of your own.

    Notes
    -----
    The paper states neither the number of features of an anomaly, nor the noises'
    parameters, nor any alpha. Those here are of its published code: uniform noise
    from U(0, 3) on, U(1, 10) wide; normal with mean U(-1, 5) and standard deviation
    U(1, 7); exponential and gamma with shape and scale U(1, 5). It differs where
    it is at fault:

    - It adds parents edge by edge in any order, so that grandparents get lost.
    - It draws the features once for all anomalies of a kind, with replacement.
    - "global" is U(alpha min, alpha max) there. Of a column whose minimum is
      positive that lies partly inside the range, and it depends on where the unit
      has its zero. For ranges that are symmetric about 0 both are the same.
    - s is there one number for all chosen columns, whatever their units.

    As there, a cluster anomaly has the scale of an exponential noise times alpha;
    the paper, which calls the parameter a rate, would shrink it. The factor of a
    multiplicative anomaly depends on the column's unit.

    References
    ----------
    Vincent et al. (2025), "Diffusion for explainable unsupervised anomaly
    detection", section V-A.

    Examples
    --------
    >>> from sklearn_anomaly_attr.datasets import make_graph_anomalies
    >>> data = make_graph_anomalies(200, 4, kind=["global", "cluster"], random_state=0)
    >>> data.data.shape, data.target.sum()
    ((200, 4), np.int64(10))
    >>> data.anomalous_features[data.kind == "global"].sum(axis=1)
    array([1, 1, 1, 1, 1])
    """
    _check_size(n_samples, n_features)
    n_anomalies = count(contamination, n_samples)
    plan = Plan.of(
        (n_samples, n_features), kind, n_anomalies, n_anomalous_features, alpha
    )
    families = _check_families(distributions)
    rng = as_generator(random_state)
    graph = _random_graph(n_features, _check_edges(n_edges, n_features), families, rng)
    planted = plant(
        graph.draw(n_samples, rng),
        plan,
        lambda rows, alpha: graph.draw(len(rows), rng, alpha),
        rng,
    )
    names = default_names(n_features)
    bunch = Bunch(**planted._asdict(), feature_names=names, frame=None)
    bunch.update(adjacency=graph.adjacency, distributions=graph.noises)
    if as_frame:
        _as_frames(bunch)
    return (bunch.data, bunch.target) if return_X_y else bunch


def _as_frames(bunch: Bunch) -> None:
    """Turn what has a row for each sample into pandas objects."""
    names = bunch.feature_names
    for table in ("data", "anomalous_features"):
        bunch[table] = pd.DataFrame(bunch[table], columns=names)
    for column in ("target", "kind"):
        bunch[column] = pd.Series(bunch[column], name=column)
    bunch.frame = pd.concat([bunch.data, bunch.target], axis=1)


def _random_graph(
    n_features: int, n_edges: int, families: Sequence[str], rng: np.random.Generator
) -> Graph:
    """Draw an order of the nodes, edges along it, and the noises."""
    order = rng.permutation(n_features)
    earlier, later = np.triu_indices(n_features, 1)
    edges = rng.choice(max(1, len(earlier)), n_edges, replace=False)
    adjacency = np.zeros((n_features, n_features), dtype=np.int64)
    adjacency[order[earlier[edges]], order[later[edges]]] = 1
    drawn = rng.integers(len(families), size=n_features)
    noises = [Noise(families[i], _PARAMETERS[families[i]](rng)) for i in drawn]
    return Graph(noises, adjacency, order)


def _uniform_parameters(rng: np.random.Generator) -> tuple[float, ...]:
    low = rng.uniform(0.0, 3.0)
    return low, low + rng.uniform(1.0, 10.0)


_PARAMETERS = {
    "uniform": _uniform_parameters,
    "normal": lambda rng: (rng.uniform(-1.0, 5.0), rng.uniform(1.0, 7.0)),
    "exponential": lambda rng: (rng.uniform(1.0, 5.0),),
    "gamma": lambda rng: (rng.uniform(1.0, 5.0), rng.uniform(1.0, 5.0)),
}


def _check_size(n_samples: Any, n_features: Any) -> None:
    for name, value, fewest in [("samples", n_samples, 2), ("features", n_features, 1)]:
        if not isinstance(value, Integral) or value < fewest:
            raise ValueError(
                f"n_{name}={value!r}: ask for a whole number of at least {fewest}."
            )


def _check_families(distributions: Any) -> list[str]:
    if isinstance(distributions, str):
        distributions = [distributions]
    families = list(distributions)
    if not families or not set(families) <= set(_PARAMETERS):
        raise ValueError(
            f"distributions={distributions!r}: list some of "
            f"{', '.join(map(repr, _PARAMETERS))}."
        )
    return families


def _check_edges(n_edges: Any, n_features: int) -> int:
    if n_edges is None:
        return round(float(np.interp(n_features, _PAPER_FEATURES, _PAPER_EDGES)))
    most = n_features * (n_features - 1) // 2
    if n_edges not in range(most + 1):
        raise ValueError(
            f"n_edges={n_edges!r}: an acyclic graph of {n_features} nodes has 0 to "
            f"{most} edges."
        )
    return int(n_edges)
