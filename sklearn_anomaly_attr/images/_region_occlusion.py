"""RegionOcclusion: what the score loses without a region of the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..shapley import MarginalContributions
from ._masks import Mask
from ._region_game import RegionGameExplainer


class RegionOcclusion(RegionGameExplainer):
    r"""Attribute to a region what the anomaly score of the image loses without it.

    .. math:: \phi_k = v(N) - v(N \setminus k)

    The region shows a mask, all others the image: one evaluation a region.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP. They
    do not add up to the score: what regions do only together counts for each
    of them. ``base_values`` of the explanation are NaN.

    Parameters
    ----------
    estimator : estimator
        Detector of images in rows, or Pipeline that ends in one; any outlier
        detector takes the pixels for columns of a table. It is cloned, told
        ``image_shape`` where it has this parameter, and fitted; wrap a fitted one
        in :class:`sklearn.frozen.FrozenEstimator` to have it used as it is.
    n_regions : int, default=16
        Number of regions; fewer where :func:`kmeans_regions` finds fewer.
    regions : str or array-like of int of shape (H, W), default="kmeans"
        "kmeans": regions of each image, by :func:`kmeans_regions`; "grid": the
        cells of a grid, by :func:`grid_regions`; or a label map of all images,
        which holds 0 to K - 1.
    compactness : float, default=3.0
        Weight of the place of a pixel against its colour, for "kmeans".
    mask : str or callable, default="train_mean"
        What the region shows instead: "train_mean", "train_median", "blur",
        "image_mean", "reconstruction" or a function of images, as in
        :class:`RegionShapley`.
    image_shape : tuple of int, default=None
        (C, H, W), or (H, W), of the images in the rows of a 2-D X. By default
        that of the detector; where it has none, a row is one line of pixels.
    batch_size : int or "auto", default="auto"
        Largest number of images that are scored at once; bounds the memory.
        "auto" suits it to their size and to the score.
    device : str, default="auto"
        Torch device to compute on; "auto" takes a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Seeds the detector's ``random_state`` where that is None.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The fitted detector.
    image_shape_ : tuple (C, H, W)
        Shape of the images.
    n_features_in_ : int
        Number of columns of their rows, C * H * W.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in ``fit``, where all are strings.

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score.
    ValueError
        In ``fit``, if X holds no finite images of one shape, a label map is of
        another shape, or the mask asks for a reconstruction that the detector
        does not give. In ``explain``, if a score is infinite or NaN.

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
        n_regions: int = 16,
        regions: Any = "kmeans",
        compactness: float = 3.0,
        mask: Mask = "train_mean",
        image_shape: Sequence[int] | None = None,
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_regions = n_regions
        self.regions = regions
        self.compactness = compactness
        self.mask = mask
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> MarginalContributions:
        return MarginalContributions(len(self._players()))
