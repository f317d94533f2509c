"""SmoothGrad: the mean gradient of the score next to the row."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions
from ._gradient_bases import mean_of_draws
from ._saliency import Saliency


@shared_paragraphs
class SmoothGrad(Saliency):
    r"""Attribute anomaly scores to features by the mean gradient near the row.

    .. math::

        g = \frac1m \sum_{j=1}^m \nabla s(x + \varepsilon_j), \qquad
        \varepsilon_{ji} \sim \mathcal N(0, (\lambda \sigma_i)^2)

    This is the gradient of the score after smoothing, so that kinks and small
    wiggles of the score do not show. The noise is drawn once, in pairs of
    opposite sign, and is the same for all rows.

    {first_order_attributions}

    Parameters
    ----------
    estimator : estimator {differentiable_estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    n_draws : int, default=32
        Number of noisy copies of a row; an odd number counts as the next one.
    noise_level : float, default=0.1
        Standard deviation of the noise, :math:`\lambda`, in standard
        deviations of the training columns, :math:`\sigma_i`. A column of one
        value gets no noise.
    multiply_by : {"deviation", "std", "input"} or None, default="deviation"
        What the mean gradient is multiplied by, column by column.

        - "deviation": :math:`g_i (x_i - \bar x_i)`, with the mean of the
          training column.
        - "std": :math:`|g_i| \, \sigma_i`, with the standard deviation of the
          training column: the change of the score by one standard deviation.
          Never negative.
        - None: :math:`|g_i|`, in units of the score per unit of the column.
          Never negative.
        - "input": :math:`g_i x_i`.
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the noise, once in ``fit``, and the detector's ``random_state``
        where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    {features_in}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if the detector refuses X, if a column holds
        categories, or if the score has no gradient, as that of trees.

    See Also
    --------
    Saliency : The gradient at the row itself.
    GradientShap : The gradient's mean on the ways from training rows.

    Notes
    -----
    A missing entry has no slope, and gets 0.

    The mean is taken first, then its magnitude: gradients of opposite sign
    cancel, as they do in a smoothed score.

    Gradients of quadratic scores are linear, and the noise of a pair cancels:
    the result is the gradient at the row. ``standard_errors`` tell what the
    draws leave open for other scores.

    References
    ----------
    Smilkov, Thorat, Kim, Viégas & Wattenberg (2017), "SmoothGrad: removing
    noise by adding noise", Section 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import SmoothGrad
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = SmoothGrad(KNNDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Saliency._parameter_constraints,
        "n_draws": [Interval(Integral, 3, None, closed="left")],
        "noise_level": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_draws: int = 32,
        noise_level: float = 0.1,
        multiply_by: str | None = "deviation",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            prefit=prefit,
            multiply_by=multiply_by,
            batch_size=batch_size,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_draws = n_draws
        self.noise_level = noise_level

    def _cells(self, n_players: int) -> int:
        return (self.n_draws + 1) * self.n_features_in_

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        n_pairs = (self.n_draws + 1) // 2
        noise = self._tensor(self._noise(n_pairs, self.noise_level), x)
        _, gradients = self._gradients(score, x[:, None] + noise)
        pairs = gradients.unflatten(1, (n_pairs, 2)).mean(dim=2)
        mean, standard_errors = mean_of_draws(pairs)
        rows = x.cpu().numpy()
        return Attributions(
            self._multiply(mean, rows),
            self._score(score, x).cpu().numpy(),
            standard_errors=standard_errors * np.abs(self._factors(rows)),
        )

    def _describe(self, score: TorchScore) -> str:
        n_copies = 2 * ((self.n_draws + 1) // 2)
        return f"{super()._describe(score)}, {n_copies} noisy copies"
