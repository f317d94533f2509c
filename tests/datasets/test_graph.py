"""Rows of random graphs, and the anomalies among them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sklearn_anomaly_attr.datasets import make_graph_anomalies
from sklearn_anomaly_attr.metrics import anomaly_roc_auc

KINDS = ("cluster", "global", "local", "additive", "multiplicative")


def noise_distribution(noise, alpha=1.0):
    """The same distribution by scipy."""
    p = [alpha * value for value in noise.parameters]
    return {
        "uniform": lambda: stats.uniform(p[0], p[1] - p[0]),
        "normal": lambda: stats.norm(*p),
        "exponential": lambda: stats.expon(scale=p[0]),
        "gamma": lambda: stats.gamma(p[0], scale=p[1]),
    }[noise.family]()


@pytest.mark.parametrize("seed", range(3))
def test_children_add_complete_parents(seed):
    """x = A x + e gives mean (I - A)^-1 mu and covariance (I - A)^-1 S (I - A)^-T."""
    data = make_graph_anomalies(
        200_000, 8, contamination=0.0, n_edges=18, random_state=seed
    )
    noises = [noise_distribution(noise) for noise in data.distributions]
    effect = np.linalg.inv(np.eye(8) - data.adjacency.T)
    mean = effect @ [noise.mean() for noise in noises]
    cov = effect @ np.diag([noise.var() for noise in noises]) @ effect.T
    std = np.sqrt(np.diag(cov))
    np.testing.assert_allclose((data.data.mean(axis=0) - mean) / std, 0.0, atol=0.02)
    error = (np.cov(data.data.T) - cov) / np.outer(std, std)
    np.testing.assert_allclose(error, 0.0, atol=0.03)


def test_what_parents_leave_over_is_the_noise():
    data = make_graph_anomalies(3000, 20, contamination=0.0, n_edges=60, random_state=0)
    noise = data.data - data.data @ data.adjacency
    families = {noise.family for noise in data.distributions}
    assert families == {"uniform", "normal", "exponential", "gamma"}
    for column, distribution in zip(noise.T, data.distributions, strict=True):
        assert stats.kstest(column, noise_distribution(distribution).cdf).pvalue > 1e-3


def test_cluster_anomalies_have_all_parameters_times_alpha():
    data = make_graph_anomalies(
        4000, 12, kind="cluster", contamination=0.5, n_edges=20, random_state=0
    )
    noise = data.data - data.data @ data.adjacency
    for column, distribution in zip(noise.T, data.distributions, strict=True):
        for target, alpha in [(0, 1.0), (1, 3.0)]:
            expected = noise_distribution(distribution, alpha).cdf
            assert stats.kstest(column[data.target == target], expected).pvalue > 1e-3
    assert data.anomalous_features[data.target == 1].all()


@pytest.mark.parametrize(
    ("n_features", "n_edges"), [(1, 0), (2, 1), (4, 2), (10, 4), (50, 12), (100, 30)]
)
def test_graphs_are_acyclic_with_the_papers_number_of_edges(n_features, n_edges):
    A = make_graph_anomalies(50, n_features, random_state=0).adjacency
    assert A.sum() == n_edges
    assert set(np.unique(A)) <= {0, 1}
    # Walks end: the powers of the adjacency vanish.
    assert not np.linalg.matrix_power(A, n_features).any()


def test_a_graph_with_all_edges_is_an_order():
    A = make_graph_anomalies(20, 6, n_edges=15, random_state=0).adjacency
    assert sorted(A.sum(axis=0)) == list(range(6))
    assert not np.linalg.matrix_power(A, 6).any()


def test_counts_are_exact_and_kinds_share_them():
    data = make_graph_anomalies(1000, 10, contamination=0.103, random_state=0)
    assert data.target.sum() == 103
    counts = pd.Series(data.kind).value_counts()
    assert counts["normal"] == 897
    assert sorted(counts[list(KINDS)]) == [20, 20, 21, 21, 21]
    np.testing.assert_array_equal(data.target == 1, data.kind != "normal")
    np.testing.assert_array_equal(data.target == 1, data.anomalous_features.any(axis=1))


def test_fewer_than_half_of_the_features_by_default():
    data = make_graph_anomalies(
        2000, 10, kind=KINDS[1:], contamination=0.5, random_state=0
    )
    sizes = data.anomalous_features[data.target == 1].sum(axis=1)
    assert set(sizes) == {1, 2, 3, 4}
    assert stats.chisquare(np.bincount(sizes)[1:]).pvalue > 1e-3
    assert set(data.anomalous_features[data.target == 1].sum(axis=0) > 0) == {True}


def test_seeds_reproduce_and_leave_numpys_state_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    seeds = [0, 0, np.random.default_rng(0), 1, None, np.random.RandomState(0)]
    rows = [make_graph_anomalies(50, 5, random_state=s).data for s in seeds]
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[2])
    again = make_graph_anomalies(50, 5, random_state=np.random.RandomState(0)).data
    np.testing.assert_array_equal(rows[5], again)
    assert len({table.sum() for table in rows}) == 4


def test_pandas():
    arrays = make_graph_anomalies(60, 3, random_state=0)
    frames = make_graph_anomalies(60, 3, random_state=0, as_frame=True)
    names = ["x0", "x1", "x2"]
    assert frames.feature_names == arrays.feature_names == names
    assert frames.frame.columns.tolist() == [*names, "target"]
    pd.testing.assert_frame_equal(frames.data, frames.frame[names])
    np.testing.assert_array_equal(frames.data, arrays.data)
    np.testing.assert_array_equal(frames.anomalous_features, arrays.anomalous_features)
    assert frames.anomalous_features.dtypes.eq(bool).all()
    assert (frames.target.name, frames.kind.name) == ("target", "kind")
    assert frames.kind.tolist() == arrays.kind.tolist()
    assert arrays.frame is None
    X, y = make_graph_anomalies(60, 3, random_state=0, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X, frames.data)
    pd.testing.assert_series_equal(y, frames.target)


def test_targets_suit_the_metrics():
    data = make_graph_anomalies(500, 4, kind="additive", random_state=0)
    z = np.abs(stats.zscore(data.data)).max(axis=1)
    assert anomaly_roc_auc(data.target, z) > 0.8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_samples": 1}, "n_samples=1: ask for a whole number of at least 2"),
        ({"n_features": 2.5}, "n_features=2.5: ask for a whole number"),
        ({"contamination": 1.5}, "share of anomalies among all rows"),
        ({"contamination": "auto"}, "share of anomalies among all rows"),
        ({"n_samples": 10}, "less than one anomaly: raise it"),
        ({"kind": "clusters"}, "kind='clusters': pass 'all', one of 'cluster'"),
        ({"kind": []}, "a list of different ones"),
        ({"kind": 1}, "a list of different ones"),
        ({"kind": ["global", "global"]}, "a list of different ones"),
        ({"n_anomalous_features": 0}, "pass a number from 1 to 10"),
        ({"n_anomalous_features": 11}, "pass a number from 1 to 10"),
        ({"n_anomalous_features": 1.5}, "pass a number from 1 to 10"),
        ({"n_anomalous_features": (3, 2)}, r"a pair of them, \(fewest, most\)"),
        ({"n_anomalous_features": (1, 2, 3)}, r"a pair of them, \(fewest, most\)"),
        ({"distributions": "cauchy"}, "list some of 'uniform', 'normal'"),
        ({"n_edges": 46}, "10 nodes has 0 to 45 edges"),
        ({"n_edges": -1}, "10 nodes has 0 to 45 edges"),
        ({"n_edges": 1.5}, "10 nodes has 0 to 45 edges"),
        ({"distributions": ["cauchy"]}, "list some of 'uniform', 'normal'"),
        ({"distributions": []}, "list some of 'uniform', 'normal'"),
        ({"alpha": {"globl": 2}}, "pass a dict from kinds"),
        ({"alpha": {"global": 0}}, "numbers above 0"),
        ({"alpha": 2.0}, "pass a dict from kinds"),
        ({"random_state": -1}, "pass None, an integer of 0 or more"),
        ({"random_state": "zero"}, "pass None, an integer of 0 or more"),
    ],
)
def test_bad_parameters_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        make_graph_anomalies(**{"n_samples": 50, **wrong})
