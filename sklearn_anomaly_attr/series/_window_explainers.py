"""The explainers of rows, at work on the windows of a series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from .._random import seed_unseeded
from .._typing import BoolArray, FloatArray
from ..explainers import (
    AnomalyShapley,
    FeatureOcclusion,
    GradientShap,
    IntegratedGradients,
    KernelShap,
    MarginalScore,
    ShapleySampling,
)
from ..explanation import Explanation
from ._window_view import WindowView

# By default, coalitions beside two for each player, and points on a path.
_COALITIONS, _POINTS = 256, 50


class Named(NamedTuple):
    """An explainer of windows that has a name.

    Attributes
    ----------
    make : callable
        Makes it for so many sensors and evaluations a window.
    takes_references : bool
        Whether absent cells show references.
    """

    make: Callable[[int, int], Any]
    takes_references: bool = True


NAMED: Mapping[str, Named] = {
    "occlusion": Named(lambda n, budget: FeatureOcclusion(None)),
    "kernel_shap": Named(
        lambda n, budget: KernelShap(None, references="mean", max_evaluations=budget)
    ),
    "shapley_sampling": Named(
        lambda n, budget: ShapleySampling(
            None, references="mean", n_permutations=max(2, budget // (2 * n))
        )
    ),
    "anomaly_shapley": Named(
        lambda n, budget: AnomalyShapley(
            None, characteristic="relaxed", max_evaluations=budget
        ),
        takes_references=False,
    ),
    "integrated_gradients": Named(
        lambda n, budget: IntegratedGradients(None, n_steps=budget)
    ),
    "gradient_shap": Named(
        lambda n, budget: GradientShap(None, references="mean", n_draws=max(3, budget))
    ),
    "error": Named(lambda n, budget: MarginalScore(None), takes_references=False),
    "normalized_error": Named(
        lambda n, budget: MarginalScore(None), takes_references=False
    ),
}


def make_window_explainer(
    explainer: Any,
    view: WindowView,
    n_sensors: int,
    max_evaluations: int | str,
    seed: int,
) -> Any:
    """Make an explainer of rows one of windows.

    Parameters
    ----------
    explainer : str or explainer
        One of ``NAMED``, or an explainer of rows; it is cloned.
    view : WindowView
        The fitted detector of windows, which is explained.
    n_sensors : int
        Number of sensors. They are the players, unless values for each cell cost
        no more.
    max_evaluations : int or "auto"
        For an explainer with a name.
    seed : int
        For all that draws and has no seed of its own.

    Returns
    -------
    explainer
        Not fitted.
    """
    if isinstance(explainer, str):
        budget = max_evaluations
        if isinstance(budget, str):
            by_cell = explainer in ("integrated_gradients", "gradient_shap")
            budget = _POINTS if by_cell else 2 * n_sensors + _COALITIONS
        made = NAMED[explainer].make(n_sensors, budget)
    else:
        made = clone(explainer)
    seed_unseeded(made, seed)
    params = {"estimator": FrozenEstimator(view)}
    if not getattr(made, "_columns_are_cheap", False):
        columns = list(range(view.detector.window_ * n_sensors))
        sensors = {f"sensor {i}": columns[i::n_sensors] for i in range(n_sensors)}
        params |= {name: sensors for name in made.get_params() if _is_groups(name)}
    return made.set_params(**params)


def _is_groups(name: str) -> bool:
    return name.split("__")[-1] == "feature_groups"


def cells_of(
    explanation: Explanation, playing: BoolArray, n_sensors: int
) -> FloatArray:
    """Values of the cells of windows, of those of sensors or of cells.

    Parameters
    ----------
    explanation : Explanation
        Of flattened windows.
    playing : ndarray of bool of shape (n_windows, window)
        The timestamps among which the value of a sensor is shared.
    n_sensors : int
        Number of sensors.

    Returns
    -------
    cells : ndarray of shape (n_windows, window, n_sensors)
        The parts of the scores.
    """
    values, (n_windows, window) = explanation.values, playing.shape
    if values.shape[1] == window * n_sensors:
        return values.reshape(n_windows, window, n_sensors)
    shares = playing / playing.sum(axis=1, keepdims=True)
    cells: FloatArray = values[:, None] * shares[:, :, None]
    return cells


def check_attributions(explainer: Any, windows: FloatArray, n_sensors: int) -> None:
    """Refuse an explainer that does not attribute to sensors or their cells.

    Raises
    ------
    TypeError
        If it gives no attributions.
    ValueError
        If it has another number of players.
    """
    found = explainer.explain(windows[:0])
    if not isinstance(found, Explanation):
        raise TypeError(
            f"{type(explainer).__name__} gives a {type(found).__name__}, and no "
            "attributions: take an explainer such as KernelShap(None)."
        )
    n_players = len(explainer.get_feature_names_out())
    if n_players not in (n_sensors, explainer.n_features_in_):
        raise ValueError(
            f"{type(explainer).__name__} attributes to {n_players} players, which are "
            f"neither the {n_sensors} sensors nor their cells: take an explainer "
            "without interactions, such as KernelShap(None)."
        )


def mean_errors(explainer: Any, windows: FloatArray, n_sensors: int) -> FloatArray:
    """Mean absolute parts ``(n_sensors,)`` of the scores of training windows."""
    parts = np.abs(explainer.explain(windows).values)
    # The parts are those of a mean over the columns.
    errors: FloatArray = parts.reshape(-1, n_sensors).mean(axis=0) * windows.shape[1]
    return errors
