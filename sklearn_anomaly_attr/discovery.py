"""The catalogue: every public object of the package, found rather than listed."""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

from sklearn.base import BaseEstimator, MetaEstimatorMixin

__all__ = ["all_displays", "all_estimators", "all_functions", "all_public_objects"]

_PACKAGE = __name__.rpartition(".")[0]


def all_public_objects() -> list[tuple[str, Any]]:
    """List every public class and function, each once.

    Public is what the package, or a public module of it, names in ``__all__``.

    Returns
    -------
    objects : list of (str, object)
        Shortest path to import an object from, relative to the package
        ("AnomalyShapley", "metrics.aupro"), and the object; sorted by path.

    Examples
    --------
    >>> from sklearn_anomaly_attr.discovery import all_public_objects
    >>> objects = dict(all_public_objects())
    >>> objects["metrics.aupro"]
    <function aupro at ...>
    """
    objects: dict[int, tuple[str, Any]] = {}
    for path, item in _exports():
        if not inspect.ismodule(item):
            objects.setdefault(id(item), (path, item))
    return sorted(objects.values(), key=lambda pair: pair[0])


def all_estimators(
    type_filter: str | Sequence[str] | None = None,
) -> list[tuple[str, type[BaseEstimator]]]:
    """List every public estimator that can be instantiated.

    Parameters
    ----------
    type_filter : str, sequence of str or None, default=None
        Kinds to list; with several, the estimators of any of them. None lists
        all.

        - "detector": anomaly detectors, subclasses of :class:`.BaseDetector`;
        - "explainer": estimators that ``explain``, those of series, images and
          counterfactuals included;
        - "meta_estimator": estimators around another one;
        - "counterfactual_method": what a :class:`.CounterfactualExplainer`
          searches with;
        - "image", "series": estimators of :mod:`sklearn_anomaly_attr.images`
          and :mod:`sklearn_anomaly_attr.series`.

    Returns
    -------
    estimators : list of (str, type)
        Names and classes, sorted by name.

    Raises
    ------
    ValueError
        If a kind is unknown.

    Examples
    --------
    >>> from sklearn_anomaly_attr.discovery import all_estimators
    >>> [name for name, _ in all_estimators("detector")][:2]
    ['AnomalyDetector', 'AutoencoderDetector']
    """
    kinds = _estimator_kinds()
    wanted = [type_filter] if isinstance(type_filter, str) else type_filter
    for kind in wanted or ():
        if kind not in kinds:
            raise ValueError(
                f"type_filter={kind!r} is unknown: use {', '.join(map(repr, kinds))}, "
                "a list of these, or None for all estimators."
            )
    found = [
        cls
        for _, cls in all_public_objects()
        if inspect.isclass(cls)
        and issubclass(cls, BaseEstimator)
        and not inspect.isabstract(cls)
        and (wanted is None or any(kinds[kind](cls) for kind in wanted))
    ]
    return sorted((cls.__name__, cls) for cls in found)


def all_displays() -> list[tuple[str, type]]:
    """List every public display: the classes that draw, ``...Display``.

    Returns
    -------
    displays : list of (str, type)
        Names and classes, sorted by name.

    Examples
    --------
    >>> from sklearn_anomaly_attr.discovery import all_displays
    >>> all_displays()[0]
    ('AttributionDisplay', <class '...AttributionDisplay'>)
    """
    classes = [item for _, item in all_public_objects() if inspect.isclass(item)]
    return sorted(
        (cls.__name__, cls) for cls in classes if cls.__name__.endswith("Display")
    )


def all_functions() -> list[tuple[str, Callable[..., Any]]]:
    """List every public function.

    Returns
    -------
    functions : list of (str, function)
        Names and functions, sorted by name.

    Examples
    --------
    >>> from sklearn_anomaly_attr.discovery import all_functions
    >>> [name for name, _ in all_functions()][:2]
    ['all_displays', 'all_estimators']
    """
    return sorted(
        (item.__name__, item)
        for _, item in all_public_objects()
        if inspect.isfunction(item)
    )


def _exports() -> Iterator[tuple[str, Any]]:
    """Path and object for each name in an ``__all__``, the package's first."""
    package = import_module(_PACKAGE)
    for name in package.__all__:
        yield name, getattr(package, name)
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        if not info.name.startswith("_"):
            module = import_module(f"{_PACKAGE}.{info.name}")
            for name in getattr(module, "__all__", ()):
                yield f"{info.name}.{name}", getattr(module, name)


def _estimator_kinds() -> dict[str, Callable[[type], bool]]:
    """Tell for each kind whether a class is of it."""
    from . import images, series
    from .base import BaseDetector
    from .counterfactuals import CounterfactualMethod

    return {
        "counterfactual_method": lambda cls: issubclass(cls, CounterfactualMethod),
        "detector": lambda cls: issubclass(cls, BaseDetector),
        "explainer": lambda cls: hasattr(cls, "explain"),
        "image": lambda cls: cls.__name__ in images.__all__,
        "meta_estimator": lambda cls: issubclass(cls, MetaEstimatorMixin),
        "series": lambda cls: cls.__name__ in series.__all__,
    }
