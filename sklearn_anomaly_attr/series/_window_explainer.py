"""The explainers of rows, at work on the windows of a series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.frozen import FrozenEstimator
from torch import Tensor

from .._torch._blocks import blocks
from .._torch._proximity import Minimizer
from .._typing import BoolArray, FloatArray
from ..explainers import (
    AnomalyShapley,
    FeatureOcclusion,
    GradientShap,
    IntegratedGradients,
    MarginalScore,
    ShapleySampling,
)
from ..explainers._reference_explainer import ReferenceExplainer
from ..explainers._score_explainer import _CELLS, ScoreExplainer
from ..explainers._shapley import ShapleyExplainer
from ..games import Game, Players, RelaxedMinimumGame
from ..scores import BlackBoxScore, TorchScore, register_score, torch_score
from ._series_detector import SeriesDetector
from ._window_references import GivenReferences, make_window_references, reconstruct
from ._windowed_detector import WindowedDetector

# Added to a sensor's typical error, of standardised sensors.
_SMALLEST_ERROR = 1e-3
# By default, coalitions beside two for each player, and points on a path.
_COALITIONS, _POINTS = 256, 50


class WindowView(OutlierMixin, BaseEstimator):
    """A fitted detector of series, as one of flattened windows.

    Parameters
    ----------
    detector : SeriesDetector
        The detector.
    """

    def __init__(self, detector: SeriesDetector) -> None:
        self.detector = detector

    @property
    def offset_(self) -> float:
        """Threshold on the scores, that of the timestamps."""
        return self.detector.offset_

    def fit(self, X: FloatArray, y: Any = None) -> WindowView:
        """Leave the detector as it is."""
        return self

    def score_samples(self, X: FloatArray) -> FloatArray:
        """Scores of windows; LOWER is more abnormal."""
        return self.detector._score_samples(X)

    def __sklearn_is_fitted__(self) -> bool:
        return True


@register_score(WindowView)
def _(view: WindowView) -> TorchScore:
    detector = view.detector
    if type(detector) is WindowedDetector:
        return torch_score(detector.estimator_)
    score = torch_score(detector)
    if isinstance(score, BlackBoxScore):
        score = BlackBoxScore(view)
        score.description = f"black box ({type(detector).__name__})"
    return score


class _KernelShap(ReferenceExplainer, ShapleyExplainer):
    """Kernel SHAP with the references of the other explainers."""

    references = "mean"
    n_references = 1


class _AnomalyShapley(AnomalyShapley):
    """ASH whose absent features settle only in some columns of each row."""

    playing: BoolArray

    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        return _PlayingCells(
            score,
            x,
            players,
            self._minimizer(score, x),
            torch.from_numpy(self.playing).to(x.device),
            batch_size,
        )


class _PlayingCells(RelaxedMinimumGame):
    """The game of local minima, in which some columns of each row are fixed."""

    def __init__(
        self,
        score: TorchScore,
        x: Tensor,
        players: Players,
        minimizer: Minimizer,
        playing: Tensor,
        batch_size: int,
    ) -> None:
        self.playing = playing
        super().__init__(score, x, players, minimizer, batch_size=batch_size)

    def _minima(self, masks: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        free = ~self.players.expand(masks)
        for rows, cols in blocks(len(self.x), len(masks), self.batch_size):
            there = free[cols] & self.playing[rows, None]
            x = self.x[rows, None].expand(there.shape)
            y = self.minimizer(x.flatten(0, 1), there.flatten(0, 1))
            yield rows, cols, y.view(there.shape)


class Method(NamedTuple):
    """A way to explain windows.

    Attributes
    ----------
    make : callable
        Makes an explainer for so many sensors and evaluations a window.
    of_cells : bool
        Whether each cell gets a value of its own, rather than each sensor.
    replaces : bool
        Whether it replaces cells by those of references.
    """

    make: Callable[[int, int], ScoreExplainer]
    of_cells: bool = False
    replaces: bool = True


METHODS: Mapping[str, Method] = {
    "occlusion": Method(lambda n, budget: FeatureOcclusion(None)),
    "kernel_shap": Method(lambda n, budget: _KernelShap(None, max_evaluations=budget)),
    "shapley_sampling": Method(
        lambda n, budget: ShapleySampling(
            None, references="mean", n_permutations=max(2, budget // (2 * n))
        )
    ),
    "anomaly_shapley": Method(
        lambda n, budget: _AnomalyShapley(None, max_evaluations=budget), replaces=False
    ),
    "integrated_gradients": Method(
        lambda n, budget: IntegratedGradients(None, n_steps=budget), of_cells=True
    ),
    "gradient_shap": Method(
        lambda n, budget: GradientShap(
            None, references="mean", n_samples=max(3, budget)
        ),
        of_cells=True,
    ),
    "error": Method(
        lambda n, budget: MarginalScore(None), of_cells=True, replaces=False
    ),
    "normalized_error": Method(
        lambda n, budget: MarginalScore(None), of_cells=True, replaces=False
    ),
}


class WindowExplainer:
    """Shares the scores of windows among their cells.

    The explainer of rows that does it takes the flattened windows for rows. The
    players are the sensors, or the cells; the references are made anew for each
    window, and are the window itself where cells do not play.

    Parameters
    ----------
    method : str
        One of ``METHODS``.
    references : str
        One of ``REFERENCES``.
    n_references : int
        Number of references, where there are several.
    max_evaluations : int or "auto"
        Number of coalitions or of points on a path.
    """

    def __init__(
        self,
        method: str,
        references: str,
        n_references: int,
        max_evaluations: int | str,
    ) -> None:
        self.method = method
        self.references = references
        self.n_references = n_references
        self.max_evaluations = max_evaluations

    def fit(
        self, detector: SeriesDetector, X: FloatArray, rows: FloatArray, seed: int
    ) -> WindowExplainer:
        """Fit on a training series ``(n_timestamps, n_sensors)`` and its windows."""
        self.detector = detector
        score = self.score()
        self._check(score, rows[:1])
        self.explainer: Any = self._make(X.shape[1], seed).fit(rows)
        self.mean = X.mean(axis=0)
        if METHODS[self.method].replaces:
            if self.references == "reconstruction":
                reconstruct(score, torch.tensor(rows[:1]))
            self.candidates = make_window_references(
                self.references, self.n_references, X, rows, seed
            )
        self.typical_error = np.ones(X.shape[1])
        if self.method == "normalized_error":
            parts = np.abs(self.explainer._by_feature(score, torch.tensor(rows)))
            typical = parts.reshape(-1, X.shape[1]).mean(axis=0)
            # The parts are those of a mean over the columns.
            self.typical_error = typical * rows.shape[1] + _SMALLEST_ERROR
        return self

    def score(self) -> TorchScore:
        """The anomaly score of flattened windows."""
        return torch_score(WindowView(self.detector))

    def prepared(self, batch_size: int | str, device: str) -> WindowExplainer:
        """A copy that computes in such batches, there."""
        other = copy(self)
        other.explainer = copy(self.explainer)
        other.explainer.set_params(batch_size=batch_size, device=device)
        if METHODS[self.method].replaces:
            other.explainer._references = self.candidates
        return other

    @property
    def n_at_once(self) -> int:
        """Number of windows whose tables fit into the memory together."""
        return max(1, _CELLS // self.explainer._cells(len(self.explainer._players())))

    def attribute(
        self,
        score: TorchScore,
        windows: FloatArray,
        inside: BoolArray,
        context: FloatArray,
        device: torch.device,
        *,
        whole: bool,
    ) -> FloatArray:
        """Values of the cells of windows.

        Parameters
        ----------
        score : TorchScore
            The anomaly score of windows, on the device.
        windows : ndarray of shape (n_windows, window, n_sensors)
            The windows.
        inside : ndarray of bool of shape (n_windows, window)
            The timestamps of the segment that a window explains.
        context : ndarray of shape (n_windows, n_sensors)
            Means of the timestamps next to this segment.
        device : torch.device
            Where to compute.
        whole : bool
            Whether the cells outside the segment play, too.

        Returns
        -------
        cells : ndarray of shape (n_windows, window, n_sensors)
            The parts of the scores.
        """
        shape = windows.shape
        playing = np.ones_like(inside) if whole else inside
        columns = np.repeat(playing, shape[2], axis=1)
        x = torch.tensor(windows.reshape(len(windows), -1), device=device)
        if METHODS[self.method].replaces:
            references = self._references_of(score, x, context)
            if not whole:
                kept = x.cpu().numpy()[:, None]
                references = np.where(columns[:, None], references, kept)
            weights = self.candidates.weights
            self.explainer._references = GivenReferences(references, weights)
        elif isinstance(self.explainer, _AnomalyShapley):
            self.explainer.playing = columns
        players = self.explainer._players()
        values: FloatArray = self.explainer._attribute(score, x, players).values
        if not np.isfinite(values).all():
            raise ValueError(
                f"{type(self.detector).__name__} gives infinite or NaN scores to these "
                "windows, or to windows between them and the references: take a score "
                "that is finite everywhere."
            )
        if METHODS[self.method].of_cells:
            return values.reshape(shape) / self.typical_error
        shares = playing / playing.sum(axis=1, keepdims=True)
        return values[:, None] * shares[:, :, None]

    def _references_of(
        self, score: TorchScore, x: Tensor, context: FloatArray
    ) -> FloatArray:
        """References ``(n_windows or 1, n_references, n_columns)`` of windows."""
        if self.references == "context":
            return np.tile(context, self.detector.window_)[:, None]
        if self.references == "reconstruction":
            size = self.explainer._batch_size(score, x)
            parts = [reconstruct(score, part) for part in x.split(size)]
            return torch.cat(parts).cpu().numpy()[:, None]
        return self.candidates.of(x.cpu().numpy())

    def _make(self, n_sensors: int, seed: int) -> ScoreExplainer:
        """The explainer of rows, not fitted."""
        method = METHODS[self.method]
        budget = self.max_evaluations
        if isinstance(budget, str):
            budget = _POINTS if method.of_cells else 2 * n_sensors + _COALITIONS
        explainer = method.make(n_sensors, budget)
        explainer.set_params(
            estimator=FrozenEstimator(WindowView(self.detector)), random_state=seed
        )
        if not method.of_cells:
            columns = list(range(self.detector.window_ * n_sensors))
            groups = {f"sensor {i}": columns[i::n_sensors] for i in range(n_sensors)}
            explainer.set_params(groups=groups)
        return explainer

    def _check(self, score: TorchScore, row: FloatArray) -> None:
        """Refuse a method that the score does not allow."""
        n_sensors = row.shape[1] // self.detector.window_
        method, budget = METHODS[self.method], self.max_evaluations
        of = f"that of {type(self.detector).__name__} (score: {score.description})"
        if self.method in ("kernel_shap", "anomaly_shapley") and (
            not isinstance(budget, str) and budget < n_sensors + 2
        ):
            raise ValueError(
                f"max_evaluations={budget} coalitions are too few to tell {n_sensors} "
                f"sensors apart: allow at least {n_sensors + 2}."
            )
        if method.of_cells and method.replaces and not score.differentiable:
            raise ValueError(
                f"method={self.method!r} needs the gradient of the score, and {of} has "
                "none: take 'occlusion', 'kernel_shap' or 'shapley_sampling'."
            )
        tells_parts = score.by_feature(torch.tensor(row)) is not None
        if method.of_cells and not method.replaces and not tells_parts:
            raise ValueError(
                f"method={self.method!r} needs a score that tells the part of each "
                f"cell, and {of} does not: take 'occlusion', or a detector that does, "
                "such as LSTMAutoencoderDetector."
            )
