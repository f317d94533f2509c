"""PlanarFlow against Jacobians."""

import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.series._planar_flow import PlanarFlow


@pytest.fixture(autouse=True)
def _own_random_state():
    with torch.random.fork_rng():
        yield


def jacobian_of(flow, point):
    return torch.autograd.functional.jacobian(lambda p: flow(p)[0], point)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("strength", [0.1, 1.0, 10.0])
def test_planar_flows_grow_volumes_as_their_jacobian_says(size, strength):
    torch.manual_seed(0)
    for _ in range(10):
        flow = PlanarFlow(size).double().requires_grad_(False)
        flow.direction.normal_(std=strength)
        flow.bias.normal_()
        points = torch.randn(5, size).double()
        moved, growth = flow(points)
        for point, to, found in zip(points, moved, growth, strict=True):
            sign, expected = torch.linalg.slogdet(jacobian_of(flow, point))
            assert sign > 0  # invertible, however strong
            assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
            assert_allclose(flow(point)[0], to)


def test_a_flow_without_direction_leaves_points_where_they_are():
    flow = PlanarFlow(3).double().requires_grad_(False)
    flow.direction.zero_()
    points = torch.randn(5, 3).double()
    moved, growth = flow(points)
    assert_allclose(moved, points, atol=1e-7)
    assert_allclose(growth, 0.0, atol=1e-6)
