"""Faithfulness and infidelity: closed forms, enumeration, and by hand."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import pearsonr

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.metrics import faithfulness, infidelity

METRICS = [faithfulness, infidelity]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5))
VALUES = RNG.normal(size=(6, 5))
REFERENCE = RNG.normal(size=5)
WEIGHTS = np.array([1.0, -2.0, 0.5, 3.0, 0.1])


def linear(X):
    return 7 + X @ WEIGHTS


def product(X):
    return np.exp(X / 3).prod(axis=1)


def sums_and_falls(score, x, values, reference, k):
    """All subsets of k features, one at a time."""
    sums, falls = [], []
    for subset in map(list, combinations(range(len(x)), k)):
        removed = x.copy()
        removed[subset] = reference[subset]
        sums.append(values[subset].sum())
        falls.append(score(x[None])[0] - score(removed[None])[0])
    return np.array(sums), np.array(falls)


@pytest.mark.parametrize("k", [1, 2, 3, 4, None])
def test_all_subsets_where_they_are_few(k):
    sums, falls = np.swapaxes(
        [
            sums_and_falls(product, *row, REFERENCE, 2 if k is None else k)
            for row in zip(X, VALUES, strict=True)
        ],
        0,
        1,
    )
    found = faithfulness(
        product, X, values=VALUES, references=REFERENCE, subset_size=k, per_row=True
    )
    assert_allclose(found, pearsonr(sums, falls, axis=1).statistic)
    found = infidelity(
        product, X, values=VALUES, references=REFERENCE, subset_size=k, per_row=True
    )
    assert_allclose(found, np.square(sums - falls).mean(axis=1))


@pytest.mark.parametrize("n_subsets", [5, 100])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_a_linear_score_is_forecast_by_its_gradient(size, n_subsets):
    options = {"subset_size": size, "n_subsets": n_subsets, "random_state": 0}
    exact = WEIGHTS * (X - REFERENCE)
    found = faithfulness(
        linear, X, values=exact, references=REFERENCE, per_row=True, **options
    )
    assert_allclose(found, 1.0)
    found = faithfulness(linear, X, values=-3 * exact, references=REFERENCE, **options)
    assert found == pytest.approx(-1.0)
    assert infidelity(linear, X, values=exact, references=REFERENCE, **options) < 1e-24
    # The same numbers are no forecast of another score.
    assert faithfulness(product, X, values=exact, references=REFERENCE, **options) < 0.9
    assert infidelity(product, X, values=exact, references=REFERENCE, **options) > 0.1


def test_infidelity_takes_the_sum_and_not_each_product():
    # Both features' errors cancel; an outer product would not see that.
    exact = WEIGHTS * (X - REFERENCE)
    shifted = exact + np.array([0.5, -0.5, 0, 0, 0])
    found = infidelity(linear, X, values=shifted, references=REFERENCE, subset_size=5)
    assert found == pytest.approx(0, abs=1e-24)
    one = infidelity(linear, X, values=shifted, references=REFERENCE, subset_size=1)
    assert one == pytest.approx(2 * 0.25 / 5)


def test_by_hand():
    x, reference = np.array([[2.0, 3.0, 1.0]]), np.array([0.0, 1.0, 1.0])
    # s = x0 * x1 falls by 6, 4 and 0; by 6, 6 and 4 for pairs (01, 02, 12).
    values = [[5.0, 4.0, 1.0]]
    single = faithfulness(
        lambda X: X[:, 0] * X[:, 1], x, values=values, references=reference
    )
    assert single == pytest.approx(np.corrcoef([5, 4, 1], [6, 4, 0])[0, 1])
    error = infidelity(
        lambda X: X[:, 0] * X[:, 1],
        x,
        values=values,
        references=reference,
        subset_size=2,
    )
    assert error == pytest.approx(((9 - 6) ** 2 + (6 - 6) ** 2 + (5 - 4) ** 2) / 3)


@pytest.mark.parametrize("metric", METRICS)
def test_drawn_subsets_estimate_all_of_them(metric):
    rng = np.random.default_rng(1)
    X, values = rng.normal(size=(2, 4, 9))
    reference = np.zeros(9)
    exact = metric(
        product, X, values=values, references=reference, n_subsets=126, per_row=True
    )
    other = metric(
        product,
        X,
        values=values,
        references=reference,
        n_subsets=126,
        random_state=0,
        per_row=True,
    )
    assert_array_equal(exact, other)  # C(9, 4) = 126: nothing is drawn
    drawn = [
        metric(
            product,
            X,
            values=values,
            references=reference,
            n_subsets=100,
            random_state=s,
            per_row=True,
        )
        for s in range(40)
    ]
    assert np.ptp(drawn, axis=0).min() > 0
    error = np.abs(np.mean(drawn, axis=0) - exact)
    assert (error < 4 * np.std(drawn, axis=0) / np.sqrt(40)).all()


@pytest.mark.parametrize("metric", METRICS)
def test_the_seed_decides_and_neither_the_batches_nor_the_other_rows(metric):
    def measure(rows=slice(None), **options):
        settings = {"n_subsets": 7, "random_state": 0, "per_row": True, **options}
        return metric(
            product, X[rows], values=VALUES[rows], references=REFERENCE, **settings
        )

    rows = measure()
    assert_allclose(measure(batch_size=1), rows, rtol=1e-12)
    assert_allclose(measure(batch_size=13), rows, rtol=1e-12)
    assert_allclose(measure([4, 1]), rows[[4, 1]], rtol=1e-12)
    assert_allclose(measure(random_state=np.random.RandomState(0)), rows, rtol=1e-12)
    assert not np.allclose(measure(random_state=1), rows)
    mean = measure(per_row=False)
    assert isinstance(mean, float)
    assert mean == pytest.approx(rows.mean())


@pytest.mark.parametrize("metric", METRICS)
def test_few_large_calls_of_the_score(metric):
    sizes = []

    def score(X):
        sizes.append(len(X))
        return product(X)

    metric(score, X, values=VALUES, references=REFERENCE, n_subsets=10, batch_size=25)
    assert max(sizes) == 25
    n_rows = 6 * 10 + (6 if metric is infidelity else 0)
    assert sum(sizes) == n_rows
    assert len(sizes) <= n_rows / 25 + 2


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_what_does_not_vary_correlates_with_nothing(offset):
    constant = np.full(X.shape, 0.1)
    assert faithfulness(product, X, values=constant, references=REFERENCE) == 0.0
    # Falls are the rounding errors of sums in another order.
    ignorant = lambda X: offset + 0 * X[:, 0] + np.pi  # noqa: E731
    assert faithfulness(ignorant, X, values=VALUES, references=REFERENCE) == 0.0
    rounding = lambda X: offset + 1.0 + 1e-16 * X[:, 0]  # noqa: E731
    assert faithfulness(rounding, X, values=VALUES, references=REFERENCE) == 0.0


@pytest.mark.parametrize("unit", [1e-200, 1e-9, 1e200])
def test_faithfulness_does_not_depend_on_units(unit):
    rows = faithfulness(product, X, values=VALUES, references=REFERENCE, per_row=True)
    small = faithfulness(
        product, X, values=unit * VALUES, references=REFERENCE, per_row=True
    )
    assert_allclose(small, rows)
    small = faithfulness(
        lambda X: unit * product(X),
        X,
        values=VALUES,
        references=REFERENCE,
        per_row=True,
    )
    assert_allclose(small, rows)


def test_attributions_of_a_detector_beat_a_shuffle():
    rng = np.random.default_rng(0)
    train = rng.normal(size=(300, 6)) * np.arange(1, 7)
    detector = GaussianMixtureDetector(random_state=0).fit(train)
    rows = train[:20] + 8 * (rng.random((20, 6)) < 0.3) * np.arange(1, 7)
    squares = np.square((rows - train.mean(axis=0)) / train.std(axis=0)) / 2
    reference = train.mean(axis=0)
    assert faithfulness(detector, rows, values=squares, references=reference) > 0.95
    assert (
        faithfulness(detector, rows, values=squares[:, ::-1], references=reference)
        < 0.6
    )
    good = infidelity(detector, rows, values=squares, references=reference)
    assert good < 0.1 * infidelity(
        detector, rows, values=squares[:, ::-1], references=reference
    )


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"subset_size": 0}, "subset_size=0: ask for a whole number from 1 to"),
        ({"subset_size": 6}, "subset_size=6: ask for a whole number from 1 to"),
        ({"subset_size": 2.0}, "subset_size=2.0: ask for a whole number"),
        ({"n_subsets": 0}, "n_subsets=0: ask for a whole number from"),
        ({"batch_size": 0}, "batch_size=0: ask for a whole number from 1 up"),
    ],
)
def test_numbers_out_of_range_are_refused(metric, changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        metric(linear, X, values=VALUES, references=REFERENCE, **changed)


def test_faithfulness_needs_subsets_that_differ():
    with pytest.raises(ValueError, match="from 1 to 4"):
        faithfulness(linear, X, values=VALUES, references=REFERENCE, subset_size=5)
    with pytest.raises(ValueError, match="explain at least two features"):
        faithfulness(linear, X[:, :1], values=VALUES[:, :1], references=[0.0])
    assert infidelity(product, X[:, :1], values=np.zeros((6, 1)), references=[0.0]) > 0
