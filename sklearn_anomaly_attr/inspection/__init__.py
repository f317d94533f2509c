"""Displays: pictures of explanations, in scikit-learn's manner."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "AttributionDisplay": "._attribution_display",
        "CounterfactualDisplay": "._counterfactual_display",
        "ImageDisplay": "._image_display",
        "SeriesDisplay": "._series_display",
        "SubspaceDisplay": "._subspace_display",
    },
)

if TYPE_CHECKING:
    from ._attribution_display import AttributionDisplay as AttributionDisplay
    from ._counterfactual_display import CounterfactualDisplay as CounterfactualDisplay
    from ._image_display import ImageDisplay as ImageDisplay
    from ._series_display import SeriesDisplay as SeriesDisplay
    from ._subspace_display import SubspaceDisplay as SubspaceDisplay
