"""The games of local minima against their definitions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture

from sklearn_anomaly_attr import torch_score
from sklearn_anomaly_attr._torch._coordinate_search import CoordinateMinimizer
from sklearn_anomaly_attr._torch._lbfgs import GradientMinimizer
from sklearn_anomaly_attr._torch._proximity import Proximity
from sklearn_anomaly_attr.games import (
    LocalMinimumGame,
    Players,
    RelaxedMinimumGame,
    local_minimizer,
)
from sklearn_anomaly_attr.games._majorizer import MixtureMinimizer
from sklearn_anomaly_attr.scores import TorchScore
from sklearn_anomaly_attr.shapley import ExactEnumeration

GAMMA = 0.05


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4))


@pytest.fixture(scope="module")
def mixture(X):
    return GaussianMixture(2, random_state=0).fit(X)


@pytest.fixture(scope="module")
def x(X):
    return torch.tensor(
        X[:5] + np.random.default_rng(1).normal(size=(5, 4)) * X.std(axis=0)
    )


@pytest.fixture(scope="module")
def proximity(X):
    return Proximity(torch.tensor(X.std(axis=0)), GAMMA)


MASKS = torch.from_numpy(ExactEnumeration(4).coalitions)
EACH = Players.from_groups(list("abcd"), None)


def test_local_minimum_equals_scipys_in_each_coalition(mixture, x, X, proximity):
    """v-hat(S; x), Eq. 3, one search from x a coalition.

    An energy of two components may have two minima: where the searches part,
    scipy's must find ours to be a minimum too.
    """
    score, spread = torch_score(mixture), X.std(axis=0)
    game = LocalMinimumGame(score, x, EACH, MixtureMinimizer(score, proximity))
    worth = game.values(MASKS).numpy()
    equal = 0
    for i, row in enumerate(x.numpy()):
        for j, mask in enumerate(MASKS.numpy()):
            absent = ~mask

            def point(u, row=row, absent=absent):
                y = row.copy()
                y[absent] += u * spread[absent]
                return y

            def objective(u, point=point):
                energy = -mixture.score_samples(point(u)[None])[0]
                return energy / 4 + GAMMA * np.mean(u**2) if u.size else energy

            u = np.zeros(absent.sum())
            if absent.any():
                u = minimize(objective, u, method="L-BFGS-B", tol=1e-14).x
            expected = -mixture.score_samples(point(u)[None])[0]
            if worth[i, j] == pytest.approx(expected, abs=1e-4):
                equal += 1
                continue
            ours = game.minimizer(x[i : i + 1], ~MASKS[j : j + 1])[0].numpy()
            start = ((ours - row) / spread)[absent]
            again = minimize(objective, start, method="L-BFGS-B", tol=1e-14)
            assert again.fun == pytest.approx(objective(start), abs=1e-6)
    assert equal >= 0.9 * worth.size


def test_relaxed_averages_the_minima_of_the_present_players(mixture, x, proximity):
    """v(S; x), Eq. 4-5, spelled out."""
    score = torch_score(mixture)
    minimizer = MixtureMinimizer(score, proximity)
    worth = RelaxedMinimumGame(score, x, EACH, minimizer).values(MASKS)

    def minimum(row, present):
        free = torch.ones(1, 4, dtype=torch.bool)
        free[0, present] = False
        return minimizer(row[None], free)[0]

    for i, row in enumerate(x):
        for j, mask in enumerate(MASKS):
            present = torch.nonzero(mask)[:, 0].tolist()
            minima = [minimum(row, []), *(minimum(row, [k]) for k in present)]
            point = torch.where(mask, row, torch.stack(minima).mean(dim=0))
            assert worth[i, j] == pytest.approx(float(score(point)), rel=1e-9)


@pytest.mark.parametrize("game", [LocalMinimumGame, RelaxedMinimumGame])
@pytest.mark.parametrize("batch_size", [1, 3, 4096])
def test_edges_of_the_games(game, batch_size, mixture, x, proximity):
    score = torch_score(mixture)
    minimizer = MixtureMinimizer(score, proximity)
    played = game(score, x, EACH, minimizer, batch_size=batch_size)
    worth = played.values(MASKS)
    assert_allclose(worth[:, -1], score(x), rtol=1e-12)
    assert_allclose(worth[:, 0], score(played.reference), rtol=1e-12)
    assert (worth[:, 0] < score(x)).all()
    expected = minimizer(x, torch.ones_like(x, dtype=torch.bool))
    assert_allclose(played.reference, expected, atol=1e-7)


@pytest.mark.parametrize("game", [LocalMinimumGame, RelaxedMinimumGame])
def test_groups_are_fixed_and_freed_together(game, mixture, x, proximity):
    score = torch_score(mixture)
    minimizer = MixtureMinimizer(score, proximity)
    pair = Players.from_groups(list("abcd"), {"bd": ["b", "d"]})
    masks = torch.from_numpy(ExactEnumeration(3).coalitions)
    worth = game(score, x, pair, minimizer).values(masks)
    single = LocalMinimumGame(score, x, EACH, minimizer).values(pair.expand(masks))
    same = [0, 7] if game is RelaxedMinimumGame else range(8)
    assert_allclose(worth[:, same], single[:, same], atol=1e-7)


class Smooth(TorchScore):
    def forward(self, x):
        return x.square().sum(dim=-1)


class Flat(Smooth):
    coercive = False


def test_the_minimizer_suits_the_score(mixture, X, proximity):
    forest = IsolationForest(n_estimators=3, random_state=0).fit(X)
    bounds = proximity.spread, proximity.spread
    for score, expected in (
        (torch_score(mixture), MixtureMinimizer),
        (Smooth(), GradientMinimizer),
        (Flat(), CoordinateMinimizer),
        (torch_score(forest), CoordinateMinimizer),
    ):
        assert isinstance(local_minimizer(score, proximity, *bounds), expected)
