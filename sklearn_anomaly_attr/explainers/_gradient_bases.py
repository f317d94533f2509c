"""Bases of the explainers that ask for the gradient of the score."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .._adapters import name_of
from .._columns import Constant
from .._scale import deviations_of
from .._torch._blocks import blocks
from .._typing import FloatArray
from ..explanation import Explanation
from ..games import Players
from ..scores import TorchScore
from ._base import ScoreExplainer
from ._coded_rows import CodedRows
from ._game_bases import ReferenceExplainer

OF_ANY_SCORE = "KernelShap, NeighborShap or FeatureOcclusion"


class NumericExplainer(ScoreExplainer):
    """Base of the explainers that ask how the score changes along a column.

    A subclass writes ``_attribute(score, x, players)``. There is no parameter
    ``categorical_features``: categories have no direction, and are refused.
    """

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        coding = self._coding
        for name, column in zip(self._column_names(), coding.columns, strict=True):
            if not column.is_number and not isinstance(column, Constant):
                kind = "categories" if column.is_categorical else "dates or durations"
                raise ValueError(
                    f"The column {name!r} holds {kind}, along which no score has a "
                    f"slope: leave it out, or take {OF_ANY_SCORE}, which need none."
                )


class GradientExplainer(NumericExplainer):
    """Base of the explainers that ask for the gradient of the score.

    A subclass writes ``_attribute(score, x, players)``.
    """

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._check_gradient(self._translated())
        self._deviations = deviations_of(X)

    def _explain(self, rows: CodedRows) -> Explanation:
        self._check_gradient(rows.score)
        return super()._explain(rows)

    def _check_gradient(self, score: TorchScore) -> None:
        """Refuse scores without a gradient."""
        if not score.differentiable:
            raise ValueError(
                f"{type(self).__name__} needs the gradient of the score, and that of "
                f"{name_of(self.estimator_)} has none (score: "
                f"{score.description}): take {OF_ANY_SCORE}, which need none."
            )

    def _gradients(self, score: TorchScore, points: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``(...)`` of points ``(..., n_features)``, and their gradients.

        In batches, whatever the shape. The gradients are in units of the score
        per unit of the column.
        """
        flat = points.reshape(-1, points.shape[-1])
        size = self._batch_size(score, points)
        parts = [value_and_gradient(score, part) for part in flat.split(size)]
        values, gradients = map(torch.cat, zip(*parts, strict=True))
        return values.reshape(points.shape[:-1]), gradients.reshape(points.shape)

    def _rng(self, what: str) -> np.random.RandomState:
        """What draws from the seed, apart from all other draws."""
        return np.random.RandomState([self._random_seed, *what.encode()])

    def _noise(self, n_pairs: int, noise_level: float) -> FloatArray:
        """Normal noise ``(2 * n_pairs, n_features)``: each draw, then its opposite.

        In `noise_level` standard deviations of the columns. A column of one
        value gets none.
        """
        rng = self._rng("noise")
        drawn = rng.standard_normal((n_pairs, 1, self.n_features_in_))
        noise: FloatArray = drawn * [[1.0], [-1.0]] * self._deviations
        return noise_level * noise.reshape(2 * n_pairs, self.n_features_in_)


class PathExplainer(ReferenceExplainer, GradientExplainer):
    """Base of the explainers that follow the score from references to the row.

    A subclass writes ``_attribute(score, x, players)``, and has the parameters
    ``references``, ``n_references`` and ``feature_groups``.
    """

    def _starts_of(self, x: Tensor, players: Players) -> tuple[Tensor, Tensor]:
        """Where the paths to the rows begin, and the weights of the references."""
        references, weights = self._references_of(x)
        starts = players.stand_ins(x, references)
        if bool(x.isnan().any() | starts.isnan().any()):
            # No path leads from a number to none: such columns stay as they are.
            here = x[:, None]
            starts = torch.where(starts.isnan() | here.isnan(), here, starts)
        return starts, weights

    def _base_values(
        self, score: TorchScore, references: Tensor, weights: Tensor, n_samples: int
    ) -> FloatArray:
        """Mean scores of the references of each row."""
        base_values = self._score(score, references) @ weights
        return base_values.expand(n_samples).cpu().numpy()

    def _path_integrals(
        self,
        score: TorchScore,
        starts: Tensor,
        ends: Tensor,
        nodes: Tensor,
        weights: Tensor,
        players: Players,
    ) -> Tensor:
        r"""Sum the gradients along straight paths, for each player.

        .. math::

            (b_i - a_i) \sum_j w_j \, \partial_i s\bigl(a + t_j (b - a)\bigr)

        Parameters
        ----------
        score : TorchScore
            The score :math:`s`.
        starts, ends : Tensor of shape (n_samples or 1, n_paths or 1, n_features)
            The ends :math:`a` and :math:`b` of the paths.
        nodes : Tensor of shape (n_paths or 1, n_nodes)
            Where on its path each point lies, :math:`t_j`.
        weights : Tensor of shape (n_nodes,)
            Weights :math:`w_j` of the points.
        players : Players
            Whose columns' values are summed.

        Returns
        -------
        Tensor of shape (n_samples, n_paths, n_players)
        """
        starts, ways = torch.broadcast_tensors(starts, (ends - starts).nan_to_num())
        n_samples, n_paths, _ = starts.shape
        samples = torch.arange(n_samples, device=ends.device).repeat_interleave(n_paths)
        paths = torch.arange(n_paths, device=ends.device).repeat(n_samples)
        nodes = nodes.expand(n_paths, -1)
        integrals = starts.new_zeros(len(paths), starts.shape[-1])
        size = self._batch_size(score, starts)
        for block, columns in blocks(len(paths), nodes.shape[1], size):
            sample, path = samples[block], paths[block]
            start, way = starts[sample, path, None], ways[sample, path, None]
            moved = nodes[path, columns, None]
            with torch.enable_grad():
                # All points of a path move with its start: the gradient by the
                # start is the weighted sum of theirs.
                start.requires_grad_()
                values = score(torch.addcmul(start, moved, way))
                (summed,) = torch.autograd.grad(
                    values, start, weights[columns].expand_as(values)
                )
            integrals[block] += (way * summed)[:, 0]
        by_path: Tensor = players.sums(integrals).unflatten(0, (n_samples, n_paths))
        return by_path


def value_and_gradient(score: TorchScore, points: Tensor) -> tuple[Tensor, Tensor]:
    """Scores ``(...)`` of points ``(..., n_features)``, and their gradients."""
    with torch.enable_grad():
        leaf = points.detach().requires_grad_()
        values = score(leaf)
        (gradients,) = torch.autograd.grad(values.sum(), leaf)
    return values.detach(), gradients


def mean_of_draws(draws: Tensor) -> tuple[FloatArray, FloatArray]:
    """Means of ``draws (n_samples, n_draws, n)``, and their standard errors."""
    n_draws = draws.shape[1]
    mean = draws.mean(dim=1)
    # Torch's own variance takes ten times as long.
    variance = (draws - mean[:, None]).square_().sum(dim=1) / (n_draws - 1)
    return mean.cpu().numpy(), (variance / n_draws).sqrt_().cpu().numpy()
