"""RegionShapley: Shapley values of the regions of images."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from ..shapley import ExactEnumeration, PermutationSampling, ShapleySolver
from ._region_game import RegionGameExplainer


@shared_paragraphs
class RegionShapley(RegionGameExplainer):
    r"""Attribute anomaly scores of images to their regions, by Shapley values.

    The regions of an image play a game: a coalition is worth the anomaly score
    of the image in which only its regions are seen, and the others show a mask,

    .. math:: v(S; x) = e(x_S, m_{S^c}).

    A region's Shapley value is what the score changes by when the region
    appears, on average over all orders in which the regions can do so. Orders
    are drawn, each with its reverse; where all coalitions are no more than
    these ask, all are asked, and the values are exact.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP. With
    the base value, the score of the mask, they add up to the anomaly score,
    ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator {estimator_of_images}
    prefit : "auto" or bool, default="auto" {prefit}
    n_regions : int, default=16 {n_regions}
    regions : str or array-like of int of shape (H, W), default="kmeans" {regions}
    compactness : float, default=3.0 {compactness}
    references : str, References, callable or array-like, default="mean" {absent_pixels}
    n_references : int, default=8 {n_references_by_kind}
    n_permutations : int, default=20
        Number of pairs of an order and its reverse, at least 2. Each asks
        2 * n_regions coalitions, those that were asked before apart.
    image_shape : tuple of int, default=None {image_shape_of_detector}
    batch_size : int or "auto", default="auto" {image_batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Seeds the orders, once in ``fit``, and the detector's ``random_state``
        where that is None.
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
    RegionOcclusion : What the score loses without one region.
    ErrorMap : The pixels' parts of the score, where the detector tells them.
    region_groups : Regions as players of the explainers of tables.

    Notes
    -----
    Standard errors are those of the pairs of orders; all images share the same
    orders. In heat maps a region's value is painted on each of its pixels: much
    of what makes them better than a map of errors is the segmentation.

    A mask of zeros says that black is normal, and finds no missing strokes.

    References
    ----------
    Castro et al. (2009), "Polynomial calculation of the Shapley value based on
    sampling"; Mitchell et al. (2022), "Sampling permutations for Shapley value
    estimation" (antithetic orders).

    Examples
    --------
    >>> from sklearn_anomaly_attr import AutoencoderDetector, RegionShapley
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images
    >>> detector = AutoencoderDetector(16, random_state=0)
    >>> explainer = RegionShapley(detector, regions="grid", random_state=0)
    >>> explainer = explainer.fit(images[20:])
    >>> images[0, :2, 6:] = 16.0  # a bright corner
    >>> explainer.explain(images[:1]).top_regions(1)[["region", "row", "column"]]
       region  row  column
    0       3  0.5     6.5
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **RegionGameExplainer._parameter_constraints,
        "n_permutations": [Interval(Integral, 2, None, closed="left")],
    }

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
        n_permutations: int = 20,
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
        self.n_permutations = n_permutations
        self.image_shape = image_shape
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _solver(self) -> ShapleySolver:
        n_regions, n_pairs = self._n_players, int(self.n_permutations)
        if 2**n_regions <= 2 * n_pairs * (n_regions - 1) + 2:
            return ExactEnumeration(n_regions)
        rng = np.random.RandomState(self._random_seed)
        return PermutationSampling(n_regions, n_pairs, rng)

    def _cells(self, n_players: int) -> int:
        n_gains = self.n_permutations * n_players
        return max(n_gains, super()._cells(n_players))
