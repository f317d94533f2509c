"""What the explainers of images share: the shape of the images, and regions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from .._coding import TableCoding
from .._docstrings import shared_paragraphs
from .._images import (
    PixelRange,
    agreed_shape,
    as_rows,
    channel_spread,
    check_lines,
    shape_of,
    tell_shape,
)
from .._sklearn_compat import Interval, StrOptions
from .._typing import FloatArray, ImageShape, IntArray
from .._validation import _last_step
from ..explainers._base import Attributions, ScoreExplainer
from ..explainers._coded_rows import CodedRows
from ..explanation import Explanation
from ..games import Players
from ._image_explanation import ImageExplanation
from ._regions import check_labels, grid_regions, kmeans_regions, region_name


@shared_paragraphs
class RegionExplainer(ScoreExplainer):
    """Base of the explainers of images by regions.

    The players are the regions, each image's own. A subclass writes
    ``_attribute(score, x, players)``. It has the parameters ``n_regions``,
    ``regions``, ``compactness`` and ``image_shape``.

    Attributes
    ----------
    image_shape_ : tuple (C, H, W)
        Shape of the images: as given or, where rows are all there is, that of
        the detector, or else one line of pixels.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "n_regions": [Interval(Integral, 1, None, closed="left")],
        "regions": [StrOptions({"kmeans", "grid"}), "array-like"],
        "compactness": [Interval(Real, 0.0, None, closed="left")],
        "image_shape": ["array-like", None],
    }
    # Whether heat maps show values of regions by pixels.
    _per_pixel: ClassVar[bool] = False

    n_regions: int
    regions: Any
    compactness: float
    image_shape: Sequence[int] | None
    image_shape_: ImageShape

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector, and keep what the explanations need of X.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, C * H * W)
            Training images, mostly normal.
        y : array-like of shape (n,), default=None
            Handed to the detector; most ignore it.

        Returns
        -------
        self : object
            Fitted estimator.
        """
        return super().fit(X, y)

    def explain(self, X: Any) -> ImageExplanation:
        """Attribute the anomaly score of each image to its regions.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, C * H * W)
            Images to explain; may be none.

        Returns
        -------
        ImageExplanation {returns_explanation}
        """
        explanation = super().explain(X)
        assert isinstance(explanation, ImageExplanation)
        return explanation

    def _check_training(self, X: Any) -> Any:
        rows, self._stated_shape = as_rows(X, self.image_shape)
        last, _ = _last_step(self.estimator)
        told = (getattr(last, name, None) for name in ("image_shape", "image_shape_"))
        if self._stated_shape is None and all(shape is None for shape in told):
            check_lines(rows)
        return super()._check_training(rows)

    def _as_table(self, X: Any) -> Any:
        # Lines of pixels are rows of a table: other checks count their columns.
        lines = self._has_lines and len(shape_of(X)) <= 2
        return as_rows(X, None if lines else self.image_shape_)[0]

    def _new_estimator(self) -> Any:
        """The detector to fit; it is told the shape of the images."""
        return tell_shape(super()._new_estimator(), self._stated_shape)

    def _fit_background(self, X: Any, **given: Any) -> None:
        self.image_shape_ = self._found_shape()
        self._label_map = self._fixed_regions()
        super()._fit_background(X)

    def _fit(self, X: FloatArray) -> None:
        if not self._coding.has_numbers_only:
            raise ValueError(
                f"X holds categories, and {type(self).__name__} takes images, made of "
                "numbers: leave these columns out, or explain a table by "
                "KernelShap, NeighborShap or FeatureOcclusion."
            )
        self._pixel_scale = channel_spread(X, self.image_shape_)
        self._pixel_range = PixelRange.of(X)
        super()._fit(X)

    def _explain(self, rows: CodedRows) -> Explanation:
        if not self._has_lines:
            self._pixel_range.warn_of_units(rows.X)
        return super()._explain(rows)

    def _found_shape(self) -> ImageShape:
        detector, name = _last_step(self.estimator_)
        shape = agreed_shape(self._stated_shape, detector, name)
        self._has_lines = shape is None
        return shape or (1, 1, self.n_features_in_)

    def _fixed_regions(self) -> IntArray | None:
        """The label map of all images; None where each has its own."""
        if not isinstance(self.regions, str):
            return check_labels(self.regions, self.image_shape_)
        if self.regions == "grid":
            return grid_regions(self.image_shape_, self.n_regions)
        return None

    @property
    def _n_players(self) -> int:
        if self._label_map is not None:
            return int(self._label_map.max()) + 1
        return min(self.n_regions, prod(self.image_shape_[1:]))

    def _players(self) -> Players:
        return self._all_players()

    def _among_all(self, values: FloatArray) -> FloatArray:
        return values

    def _players_of(self, X: FloatArray) -> Players:
        names = tuple(map(region_name, range(self._n_players)))
        return Players(names, self._owners(X))

    def _owners(self, X: FloatArray) -> IntArray:
        """The regions ``(n, C * H * W)`` that own the columns of the rows X."""
        if self._label_map is not None:
            labels = np.broadcast_to(self._label_map, (len(X), *self._label_map.shape))
        else:
            labels = kmeans_regions(
                X,
                self.n_regions,
                compactness=self.compactness,
                image_shape=self.image_shape_,
                scale=self._pixel_scale,
                random_state=self._random_seed,
            )
        pixels = labels.reshape(len(X), prod(self.image_shape_[1:]))
        return np.tile(pixels, self.image_shape_[0])

    def _explanation(
        self,
        found: Attributions,
        X: FloatArray,
        coding: TableCoding,
        description: str,
    ) -> ImageExplanation:
        explanation = super()._explanation(found, X, coding, description)
        if found.owners is None:
            return ImageExplanation.from_explanation(explanation, self.image_shape_)
        return ImageExplanation._of_regions(
            explanation, found.owners, self.image_shape_, per_pixel=self._per_pixel
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the attributions' columns: those of the pixels.

        Parameters
        ----------
        input_features : array-like of str or None, default=None {input_features}

        Returns
        -------
        names : ndarray of str
            Names of the columns.
        """
        return super().get_feature_names_out(input_features)
