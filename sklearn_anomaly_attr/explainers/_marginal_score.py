"""MarginalScore: what each feature alone says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from .._adapters import name_of
from .._docstrings import shared_paragraphs
from .._torch._device import resolve_device
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions, ScoreExplainer


@shared_paragraphs
class MarginalScore(ScoreExplainer):
    """Attribute anomaly scores by what each feature says alone.

    Some scores tell it themselves. The value of a feature is

    - its negative log density, in nats, where the score is the energy of a
      Gaussian mixture or a gaussian :class:`~sklearn.neighbors.KernelDensity`:
      the marginal, with the other features integrated out, per standard
      deviation of the feature;
    - its squared Mahalanobis distance, in its own variance, where the score is
      the whole one (:class:`~sklearn.covariance.EllipticEnvelope`);
    - its part of the reconstruction error of an autoencoder, or of the expected
      negative log-likelihood in the bound of a variational one;
    - its mean squared difference to the row's nearest training rows, where the
      score is the distance to them.

    It costs one evaluation of the score. Anomalies that lie in how features go
    together are not seen by the marginals of a density.

    HIGHER is more abnormal; with ``center=True``, POSITIVE is more abnormal
    than usual. The values do not add up to the score.

    Parameters
    ----------
    estimator : estimator {estimator}
    prefit : "auto" or bool, default="auto" {prefit}
    center : bool, default=False
        Whether to subtract each column's median over the training rows: a value
        then says by how much the feature is more abnormal than usual. Without,
        features that are harder to reconstruct, or spread more evenly, have
        higher values in all rows; that ranks planted features as well or better.
    categorical_features : "auto" or list, default="auto" {category_columns}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None {seeds_detector}
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    medians_ : ndarray of shape (`n_features_in_`,)
        Medians over the training rows of what each column says alone.
    {features_in}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if the detector refuses X, or if the score does
        not tell what each feature says alone: that of a forest, a one-class
        SVM, or of most detectors behind a step that mixes columns.

    See Also
    --------
    SequentialFeatureExplainer : In which order features show the anomaly.
    ZScore : The distance from the mean; takes any detector.

    Notes
    -----
    A scaler, or a curve of each column, may stand before the detector. A column
    that an encoder turns into several gets the sum of what they say; one that
    the detector is not given gets 0.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", marg in Section 5.1.3.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> from sklearn_anomaly_attr.explainers import MarginalScore
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = MarginalScore(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "center": ["boolean"],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        center: bool = False,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.center = center
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        score = self._translated()
        x = torch.tensor(X, device=resolve_device(self.device))
        self.medians_ = np.median(self._by_feature(score, x), axis=0)

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        values = self._by_feature(score, x)
        if self.center:
            values = values - self.medians_
        return Attributions(values, self._score(score, x).cpu().numpy())

    def _by_feature(self, score: TorchScore, x: Tensor) -> FloatArray:
        """What each column says alone, in batches."""
        with torch.no_grad():
            parts = [score.by_feature(p) for p in x.split(self._batch_size(score, x))]
        told = [part for part in parts if part is not None]
        if len(told) < len(parts):
            raise ValueError(
                f"The score of this {name_of(self.estimator_)} "
                f"({score.description}) does not tell what each feature says alone. "
                "Take NeighborShap, which asks any detector, or ZScore, which asks "
                "none; or leave out the steps before the detector that mix columns."
            )
        return torch.cat(told).cpu().numpy()
