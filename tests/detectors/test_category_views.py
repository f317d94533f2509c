"""How rare categories are, alone and in pairs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.detectors._category_views import MismatchView, RarityView
from sklearn_anomaly_attr.detectors._tail import harmonic


@pytest.fixture
def codes():
    """The second column mostly follows the first; the third is independent."""
    rng = np.random.default_rng(0)
    one = rng.choice(4, size=300, p=[0.5, 0.3, 0.15, 0.05])
    two = np.where(rng.random(300) < 0.95, one // 2, rng.integers(2, size=300))
    return np.column_stack([one, two, rng.integers(3, size=300)])


SIZES = np.array([4, 2, 3])


def rarity(row, others):
    """By its definition: p-values of how many others have the same category."""
    found = []
    for value, column in zip(row, others.T, strict=True):
        count = (column == value).sum()
        n_as_rare = sum((column == v).sum() - 1 <= count for v in column)
        found.append(-np.log((n_as_rare + 1) / (len(column) + 1)))
    return harmonic(np.array(found))


def test_rarity_of_new_rows(codes):
    new = np.array([[0, 0, 0], [3, 1, 1], [4, 0, 2]])
    expected = [rarity(row, codes) for row in new]
    found = RarityView(codes, SIZES).scores(new)[:, 0]
    assert_allclose(found, expected)
    assert found[2] > found[1] > found[0]


def test_where_all_are_rare_none_is_surprising():
    names = np.arange(200)[:, None]
    view = RarityView(names, np.array([200]))
    assert_allclose(view.left_out, 0.0)
    assert_allclose(view.scores(np.array([[200]])), 0.0)


def test_where_new_categories_keep_coming_another_one_is_not_surprising():
    """Each customer has two rows: half of the customers are new to half of the rows."""
    customers = np.repeat(np.arange(200), 2)[:, None]
    view = RarityView(customers, np.array([200]))
    assert view.scores(np.array([[200]]))[0, 0] == pytest.approx(np.log(2), abs=0.2)
    letters = np.random.default_rng(0).integers(5, size=(400, 1))
    view = RarityView(letters, np.array([5]))
    assert view.scores(np.array([[5]]))[0, 0] == pytest.approx(np.log(401))


def test_categories_that_do_not_go_together(codes):
    view = MismatchView(codes, SIZES, 3)
    new = np.array([[0, 0, 0], [0, 1, 0], [4, 1, 0]])
    together = ((codes[:, 0] == 0) & (codes[:, 1] == 1)).sum()
    expected = (codes[:, 0] == 0).sum() * (codes[:, 1] == 1).sum() / 300
    usual, odd, unknown = view.scores(new)[:, 0]
    assert usual == 0.0
    assert odd == pytest.approx(np.log((expected + 0.5) / (together + 0.5)))
    assert unknown == 0.0  # which is for rarity to see


def test_training_rows_do_not_count_themselves(codes):
    left_out = MismatchView(codes, SIZES, 3).left_out
    for i in range(0, 300, 30):
        view = MismatchView(np.delete(codes, i, axis=0), SIZES, 3)
        assert_allclose(view.scores(codes[i : i + 1])[0], left_out[i])


def test_independent_columns_have_nothing_to_say():
    codes = np.random.default_rng(0).integers(3, size=(300, 4))
    view = MismatchView(codes, np.full(4, 3), 4)
    assert view.left_out.shape == view.scores(codes).shape == (300, 0)


def test_one_of_a_pair_is_among_the_first_columns(codes):
    assert MismatchView(codes[:, [2, 0, 1]], SIZES[[2, 0, 1]], 1).left_out.size == 0
