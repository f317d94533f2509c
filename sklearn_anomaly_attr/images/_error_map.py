"""ErrorMap: the pixels' own parts of the anomaly score."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from .._adapters import name_of
from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._torch._device import resolve_device
from .._typing import FloatArray, IntArray
from ..explainers._base import Attributions
from ..games import Players
from ..scores import TorchScore
from ._region_explainer import RegionExplainer


@shared_paragraphs
class ErrorMap(RegionExplainer):
    """Show the parts that the pixels have in the anomaly score of an image.

    The detector's own map: the squared errors of a reconstruction, or what else
    the score is a sum of. It can be blurred, or averaged over regions. The
    baseline that explanations of images should be compared with.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP. They
    add up to the score where that is a sum of parts of the pixels, blurred and
    averaged ones too. ``base_values`` of the explanation are NaN.

    Parameters
    ----------
    estimator : estimator
        Detector of images in rows whose score has parts of its columns, such as
        a ConvAutoencoderDetector. One that is not fitted is cloned, told
        ``image_shape`` where it has this parameter, and fitted; see ``prefit``.
    prefit : "auto" or bool, default="auto" {prefit}
    blur : float, default=0.0
        Standard deviation of a Gaussian blur of the map, in pixels.
    regions : str, array-like of int of shape (H, W), or None, default=None
        What the map is averaged over: "kmeans", regions of each image, by
        :func:`kmeans_regions`; "grid", the cells of a grid; or a label map of all
        images, which holds 0 to K - 1. None leaves each pixel its own value.
    n_regions : int, default=16 {n_regions}
    compactness : float, default=3.0 {compactness}
    image_shape : tuple of int, default=None {image_shape_of_detector}
    batch_size : int or "auto", default="auto" {image_batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None {seeds_detector}
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    {fitted_image_explainer}

    Raises
    ------
    TypeError {no_anomaly_score}
    ValueError
        In ``fit``, if X holds no finite images of one shape, a label map is of
        another shape, or the score has no parts of its columns.

    See Also
    --------
    RegionShapley : Shapley values of the regions, for any detector.
    sklearn_anomaly_attr.explainers.MarginalScore : The same for tables.

    Examples
    --------
    >>> from sklearn_anomaly_attr import AutoencoderDetector
    >>> from sklearn_anomaly_attr.images import ErrorMap
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images
    >>> explainer = ErrorMap(AutoencoderDetector(16, random_state=0)).fit(images[20:])
    >>> images[0, 1, 6] = 16.0  # a bright pixel
    >>> explainer.explain(images[:1]).top_regions(1)[["row", "column"]]
       row  column
    0  1.0     6.0
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RegionExplainer._parameter_constraints,
        "regions": [*RegionExplainer._parameter_constraints["regions"], None],
        "blur": [Interval(Real, 0.0, None, closed="left")],
    }
    _per_pixel = True

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        blur: float = 0.0,
        regions: Any = None,
        n_regions: int = 16,
        compactness: float = 3.0,
        image_shape: Sequence[int] | None = None,
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.blur = blur
        self.regions = regions
        self.n_regions = n_regions
        self.compactness = compactness
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        device = resolve_device(self.device)
        self._parts(self._translated(), torch.tensor(X[:1], device=device))

    def _fixed_regions(self) -> IntArray | None:
        return None if self.regions is None else super()._fixed_regions()

    @property
    def _n_players(self) -> int:
        return self.n_features_in_ if self.regions is None else super()._n_players

    def _players_of(self, X: FloatArray) -> Players:
        return self._players() if self.regions is None else super()._players_of(X)

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        scores = self._score(score, x).cpu().numpy()
        parts = self._parts(score, x)
        if self.blur > 0.0:
            images = parts.reshape(-1, *self.image_shape_)
            parts = gaussian_filter(images, self.blur, axes=(2, 3)).reshape(x.shape)
        values = players.sums(self._tensor(parts, x)).cpu().numpy()
        return Attributions(values, scores)

    def _parts(self, score: TorchScore, x: Tensor) -> FloatArray:
        """The columns' parts of the scores of the rows `x`, in batches."""
        with torch.no_grad():
            parts = [score.by_feature(p) for p in x.split(self._batch_size(score, x))]
        told = [part for part in parts if part is not None]
        if len(told) < len(parts):
            raise ValueError(
                f"The score of this {name_of(self.estimator_)} "
                f"({score.description}) has no parts of the pixels. Take RegionShapley "
                "or RegionOcclusion, which ask any detector; or leave out the steps "
                "before the detector that mix pixels."
            )
        return torch.cat(told).cpu().numpy()
