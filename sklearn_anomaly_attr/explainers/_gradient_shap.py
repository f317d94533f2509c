"""GradientShap: expected gradients, over references and paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions
from ._gradient_bases import PathExplainer, mean_of_draws


@shared_paragraphs
class GradientShap(PathExplainer):
    r"""Attribute anomaly scores to features by expected gradients.

    The mean of integrated gradients over many references :math:`r`, by draws
    of a reference and a point on its path together:

    .. math::

        \phi_i = \mathbb E_{r, t}
        \bigl[(x_i - r_i) \, \partial_i s\bigl(r + t (x - r)\bigr)\bigr],
        \qquad t \sim U(0, 1)

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the mean score of the references, they add up to the
    anomaly score, ``-estimator_.score_samples(X)``, in expectation; what the
    draws miss is ``explain(X).convergence_delta``.

    Parameters
    ----------
    estimator : estimator {differentiable_estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    references : str, References or array-like, default="sample" {absent_values}
    n_references : int, default=25
        Number of references; "mean" and "median" give one. By default, one for
        each pair of points.
    n_draws : int, default=50
        Number of points at which the gradient is taken for a row; an odd
        number counts as the next one. They come in pairs, which share a
        reference: with fewer pairs than references, some have no part.
    noise_level : float, default=0.0
        Standard deviation of normal noise on the row at the ends of the paths,
        in standard deviations of the training columns. With noise the values
        explain a smoothed score, and ``convergence_delta`` tells that from the
        score itself.
    feature_groups : dict of str to list, default=None {summed_groups}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the references, the points and the noise, once in ``fit``, and
        the detector's ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError {no_gradient_or_not_grouped}

    See Also
    --------
    IntegratedGradients : The integral over each path, by a quadrature rule.
    KernelShap : Shapley values; need no gradient.

    Notes
    -----
    Missing entries get nothing, as in :class:`IntegratedGradients`.

    All rows share one plan of draws. The points :math:`t` and :math:`1 - t` of
    a pair make the path of a quadratic score exact. The pairs divide (0, 1/2)
    into equal strata, and the references by their weights, each pair one
    stratum of both, matched at random. Each draw is distributed as the formula
    says, so that the values are unbiased.

    ``standard_errors`` take the pairs for independent draws. They tell how far
    the values are from those with all training rows as references, for
    "sample"; with fixed references the strata make the values closer than they
    tell. Where the score jumps, ``convergence_delta`` does not go away with more
    points: see the notes of :class:`IntegratedGradients`.

    References
    ----------
    Erion, Janizek, Sturmfels, Lundberg & Lee (2021), "Improving performance of
    deep learning models with axiomatic attribution priors and expected
    gradients", Equation 3; Lundberg & Lee (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import GradientShap
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = GradientShap(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **PathExplainer._parameter_constraints,
        "n_draws": [Interval(Integral, 3, None, closed="left")],
        "noise_level": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        references: str = "sample",
        n_references: int = 25,
        n_draws: int = 50,
        noise_level: float = 0.0,
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.references = references
        self.n_references = n_references
        self.n_draws = n_draws
        self.noise_level = noise_level
        self.feature_groups = feature_groups
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @property
    def _n_pairs(self) -> int:
        return (self.n_draws + 1) // 2

    def _cells(self, n_players: int) -> int:
        n_paths = max(self._n_pairs, len(self.references_.weights_))
        return n_paths * self.n_features_in_

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        starts, weights = self._starts_of(x, players)
        chosen, nodes = self._plan()
        ends = x[:, None]
        if self.noise_level:
            noise = self._noise((self._n_pairs + 1) // 2, self.noise_level)
            ends = ends + self._tensor(noise[: self._n_pairs], x)
        pairs = self._path_integrals(
            score,
            starts[:, chosen],
            ends,
            self._tensor(nodes, x),
            self._tensor(np.full(2, 0.5), x),
            players,
        )
        values, standard_errors = mean_of_draws(pairs)
        return Attributions(
            values,
            self._score(score, x).cpu().numpy(),
            self._base_values(score, starts, weights, len(x)),
            standard_errors,
        )

    def _plan(self) -> tuple[NDArray[np.intp], FloatArray]:
        """The reference of each pair, and its two points on the path."""
        rng = self._rng("paths")
        n_pairs = self._n_pairs
        shares = (np.arange(n_pairs) + rng.uniform()) / n_pairs
        # Rounding may leave the sum of the weights below the last share.
        ends = np.cumsum(self.references_.weights_)[:-1]
        chosen = np.searchsorted(ends, shares, side="right")
        strata = rng.permutation(n_pairs) + rng.uniform(size=n_pairs)
        first = 0.5 * strata / n_pairs
        return chosen, np.stack([first, 1.0 - first], axis=1)

    def _describe(self, score: TorchScore) -> str:
        return f"GradientShap, {self._references_name()}, {2 * self._n_pairs} points"
