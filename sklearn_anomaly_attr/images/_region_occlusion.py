"""RegionOcclusion: what the score loses without a region of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._docstrings import shared_paragraphs
from ..shapley import MarginalContributions
from ._region_game import RegionGameExplainer


@shared_paragraphs
class RegionOcclusion(RegionGameExplainer):
    r"""Attribute to a region what the anomaly score of the image loses without it.

    .. math:: \phi_k = v(N) - v(N \setminus k)

    The region shows a mask, all others the image: one evaluation a region.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP. They
    do not add up to the score: what regions do only together counts for each
    of them. ``base_values`` of the explanation are NaN.

    Parameters
    ----------
    estimator : estimator {estimator_of_images}
    prefit : "auto" or bool, default="auto" {prefit}
    n_regions : int, default=16 {n_regions}
    regions : str or array-like of int of shape (H, W), default="kmeans" {regions}
    compactness : float, default=3.0 {compactness}
    references : str, References, callable or array-like, default="mean" {absent_pixels}
    n_references : int, default=8 {n_references_by_kind}
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
    ValueError {no_images}

    See Also
    --------
    RegionShapley : Without each coalition of others too; adds up to the score.
    ErrorMap : The pixels' parts of the score, where the detector tells them.

    References
    ----------
    Zeiler & Fergus (2014), "Visualizing and understanding convolutional
    networks", section 4.2.

    Examples
    --------
    >>> from sklearn_anomaly_attr import AutoencoderDetector
    >>> from sklearn_anomaly_attr.images import RegionOcclusion
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images
    >>> detector = AutoencoderDetector(16, random_state=0)
    >>> explainer = RegionOcclusion(detector, regions="grid").fit(images[20:])
    >>> images[0, :2, 6:] = 16.0  # a bright corner
    >>> explainer.explain(images[:1]).top_regions(1)[["region", "row", "column"]]
       region  row  column
    0       3  0.5     6.5
    """

    def __init__(
        self,
        estimator: Any,
        *,
        prefit: bool | str = "auto",
        n_regions: int = 16,
        regions: Any = "kmeans",
        compactness: float = 3.0,
        references: Any = "mean",
        n_references: int = 8,
        image_shape: Sequence[int] | None = None,
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.n_regions = n_regions
        self.regions = regions
        self.compactness = compactness
        self.references = references
        self.n_references = n_references
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> MarginalContributions:
        return MarginalContributions(self._n_players)
