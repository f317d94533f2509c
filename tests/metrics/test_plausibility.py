"""How close counterfactuals are to normal rows."""

import numpy as np
import pytest

from sklearn_anomaly_attr.metrics import plausibility


def test_plausible_rows_are_as_close_to_normal_ones_as_these_are():
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(200, 3)) * [1.0, 1e6, 1e-6]
    fresh = rng.normal(size=(4, 50, 3)) * [1.0, 1e6, 1e-6]

    def ratio(edited, **options):
        return plausibility(normal_rows=normal, counterfactual_rows=edited, **options)

    assert 0.8 < ratio(fresh) < 1.25
    assert ratio(fresh, per_row=True).shape == (200,)
    assert ratio(fresh + np.array([9.0, 0, 0])) > 5.0


@pytest.mark.parametrize(
    ("normal", "options", "sentence"),
    [
        (np.ones((9, 1)), {}, "distinct rows"),
        (np.arange(9.0)[:, None], {"n_neighbors": 9}, "n_neighbors=9"),
    ],
)
def test_plausibility_needs_distinct_neighbors(normal, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        plausibility(normal_rows=normal, counterfactual_rows=[[1.0]], **options)
