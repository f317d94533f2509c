"""Anomalies planted into rows: what each kind does, and what stays."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from sklearn_anomaly_attr.datasets import inject_anomalies

KINDS = ("cluster", "global", "local", "additive", "multiplicative")


@pytest.fixture(scope="module")
def X():
    """Correlated columns in unlike units; one is far from 0, one is negative."""
    rng = np.random.default_rng(0)
    a, b, c, d = rng.normal(size=(4, 4000))
    return np.stack([a, 1e-3 * (a + 0.3 * b), 1e4 + np.abs(c), -50 - d**2], axis=1)


def everywhere(X, kind, **kwargs):
    """All features of all rows as anomalies of a kind."""
    n_samples, n_features = X.shape
    return inject_anomalies(
        X,
        kind=kind,
        n_anomalies=n_samples,
        n_anomalous_features=n_features,
        random_state=0,
        **kwargs,
    ).data


def agree(sample, distribution):
    return stats.kstest(sample, distribution.cdf).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [1.025, 1.5])
def test_global_is_uniform_on_the_range_widened_about_its_middle(X, alpha):
    data = everywhere(X, "global", alpha={"global": alpha})
    for old, new in zip(X.T, data.T, strict=True):
        low, width = old.min(), np.ptp(old)
        margin = (alpha - 1) / 2 * width
        assert agree(new, stats.uniform(low - margin, width + 2 * margin))
        assert new.min() < low
        assert new.max() > old.max()


def test_global_is_as_published_where_the_range_is_symmetric_about_zero():
    X = np.linspace(-2, 2, 5000)[:, None]
    assert agree(everywhere(X, "global")[:, 0], stats.uniform(-2.05, 4.1))


def test_global_does_not_depend_on_units(X):
    scale, shift = np.array([1e3, 1.0, 0.1, 7.0]), np.array([5.0, 0.0, -1e4, 1.0])
    moved = everywhere(X * scale + shift, "global")
    np.testing.assert_allclose(moved, everywhere(X, "global") * scale + shift)


def test_local_has_the_covariance_times_alpha(X):
    data = everywhere(X, "local") - X.mean(axis=0)
    precision = np.linalg.inv(1.05 * np.cov(X.T))
    assert agree(np.einsum("ni,ij,nj->n", data, precision, data), stats.chi2(4))
    for old, new in zip(X.T, data.T, strict=True):
        assert agree(new, stats.norm(0, np.sqrt(1.05) * old.std()))


def test_local_keeps_to_the_covariance_of_its_own_columns():
    rng = np.random.default_rng(0)
    X = rng.multivariate_normal([5, 5, 5], 0.1 + 0.9 * np.ones((3, 3)), 9000)
    planted = inject_anomalies(
        X, kind="local", n_anomalies=9000, n_anomalous_features=2, random_state=0
    )
    rows = (planted.anomalous_features == [True, True, False]).all(axis=1)
    assert 2700 < rows.sum() < 3300
    correlation = np.corrcoef(planted.data[rows].T)
    assert correlation[0, 1] == pytest.approx(np.corrcoef(X.T)[0, 1], abs=0.03)
    np.testing.assert_allclose(correlation[2, :2], 0.0, atol=0.06)


def test_local_takes_columns_that_depend_on_each_other():
    a = np.random.default_rng(0).normal(size=(500, 1))
    data = everywhere(np.hstack([a, 1e6 * a]), "local")
    np.testing.assert_allclose(data[:, 1], 1e6 * data[:, 0], atol=1.0)


def test_additive_noise_is_in_standard_deviations(X):
    noise = (everywhere(X, "additive") - X) / X.std(axis=0)
    for column in noise.T:
        assert agree(column, stats.norm(3, 1))


def test_multiplicative_factors_grow_with_the_standard_deviation(X):
    factors = everywhere(X, "multiplicative") / X
    for column, s in zip(factors.T, X.std(axis=0), strict=True):
        assert agree(column, stats.norm(0.5 * s, 0.3))


def test_cluster_multiplies_whole_rows(X):
    np.testing.assert_array_equal(everywhere(X, "cluster"), 3 * X)
    twice = inject_anomalies(X, kind="cluster", alpha={"cluster": 2}, random_state=0)
    anomalies = twice.target == 1
    np.testing.assert_array_equal(twice.data[anomalies], 2 * X[anomalies])
    assert twice.anomalous_features[anomalies].all()


@pytest.mark.parametrize("kind", [*KINDS, "all", ["local", "additive"]])
def test_just_the_masked_cells_change(X, kind):
    before = X.copy()
    planted = inject_anomalies(X, kind=kind, contamination=0.2, random_state=0)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(planted.data != X, planted.anomalous_features)
    anomalous = planted.anomalous_features.any(axis=1)
    np.testing.assert_array_equal(planted.target, anomalous.astype(int))
    assert planted.target.sum() == 800
    assert set(planted.kind[planted.target == 0]) == {"normal"}


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_features_of_an_anomaly_are_distinct(X, n):
    mask = inject_anomalies(
        X, n_anomalies=2000, n_anomalous_features=n, random_state=0
    ).anomalous_features
    sizes = mask.sum(axis=1)
    assert set(sizes) == {0, n}
    assert (sizes == n).sum() == 2000
    # Each column as often as another.
    np.testing.assert_allclose(mask.sum(axis=0) / 2000, n / 4, atol=0.05)


def test_bounds_of_the_number_of_features(X):
    planted = inject_anomalies(
        X, n_anomalies=900, n_anomalous_features=(2, 4), random_state=0
    )
    sizes = planted.anomalous_features[planted.target == 1].sum(axis=1)
    assert set(sizes) == {2, 3, 4}


def test_what_cannot_change_is_not_drawn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5))
    X[:, 1] = 7.3
    for kind in KINDS[1:]:
        planted = inject_anomalies(
            X, kind=kind, n_anomalies=300, n_anomalous_features=(1, 5), random_state=0
        )
        sizes = planted.anomalous_features.sum(axis=1)
        assert set(sizes) == {1, 2, 3, 4}
        assert not planted.anomalous_features[:, 1].any()
    X[:, :2] = 0.0
    X[::2, 2] = 0.0
    planted = inject_anomalies(
        X, kind="multiplicative", n_anomalies=300, random_state=0
    )
    assert not planted.anomalous_features[X == 0.0].any()
    np.testing.assert_array_equal(planted.data != X, planted.anomalous_features)


def test_too_few_features_that_can_change():
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[:, 1] = 1.0
    with pytest.raises(ValueError, match="in 3 features need as many columns that"):
        inject_anomalies(X, kind="additive", n_anomalous_features=3)
    X[7, [0, 2]] = 0.0
    with pytest.raises(ValueError, match="not zero in the row; row 7 has 0"):
        inject_anomalies(X, kind="multiplicative", n_anomalies=50)


def test_rows_are_drawn_anew_for_each_seed(X):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first, second, third, unseeded = (
        inject_anomalies(X, kind="all", random_state=seed) for seed in (0, 0, 1, None)
    )
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
    assert (first.target != third.target).any()
    assert (first.target != unseeded.target).any()


def test_a_generator_goes_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    first, second = (inject_anomalies(X, random_state=rng) for _ in range(2))
    assert (first.target != second.target).any()


def test_pandas(X):
    index = pd.date_range("2024-01-01", periods=len(X), freq="h")[::-1]
    frame = pd.DataFrame(X, index=index, columns=["a", "b", "c", 4])
    frame["b"] = (1e3 * frame["b"]).round().astype(int)
    planted = inject_anomalies(frame, kind="all", random_state=0)
    arrays = inject_anomalies(frame.to_numpy(), kind="all", random_state=0)
    for table in ("data", "anomalous_features"):
        assert planted[table].columns.tolist() == ["a", "b", "c", 4]
        assert planted[table].index.equals(index)
        np.testing.assert_array_equal(planted[table], arrays[table])
    for column in ("target", "kind"):
        assert planted[column].index.equals(index)
        assert planted[column].name == column
        np.testing.assert_array_equal(planted[column], arrays[column])
    assert planted.feature_names == ["a", "b", "c", "4"]
    assert arrays.feature_names == ["x0", "x1", "x2", "x3"]


def test_polars(X):
    planted = inject_anomalies(pl.DataFrame(X, schema=list("abcd")), random_state=0)
    arrays = inject_anomalies(X, random_state=0)
    assert isinstance(planted.data, pl.DataFrame)
    assert planted.anomalous_features.columns == list("abcd")
    assert isinstance(planted.target, pl.Series)
    for key in ("data", "target", "anomalous_features", "kind"):
        np.testing.assert_array_equal(planted[key].to_numpy(), arrays[key])


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([[1.0], [np.nan]], "NaN or infinity: impute or drop"),
        ([[1.0], [np.inf]], "NaN or infinity: impute or drop"),
        (pd.DataFrame({"a": ["x", "y"]}), "encode them first"),
        ([1.0, 2.0], "Reshape your data"),
        ([[1.0]], "minimum of 2"),
    ],
)
def test_bad_rows_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        inject_anomalies(bad)


@pytest.mark.parametrize("n", [-1, 51, 2.5])
def test_bad_numbers_of_anomalies_are_refused(n):
    with pytest.raises(ValueError, match="ask for 0 to 50 anomalies"):
        inject_anomalies(np.eye(50), n_anomalies=n)
