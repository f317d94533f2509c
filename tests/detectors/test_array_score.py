"""Scores that compute with arrays, as functions of tensors."""

import numpy as np
import torch

from sklearn_anomaly_attr.detectors._array_score import ArrayScore


def test_points_of_any_shape_are_rows_of_float64():
    seen = []

    def norms(rows):
        seen.append((rows.shape, rows.dtype))
        return np.linalg.norm(rows, axis=1)

    score = ArrayScore(norms, "norms")
    x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    assert torch.equal(score(x), x.double().norm(dim=-1))
    assert seen == [((6, 4), np.float64)]
    assert score.takes_missing
    assert not score.differentiable
    assert score.description == "norms"
