"""What the detectors of images share."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, ClassVar, Self

import numpy as np

from .._docstrings import shared_paragraphs
from .._images import PixelRange, as_rows, check_lines, rows_like
from .._scale import Standardization
from .._torch._conv import encoder_width
from .._typing import FloatArray, ImageShape
from ._deep import DeepDetector


@shared_paragraphs
class ImageDetector(DeepDetector):
    """Base of the deep detectors that take images, as arrays of them or as rows.

    A subclass names it before the detector's class among its bases, has the
    parameter below, and ``_parameter_constraints`` of both. ``_build_net``
    asks ``image_shape_`` which net to build.

    The pixels of a channel are standardised together, to mean zero and standard
    deviation one: a pixel that never changes is nothing special. Columns of a
    table are standardised each.

    Parameters
    ----------
    image_shape : tuple (C, H, W) or (H, W), or None
        Channels, height and width of the images in the rows of a 2-D X. Arrays
        of the shapes (n, C, H, W) and (n, H, W) tell it themselves. None for a
        2-D X says that it is a table.

    Attributes
    ----------
    image_shape_ : tuple (C, H, W) or None
        Shape of the images; None for a table.
    center_, scale_ : ndarray of shape (C,) or (n_features_in_,)
        {center_and_scale_of_images}
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **DeepDetector._parameter_constraints,
        "image_shape": ["array-like", None],
    }
    # Whether rows without ``image_shape`` are those of a table, not lines of pixels.
    _takes_tables: ClassVar[bool] = True

    image_shape: Sequence[int] | None
    image_shape_: ImageShape | None

    def fit(self, X: Any, y: Any = None) -> Self:
        """Fit the detector.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, n_features)
            Training images or rows, mostly normal.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : object
            Fitted estimator.

        Raises
        ------
        ValueError
            If X holds no finite images or rows, fewer than two of them, or of
            another shape than ``image_shape``.
        """
        return super().fit(X, y)

    def score_samples(self, X: Any) -> FloatArray:
        """Score images or rows; LOWER is more abnormal, as in all of scikit-learn.

        Parameters
        ----------
        X : array-like of shape (n, C, H, W), (n, H, W) or (n, `n_features_in_`)
            Images or rows to score.

        Returns
        -------
        scores : ndarray of shape (n,)
            Float64 scores.
        """
        return super().score_samples(X)

    def _check_rows(self, X: Any, *, reset: bool) -> FloatArray:
        if reset:
            X, self.image_shape_ = as_rows(X, self.image_shape)
            if self.image_shape_ is None and not self._takes_tables:
                check_lines(X)
        else:
            X = self._as_rows(X)
        rows = super()._check_rows(X, reset=reset)
        if reset:
            self._pixel_range = PixelRange.of(rows)
        self._check_units(rows)
        return rows

    def _check_units(self, X: FloatArray, what: str = "X") -> None:
        """Warn of images in other units than those of ``fit``."""
        if self.image_shape_ is not None:
            self._pixel_range.warn_of_units(X, what)

    def _as_rows(self, X: Any) -> Any:
        """The rows of images like those of ``fit``."""
        return rows_like(X, self.image_shape_, type(self).__name__)

    def _measure(self, X: FloatArray, weight: FloatArray) -> Standardization:
        if self.image_shape_ is None:
            return super()._measure(X, weight)
        n_pixels = prod(self.image_shape_[1:])
        pixels = X.reshape(len(X), -1, n_pixels).swapaxes(1, 2)
        return Standardization.of(
            pixels.reshape(-1, pixels.shape[2]), np.repeat(weight, n_pixels)
        )

    def _row_scaling(self) -> Standardization:
        if self.image_shape_ is None:
            return super()._row_scaling()
        n_pixels = prod(self.image_shape_[1:])
        return self._scaling.expanded(lambda channels: np.repeat(channels, n_pixels))

    def _net_shape(self, n_features: int) -> ImageShape:
        """What a net of images alone takes rows for: a table's for a line of pixels."""
        return self.image_shape_ or (1, 1, n_features)

    def _width(self) -> int:
        if self.image_shape_ is None:
            return super()._width()
        return encoder_width(self.image_shape_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")
