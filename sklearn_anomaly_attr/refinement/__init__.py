"""Meta-estimators that clean the training set of any detector while they fit it."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DSIL": "._dsil",
        "CosineRetention": "._retention",
        "ExponentialRetention": "._retention",
        "FixedRetention": "._retention",
        "IterativeReweighting": "._reweighting",
        "SlowRetention": "._retention",
    },
)

if TYPE_CHECKING:
    from ._dsil import DSIL as DSIL
    from ._retention import CosineRetention as CosineRetention
    from ._retention import ExponentialRetention as ExponentialRetention
    from ._retention import FixedRetention as FixedRetention
    from ._retention import SlowRetention as SlowRetention
    from ._reweighting import IterativeReweighting as IterativeReweighting
