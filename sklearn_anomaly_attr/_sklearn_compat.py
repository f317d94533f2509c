"""Every private scikit-learn import of this project, in one place."""

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

__all__ = [
    "Interval",
    "RealNotInt",
    "StrOptions",
    "_fit_context",
    "_safe_indexing",
    "check_matplotlib_support",
]
