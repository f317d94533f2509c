"""Seeds: drawn once a call, handed to all that draws."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

RandomState = int | np.random.RandomState | None
LARGEST_SEED = int(np.iinfo(np.int32).max)


def draw_seed(random_state: RandomState) -> int:
    """A seed for generators of one's own."""
    return int(check_random_state(random_state).randint(LARGEST_SEED))


def seed_unseeded(estimator: Any, random_state: RandomState) -> None:
    """Set every ``random_state`` parameter that is None, nested ones too."""
    rng = check_random_state(random_state)
    unseeded = {
        name: draw_seed(rng)
        for name, value in sorted(estimator.get_params(deep=True).items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    if unseeded:
        estimator.set_params(**unseeded)
