"""IntegratedGradients: gradients on the way from references to the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions
from ._gradient_bases import PathExplainer


@shared_paragraphs
class IntegratedGradients(PathExplainer):
    r"""Attribute anomaly scores to features by integrated gradients.

    From a reference :math:`r` the row :math:`x` is reached in a straight line.
    What the score gains on the way is shared among the columns by its gradient:

    .. math::

        \phi_i = (x_i - r_i) \int_0^1 \partial_i s\bigl(r + t (x - r)\bigr) \, dt

    With several references, the weighted mean of their values.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the weighted mean score of the references, they add up
    to the anomaly score, ``-estimator_.score_samples(X)``, up to the error of
    the integral: ``explain(X).convergence_delta``.

    Parameters
    ----------
    estimator : estimator {differentiable_estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    references : str, References or array-like, default="mean" {absent_values}
    n_references : int, default=8 {n_references}
    n_steps : int, default=50
        Number of points on a path at which the gradient is taken.
    method : {"gausslegendre", "midpoint"}, default="gausslegendre"
        Rule of the integral. "midpoint" takes equal steps.
    feature_groups : dict of str to list, default=None {summed_groups}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the clustering or the draw of references, once in ``fit``, and
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
    GradientShap : References and points on the paths are drawn.
    KernelShap : Shapley values; need no gradient.

    Notes
    -----
    No path leads from a number to a missing one: a column that is missing in the
    row, or in a reference, has in both what it has in the row, and gets nothing.

    The "gausslegendre" rule is exact for scores that are polynomials of a degree
    up to ``2 * n_steps``, quadratic ones among them, and fast for other smooth
    scores. Where the gradient jumps, as for nearest neighbours and nets with
    "relu", the error falls as slowly as one over ``n_steps``, with "midpoint"
    as well. A score that itself jumps gains something that no gradient sees,
    and that no number of steps brings back: the local outlier factor, where the
    neighbours change, and the distance to the nearest training rows, next to a
    training row, which does not count itself.

    With six correlated columns the default misses the scores by 1e-15 of their
    standard deviation (AutoencoderDetector, OneClassSVM), 4e-6
    (GaussianMixtureDetector), 0.001 (AutoencoderDetector with "relu"), 0.007
    (DTEDetector), 0.01 (KNNDetector), 0.4 (LocalOutlierFactor). The values are
    never scaled to hide it.

    References
    ----------
    Sundararajan, Taly & Yan (2017), "Axiomatic attribution for deep networks",
    Equation 1; Takeishi & Kawahara (2023), "A characteristic function for
    Shapley-value-based attribution of anomaly scores", Section 5.1.3, with the
    mean of the training rows and 50 steps.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import IntegratedGradients
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = IntegratedGradients(GaussianMixtureDetector(), random_state=0)
    >>> explanation = explainer.fit(X).explain([[0.0, 5.0, 0.0]])
    >>> explanation.to_frame().idxmax(axis=1).item()
    'x1'
    >>> bool(abs(explanation.convergence_delta[0]) < 1e-9)
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **PathExplainer._parameter_constraints,
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions({"gausslegendre", "midpoint"})],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        references: str = "mean",
        n_references: int = 8,
        n_steps: int = 50,
        method: str = "gausslegendre",
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
        self.n_steps = n_steps
        self.method = method
        self.feature_groups = feature_groups
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _cells(self, n_players: int) -> int:
        return len(self.references_.weights_) * self.n_features_in_

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        starts, weights = self._starts_of(x, players)
        nodes, rule = (self._tensor(array, x) for array in self._rule())
        integrals = self._path_integrals(
            score, starts, x[:, None], nodes[None], rule, players
        )
        return Attributions(
            torch.einsum("k,nkp->np", weights, integrals).cpu().numpy(),
            self._score(score, x).cpu().numpy(),
            self._base_values(score, starts, weights, len(x)),
        )

    def _rule(self) -> tuple[FloatArray, FloatArray]:
        """Points in (0, 1) and their weights, which sum to 1."""
        if self.method == "midpoint":
            nodes = (np.arange(self.n_steps) + 0.5) / self.n_steps
            return nodes, np.full(self.n_steps, 1.0 / self.n_steps)
        return self._once("rule", partial(_gauss_legendre, self.n_steps))

    def _describe(self, score: TorchScore) -> str:
        name = self._references_name()
        return f"IntegratedGradients, {name}, {self.n_steps} steps"


def _gauss_legendre(n_steps: int) -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)
    return 0.5 * (1.0 + nodes), 0.5 * weights
