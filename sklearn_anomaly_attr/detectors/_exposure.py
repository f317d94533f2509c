"""What the detectors share that outliers are shown to in training."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.callback import CallbackContext, with_callbacks
from torch import Tensor, nn

from .._sklearn_compat import _fit_context
from .._torch._batches import Batch
from .._torch._encoder import EncoderNet
from .._torch._nets import DeepNet
from .._torch._training import Training
from .._typing import FloatArray
from .._validation import check_X
from ._deep import Split
from ._image_detector import ImageDetector

# Standard deviation of the noise of artificial outliers, at most, in those of
# the columns; one at least.
_MOST_NOISE = 10.0


class ExposureDetector(ImageDetector):
    """Base of the detectors that learn to tell normal rows from shown outliers.

    A subclass writes ``_build_net``, which gives an :class:`ExposureNet`, and is
    a :class:`~sklearn_anomaly_attr.detectors._deep.DeepDetector` of tables and
    images. Each training step sees as many outliers as normal rows, and both
    count alike.

    With ``early_stopping``, ``validation_fraction`` of the given outliers is
    held out as well, and the held-out loss is that of held-out rows against
    held-out outliers. Without ``X_outlier_exposure``, outliers are made of the
    rows of each batch, by noise.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ImageDetector._parameter_constraints,
        "bounded": ["boolean"],
    }
    _auto_batch_size = 128

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, X_outlier_exposure: Any = None) -> Self:
        """Fit the detector.

        Parameters
        ----------
        X : array-like of shape (n, n_features), (n, H, W) or (n, C, H, W)
            Training rows or images, mostly normal.
        y : Ignored
            Present for API consistency. Known anomalies go into
            ``X_outlier_exposure``: with labels +1 and -1,
            ``fit(X[y == 1], X_outlier_exposure=X[y == -1])``.
        X_outlier_exposure : array-like of shape (n_outliers, ...), default=None
            Outliers to learn from: known anomalies, or rows or images of other
            things; the same columns or shape as X, any number of rows. None
            draws artificial outliers around the rows of X.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X is not finite, of at least two rows, or ``X_outlier_exposure``
            is empty, not finite, or of other columns or another shape than X.
        """
        return self._fit_and_publish(X, X_outlier_exposure=X_outlier_exposure)

    @with_callbacks
    def _fit(
        self,
        X: FloatArray,
        sample_weight: FloatArray | None = None,
        X_outlier_exposure: Any = None,
    ) -> None:
        outliers = None
        if X_outlier_exposure is not None:
            outliers = self._check_outliers(X_outlier_exposure)
        self._fit_net(X, sample_weight, outliers=outliers)

    def _check_outliers(self, X_outlier_exposure: Any) -> FloatArray:
        """The outliers as rows like those of X."""
        try:
            rows = self._as_rows(X_outlier_exposure)
            rows = check_X(self, rows, reset=False, ensure_min_samples=0)
        except ValueError as error:
            raise ValueError(
                f"X_outlier_exposure does not fit X ({error}): pass finite rows with "
                "the columns, or images of the shape, of X."
            ) from error
        if not len(rows):
            raise ValueError(
                "X_outlier_exposure has no rows: pass one or more outliers, or None, "
                "which draws artificial ones."
            )
        self._check_units(rows, "X_outlier_exposure")
        return rows

    def _train(
        self,
        net: DeepNet,
        X: FloatArray,
        weight: FloatArray,
        split: Split,
        seed: int,
        device: torch.device,
        context: CallbackContext,
        outliers: FloatArray | None = None,
    ) -> Training:
        assert isinstance(net, ExposureNet)
        if outliers is not None:
            rows = self._row_scaling().apply(outliers)
            net.outliers = self._given_outliers(rows, seed, device)
        training = super()._train(net, X, weight, split, seed, device, context)
        net.outliers = None
        return training

    def _given_outliers(
        self, rows: FloatArray, seed: int, device: torch.device
    ) -> GivenOutliers:
        """The outliers to train on, and those held out for ``early_stopping``."""
        order = np.random.default_rng(seed).permutation(len(rows))
        n_held_out = self._n_held_out(len(rows))

        def tensor(part: NDArray[np.intp]) -> Tensor:
            return torch.tensor(rows[part], dtype=torch.float32, device=device)

        training = tensor(order[n_held_out:])
        # A single outlier serves both.
        held_out = tensor(order[:n_held_out]) if n_held_out else training
        return GivenOutliers(training, held_out)


class ExposureNet(EncoderNet):
    """Learns to give outliers more evidence of an anomaly than normal rows.

    Parameters
    ----------
    layers : nn.Module
        From rows ``(n, n_features)`` to codes ``(n, ...)``.
    bounded : bool
        Whether the score is the probability of an anomaly; the evidence
        otherwise.
    """

    # Those given to learn from; artificial ones without.
    outliers: GivenOutliers | None = None

    def __init__(self, layers: nn.Module, bounded: bool) -> None:
        super().__init__(layers)
        self.bounded = bounded

    @abstractmethod
    def evidence_of(self, codes: Tensor) -> Tensor:
        """How much speaks for an anomaly ``(n,)``, without an upper bound."""

    @abstractmethod
    def probability(self, evidence: Tensor) -> Tensor:
        """The probability of an anomaly ``(n,)``; rises with the evidence."""

    @abstractmethod
    def normal_losses(self, evidence: Tensor) -> Tensor:
        """Losses ``(n,)`` of normal rows: ``-log(1 - probability)``."""

    @abstractmethod
    def outlier_losses(self, evidence: Tensor) -> Tensor:
        """Losses ``(n,)`` of outliers: ``-log(probability)``."""

    def losses(self, batch: Batch) -> Tensor:
        if self.outliers is None:
            outliers = noisy_rows(batch)
        else:
            outliers = self.outliers.draw(batch, held_out=not self.training)
        codes = self.layers(torch.cat([batch.x, outliers]))
        normal, outlying = self.evidence_of(codes).tensor_split(2)
        outlier_loss = self.outlier_losses(outlying).mean()
        return 0.5 * (self.normal_losses(normal) + outlier_loss)

    def score_of(self, codes: Tensor) -> Tensor:
        evidence = self.evidence_of(codes)
        return self.probability(evidence) if self.bounded else evidence


class HypersphereNet(ExposureNet):
    """Learns to put normal rows near the origin of a space, and outliers far.

    The evidence is the pseudo-Huber distance h from the origin; the probability
    of an anomaly is ``1 - exp(-h)``.
    """

    def evidence_of(self, codes: Tensor) -> Tensor:
        return pseudo_huber(codes.square().sum(dim=1))

    def probability(self, evidence: Tensor) -> Tensor:
        return -torch.expm1(-evidence)

    def normal_losses(self, evidence: Tensor) -> Tensor:
        return evidence

    def outlier_losses(self, evidence: Tensor) -> Tensor:
        least = torch.finfo(evidence.dtype).eps
        return -self.probability(evidence.clamp(min=least)).log()


def pseudo_huber(squares: Tensor) -> Tensor:
    """``sqrt(squares + 1) - 1``, precise near zero, too."""
    return squares / (torch.sqrt(squares + 1.0) + 1.0)


@dataclass(frozen=True)
class GivenOutliers:
    """Outliers to learn from, each as likely as the others.

    Attributes
    ----------
    training, held_out : Tensor of shape (n_outliers, n_features)
        Standardised, on the device.
    """

    training: Tensor
    held_out: Tensor

    def draw(self, batch: Batch, *, held_out: bool) -> Tensor:
        """As many outliers as the batch has rows."""
        rows = self.held_out if held_out else self.training
        positions = (len(rows) * batch.uniform(len(batch))).long()
        # Rounding may reach one more.
        return rows[positions.clamp(max=len(rows) - 1)]


def noisy_rows(batch: Batch) -> Tensor:
    """The rows of a batch with noise: an artificial outlier around each.

    The standard deviation of a row's noise is between one and ten of those of
    the columns, any factor equally likely.
    """
    scale = _MOST_NOISE ** batch.uniform(len(batch), 1)
    return batch.x + scale * batch.normal(*batch.x.shape)
