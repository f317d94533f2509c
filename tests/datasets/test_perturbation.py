"""Perturbed features of every row."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from sklearn_anomaly_attr.datasets import perturb_features


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(3000, 4)) * [1.0, 1e3, 1e-3, 5.0] + [0.0, 1e4, 0.0, 2.0]


def test_noise_is_one_to_two_standard_deviations_up_or_down(X):
    rows, truth = perturb_features(X, 4, random_state=0)
    assert truth.all()
    for noise in ((rows - X) / X.std(axis=0)).T:
        assert stats.kstest(np.abs(noise), stats.uniform(1, 1).cdf).pvalue > 1e-3
        assert stats.binomtest(int((noise > 0).sum()), len(noise)).pvalue > 1e-3


@pytest.mark.parametrize("n", [1, 2, 3])
def test_just_the_masked_cells_change(X, n):
    before = X.copy()
    rows, truth = perturb_features(X, n, random_state=0)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(rows != X, truth)
    assert (truth.sum(axis=1) == n).all()
    np.testing.assert_allclose(truth.mean(axis=0), n / 4, atol=0.04)


@pytest.mark.parametrize("scale", [1.0, [1.0, 2.0, 3.0, 4.0]])
def test_scale(X, scale):
    rows, _ = perturb_features(X, 4, scale=scale, random_state=0)
    noise = np.abs(rows - X) / scale
    assert noise.min() == pytest.approx(1.0, abs=0.01)
    assert noise.max() == pytest.approx(2.0, abs=0.01)


def test_rows_do_not_depend_on_other_rows_values(X):
    rows, truth = perturb_features(X, 2, scale=1.0, random_state=0)
    other = X.copy()
    other[1:] += 10.0
    moved, same = perturb_features(other, 2, scale=1.0, random_state=0)
    np.testing.assert_array_equal(same, truth)
    np.testing.assert_array_equal(moved[0], rows[0])


@pytest.fixture
def bits():
    """Two binary columns beside two of numbers."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(500, 2))
    return np.hstack([numbers, rng.integers(2, size=(500, 2))])


@pytest.mark.parametrize(
    "binary", ["auto", [2, 3], [False, False, True, True], np.array([2, 3])]
)
def test_binary_columns_are_flipped(bits, binary):
    rows, _ = perturb_features(bits, 4, binary_features=binary, random_state=0)
    np.testing.assert_array_equal(rows[:, 2:], 1 - bits[:, 2:])
    assert (np.abs(rows[:, :2] - bits[:, :2]) > 0.9).all()


def test_no_binary_columns(bits):
    rows, _ = perturb_features(bits, 4, binary_features=None, random_state=0)
    assert not np.isin(rows, (0.0, 1.0)).any()


def test_binary_columns_by_name(bits):
    frame = pd.DataFrame(bits, columns=list("abcd"))
    rows, truth = perturb_features(frame, 4, binary_features=["d"], random_state=0)
    assert truth.to_numpy().all()
    np.testing.assert_array_equal(rows["d"], 1 - bits[:, 3])
    assert not np.isin(rows["c"], (0.0, 1.0)).any()


def test_bytes_are_flipped_too():
    X = np.random.default_rng(0).integers(2, size=(20, 5), dtype=np.uint8)
    rows, truth = perturb_features(X, 5, random_state=0)
    np.testing.assert_array_equal(rows, X ^ 1)
    assert truth.all()


def test_constant_columns_stay_unless_they_have_a_scale():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[:, 1] = 0.1
    _, truth = perturb_features(X, 2, random_state=0)
    assert not truth[:, 1].any()
    _, truth = perturb_features(X, 3, scale=1.0, random_state=0)
    assert truth.all()
    with pytest.raises(ValueError, match="X has 2 columns to perturb"):
        perturb_features(X, 3)


def test_seeds_reproduce_and_leave_numpys_state_alone(X):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first, again, other, unseeded = (
        perturb_features(X, random_state=seed).data for seed in (0, 0, 1, None)
    )
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != unseeded).any()


def test_frames_come_back(X):
    arrays = perturb_features(X, 2, random_state=0)
    frame = pd.DataFrame(X, index=range(5, 3005), columns=list("abcd"))
    rows, truth = perturb_features(frame, 2, random_state=0)
    for table, array in zip((rows, truth), arrays, strict=True):
        assert table.index.equals(frame.index)
        assert table.columns.tolist() == list("abcd")
        np.testing.assert_array_equal(table, array)
    rows, truth = perturb_features(pl.from_pandas(frame), 2, random_state=0)
    np.testing.assert_array_equal(rows.to_numpy(), arrays.data)
    np.testing.assert_array_equal(truth.to_numpy(), arrays.anomalous_features)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_anomalous_features": 0}, "a number from 1 to that"),
        ({"n_anomalous_features": 5}, "X has 4 columns to perturb"),
        ({"n_anomalous_features": 1.5}, "a number from 1 to that"),
        ({"scale": -1.0}, "a finite number of 0 or more"),
        ({"scale": [1.0, 2.0]}, "one for each of the 4 columns"),
        ({"scale": np.nan}, "a finite number of 0 or more"),
        ({"binary_features": [0]}, r"\['x0'\] in binary_features hold other values"),
        ({"binary_features": ["a"]}, "a list of X's column names or positions"),
        ({"binary_features": [4]}, "a list of X's column names or positions"),
        ({"binary_features": "a"}, "pass 'auto', None, or a list"),
    ],
)
def test_bad_parameters_are_refused(X, wrong, message):
    with pytest.raises(ValueError, match=message):
        perturb_features(X, **wrong)


def test_bad_rows_are_refused():
    with pytest.raises(ValueError, match="NaN or infinity: impute or drop"):
        perturb_features([[np.nan, 1.0]])
