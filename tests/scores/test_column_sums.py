"""Scores by sums over the columns, against the scores of all mixtures."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.games import Players, ReferenceGame
from sklearn_anomaly_attr.scores import _column_sums
from sklearn_anomaly_attr.scores._column_sums import ColumnSumScore
from sklearn_anomaly_attr.shapley import KernelRegression


class TwoNorms(ColumnSumScore):
    """The product of two norms, in columns of their own units; counts its work."""

    n_sums = 2
    constant = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def __init__(self, n_features):
        super().__init__()
        self.units = 10.0 ** (torch.arange(n_features, dtype=torch.float64) % 5)
        self.n_terms = self.n_multiplied = self.largest = 0

    def forward(self, x):
        z = x / self.units
        return (z.square().sum(dim=-1) * (1.0 + z.abs().sum(dim=-1))).sqrt()

    def terms(self, x, columns):
        z = (x / self.units[columns]).T
        self.n_terms += z.numel()
        return torch.stack([z.square(), z.abs()], dim=-1)

    def sums(self, x, present, columns):
        self.n_multiplied += len(present) * len(x) * len(columns)
        return super().sums(x, present, columns)

    def of_sums(self, sums):
        self.largest = max(self.largest, sums.numel())
        return sums.prod(dim=-1).sqrt()


def planned(n_features, budget=350):
    """The coalitions of kernel SHAP: nobody, everybody, one, all but one, others."""
    solver = KernelRegression(n_features, budget, np.random.RandomState(0))
    return torch.from_numpy(solver.coalitions)


def problem(n_features, n_samples=20, n_references=3, seed=0):
    """A score with rows, shared references and their weights."""
    rng = np.random.default_rng(seed)
    score = TwoNorms(n_features)
    rows = torch.tensor(rng.normal(size=(n_samples + n_references, n_features)))
    x, references = (rows * score.units).split([n_samples, n_references])
    weights = torch.tensor(rng.dirichlet(np.ones(n_references)))
    return score, x, references.expand(n_samples, -1, -1), weights


def by_definition(score, x, references, weights, present):
    mixed = torch.where(present[:, None], x[:, None, None], references[:, None])
    return score(mixed) @ weights


@pytest.mark.parametrize("n_features", [1, 5, 150])
def test_equals_the_mean_over_mixtures(n_features):
    score, x, references, weights = problem(n_features)
    coalitions = planned(n_features)
    found = score.mean_over_references(x, references, weights, coalitions)
    expected = by_definition(score, x, references, weights, coalitions)
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("cells", [200, 3000])
def test_blocks_are_bounded_and_change_nothing(cells, monkeypatch):
    score, x, references, weights = problem(150)
    expected = score.mean_over_references(x, references, weights, planned(150))
    monkeypatch.setattr(_column_sums, "_CELLS_CPU", cells)
    monkeypatch.setattr(_column_sums, "_MOST_SUMS", cells)
    score.largest = 0
    found = score.mean_over_references(x, references, weights, planned(150))
    assert_allclose(found, expected, rtol=1e-13)
    assert score.largest <= max(cells, len(weights) * score.n_sums)


def test_rows_do_not_depend_on_the_others():
    score, x, references, weights = problem(150)
    players = Players.from_groups([f"x{i}" for i in range(150)], None)
    together, alone = (
        ReferenceGame(score, x[:n], players, references[:1], weights).values(
            planned(150)
        )
        for n in (20, 1)
    )
    assert_allclose(together[:1], alone, rtol=1e-12)


def test_references_are_summed_once_for_all_rows(monkeypatch):
    score, x, references, weights = problem(5)
    score.mean_over_references(x, references, weights, planned(5))
    assert score.n_terms == (len(x) + len(weights)) * 5


def test_columns_that_coalitions_share_are_summed_once():
    """Sums of coalitions of one column, or of all but one, take few columns."""
    score, x, references, weights = problem(200)
    thin = torch.cat([torch.eye(200), 1.0 - torch.eye(200)]).bool()
    found = score.mean_over_references(x, references, weights, thin)
    expected = by_definition(score, x, references, weights, thin)
    assert_allclose(found, expected, rtol=1e-12)
    products = len(thin) * (len(x) + len(weights)) * 200
    assert score.n_multiplied < products / 2


def test_small_sums_keep_their_digits():
    """None is the difference of larger ones."""
    score, x, references, weights = problem(150)
    x[:, 7] *= 1e9
    references[0, :, 8] *= 1e9
    present = planned(150)
    present[:, 7], present[:, 8] = False, True
    found = score.mean_over_references(x, references, weights, present)
    expected = by_definition(score, x, references, weights, present)
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("n_samples", "n_references", "own"),
    [(20, 3, True), (1, 3, False), (20, 1, False), (0, 3, False)],
    ids=["own references", "one row", "one reference", "no rows"],
)
def test_none_where_nothing_is_saved(n_samples, n_references, own):
    score, x, references, weights = problem(5, n_samples, n_references)
    references = references.clone() if own else references
    assert score.mean_over_references(x, references, weights, planned(5)) is None
