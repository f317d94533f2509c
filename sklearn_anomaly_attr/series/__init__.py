"""Detectors of series: rows are timestamps, and windows of them are scored."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "WindowedDetector": "._windowed_detector",
        "find_segments": "._segments",
    },
)

if TYPE_CHECKING:
    from ._segments import find_segments as find_segments
    from ._windowed_detector import WindowedDetector as WindowedDetector
