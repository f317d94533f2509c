"""Images, and the pixels or regions that make them anomalous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._docstrings import shared_paragraphs
from .._image_arrays import as_array
from .._images import as_rows
from .._sklearn_compat import check_matplotlib_support
from .._text import label_text
from .._typing import FloatArray
from ..images._image_explanation import ImageExplanation
from ._given import check_family, verbatim

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_TRUTH, _REGION, _HALO = "#00a651", "black", "white"
# The image below a heat map is paler, so that the colours are told apart.
_PALE = 0.4


@shared_paragraphs
class ImageDisplay:
    """Images above, and their heat maps over them below.

    A heat map is red where a pixel or region pushes the anomaly score UP, and
    blue where it pushes it DOWN; what leaves it as it is shows the image alone.
    Each heat map has a scale of its own. Green lines surround the truly
    anomalous pixels, where they are given; black ones the leading regions, with
    their ranks. Make one by :meth:`from_explanation` or :meth:`from_heat_maps`;
    needs matplotlib.

    Parameters
    ----------
    images : ndarray of shape (n, C, H, W)
        The images; of three channels, these are red, green and blue.
    heat_maps : ndarray of shape (n, H, W)
        Attributions of their pixels; POSITIVE pushes the anomaly score UP.
    masks : bool ndarray of shape (n, H, W), default=None
        Which pixels are truly anomalous.
    regions : ndarray of int of shape (n, H, W), default=None
        Ranks, from 1, of the leading regions; 0 elsewhere.
    titles : sequence of n str, default=None
        What stands above the images.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, after :meth:`plot`.
    axes_ : ndarray of shape (2, n) of matplotlib.axes.Axes
        Axes of the images, and of their heat maps.

    See Also
    --------
    AttributionDisplay : Bars of the features of a table.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_anomaly_attr import AutoencoderDetector, RegionShapley
    >>> from sklearn_anomaly_attr.datasets import plant_defects
    >>> from sklearn_anomaly_attr.inspection import ImageDisplay
    >>> images = load_digits().images
    >>> detector = AutoencoderDetector(16, random_state=0)
    >>> explainer = RegionShapley(detector, random_state=0).fit(images[100:])
    >>> defective, masks = plant_defects(images[:3, None], random_state=0)
    >>> explanation = explainer.explain(defective)
    >>> display = ImageDisplay.from_explanation(explanation, masks=masks)
    >>> display.axes_.shape
    (2, 3)
    """

    def __init__(
        self,
        *,
        images: NDArray[Any],
        heat_maps: NDArray[Any],
        masks: NDArray[Any] | None = None,
        regions: NDArray[Any] | None = None,
        titles: Sequence[str] | None = None,
    ) -> None:
        self.images = images
        self.heat_maps = heat_maps
        self.masks = masks
        self.regions = regions
        self.titles = titles

    @classmethod
    def from_explanation(
        cls,
        explanation: ImageExplanation,
        *,
        masks: ArrayLike | None = None,
        k: int = 3,
        max_images: int = 6,
        ax: Any = None,
    ) -> ImageDisplay:
        """Draw the most abnormal images of an explanation.

        Parameters
        ----------
        explanation : ImageExplanation
            What an explainer of images returned, or
            ``ImageExplanation.from_explanation`` made of an explanation of
            rows; select images of it to draw those.
        masks : array-like of bool of shape (n, H, W), default=None
            Which pixels of the explained images are truly anomalous.
        k : int, default=3
            Number of regions to surround: the leading ones among those that
            push the score up. None where each pixel is a region.
        max_images : int, default=6
            Largest number of images; the most abnormal are drawn.
        ax : array of 2 x n matplotlib Axes, default=None {ax}

        Returns
        -------
        ImageDisplay
            The drawn display.

        Raises
        ------
        TypeError
            If `explanation` is of another family: draw that by its ``plot``.
        ValueError
            If the explanation has no images, masks are of another shape, k is
            below 0 or max_images below 1, or `ax` has not two axes an image.
        """
        check_family(explanation, ImageExplanation, cls.__name__)
        if len(explanation) == 0:
            raise ValueError("The explanation has no images: explain at least one.")
        if k < 0 or max_images < 1:
            raise ValueError(
                f"k={k} regions of max_images={max_images} images: draw at least 1 "
                "image, and 0 regions or more."
            )
        order = np.argsort(-explanation.scores, kind="stable")[:max_images]
        shown = explanation[order]
        heat = shown.heat_maps()
        truth = _check_masks(masks, (len(explanation), *heat.shape[1:]))
        display = cls(
            images=shown.images,
            heat_maps=heat,
            masks=None if truth is None else truth[order],
            regions=_ranks(shown, k),
            titles=[
                f"image {label_text(name)}: score {score:.4g}"
                for name, score in zip(shown.index, shown.scores, strict=True)
            ],
        )
        return display.plot(ax=ax)

    @classmethod
    def from_heat_maps(
        cls,
        images: ArrayLike,
        heat_maps: ArrayLike,
        *,
        masks: ArrayLike | None = None,
        titles: Sequence[str] | None = None,
        ax: Any = None,
    ) -> ImageDisplay:
        """Draw images with heat maps of any origin.

        Parameters
        ----------
        images : array-like of shape (n, H, W) or (n, C, H, W)
            The images, all of which are drawn.
        heat_maps : array-like of shape (n, H, W)
            Their heat maps; POSITIVE pushes the anomaly score UP.
        masks : array-like of bool of shape (n, H, W), default=None
            Which pixels are truly anomalous.
        titles : sequence of n str, default=None
            What stands above the images; their positions if None.
        ax : array of 2 x n matplotlib Axes, default=None {ax}

        Returns
        -------
        ImageDisplay
            The drawn display.

        Raises
        ------
        ValueError
            If there are no images, shapes or lengths differ, heat maps are not
            finite, or `ax` has not two axes an image.
        """
        heat = np.asarray(heat_maps, dtype=np.float64)
        images = as_array(images)
        # Heat maps tell where the sides of the images are.
        sides = (1, *np.shape(images)[1:])[-3:]
        told = len(sides) == 3 and sides[1:] == heat.shape[1:]
        rows, shape = as_rows(images, sides if told else None)
        if shape is None or len(rows) == 0 or heat.shape != (len(rows), *shape[1:]):
            raise ValueError(
                f"The images have the shape {np.shape(images)}, the heat maps have "
                f"{heat.shape}: pass images as (n, height, width) or (n, channels, "
                "height, width), at least one, and heat maps as (n, height, width)."
            )
        if not np.isfinite(heat).all():
            raise ValueError("heat_maps holds NaN or infinity: leave such images out.")
        if titles is None:
            titles = [f"image {i}" for i in range(len(rows))]
        if len(titles) != len(rows):
            raise ValueError(
                f"{len(titles)} titles for {len(rows)} images: pass one an image."
            )
        display = cls(
            images=np.asarray(rows, dtype=np.float64).reshape(-1, *shape),
            heat_maps=heat,
            masks=_check_masks(masks, heat.shape),
            titles=titles,
        )
        return display.plot(ax=ax)

    def plot(self, ax: Any = None) -> ImageDisplay:
        """Draw the images and heat maps.

        Parameters
        ----------
        ax : array of 2 x n matplotlib Axes, default=None {ax}

        Returns
        -------
        ImageDisplay
            This display.

        Raises
        ------
        ValueError
            If `ax` has not two axes an image.
        """
        check_matplotlib_support("ImageDisplay.plot")
        n_images = len(self.images)
        axes = self._make_axes(n_images) if ax is None else np.ravel(np.asarray(ax))
        if axes.size != 2 * n_images:
            raise ValueError(
                f"{axes.size} axes for {n_images} images: pass two an image, or none."
            )
        axes = axes.reshape(2, n_images)
        pictures = _pictures(self.images)
        for i, (above, below) in enumerate(axes.T):
            self._plot_image(above, i, pictures[i])
            self._plot_heat(below, i, pictures[i])
        self.axes_ = axes
        self.figure_: Figure = axes[0, 0].figure
        return self

    def _make_axes(self, n_images: int) -> NDArray[Any]:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(
            2,
            n_images,
            figsize=(0.4 + 2.2 * n_images, 4.6),
            squeeze=False,
            layout="constrained",
        )
        return np.asarray(axes)

    def _plot_image(self, axis: Axes, i: int, picture: FloatArray) -> None:
        axis.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        if self.titles is not None:
            axis.set_title(verbatim(self.titles[i]), fontsize="small")
        self._finish(axis, i)

    def _plot_heat(self, axis: Axes, i: int, picture: FloatArray) -> None:
        grey = picture if picture.ndim == 2 else picture.mean(axis=2)
        pale = 1.0 - _PALE * (1.0 - grey)
        axis.imshow(pale, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        heat = self.heat_maps[i]
        largest = np.abs(heat).max() or 1.0
        both = heat.min() < 0.0
        shown = axis.imshow(
            heat,
            cmap="RdBu_r" if both else "Reds",
            vmin=-largest if both else 0.0,
            vmax=largest,
            alpha=np.sqrt(np.abs(heat / largest)),
            interpolation="nearest",
        )
        bar = axis.figure.colorbar(shown, ax=axis, pad=0.02, shrink=0.8)
        bar.ax.tick_params(labelsize="x-small")
        bar.ax.locator_params(axis="y", nbins=5)
        if self.regions is not None:
            self._plot_regions(axis, self.regions[i])
        self._finish(axis, i)

    def _plot_regions(self, axis: Axes, ranks: NDArray[Any]) -> None:
        for rank in range(1, int(ranks.max(initial=0)) + 1):
            inside = ranks == rank
            _outline(axis, inside, _REGION, 1.2)
            row, column = _middle(inside)
            axis.text(
                column,
                row,
                str(rank),
                ha="center",
                va="center",
                fontsize="small",
                bbox={"boxstyle": "circle,pad=0.1", "fc": "white", "alpha": 0.75},
            )

    def _finish(self, axis: Axes, i: int) -> None:
        if self.masks is not None:
            _outline(axis, self.masks[i], _TRUTH, 1.8)
        axis.set_xticks([])
        axis.set_yticks([])


def _check_masks(
    masks: ArrayLike | None, shape: tuple[int, ...]
) -> NDArray[np.bool_] | None:
    if masks is None:
        return None
    truth = np.asarray(masks)
    if truth.shape != shape or truth.dtype != np.bool_:
        raise ValueError(
            f"masks is of shape {truth.shape} and type {truth.dtype}: pass booleans of "
            f"the shape {shape}, True for the truly anomalous pixels."
        )
    return truth


def _ranks(explanation: ImageExplanation, k: int) -> NDArray[np.intp] | None:
    """Ranks of the leading regions of each pixel's image, 0 for the others."""
    values, labels = explanation.region_values, explanation.labels
    n_images, n_regions = values.shape
    if k == 0 or n_regions == labels[0].size:
        return None
    order = np.argsort(-values, axis=1, kind="stable")[:, :k]
    ranks = np.zeros(values.shape, dtype=np.intp)
    np.put_along_axis(ranks, order, np.arange(1, order.shape[1] + 1), axis=1)
    ranks[values <= 0.0] = 0
    owners = labels.reshape(n_images, -1)
    return np.take_along_axis(ranks, owners, axis=1).reshape(labels.shape)


def _pictures(images: FloatArray) -> FloatArray:
    """Images in [0, 1] as matplotlib takes them, on one scale."""
    lowest, highest = images.min(), images.max()
    span = highest - lowest
    unit = (images - lowest) / (span if span > 0.0 else 1.0)
    if images.shape[1] == 3:
        return np.moveaxis(unit, 1, -1)
    return np.asarray(unit.mean(axis=1))


def _outline(axis: Axes, inside: NDArray[np.bool_], color: str, width: float) -> None:
    """Lines along the edges of the pixels where a mask ends."""
    from matplotlib.collections import LineCollection

    framed = np.pad(inside, 1)
    rows, columns = np.nonzero(framed[1:] != framed[:-1])
    across = np.stack([columns - 1.5, rows - 0.5, columns - 0.5, rows - 0.5], axis=1)
    rows, columns = np.nonzero(framed[:, 1:] != framed[:, :-1])
    down = np.stack([columns - 0.5, rows - 1.5, columns - 0.5, rows - 0.5], axis=1)
    edges = np.concatenate([across, down]).reshape(-1, 2, 2)
    for paint, thick in ((_HALO, width + 1.2), (color, width)):
        lines = LineCollection(
            list(edges), colors=paint, linewidths=thick, capstyle="projecting"
        )
        axis.add_collection(lines)


def _middle(inside: NDArray[np.bool_]) -> tuple[float, float]:
    """The pixel of a region next to its centre, so that a label lies in it."""
    places = np.argwhere(inside)
    nearest = np.square(places - places.mean(axis=0)).sum(axis=1).argmin()
    row, column = places[nearest].tolist()
    return row, column
