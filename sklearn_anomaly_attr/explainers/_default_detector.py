"""The detector of explainers that are given none."""

from __future__ import annotations

from typing import Any


class DefaultDetectorMixin:
    """Mixin of explainers whose ``estimator`` may be None, for the default detector."""

    estimator: Any

    @property
    def _inner(self) -> Any:
        """The detector as it was given, or the default one."""
        if self.estimator is not None:
            return self.estimator
        from ..detectors import AnomalyDetector

        return AnomalyDetector()
