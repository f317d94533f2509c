"""How well heat maps of images find the pixels that are truly anomalous.

A heat map ranks the pixels of its image, or of all images together; pixels that
tie share the places that they take up.
"""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import label

from .._docstrings import shared_paragraphs
from .._typing import BoolArray, FloatArray
from ..explanation import BaseExplanation
from ._inputs import check_numbers, rows_or_mean
from ._ranking import attribution_roc_auc, r_precision

# Pixels that touch within an image, corners included; images are apart.
_TOUCHING = np.zeros((3, 3, 3), dtype=bool)
_TOUCHING[1] = True


@shared_paragraphs
def pixel_roc_auc(
    y_true: ArrayLike, heat_maps: Any, *, average: str = "pooled"
) -> float:
    """Area under the ROC curve of the pixels.

    How often an anomalous pixel is hotter than a normal one: of any image, or
    of its own.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_images, height, width)
        Which pixels of each image are truly anomalous.
    heat_maps : ImageExplanation or array-like of shape (n_images, height, width)
        Attributions of the pixels; the greatest ranks first.
    average : {"pooled", "image"}, default="pooled"
        Whether all pixels share one ranking, or each image has a ranking of its
        own and their areas are averaged. Images of one kind of pixels only, such
        as those without a defect, have no area: they are left out of the mean.

    Returns
    -------
    area : float
        1 for a perfect ranking, about 0.5 for a random one. Ties count half.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, heat maps are not finite, or there are no pixels of
        both kinds to compare.

    See Also
    --------
    aupro : Counts each defect alike, however large.
    attribution_roc_auc : The same for the features of a table.

    Notes
    -----
    Pooled, images compare only as far as their heat maps share a scale. Large
    defects weigh more there.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import pixel_roc_auc
    >>> y_true = [[[True, False]], [[True, False]]]
    >>> heat_maps = [[[0.2, 0.1]], [[9.0, 5.0]]]
    >>> pixel_roc_auc(y_true, heat_maps)
    0.75
    >>> pixel_roc_auc(y_true, heat_maps, average="image")
    1.0
    """
    if average not in {"pooled", "image"}:
        raise ValueError(f"average={average!r}: pass 'pooled' or 'image'.")
    masks, heat = _check_pixels(y_true, heat_maps)
    if average == "pooled":
        _check_both_kinds(masks)
        return float(attribution_roc_auc(masks.reshape(1, -1), heat.reshape(1, -1)))
    both = masks.any(axis=1) & ~masks.all(axis=1)
    if not both.any():
        raise ValueError(
            "No image has anomalous and normal pixels: pass average='pooled', or "
            "images with a defect in part of them."
        )
    return float(attribution_roc_auc(masks[both], heat[both]))


@shared_paragraphs
def pixel_iou(
    y_true: ArrayLike, heat_maps: Any, *, per_row: bool = False
) -> float | FloatArray:
    """Intersection over union at the true area, mean over images.

    In each image as many of the hottest pixels are selected as are truly
    anomalous, so that no threshold has to be chosen.

    Parameters
    ----------
    y_true : array-like of bool of shape (n_images, height, width)
        Which pixels of each image are truly anomalous.
    heat_maps : ImageExplanation or array-like of shape (n_images, height, width)
        Attributions of the pixels; the greatest ranks first.
    per_row : bool, default=False
        Give each image's value instead of their mean.

    Returns
    -------
    iou : float, or ndarray of shape (n_images,)
        1 if exactly the anomalous pixels are the hottest, 0 if none of them is.
        Of pixels that tie for the last of the places each is selected in part:
        the intersection is the mean over the orders of those that tie.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, heat maps are not finite, or an image has no anomalous
        pixel: leave such images out.

    See Also
    --------
    localization_iou : Of selected features of a table.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import pixel_iou
    >>> y_true = [[[True, True], [False, False]]]
    >>> pixel_iou(y_true, [[[0.9, 0.1], [0.2, 0.0]]])
    0.3333333333333333
    """
    masks, heat = _check_pixels(y_true, heat_maps)
    blank = np.flatnonzero(~masks.any(axis=1))
    if len(blank):
        raise ValueError(
            f"Images {blank[:5].tolist()} (at most 5 named) have no anomalous pixel: "
            "the metric is not defined for them, leave them out."
        )
    # As many are selected as are true: |A or B| = 2 n - |A and B|.
    found = np.asarray(r_precision(masks, heat, per_row=True))
    return rows_or_mean(found / (2 - found), per_row)


@shared_paragraphs
def aupro(y_true: ArrayLike, heat_maps: Any, *, max_fpr: float = 0.3) -> float:
    r"""Area under the per-region overlap curve, up to a false positive rate.

    At each threshold, the share of the pixels found is averaged over the
    connected anomalous regions of all images, so that a small defect counts as
    much as a large one. That mean is integrated over the share
    :math:`\mathrm{FPR}` of the normal pixels of all images that are above the
    threshold too:

    .. math::

        \frac{1}{f} \int_0^{f} \frac1K \sum_{k=1}^K
        \frac{|\{p \in C_k : h_p \ge t\}|}{|C_k|}
        \; \mathrm{d}\,\mathrm{FPR}(t), \qquad f = \mathrm{max\_fpr}

    Parameters
    ----------
    y_true : array-like of bool of shape (n_images, height, width)
        Which pixels of each image are truly anomalous. Anomalous pixels that
        touch, at a corner at least, are of one region.
    heat_maps : ImageExplanation or array-like of shape (n_images, height, width)
        Attributions of the pixels, on one scale for all images; the greatest
        ranks first.
    max_fpr : float, default=0.3
        False positive rate that the curve is integrated up to, in (0, 1].

    Returns
    -------
    area : float
        In [0, 1]: 1 for a perfect ranking, and `max_fpr` / 2 for a random one.

    Raises
    ------
    TypeError {raises_typeerror}
    ValueError
        If shapes differ, heat maps are not finite, there are no pixels of both
        kinds, or `max_fpr` is not in (0, 1].

    See Also
    --------
    pixel_roc_auc : Counts each pixel alike.

    Notes
    -----
    Exact: every value of the heat maps is a threshold, and the curve is linear
    between two of them, as where pixels tie.

    References
    ----------
    Bergmann et al. (2021), "The MVTec anomaly detection dataset: a comprehensive
    real-world dataset for unsupervised anomaly detection", section 5.2.

    Examples
    --------
    >>> from sklearn_anomaly_attr.metrics import aupro
    >>> y_true = [[[True, False, True, True]]]
    >>> round(aupro(y_true, [[[0.9, 0.5, 0.7, 0.1]]]), 3)
    0.75
    """
    if not isinstance(max_fpr, Real) or not 0 < max_fpr <= 1:
        raise ValueError(f"max_fpr={max_fpr!r}: pass a share above 0 and up to 1.")
    masks, heat = _check_pixels(y_true, heat_maps)
    _check_both_kinds(masks)
    regions, n_regions = label(np.asarray(y_true), structure=_TOUCHING)
    sizes = np.bincount(regions.ravel(), minlength=n_regions + 1)
    shares = np.where(masks, 1.0 / (n_regions * sizes[regions.reshape(masks.shape)]), 0)
    order = np.argsort(-heat, axis=None, kind="stable")
    hottest = heat.ravel()[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(hottest)), len(order) - 1)
    n_false = np.cumsum(~masks.ravel()[order])[last_of_tie]
    overlap = np.append(0.0, np.cumsum(shares.ravel()[order])[last_of_tie])
    return _area(np.append(0.0, n_false / n_false[-1]), overlap, float(max_fpr))


def _area(rate: FloatArray, overlap: FloatArray, max_fpr: float) -> float:
    """Mean height of the curve up to a rate."""
    within = rate < max_fpr
    # Where the curve jumps at the limit, what lies below it.
    after = int(within.sum())
    before = after - 1
    step = (max_fpr - rate[before]) / (rate[after] - rate[before])
    end = overlap[before] + step * (overlap[after] - overlap[before])
    area = np.trapezoid(
        np.append(overlap[within], end), np.append(rate[within], max_fpr)
    )
    return float(area / max_fpr)


def _check_pixels(y_true: ArrayLike, heat_maps: Any) -> tuple[BoolArray, FloatArray]:
    """Masks and heat maps with a row for each image."""
    masks = np.asarray(y_true)
    if masks.dtype != np.bool_:
        raise TypeError(
            f"y_true is of dtype {masks.dtype}: pass booleans, True for the truly "
            "anomalous pixels, such as y_true > 0 of zeros and ones."
        )
    own = getattr(heat_maps, "heat_maps", None)
    if own is None and isinstance(heat_maps, BaseExplanation):
        raise TypeError(
            f"heat_maps is of type {type(heat_maps).__name__}, which holds no heat "
            "maps: pass ImageExplanation.from_explanation(explanation, image_shape) of "
            "attributions, or an array (n_images, height, width)."
        )
    heat: NDArray[Any] = np.asarray(own() if callable(own) else heat_maps)
    if masks.ndim != 3 or masks.shape != heat.shape:
        raise ValueError(
            f"y_true has the shape {masks.shape}, the heat maps have {heat.shape}: "
            "pass both as (n_images, height, width), of a single image as [mask] and "
            "[heat_map], with the channels of a heat map summed."
        )
    n_images, height, width = masks.shape
    table = check_numbers(heat.reshape(n_images, height * width), "heat_maps")
    return masks.reshape(table.shape), table


def _check_both_kinds(masks: BoolArray) -> None:
    if masks.all() or not masks.any():
        kind = "anomalous" if masks.all() else "normal"
        raise ValueError(
            f"All pixels are {kind}: pass images with anomalous and normal pixels."
        )
