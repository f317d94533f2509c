"""The problem that methods are given."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sklearn_anomaly_attr.counterfactuals import (
    ConceptGAN,
    DiffusionEditing,
    NearestAccepted,
)
from sklearn_anomaly_attr.counterfactuals._method import shape_of_images

CATEGORIES = np.array([0, 3])


def test_scores_are_those_of_one_call_whatever_the_batch(make_problem):
    points = torch.arange(24.0, dtype=torch.float64).reshape(2, 4, 3)
    for size in (1, 3, 100):
        problem = make_problem(lambda x: x.sum(dim=-1), np.eye(3), 1.0, batch_size=size)
        assert_allclose(problem.scores(points), points.sum(dim=-1))
        assert problem.scores(points[:0]).shape == (0, 4)


def test_distances_add_moves_in_spreads_and_changed_categories(make_problem):
    problem = make_problem(
        lambda x: x.sum(dim=-1), [[0.0, 0.0], [1.0, 2.0]], 1.0, n_categories=CATEGORIES
    )
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.5, 2.0]])
    assert_allclose(problem.moves(x, y), [[2.5, 1.0]])
    assert_allclose(problem.distances(x, y), [3.5])


def test_images_have_the_shape_that_the_method_is_told_or_else_the_detector(
    make_problem,
):
    problem = make_problem(lambda x: x.sum(dim=-1), np.eye(4), 1.0)
    assert shape_of_images(ConceptGAN(image_shape=(2, 2)), problem) == (1, 2, 2)
    told = replace(problem, image_shape=(1, 1, 4))
    assert shape_of_images(NearestAccepted(), told) == (1, 1, 4)
    assert shape_of_images(ConceptGAN(image_shape=(2, 2)), told) == (1, 2, 2)


@pytest.mark.parametrize("method", [ConceptGAN(), DiffusionEditing()])
def test_methods_of_images_refuse_tables_and_categories(make_problem, method):
    name = type(method).__name__
    problem = make_problem(lambda x: x.sum(dim=-1), np.eye(2), 1.0)
    with pytest.raises(ValueError, match=f"{name} edits images.*set image_shape"):
        shape_of_images(method, problem)
    problem = make_problem(
        lambda x: x.sum(dim=-1), np.eye(2), 1.0, n_categories=CATEGORIES
    )
    with pytest.raises(ValueError, match=f"{name} edits numbers.*hold categories"):
        shape_of_images(method, replace(problem, image_shape=(1, 1, 2)))
