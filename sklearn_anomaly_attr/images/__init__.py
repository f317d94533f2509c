"""Images: detectors of pictures, and the regions to blame."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BlurredReferences": "._references",
        "ConvAutoencoderDetector": "._conv_autoencoder",
        "ErrorMap": "._error_map",
        "FCDDDetector": "._fcdd",
        "FunctionReferences": "._references",
        "ImageExplanation": "._image_explanation",
        "ImageMeanReferences": "._references",
        "ImageReferences": "._references",
        "PixelRangeWarning": ".._images",
        "RegionOcclusion": "._region_occlusion",
        "RegionShapley": "._region_shapley",
        "grid_regions": "._regions",
        "kmeans_regions": "._regions",
        "region_groups": "._regions",
    },
)

if TYPE_CHECKING:
    from .._images import PixelRangeWarning as PixelRangeWarning
    from ._conv_autoencoder import ConvAutoencoderDetector as ConvAutoencoderDetector
    from ._error_map import ErrorMap as ErrorMap
    from ._fcdd import FCDDDetector as FCDDDetector
    from ._image_explanation import ImageExplanation as ImageExplanation
    from ._references import BlurredReferences as BlurredReferences
    from ._references import FunctionReferences as FunctionReferences
    from ._references import ImageMeanReferences as ImageMeanReferences
    from ._references import ImageReferences as ImageReferences
    from ._region_occlusion import RegionOcclusion as RegionOcclusion
    from ._region_shapley import RegionShapley as RegionShapley
    from ._regions import grid_regions as grid_regions
    from ._regions import kmeans_regions as kmeans_regions
    from ._regions import region_groups as region_groups
