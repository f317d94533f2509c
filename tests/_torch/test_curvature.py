"""What steps tell of a function's curvature."""

import torch
from torch.testing import assert_close

from sklearn_anomaly_attr._torch._curvature import Curvature


def dense_bfgs(steps, changes):
    """The matrix by its updates, one after the other."""
    scale = (changes[-1] @ changes[-1]) / (changes[-1] @ steps[-1])
    matrix = scale * torch.eye(steps.shape[1], dtype=steps.dtype)
    for step, change in zip(steps, changes, strict=True):
        moved = matrix @ step
        matrix = matrix - torch.outer(moved, moved) / (step @ moved)
        matrix = matrix + torch.outer(change, change) / (step @ change)
    return matrix


def quadratics(n, d, n_steps):
    """Steps ``(n_steps, n, d)`` and changes of the gradients of quadratics."""
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(n, d, d, generator=generator, dtype=torch.float64)
    matrices = root @ root.mT + 0.1 * torch.eye(d, dtype=torch.float64)
    steps = torch.randn(n_steps, n, d, generator=generator, dtype=torch.float64)
    return matrices, steps, torch.einsum("nij,snj->sni", matrices, steps)


def test_systems_are_those_of_the_dense_matrix():
    n, d = 5, 6
    _, steps, changes = quadratics(n, d, 4)
    curvature = Curvature(torch.zeros(n, d, dtype=torch.float64), history=8)
    for step, change in zip(steps, changes, strict=True):
        curvature.add(step, change)
    diagonal = torch.linspace(0.5, 2.0, d, dtype=torch.float64).expand(n, d)
    free = torch.ones(n, d, dtype=torch.bool)
    free[1, 2] = free[3, :3] = False
    factor = torch.linspace(0.1, 3.0, n, dtype=torch.float64)
    right = torch.randn(n, 2, d, dtype=torch.float64)
    found = curvature.solve(diagonal, free, factor, right)
    for i in range(n):
        matrix = torch.diag(diagonal[i])
        matrix = matrix + factor[i] * dense_bfgs(steps[:, i], changes[:, i])
        use = free[i]
        best = torch.linalg.solve(matrix[use][:, use], right[i][:, use].T).T
        assert_close(found[i][:, use], best)
        assert (found[i][:, ~use] == 0).all()


def test_only_the_last_steps_are_kept():
    _, steps, changes = quadratics(3, 4, 7)
    curvature, recent = (Curvature(steps[0], history=2) for _ in range(2))
    for i in range(7):
        curvature.add(steps[i], changes[i])
    for i in (5, 6):
        recent.add(steps[i], changes[i])
    assert_close(curvature.steps, recent.steps)
    assert_close(curvature.scale, recent.scale)


def test_steps_along_which_a_function_bends_down_tell_nothing():
    step = torch.ones(2, 3, dtype=torch.float64)
    curvature = Curvature(step, history=4)
    curvature.add(step, -step)
    curvature.add(torch.zeros_like(step), torch.zeros_like(step))
    assert (curvature.steps == 0).all()
    plain = curvature.solve(step, step > 0, step[:, 0], step[:, None])
    assert_close(plain, step[:, None] / 2.0)
