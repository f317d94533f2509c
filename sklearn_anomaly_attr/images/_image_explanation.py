"""What ``explain`` returns for images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .._docstrings import shared_paragraphs
from .._images import as_rows, checked_shape
from .._positions import check_count
from .._text import html_table
from .._typing import FloatArray, ImageShape, IntArray
from ..explanation import Explanation
from ._regions import region_sums


@shared_paragraphs
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class ImageExplanation(Explanation):
    """Attributions of the anomaly scores of images to their regions.

    POSITIVE attributions push the anomaly score UP. It is an
    :class:`~sklearn_anomaly_attr.Explanation` of the pixels, each channel of
    each of them, which share the value of their region equally, and adds the
    regions and their values.

    Select images by position, ``explanation[images]``, or by label,
    ``explanation.loc[label]``; see :class:`~sklearn_anomaly_attr.BaseExplanation`.

    Parameters
    ----------
    values : ndarray of shape (n, C * H * W)
        Attributions, in units of the anomaly score, channels first.
    base_values : ndarray of shape (n,)
        Anomaly score with every region absent; NaN for methods whose
        attributions do not add up to the score.
    scores : ndarray of shape (n,) {scores}
    data : ndarray of shape (n, C * H * W)
        The images, in rows.
    index : pandas.Index of length n
        Their labels.
    feature_names, column_names : ndarray of shape (C * H * W,) of object
        Names of the columns.
    feature_groups : tuple of C * H * W tuples of int
        Position of each column.
    standard_errors : ndarray of shape (n, C * H * W), default=None
        Standard errors of `values`, where they were sampled.
    reference : ndarray of shape (n, C * H * W), default=None
        The images as they would have been normal, where the method finds them.
    description : str, default=""
        How the attributions were found.
    container : str, default="pandas"
        Library of the frames that the methods give, as narwhals names it.
    image_shape : tuple (C, H, W)
        Shape of the images.
    labels : ndarray of int of shape (n, H, W)
        Region of each pixel, 0 to K - 1. An image may lack some.
    region_values : ndarray of shape (n, K)
        Attributions of the regions; 0 for those that an image lacks.
    region_standard_errors : ndarray of shape (n, K), default=None
        Standard errors of `region_values`, where they were sampled.
    per_pixel : bool, default=False
        Whether heat maps show the values of the regions divided by their
        numbers of pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import AutoencoderDetector, RegionShapley
    >>> from sklearn.datasets import load_digits
    >>> images = load_digits().images
    >>> detector = AutoencoderDetector(16, random_state=0)
    >>> explainer = RegionShapley(detector, regions="grid", random_state=0)
    >>> explainer = explainer.fit(images[20:])
    >>> images[0, :2, 6:] = 16.0  # a bright corner
    >>> explanation = explainer.explain(images[:2])
    >>> explanation[0].top_regions(1)[["image", "region", "row", "column", "n_pixels"]]
       image  region  row  column  n_pixels
    0      0       3  0.5     6.5         4
    >>> explanation.heat_maps().shape
    (2, 8, 8)
    """

    image_shape: ImageShape
    labels: IntArray
    region_values: FloatArray
    region_standard_errors: FloatArray | None = None
    per_pixel: bool = False

    _per_item: ClassVar[tuple[str, ...]] = (
        *Explanation._per_item,
        "labels",
        "region_values",
        "region_standard_errors",
    )
    _display: ClassVar[str] = "ImageDisplay"
    _item: ClassVar[str] = "image"

    @classmethod
    def from_explanation(
        cls, explanation: Explanation, image_shape: Sequence[int]
    ) -> Self:
        """Take an explanation of rows for one of images.

        Parameters
        ----------
        explanation : Explanation
            Of rows of images, by the pixels or by groups of them, as
            :func:`region_groups` makes them.
        image_shape : tuple of int
            (C, H, W), or (H, W) for one channel.

        Returns
        -------
        ImageExplanation
            The regions are the groups. Where there are none, or they part the
            channels of a pixel, each pixel is a region, and its value the sum
            over its channels.

        Raises
        ------
        TypeError
            If `explanation` holds no attributions of rows.
        ValueError
            If the rows have another number of columns than such images, or the
            players are no disjoint groups of all columns.

        Examples
        --------
        >>> from sklearn_anomaly_attr import GaussianMixtureDetector
        >>> from sklearn_anomaly_attr.explainers import Saliency
        >>> from sklearn_anomaly_attr.images import ImageExplanation
        >>> from sklearn.datasets import load_digits
        >>> X = load_digits().data
        >>> explainer = Saliency(GaussianMixtureDetector(1, reg_covar=1.0)).fit(X)
        >>> explanation = explainer.explain(X[:5])
        >>> ImageExplanation.from_explanation(explanation, (8, 8)).heat_maps().shape
        (5, 8, 8)
        """
        if not isinstance(explanation, Explanation):
            raise TypeError(
                f"explanation is of type {type(explanation).__name__}, which holds no "
                "attributions of pixels: pass what an explainer of rows returns, such "
                "as KernelShap; counterfactuals are drawn by explanation.plot()."
            )
        _, shape = as_rows(explanation.data, checked_shape(image_shape))
        assert shape is not None
        n, n_columns = explanation.data.shape
        owner = _owner_of_column(explanation.feature_groups, n_columns)
        by_channel = owner.reshape(shape[0], -1)
        if (by_channel == by_channel[0]).all():
            owners = np.broadcast_to(owner, (n, n_columns))
            return cls._of_regions(explanation, owners, shape)
        cells = owner, np.bincount(owner)[owner]
        values = _shared(explanation.values, *cells)
        pixels = values.reshape(n, *by_channel.shape)
        labels = np.arange(by_channel.shape[1]).reshape(shape[1:])
        errors = explanation.standard_errors
        return cls(
            **_common(explanation),
            values=values,
            standard_errors=None if errors is None else _shared(errors, *cells),
            image_shape=shape,
            labels=np.broadcast_to(labels, (n, *labels.shape)),
            region_values=pixels.sum(axis=1),
        )

    @classmethod
    def _of_regions(
        cls,
        explanation: Explanation,
        owners: IntArray,
        image_shape: ImageShape,
        *,
        per_pixel: bool = False,
    ) -> Self:
        """Share the values of regions among the columns that they own.

        ``owners (n, C * H * W)`` is the same for all channels of a pixel.
        """
        n, n_regions = explanation.values.shape
        counts = region_sums(1.0, owners, n_regions)
        cells = owners, np.take_along_axis(counts, owners, axis=1)
        errors = explanation.standard_errors
        n_pixels = image_shape[1] * image_shape[2]
        return cls(
            **_common(explanation),
            values=_shared(explanation.values, *cells),
            standard_errors=None if errors is None else _shared(errors, *cells),
            image_shape=image_shape,
            labels=owners[:, :n_pixels].reshape(n, *image_shape[1:]),
            region_values=np.where(counts > 0, explanation.values, 0.0),
            region_standard_errors=errors,
            per_pixel=per_pixel,
        )

    def _extent(self) -> str:
        n_channels, height, width = self.image_shape
        channels = "" if n_channels == 1 else f" in {n_channels} channels"
        return (
            f"{len(self)} images of {height} x {width} pixels{channels} by "
            f"{self.region_values.shape[1]} regions"
        )

    @property
    def images(self) -> NDArray[Any]:
        """The images, ``(n, C, H, W)``."""
        return self.data.reshape(-1, *self.image_shape)

    def image(self, i: int) -> NDArray[Any]:
        """One image as matplotlib's ``imshow`` takes it.

        Parameters
        ----------
        i : int
            Its position.

        Returns
        -------
        ndarray of shape (H, W) or (H, W, C)
            The pixels; the channels come last if there are several.
        """
        image = self.images[i]
        return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)

    def heat_maps(self) -> FloatArray:
        """Paint the value of each region on its pixels.

        Returns
        -------
        ndarray of shape (n, H, W)
            In units of the anomaly score; POSITIVE pushes it UP. By pixels of
            an explanation that is ``per_pixel``; the channels are summed.
        """
        painted = self.region_values
        if self.per_pixel:
            painted = painted / self._n_pixels().clip(min=1)
        heat = np.take_along_axis(painted, self._owner_of_pixel(), axis=1)
        return heat.reshape(self.labels.shape)

    def top_regions(self, k: int = 3) -> pd.DataFrame:
        """List the k regions of each image that push its score up the most.

        Parameters
        ----------
        k : int, default=3
            Number of regions an image; all, if there are fewer.

        Returns
        -------
        pandas.DataFrame
            One line an image and region, with the columns `image` (label),
            `rank` (from 1), `region`, `row` and `column` of its centre, the
            mean over its pixels, `n_pixels`, `value`, and `share` of all that
            pushes the image's score up.

        Raises
        ------
        ValueError
            If k is below 1.
        """
        check_count(k, "regions an image")
        n_pixels = self._n_pixels()
        there = np.where(n_pixels > 0, self.region_values, -np.inf)
        regions = np.argsort(-there, axis=1, kind="stable")[:, :k]
        i, rank = np.nonzero(np.take_along_axis(n_pixels, regions, axis=1))
        at = i, regions[i, rank]
        upward = self.region_values.clip(min=0.0)
        total = upward.sum(axis=1)[i]
        places = np.indices(self.image_shape[1:]).reshape(2, -1)
        return pd.DataFrame(
            {
                **self._labels(i),
                "rank": rank + 1,
                "region": at[1],
                "row": self._sums(places[0])[at] / n_pixels[at],
                "column": self._sums(places[1])[at] / n_pixels[at],
                "n_pixels": n_pixels[at],
                "value": self.region_values[at],
                "share": np.divide(
                    upward[at], total, out=np.zeros(len(i)), where=total > 0
                ),
            }
        )

    def to_explanation(self) -> Explanation:
        """Give the values of the pixels alone, without the regions.

        Returns
        -------
        Explanation
            Each column is a player.
        """
        kept = {field.name for field in fields(Explanation)}
        return Explanation(**{name: getattr(self, name) for name in kept})

    def _n_pixels(self) -> IntArray:
        """Numbers of pixels ``(n, K)`` of the regions."""
        return self._sums(1.0).astype(np.intp)

    def _sums(self, pixels: ArrayLike) -> FloatArray:
        """Sums ``(n, K)`` over the regions of what the pixels ``(H * W,)`` hold."""
        return region_sums(pixels, self._owner_of_pixel(), self.region_values.shape[1])

    def _owner_of_pixel(self) -> IntArray:
        """Regions ``(n, H * W)`` of the pixels."""
        return self.labels.reshape(len(self), prod(self.image_shape[1:]))

    def _heading(self) -> dict[str, Any]:
        return {"image_shape": self.image_shape}

    def _records(self) -> Iterable[dict[str, Any]]:
        for i, each in enumerate(self):
            regions = each.top_regions(self.region_values.shape[1])
            yield {
                "score": self.scores[i],
                "base_value": self.base_values[i],
                "regions": regions.drop(columns=["image", "rank"]).to_dict("records"),
            }

    def _html(self, max_rows: int) -> tuple[str, str]:
        shown = self._most_abnormal(max_rows)
        return (
            f": the leading regions of the {len(shown)} most abnormal images; positive "
            "values push the anomaly score up.",
            html_table(shown.top_regions(), index=False, float_format="{:.4g}".format),
        )


def _common(explanation: Explanation) -> dict[str, Any]:
    """What an explanation of images has of one of rows; columns are the players."""
    names = explanation.column_names
    kept = ("base_values", "scores", "data", "index", "reference", "description")
    return {
        **{name: getattr(explanation, name) for name in (*kept, "container")},
        "feature_names": names,
        "column_names": names,
        "feature_groups": tuple((i,) for i in range(len(names))),
    }


def _shared(values: FloatArray, owners: IntArray, counts: NDArray[Any]) -> FloatArray:
    """Values of players, in equal shares to each of the columns that they own."""
    owners = np.broadcast_to(owners, (len(values), owners.shape[-1]))
    shares: FloatArray = np.take_along_axis(values, owners, axis=1) / counts
    return shares


def _owner_of_column(groups: tuple[tuple[int, ...], ...], n_columns: int) -> IntArray:
    columns = [column for group in groups for column in group]
    if sorted(columns) != list(range(n_columns)):
        raise ValueError(
            "The players of this explanation are no disjoint groups of all pixels, as "
            "those of ShapleyInteractions: explain by features or groups."
        )
    owner = np.empty(n_columns, dtype=np.intp)
    owner[columns] = np.repeat(np.arange(len(groups)), [len(g) for g in groups])
    return owner
