"""AnomalyContribution: a linear surrogate of the score around each row."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._scale import means_of
from .._sklearn_compat import Interval, StrOptions
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions
from ._gradient_bases import NumericExplainer

_FEWEST_SAMPLES = 64


@shared_paragraphs
class AnomalyContribution(NumericExplainer):
    r"""Attribute anomaly scores by a linear surrogate around each row.

    A ridge regression learns how the score :math:`e` of neighbours of the row
    depends on their deviations :math:`u` from the mean :math:`m` of the
    training rows, in standard deviations of the columns. The value of a
    feature is its coefficient times its own deviation (ACE):

    .. math::

        \phi_i = w_i u_i, \qquad
        w = \arg\min_w \frac1n \sum_{j=1}^n
        \bigl(e(m) + w \cdot (u + \epsilon_j) - e_j\bigr)^2
        + \alpha \sigma^2 \lVert w \rVert^2

    The surrogate holds around the row, and at the mean: values are in units of
    the anomaly score, POSITIVE pushes it UP, and together they are about the
    difference from the score of the mean.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    n_draws : int or "auto", default="auto"
        Number of neighbours, in opposite pairs; an odd number counts as the
        next even one. "auto" is the smallest multiple of 2 * n_features from
        64 on: the slopes of a quadratic score are then exact.
    scale : float, default=0.5
        Distance :math:`\sigma` of the neighbours along each feature, root mean
        square, in standard deviations of the training column. Scores with
        steps, such as those of trees, want a larger one.
    alpha : float, default=1e-3
        Strength of the ridge penalty, in variances of the neighbours. It
        decides where ``n_draws`` is below 2 * n_features.
    normalize : bool, default=False
        Whether to give contributions as in the reference, softplus of the
        values over their sum: positive, in the same order, and 1 in total. They
        depend on the unit of the score.
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the neighbours, once in ``fit`` and the same for all rows, and the
        detector's ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    means_ : ndarray of shape (`n_features_in_`,)
        Means of the training columns.
    {features_in}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if the detector refuses X, or X holds categories.

    See Also
    --------
    KernelShap : A linear surrogate on coalitions of features instead.

    Notes
    -----
    A missing entry deviates from nothing, and gets 0.

    The reference regresses the score on the columns in their own units, through
    their zeros, in which the values depend on the choice of unit. Its kernel
    weighs neighbours by their distance; here they are in orthogonal directions
    at one distance, and weigh the same.

    References
    ----------
    Zhang, Marwah, Lee, Arlitt & Goldwasser (2019), "ACE - An anomaly
    contribution explainer for cyber-security applications".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import AnomalyContribution
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = AnomalyContribution(GaussianMixtureDetector(), random_state=0)
    >>> explanation = explainer.fit(X).explain([[0.0, 5.0, 0.0]])
    >>> explanation.to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **NumericExplainer._parameter_constraints,
        "n_draws": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
        ],
        "scale": [Interval(Real, 0.0, None, closed="neither")],
        "alpha": [Interval(Real, 0.0, None, closed="neither")],
        "normalize": ["boolean"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_draws: int | str = "auto",
        scale: float = 0.5,
        alpha: float = 1e-3,
        normalize: bool = False,
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.n_draws = n_draws
        self.scale = scale
        self.alpha = alpha
        self.normalize = normalize
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self.means_ = means_of(X)

    def _noise(self) -> FloatArray:
        return self._once("noise", self._draw_noise)

    def _draw_noise(self) -> FloatArray:
        n_features = self.n_features_in_
        pairs = -(-_FEWEST_SAMPLES // (2 * n_features)) * n_features
        if not isinstance(self.n_draws, str):
            pairs = -(-self.n_draws // 2)
        return self.scale * _directions(pairs, n_features, self._random_seed)

    def _cells(self, n_players: int) -> int:
        return self._noise().size

    @torch.no_grad()
    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        mean, spread = (self._tensor(a, x) for a in (self.means_, self._spread))
        noise = self._tensor(self._noise(), x)
        raised = self._score(score, x[:, None] + noise * spread)
        raised = raised - self._score(score, mean[None])
        # A missing entry deviates from nothing.
        deviation = ((x - mean) / spread).nan_to_num()
        values = deviation * self._coefficients(noise, deviation, raised)
        if self.normalize:
            read = torch.from_numpy(self._coding.is_read).to(x.device)
            values = torch.nn.functional.softplus(values) * read
            values = values / values.sum(dim=1, keepdim=True)
        return Attributions(values.cpu().numpy(), self._score(score, x).cpu().numpy())

    def _coefficients(self, noise: Tensor, deviation: Tensor, raised: Tensor) -> Tensor:
        """Ridge coefficients ``(n_samples, n_features)`` of all rows.

        The noise comes in opposite pairs, so that a row's own deviation only
        adds a matrix of rank one to what all rows share.
        """
        eye = torch.eye(noise.shape[1], dtype=noise.dtype, device=noise.device)
        ridge = self.alpha * self.scale**2 * eye
        shared: Tensor = torch.linalg.inv(noise.T @ noise / len(noise) + ridge)
        slopes = raised @ (noise @ shared) / len(noise)
        own = deviation @ shared
        missing = raised.mean(dim=1) - (deviation * slopes).sum(dim=1)
        return slopes + own * (missing / (1 + (deviation * own).sum(dim=1)))[:, None]


def _directions(n_pairs: int, n_features: int, seed: int) -> FloatArray:
    """Opposite and orthogonal directions ``(2 * n_pairs, n_features)``.

    Of mean square 1 in each feature; in rounds of n_features orthogonal ones.
    """
    rng = np.random.RandomState(seed)
    n_rounds = -(-n_pairs // n_features)
    draws = rng.normal(size=(n_rounds, n_features, n_features))
    rounds = np.linalg.qr(draws)[0].reshape(-1, n_features)[:n_pairs]
    directions: FloatArray = np.sqrt(n_features) * np.concatenate([rounds, -rounds])
    return directions
