"""What the explainers of images share: the shape of the images, and regions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._coding import TableCoding
from .._images import agreed_shape, as_rows, channel_spread, tell_shape
from .._sklearn_compat import Interval, StrOptions, _fit_context
from .._typing import FloatArray, ImageShape, IntArray
from .._validation import _last_step
from ..explainers._score_explainer import Attributions, ScoreExplainer
from ..games import Players
from ._image_explanation import ImageExplanation
from ._regions import check_labels, grid_regions, kmeans_regions, region_name


class RegionExplainer(ScoreExplainer):
    """Base of the explainers of images by regions.

    A subclass writes ``_attribute(score, x, players)``, whose values are of the
    players of ``_players()``, and its ``owners`` those of ``_owners``. It has the
    parameters ``n_regions``, ``regions``, ``compactness`` and ``image_shape``.

    Attributes
    ----------
    image_shape_ : tuple (C, H, W)
        Shape of the images: as given or, where rows are all there is, that of
        the detector, or else one line of pixels.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{
            name: constraint
            for name, constraint in ScoreExplainer._parameter_constraints.items()
            if name not in ("groups", "categorical_features")
        },
        "n_regions": [Interval(Integral, 1, None, closed="left")],
        "regions": [StrOptions({"kmeans", "grid"}), "array-like"],
        "compactness": [Interval(Real, 0.0, None, closed="left")],
        "image_shape": ["array-like", None],
    }
    # Whether heat maps show values of regions by pixels.
    _per_pixel: ClassVar[bool] = False

    categorical_features: str | Sequence[Any] = "auto"
    n_regions: int
    regions: Any
    compactness: float
    image_shape: Sequence[int] | None
    image_shape_: ImageShape

    @_fit_context(prefer_skip_nested_validation=False)
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
        rows, self._stated_shape = as_rows(X, self.image_shape)
        return super().fit(rows, y)

    def explain(self, X: Any) -> ImageExplanation:
        """Attribute the anomaly score of each image to its regions.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, C * H * W)
            Images to explain; may be none.

        Returns
        -------
        ImageExplanation
            Attributions; POSITIVE pushes the anomaly score UP.
        """
        check_is_fitted(self)
        n_axes = X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim
        if n_axes > 2:
            X, _ = as_rows(X, self.image_shape_)
        explanation = super().explain(X)
        assert isinstance(explanation, ImageExplanation)
        return explanation

    def _new_estimator(self) -> Any:
        """The detector to fit; it is told the shape of the images."""
        return tell_shape(super()._new_estimator(), self._stated_shape)

    def _fit(self, X: FloatArray) -> None:
        self.image_shape_ = self._found_shape()
        if self._coding is not None:
            raise ValueError(
                f"X holds categories, and {type(self).__name__} takes images, made of "
                "numbers: leave these columns out, or explain a table by "
                "KernelShap, NeighborShap or FeatureOcclusion."
            )
        self._label_map = self._fixed_regions()
        super()._fit(X)
        self._pixel_scale = channel_spread(X, self.image_shape_)

    def _found_shape(self) -> ImageShape:
        detector, name = _last_step(self.estimator_)
        shape = agreed_shape(self._stated_shape, detector, name)
        return shape or (1, 1, self.n_features_in_)

    def _fixed_regions(self) -> IntArray | None:
        """The label map of all images; None where each has its own."""
        if not isinstance(self.regions, str):
            return check_labels(self.regions, self.image_shape_)
        if self.regions == "grid":
            return grid_regions(self.image_shape_, self.n_regions)
        return None

    def _players(self) -> Players:
        if self._label_map is not None:
            n_regions = int(self._label_map.max()) + 1
        else:
            _, height, width = self.image_shape_
            n_regions = min(self.n_regions, height * width)
        # They own other columns in each image.
        return Players(tuple(map(region_name, range(n_regions))), ((),) * n_regions)

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
        coding: TableCoding | None,
        method: str,
    ) -> ImageExplanation:
        explanation = super()._explanation(found, X, coding, method)
        if found.owners is None:
            return ImageExplanation.from_explanation(explanation, self.image_shape_)
        return ImageExplanation._of_regions(
            explanation, found.owners, self.image_shape_, per_pixel=self._per_pixel
        )

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the attributions' columns: those of the pixels.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            If given, must be the names of the columns seen in ``fit``.

        Returns
        -------
        names : ndarray of str
            Names of the columns.
        """
        return super().get_feature_names_out(input_features)
