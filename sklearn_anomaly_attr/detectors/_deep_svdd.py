"""Deep support vector data description detector."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval, StrOptions
from .._torch._batches import Batch
from .._torch._encoder import EncoderNet, encoder, latent_size
from .._torch._nets import DeepNet
from ..scores import TorchScore
from ._deep_scores import DeepScore
from ._image_detector import ImageDetector


@shared_paragraphs
class DeepSVDDDetector(ImageDetector):
    r"""Detect anomalies by a net that maps normal rows near a fixed center.

    Deep support vector data description: a net :math:`\phi` maps rows x of a
    table, or images, to points, and learns to bring those of the training rows
    near a center c. The squared distance :math:`d(x) = \|\phi(x) - c\|^2`, in the
    bounded form of [2]_, is the anomaly score, in [0, 1], and its mean the loss:

    .. math::

        \frac{d(x)}{1 + d(x)}

    Constants in the layers would let the net ignore its input and give c to all
    rows; there are none. So the mean row of a table, whose columns are
    standardised, goes to the origin, whatever the weights: there, c is the
    origin, and the units are bounded. The net learns to shrink the directions
    in which the training rows vary together, more than those in which they do
    not. For images, c is the mean of the points that the untrained net gives the
    first training step, as in [1]_.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 32)
        Numbers of units of the hidden layers, for tables; tanh follows each.
        Images get convolutions that suit their size: those of [2]_ for 28x28
        and 32x32.
    latent_size : int or "auto", default="auto" {latent_size}
    bounded : bool, default=True
        Whether the anomaly score is :math:`d / (1 + d)`, in [0, 1]. False gives
        the squared distance d, of the same order.
    image_shape : tuple (C, H, W) or (H, W), default=None {image_shape_of_rows}
    max_iter : int, default=40 {max_iter}
    batch_size : int or "auto", default="auto"
        Largest number of rows in a training step; "auto" is 128.
    learning_rate : float or "auto", default="auto"
        Step size of Adam; "auto" is 1e-2 for tables and 3e-4 for images.
    schedule : {"constant", "cosine", "step"}, default="constant" {schedule}
    weight_decay : float, default=0.0 {weight_decay}
    early_stopping : bool, default=False {early_stopping}
    validation_fraction : float, default=0.1 {validation_fraction}
    n_iter_no_change : int, default=10 {n_iter_no_change}
    tol : float, default=1e-4 {tol}
    warm_start : bool, default=False {warm_start}
    contamination : float, default=0.1 {contamination}
    random_state : int, RandomState instance or None, default=None
        Seeds the first weights, the held-out rows and the order of the rows.
    device : str, default="auto" {training_device}
    verbose : int, default=0 {training_verbose}

    Attributes
    ----------
    weights_ : dict of str to ndarray
        State of the net, by the names that torch gives it;
        "center" is the center of the sphere.
    {fitted_images}
    {fitted_training}
    {features_in_of_images}

    Raises
    ------
    ValueError
        In ``fit``, if X is not finite, of at least two rows or images, if
        training diverges, if the device is not there, or if ``warm_start``
        meets other columns or layers than before.

    See Also
    --------
    HypersphereDetector : The same idea with outliers to learn from; much better
        on images.
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    ``score_samples`` is LOWER for more abnormal rows, as everywhere in
    scikit-learn; ``anomaly_score`` is HIGHER. On tables, training shrinks all
    scores: compare them within a fit, not between fits.

    Other than in [2]_, c is not drawn at random for images, and the first dense
    layer is not normalised over the batch: with both, training did not help to
    tell digits of MNIST apart.

    The paper's training for images is ``max_iter=80, learning_rate=1e-4,
    schedule="step"``.

    {float32_training}

    References
    ----------
    .. [1] Ruff, Vandermeulen, Goernitz, Deecke, Siddiqui, Binder, Müller &
       Kloft (2018), "Deep one-class classification".
    .. [2] "Anomaly detection exposed: imagining anomalies were normal",
       section 3.3 and appendix E.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import DeepSVDDDetector
    >>> rng = np.random.default_rng(0)
    >>> X = np.repeat(rng.normal(size=(300, 1)), 3, axis=1)  # three equal columns
    >>> detector = DeepSVDDDetector(random_state=0).fit(X)
    >>> detector.predict([[1.0, 1.0, 1.0], [1.0, -1.0, 1.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ImageDetector._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "latent_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "bounded": ["boolean"],
        "learning_rate": [
            StrOptions({"auto"}),
            Interval(Real, 0.0, None, closed="neither"),
        ],
    }
    _auto_batch_size = 128

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (64, 32),
        *,
        latent_size: int | str = "auto",
        bounded: bool = True,
        image_shape: Sequence[int] | None = None,
        max_iter: int = 40,
        batch_size: int | str = "auto",
        learning_rate: float | str = "auto",
        schedule: str = "constant",
        weight_decay: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        tol: float = 1e-4,
        warm_start: bool = False,
        contamination: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
        device: str = "auto",
        verbose: int = 0,
    ) -> None:
        super().__init__(
            max_iter=max_iter,
            batch_size=batch_size,
            learning_rate=learning_rate,
            schedule=schedule,
            weight_decay=weight_decay,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            tol=tol,
            warm_start=warm_start,
            contamination=contamination,
            random_state=random_state,
            device=device,
            verbose=verbose,
        )
        self.hidden_layer_sizes = hidden_layer_sizes
        self.latent_size = latent_size
        self.bounded = bounded
        self.image_shape = image_shape

    def _build_net(self, n_features: int) -> DeepNet:
        n_outputs = latent_size(self.latent_size, self.image_shape_)
        layers = encoder(
            n_features,
            n_outputs,
            image_shape=self.image_shape_,
            hidden_layer_sizes=self.hidden_layer_sizes,
            activation="tanh",
            bias=False,
        )
        start = 0.0 if self.image_shape_ is None else torch.nan
        center = torch.full((n_outputs,), start, dtype=torch.float32)
        return _DeepSVDD(layers, center, self.bounded)

    def _torch_score(self) -> TorchScore:
        description = "deep support vector data description"
        return DeepScore.of(self, coercive=False, description=description)

    def _step_size(self) -> float:
        if self.learning_rate != "auto":
            return super()._step_size()
        return 1e-2 if self.image_shape_ is None else 3e-4


class _DeepSVDD(EncoderNet):
    """Learns to give all rows a point near the center.

    Parameters
    ----------
    layers : nn.Module
        From rows ``(n, n_features)`` to points ``(n, n_outputs)``.
    center : Tensor of shape (n_outputs,)
        NaN leaves it to the first training step: the mean of its points.
    bounded : bool
        Whether the score is.
    """

    center: Tensor

    def __init__(self, layers: nn.Module, center: Tensor, bounded: bool) -> None:
        super().__init__(layers)
        self.bounded = bounded
        self.register_buffer("center", center)

    def losses(self, batch: Batch) -> Tensor:
        codes = self.layers(batch.x)
        if self.center.isnan().any():
            weight = batch.weight / batch.weight.sum()
            self.center.copy_(weight @ codes.detach())
        return _bounded(self._squares(codes))

    def score_of(self, codes: Tensor) -> Tensor:
        squares = self._squares(codes)
        return _bounded(squares) if self.bounded else squares

    def _squares(self, codes: Tensor) -> Tensor:
        return (codes - self.center).square().sum(dim=1)


def _bounded(squares: Tensor) -> Tensor:
    return squares / (1.0 + squares)
