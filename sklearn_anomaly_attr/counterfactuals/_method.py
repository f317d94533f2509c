"""What finds counterfactuals: the explainer's parameter ``method``."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor

from .._images import as_rows
from .._scale import CommonScale
from .._torch._proximity import Proximity
from .._typing import BoolArray, FloatArray, ImageShape
from ..scores import TorchScore
from ._constraints import Constraints


@dataclass(frozen=True)
class Problem:
    """What a method has to work with.

    Attributes
    ----------
    score : TorchScore
        Anomaly score of coded rows; HIGHER is more abnormal.
    threshold : float
        A counterfactual is valid where its score is not above it.
    X : ndarray of shape (n_train, n_features)
        Coded training rows.
    training_scores : ndarray of shape (n_train,)
        Their anomaly scores.
    scale : CommonScale
        Where distances are measured.
    constraints : Constraints
        What may change, and to which values.
    n_counterfactuals : int
        How many alternatives each row gets.
    batch_size : int
        Largest number of rows to score at once.
    device : torch.device
        Where to compute.
    seed : int
        Seeds all draws, once a fit.
    verbose : int
        Whether to show progress.
    extra_rows : ndarray of shape (n_extra, n_features) or None
        Coded rows beside the training rows, abnormal ones for instance, that a
        generator learns to edit: ``X_outlier_exposure`` of the explainer's
        ``fit``.
    image_shape : tuple (C, H, W) or None
        Shape of the images in the rows, where the detector knows it.
    """

    score: TorchScore
    threshold: float
    X: FloatArray
    training_scores: FloatArray
    scale: CommonScale
    constraints: Constraints
    n_counterfactuals: int
    batch_size: int
    device: torch.device
    seed: int
    verbose: int
    extra_rows: FloatArray | None = None
    image_shape: ImageShape | None = None

    def within(self, free: BoolArray) -> Problem:
        """The problem with the other columns ``(n_features,)`` left as they are."""
        mutable = self.constraints.mutable & free
        return replace(self, constraints=replace(self.constraints, mutable=mutable))

    @torch.no_grad()
    def scores(self, points: Tensor) -> Tensor:
        """Anomaly scores ``(...)`` of the points ``(..., n_features)``, in batches."""
        rows = points.reshape(-1, points.shape[-1])
        if not len(rows):  # a black box may refuse them
            return points.new_empty(points.shape[:-1])
        parts = [self.score(part) for part in rows.split(self.batch_size)]
        return torch.cat(parts).reshape(points.shape[:-1])

    def moves(self, x: Tensor, y: Tensor) -> Tensor:
        """The way from `x` to `y` in spreads; of a category, 1 / spread if changed."""
        spread = torch.as_tensor(self.scale.spread, device=x.device).to(x.dtype)
        categorical = tuple(np.flatnonzero(self.scale.n_categories).tolist())
        return Proximity(spread, 1.0, categorical=categorical).moves(x, y)

    def distances(self, x: Tensor, y: Tensor) -> Tensor:
        """L1 distances ``(...)`` of points ``(..., n_features)``, in spreads."""
        return self.moves(x, y).abs().sum(dim=-1)


class CounterfactualMethod(BaseEstimator, metaclass=ABCMeta):
    """Base of what finds counterfactuals.

    A parameter object: :class:`CounterfactualExplainer` clones it, lets the
    clone prepare itself, and asks it for candidates. The explainer keeps the
    constraints, scores the candidates and tells which are valid. A method lists
    what its parameters may be in ``_parameter_constraints``.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr import CounterfactualExplainer, KNNDetector
    >>> from sklearn_anomaly_attr.counterfactuals import CounterfactualMethod
    >>> class FirstRow(CounterfactualMethod):
    ...     def search(self, problem, x):
    ...         row = torch.as_tensor(problem.X[0], device=x.device)
    ...         return row.expand(len(x), problem.n_counterfactuals, -1)
    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> explainer = CounterfactualExplainer(KNNDetector(1), method=FirstRow()).fit(X)
    >>> explainer.explain([[9.0]]).counterfactuals.ravel()
    array([0.])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {}
    # Whether rows may have missing entries, which are NaN.
    _takes_missing: ClassVar[bool] = True

    def prepare(self, problem: Problem) -> None:
        """Learn what is needed of the training rows, in attributes with an underscore.

        What is kept is made of numpy arrays and plain values: explainers are
        pickled.

        Parameters
        ----------
        problem : Problem
            Score, threshold, training rows, constraints and budget.
        """
        return

    @abstractmethod
    def search(self, problem: Problem, x: Tensor) -> Tensor:
        """Propose counterfactuals of rows.

        What is found for a row does not depend on the rows beside it.

        Parameters
        ----------
        problem : Problem
            Score, threshold, training rows, constraints and budget.
        x : float64 Tensor of shape (n_samples, n_features)
            Coded rows.

        Returns
        -------
        float64 Tensor of shape (n_samples, n_counterfactuals, n_features)
            Candidates, in the coding and the units of `x`.
        """


def check_missing(method: CounterfactualMethod, X: FloatArray, rows: str) -> None:
    """Refuse coded rows with missing entries, where a method needs numbers.

    Parameters
    ----------
    method : CounterfactualMethod
        The method.
    X : ndarray of shape (n_samples, n_features)
        The rows.
    rows : str
        What the sentence calls them.
    """
    lacking = np.isnan(X).any(axis=1).sum()
    if lacking and not method._takes_missing:
        raise ValueError(
            f"{type(method).__name__} needs numbers in all cells, and {lacking} of "
            f"{len(X)} {rows} hold NaN, missing values: take method='greedy' or "
            "'nearest', which fill them in, or leave these rows out."
        )


def shape_of_images(method: CounterfactualMethod, problem: Problem) -> ImageShape:
    """The shape of the images that a method edits: it is told, or else the detector.

    Raises
    ------
    ValueError
        If neither is, the rows are not of this shape, or some columns hold
        categories.
    """
    name, stated = type(method).__name__, getattr(method, "image_shape", None)
    _, found = as_rows(problem.X, problem.image_shape if stated is None else stated)
    if found is None:
        raise ValueError(
            f"{name} edits images, and the rows are a table: set image_shape="
            "(channels, height, width) where they are images, or take another method, "
            "such as 'greedy'."
        )
    if problem.constraints.n_categories.any():
        raise ValueError(
            f"{name} edits numbers, and some columns hold categories: take another "
            "method, such as 'greedy'."
        )
    return found
