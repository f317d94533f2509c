"""The minimisers against closed forms and against scipy's."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from sklearn.mixture import GaussianMixture

from sklearn_anomaly_attr import torch_score
from sklearn_anomaly_attr._torch._coordinate_search import CoordinateMinimizer
from sklearn_anomaly_attr._torch._lbfgs import GradientMinimizer
from sklearn_anomaly_attr._torch._proximity import Proximity
from sklearn_anomaly_attr.games import _majorizer
from sklearn_anomaly_attr.games._majorizer import MixtureMinimizer

GRADIENT_BASED = {"majorizer": MixtureMinimizer, "lbfgs": GradientMinimizer}


class Problem:
    """A fitted mixture, rows beside its training rows, and columns to free."""

    def __init__(self, n_features, n_components=1, gamma=0.01, relative=False, seed=0):
        rng = np.random.default_rng(seed)
        rows = rng.normal(size=(300, n_features))
        rows = rows @ rng.normal(size=(n_features, n_features))
        rows[:150] += 6.0
        self.rows = rows * 10.0 ** rng.integers(-3, 4, size=n_features)
        mixture = GaussianMixture(n_components, reg_covar=1e-8, random_state=seed)
        self.mixture = mixture.fit(self.rows)
        self.score = torch_score(self.mixture)
        self.spread = self.rows.std(axis=0)
        self.proximity = Proximity(torch.tensor(self.spread), gamma, relative)
        noise = rng.normal(size=(40, n_features)) * self.spread
        self.x = self.rows[:40] + noise
        self.free = rng.random((40, n_features)) < 0.6
        self.free[0] = True
        self.free[1] = False

    def solve(self, minimizer):
        return minimizer(torch.tensor(self.x), torch.tensor(self.free)).numpy()

    def scale(self, x):
        return np.abs(x).clip(1e-4) if self.proximity.relative else self.spread

    def objective(self, y, x, free):
        energy = -self.mixture.score_samples(y[None])[0] / len(x)
        move = np.square((y - x) / self.scale(x))[free]
        return energy + self.proximity.gamma * (move.mean() if free.any() else 0.0)

    def closed_form(self, x, free):
        """Minimum of a single Gaussian's energy, by the normal equations."""
        d, n_free = len(x), max(free.sum(), 1)
        precision, mean = self.mixture.precisions_[0], self.mixture.means_[0]
        price = 2 * self.proximity.gamma / n_free / self.scale(x)[free] ** 2
        hessian = precision[np.ix_(free, free)] / d + np.diag(price)
        pull = (precision @ (x - mean))[free] / d
        y = x.copy()
        y[free] -= np.linalg.solve(hessian, pull)
        return y


@pytest.mark.parametrize(
    ("minimizer", "relative", "n_features"),
    [
        ("majorizer", False, 4),
        ("majorizer", True, 4),
        ("majorizer", False, 20),
        ("majorizer", True, 20),
        ("lbfgs", False, 4),
        ("lbfgs", True, 4),
        ("lbfgs", False, 20),
    ],
)
def test_a_single_gaussian_has_a_closed_form(minimizer, relative, n_features):
    problem = Problem(n_features, gamma=0.5, relative=relative)
    y = problem.solve(GRADIENT_BASED[minimizer](problem.score, problem.proximity))
    expected = np.stack(
        [problem.closed_form(problem.x[i], problem.free[i]) for i in range(40)]
    )
    tolerance = 1e-7 if minimizer == "majorizer" else 1e-3
    assert_allclose((y - expected) / problem.spread, 0.0, atol=tolerance)


def test_overlapping_components_do_not_make_the_search_crawl():
    """Majorise-minimise steps alone do not end in so few iterations here."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    score = torch_score(GaussianMixture(3, random_state=0).fit(X))
    proximity = Proximity(torch.tensor(X.std(axis=0)), 0.01)
    x = torch.tensor(2.0 * rng.normal(size=(100, 5)))
    free = torch.ones_like(x, dtype=torch.bool)
    few, many = (
        MixtureMinimizer(score, proximity, max_iter=n)(x, free) for n in (25, 2000)
    )
    near = (few - many).abs().amax(dim=1) < 1e-6
    assert near.double().mean() >= 0.9


@pytest.mark.parametrize("n_fixed", [0, 1, 3])
def test_shared_inverses_give_the_same_as_factorisations(n_fixed, monkeypatch):
    problem = Problem(20, n_components=2, gamma=0.1)
    problem.free[:] = True
    problem.free[:, :n_fixed] = False
    minimizer = MixtureMinimizer(problem.score, problem.proximity)
    shared = problem.solve(minimizer)
    assert minimizer._inverses  # the shared path was taken
    monkeypatch.setattr(_majorizer, "_SHARED_FROM", 21)
    alone = problem.solve(MixtureMinimizer(problem.score, problem.proximity))
    assert_allclose((shared - alone) / problem.spread, 0.0, atol=1e-6)


@pytest.mark.parametrize("minimizer", GRADIENT_BASED)
@pytest.mark.parametrize("n_features", [3, 14])
def test_mixtures_reach_a_local_minimum_as_low_as_scipys(minimizer, n_features):
    problem = Problem(n_features, n_components=3)
    y = problem.solve(GRADIENT_BASED[minimizer](problem.score, problem.proximity))
    lower = 0
    for i in (0, *range(2, 8)):
        found, x, free = y[i], problem.x[i], problem.free[i]
        value = problem.objective(found, x, free)
        assert value <= problem.objective(x, x, free) + 1e-12

        def objective(u, x=x, free=free):
            y = x.copy()
            y[free] += u * problem.spread[free]
            return problem.objective(y, x, free)

        start = (found - x)[free] / problem.spread[free]
        again = minimize(objective, start, method="BFGS", tol=1e-10).fun
        assert again >= value - 1e-6  # nothing lower next to it
        from_x = minimize(objective, np.zeros(free.sum()), method="BFGS").fun
        lower += value <= from_x + 1e-5  # scipy may fall into another minimum
    assert lower >= 6


MINIMIZERS = {
    **GRADIENT_BASED,
    "coordinates": lambda score, proximity: CoordinateMinimizer(
        score,
        proximity,
        -10.0 * proximity.spread,
        10.0 * proximity.spread,
    ),
}


@pytest.mark.parametrize("minimizer", MINIMIZERS)
def test_fixed_columns_stay_bit_for_bit(minimizer):
    problem = Problem(14, n_components=2)
    y = problem.solve(MINIMIZERS[minimizer](problem.score, problem.proximity))
    assert_array_equal(y[~problem.free], problem.x[~problem.free])
    assert_array_equal(y[1], problem.x[1])


@pytest.mark.parametrize("minimizer", MINIMIZERS)
def test_each_problem_depends_on_its_own_row_alone(minimizer):
    problem = Problem(14, n_components=3)
    solve = MINIMIZERS[minimizer](problem.score, problem.proximity)
    together = problem.solve(solve)
    for i in (0, 5, 17):
        alone = solve(
            torch.tensor(problem.x[i : i + 1]), torch.tensor(problem.free[i : i + 1])
        )
        assert_allclose(
            (alone[0].numpy() - together[i]) / problem.spread, 0.0, atol=1e-7
        )


@pytest.mark.parametrize("minimizer", MINIMIZERS)
def test_a_higher_price_keeps_nearer_to_the_row(minimizer):
    distance = []
    for gamma in (0.0, 0.1, 10.0, 1e6):
        problem = Problem(6, n_components=2, gamma=gamma)
        y = problem.solve(MINIMIZERS[minimizer](problem.score, problem.proximity))
        distance.append(np.abs((y - problem.x) / problem.spread).mean())
    assert distance == sorted(distance, reverse=True)
    assert distance[-1] < 1e-3


def test_the_units_of_the_columns_do_not_matter():
    problem, other = Problem(6, n_components=2), Problem(6, n_components=2)
    units = np.array([1e8, 1e-8, 1.0, 1e3, 1e-3, 7.0])
    solve = MixtureMinimizer(problem.score, problem.proximity)
    factors = (problem.score.factors / torch.tensor(units)[:, None]).numpy()
    scaled = type(problem.score)(
        problem.score.center.numpy() * units,
        factors,
        problem.score.shifts.numpy(),
        problem.score.log_constants.numpy(),
    )
    other.x = problem.x * units
    other.proximity = Proximity(torch.tensor(problem.spread * units), 0.01)
    found = other.solve(MixtureMinimizer(scaled, other.proximity))
    change = (found / units - problem.solve(solve)) / problem.spread
    assert_allclose(change, 0.0, atol=1e-6)


def test_coordinate_search_needs_no_gradient_and_stays_in_the_training_range():
    """A staircase: flat almost everywhere, lowest at 3 in each column."""

    def staircase(y):
        return (y - 3.0).abs().floor().sum(dim=-1)

    proximity = Proximity(torch.ones(4, dtype=torch.float64), 1e-3)
    lower = torch.tensor([0.0, 0.0, 0.0, 5.2])
    minimizer = CoordinateMinimizer(staircase, proximity, lower, lower + 8.0)
    x = torch.tensor([[40.0, -1.0, 3.5, 9.0], [2.0, 40.0, 7.0, 13.0]])
    free = torch.tensor([[True] * 4, [True, False, True, True]])
    y = minimizer(x.double(), free)
    assert (y >= lower)[free].all()
    assert (y <= lower + 8.0)[free].all()
    assert staircase(y).tolist() == [2.0, 37.0 + 2.0]


class Rounded:
    """A score that is rounded otherwise in each batch, as matrix products are."""

    def __init__(self, score, seed):
        self.score = score
        self.generator = torch.Generator().manual_seed(seed)
        self.n_points = 0

    def __call__(self, y):
        score = self.score(y)
        self.n_points += score.numel()
        hair = torch.randn(score.shape, generator=self.generator, dtype=y.dtype)
        return score + 1e-14 * score.abs().clamp(min=1.0) * hair


CENTER = torch.tensor([3.0, 2.5, 3.3, 2.7])


def plateaus(y):
    """Flat almost everywhere: most steps change nothing."""
    return 100.0 + (y - CENTER).abs().floor().sum(dim=-1)


def hill(y):
    """As low on one side as on the other."""
    return 100.0 - (y - CENTER).abs().sum(dim=-1)


def corner(y):
    """Zero at the lower end of the range, where steps down lead nowhere."""
    return y.abs().sum(dim=-1)


@pytest.mark.parametrize("gamma", [0.0, 1e-3])
@pytest.mark.parametrize("categorical", [(), (1,)], ids=["numbers", "a category"])
@pytest.mark.parametrize("score", [plateaus, hill, corner])
def test_coordinate_search_decides_nothing_by_rounding(score, categorical, gamma):
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.integers(-4, 9, size=(200, 4)) * [0.75, 1.0, 1.1, 0.9])
    x[:, 1] = x[:, 1].clamp(0, 5)
    free = torch.tensor(rng.random((200, 4)) < 0.7)
    proximity = Proximity(torch.ones(4).to(x), gamma, categorical=categorical)
    bounds = torch.zeros(4).to(x), torch.full((4,), 5.0).to(x)
    scores = [Rounded(score, seed) for seed in (0, 1)]
    minima = [CoordinateMinimizer(s, proximity, *bounds)(x, free) for s in scores]
    assert_array_equal(*minima)
    assert scores[0].n_points == scores[1].n_points


def test_a_kink_does_not_amplify_rounding():
    """The search ends before its steps have doubled a hair many times over."""
    rng = np.random.default_rng(0)
    normal = torch.tensor(rng.normal(size=8))

    def kinked(y):
        return y.square().sum(dim=-1) + (y @ normal).abs()

    proximity = Proximity(torch.ones(8).to(normal), 0.1)
    x = torch.tensor(3.0 * rng.normal(size=(100, 8)))
    free = torch.ones_like(x, dtype=torch.bool)
    first, second = (
        GradientMinimizer(Rounded(kinked, seed), proximity)(x, free) for seed in (0, 1)
    )
    assert_allclose(first, second, rtol=0, atol=1e-9)

    def objective(y):
        return kinked(y) / 8 + 0.1 * (y - x).square().mean(dim=-1)

    # The minimum lies on the kink, or where the quadratic part of its side has it.
    smooth = 0.1 * x / 1.1
    slope = (2.2 * (smooth @ normal) / normal.square().sum()).clamp(-1.0, 1.0)
    lowest = objective(smooth - slope[:, None] * normal / 2.2)
    assert (objective(first) <= lowest + 1e-3).all()


def test_coordinate_search_leaves_a_start_of_infinite_score():
    def hole(y):
        return torch.where(y[..., 0] > 7.0, torch.inf, y[..., 0])

    proximity = Proximity(torch.ones(1, dtype=torch.float64), 0.0)
    bounds = torch.tensor([0.0]), torch.tensor([8.0])
    minimizer = CoordinateMinimizer(hole, proximity, *bounds)
    x, free = torch.tensor([[9.0]]).double(), torch.tensor([[True]])
    assert minimizer(x, free).tolist() == [[0.0]]


@pytest.mark.parametrize("relative", [False, True])
def test_proximity_weights(relative):
    proximity = Proximity(torch.tensor([2.0, 3.0]), 0.1, relative)
    x = torch.tensor([[4.0, 0.0]])
    free = torch.tensor([[True, True]])
    expected = [[0.05 / 4, 0.05 * (3.0 / 1e-4) ** 2]] if relative else [[0.05, 0.05]]
    assert_allclose(proximity.weights(x, free), expected, rtol=1e-6)


@pytest.mark.parametrize("offset", [1e3, -1e5])
def test_kinks_do_not_amplify_the_rounding_of_an_offset(offset):
    rng = np.random.default_rng(0)
    kinks = torch.tensor(rng.normal(size=(5, 3)))

    def solve(offset):
        def score(x):
            return (x[..., None, :] - offset - kinks).abs().sum(dim=(-1, -2))

        proximity = Proximity(torch.tensor([1.0, 0.3, 2.0]).double(), 0.01)
        x = torch.tensor(np.rint(rows * 2**20) / 2**20) + offset
        free = torch.ones_like(x, dtype=torch.bool)
        return GradientMinimizer(score, proximity)(x, free) - offset

    rows = rng.normal(size=(20, 3)) * 3.0
    assert_array_equal(solve(offset), solve(0.0))


def test_columns_that_cannot_move_are_not_tried():
    tried = []

    def bowl(x):
        tried[-1] += len(x.reshape(-1, x.shape[-1]))
        return (x[..., 0] - 1.3).square()

    for n_columns in (1, 3):  # the others have one value
        tried.append(0)
        x = torch.zeros(2, n_columns, dtype=torch.float64)
        lower, upper = x[0].clone(), x[0].clone()
        lower[0], upper[0] = -4.0, 4.0
        proximity = Proximity(torch.ones_like(lower), 0.0)
        minima = CoordinateMinimizer(bowl, proximity, lower, upper)(x, x == 0.0)
        assert_allclose(minima[:, 0], 1.3, atol=0.1)
    assert tried[0] == tried[1]


def test_a_missing_number_costs_a_spread_beside_the_move_from_the_mean():
    center = torch.tensor([1.0, 2.0], dtype=torch.float64)
    proximity = Proximity(torch.tensor([2.0, 4.0]).to(center), 0.1, center=center)
    x = torch.tensor([[torch.nan, 2.0], [torch.nan, torch.nan]]).to(center)
    y = torch.tensor([[5.0, 10.0], [torch.nan, 2.0]]).to(center)
    expected = [[5.0**0.5, 2.0], [0.0, 1.0]]
    assert_allclose(proximity.moves(x, y).abs(), expected)
    assert_allclose(proximity.moves(y, x).abs(), expected)
