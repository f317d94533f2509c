"""Every private scikit-learn import of this project, in one place."""

from collections.abc import Callable
from typing import Any, TypeVar

from sklearn import base
from sklearn.ensemble._iforest import _average_path_length
from sklearn.utils import _safe_indexing
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
)

__all__ = [
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "_average_path_length",
    "_fit_context",
    "_safe_indexing",
    "check_matplotlib_support",
]

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _fit_context(
    *, prefer_skip_nested_validation: bool
) -> Callable[[_Method], _Method]:
    """Validate parameters as scikit-learn does, and keep the method's type."""
    decorate: Callable[[_Method], _Method] = base._fit_context(
        prefer_skip_nested_validation=prefer_skip_nested_validation
    )
    return decorate
