"""Saliency: the gradient of the score at the row."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from .._docstrings import shared_paragraphs
from .._scale import means_of
from .._sklearn_compat import StrOptions
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions
from ._gradient_bases import GradientExplainer


@shared_paragraphs
class Saliency(GradientExplainer):
    r"""Attribute anomaly scores to features by the gradient at the row.

    How fast the score changes with each column, next to the row. One gradient
    a row: the cheapest of all explanations, and no more than local.

    {first_order_attributions}

    Parameters
    ----------
    estimator : estimator {differentiable_estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    multiply_by : {"deviation", "std", "input"} or None, default="deviation"
        What the gradient is multiplied by, column by column.

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
    random_state : int, RandomState instance or None, default=None {seeds_detector}
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
    SmoothGrad : The gradient's mean over noisy copies of the row.
    IntegratedGradients : The gradient's mean on the way to the row; adds up.

    Notes
    -----
    A missing entry has no slope, and gets 0.

    A gradient is per unit of its column: a length in millimetres has a
    thousandth of the gradient that it has in metres. The baseline of the
    literature is taken on standardised columns, where a unit is a standard
    deviation; "std" gives the same numbers in the user's units. A column of one
    value, which has no standard deviation, counts in its own unit.

    A magnitude does not tell the column that moved from those that it is
    correlated with: the gradient of a squared Mahalanobis distance is largest
    along the directions in which the training rows spread least. "deviation",
    the default, weighs it by how far each column of the row has gone.

    "input" depends on where a column has its zero: a temperature in degrees
    Celsius gets other attributions than in Kelvin. "deviation" depends
    neither on the unit nor on the zero.

    Some scores have kinks or jumps: those of neighbours where the neighbours
    change, nets with "relu". The gradient is that of the piece that the row
    lies on. At a row whose score is at its largest or smallest, or flat, it is
    zero, however abnormal the row is.

    References
    ----------
    Simonyan, Vedaldi & Zisserman (2014), "Deep inside convolutional networks:
    visualising image classification models and saliency maps"; Shrikumar,
    Greenside & Kundaje (2017), "Learning important features through
    propagating activation differences", on the gradient times the input.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import Saliency
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = Saliency(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **GradientExplainer._parameter_constraints,
        "multiply_by": [StrOptions({"std", "deviation", "input"}), None],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        multiply_by: str | None = "deviation",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.multiply_by = multiply_by
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._means = np.nan_to_num(means_of(X))

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        scores, gradients = self._gradients(score, x)
        values = self._multiply(gradients.cpu().numpy(), x.cpu().numpy())
        return Attributions(values, scores.cpu().numpy())

    def _multiply(self, gradients: FloatArray, X: FloatArray) -> FloatArray:
        """Attributions by the gradients at the rows X."""
        values: FloatArray = gradients * self._factors(X)
        return values if self._is_signed else np.abs(values)

    @property
    def _is_signed(self) -> bool:
        return self.multiply_by in ("deviation", "input")

    def _factors(self, X: FloatArray) -> Any:
        """What the gradients at the rows X are multiplied by."""
        if self.multiply_by is None:
            return 1.0
        if self.multiply_by == "std":
            return self._spread
        factors = X - self._means if self.multiply_by == "deviation" else X
        return np.nan_to_num(factors)  # along a missing entry there is no slope

    def _describe(self, score: TorchScore) -> str:
        gradient = "gradient" if self._is_signed else "|gradient|"
        by = "" if self.multiply_by is None else f" x {self.multiply_by}"
        return f"{type(self).__name__}, {gradient}{by}"
