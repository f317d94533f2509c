"""``torch_transform``: a fitted transformer as a torch function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .._coding import TableCoding
from ._registry import Registry
from ._transform import NotTranslatedError, TorchTransform
from ._transforms import ChainTransform

Translator = Callable[[Any], TorchTransform | None]
CodedTranslator = Callable[[Any, TableCoding | None], TorchTransform | None]
_T = TypeVar("_T", bound=Translator)
_C = TypeVar("_C", bound=CodedTranslator)

_SELECTORS = (
    "GenericUnivariateSelect",
    "RFE",
    "RFECV",
    "SelectFdr",
    "SelectFpr",
    "SelectFromModel",
    "SelectFwe",
    "SelectKBest",
    "SelectPercentile",
    "SequentialFeatureSelector",
    "VarianceThreshold",
)
_AFFINE = "._affine_transformers:translate_"
_TRANSLATORS: Registry[Translator] = Registry(
    {
        "sklearn.decomposition.FastICA": f"{_AFFINE}ica",
        "sklearn.decomposition.IncrementalPCA": f"{_AFFINE}pca",
        "sklearn.decomposition.PCA": f"{_AFFINE}pca",
        "sklearn.decomposition.TruncatedSVD": f"{_AFFINE}projection",
        "sklearn.impute.SimpleImputer": "._imputers:translate_imputer",
        "sklearn.impute.MissingIndicator": "._imputers:translate_indicator",
        "sklearn.preprocessing.FunctionTransformer": "._curves:translate_function",
        "sklearn.preprocessing.MaxAbsScaler": "._curves:translate_max_abs_scaler",
        "sklearn.preprocessing.MinMaxScaler": "._curves:translate_min_max_scaler",
        "sklearn.preprocessing.Normalizer": "._products:translate_normalizer",
        "sklearn.preprocessing.PolynomialFeatures": "._products:translate_polynomial",
        "sklearn.preprocessing.PowerTransformer": "._curves:translate_power",
        "sklearn.preprocessing.QuantileTransformer": "._curves:translate_quantile",
        "sklearn.preprocessing.RobustScaler": f"{_AFFINE}robust_scaler",
        "sklearn.preprocessing.SplineTransformer": "._curves:translate_spline",
        "sklearn.preprocessing.StandardScaler": f"{_AFFINE}standard_scaler",
        "sklearn.random_projection.GaussianRandomProjection": f"{_AFFINE}projection",
        **{f"sklearn.feature_selection.{s}": f"{_AFFINE}selector" for s in _SELECTORS},
    }
)
_CODED: Registry[CodedTranslator] = Registry(
    {
        "builtins.object": "._encoders:translate_numbers",
        "sklearn.compose.ColumnTransformer": "._columns:translate_column_transformer",
        "sklearn.pipeline.FeatureUnion": "._columns:translate_feature_union",
        "sklearn.pipeline.Pipeline": "._encoders:translate_steps",
        "sklearn.preprocessing.OneHotEncoder": "._encoders:lookup",
        "sklearn.preprocessing.OrdinalEncoder": "._encoders:lookup",
        "sklearn.preprocessing.TargetEncoder": "._encoders:lookup",
    }
)


def register_transform(*classes: type | str) -> Callable[[_T], _T]:
    """Register a translation of fitted transformers to :class:`TorchTransform`.

    Parameters
    ----------
    *classes : type or str
        The classes that the decorated function translates, or their public
        names, such as ``"sklearn.preprocessing.StandardScaler"``: with a name,
        nothing is imported before such a transformer is translated. Subclasses
        are not included: one that overrides ``transform`` would be translated
        wrongly without a word.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_transformer)`` that gives a
        TorchTransform, or None where the parameters allow no translation. It
        replaces what was registered for the same class or name.

    Raises
    ------
    ValueError
        If a name is one without a module.

    See Also
    --------
    register_coded_transform : For transformers that take categories.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, TransformerMixin
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_anomaly_attr.scores import (
    ...     TorchTransform, register_transform, torch_score
    ... )
    >>> class Cube(TransformerMixin, BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.fitted_ = True
    ...         return self
    ...     def transform(self, X):
    ...         return X**3
    >>> class TorchCube(TorchTransform):
    ...     def forward(self, x):
    ...         return x**3
    >>> @register_transform(Cube)
    ... def translate(cube):
    ...     return TorchCube()
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> torch_score(make_pipeline(Cube(), GaussianMixture()).fit(X)).differentiable
    True
    """
    return _TRANSLATORS.register(classes)


def register_coded_transform(*classes: type | str) -> Callable[[_C], _C]:
    """Register a translation that is told which columns hold categories.

    Without one, a transformer that is given a table with categories is taken
    for a function of numbers, where they are numbers.

    Parameters
    ----------
    *classes : type or str
        The classes that the decorated function translates, as in
        :func:`register_transform`.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_transformer, coding)`` that
        gives a TorchTransform, or None. The coding is None where all columns
        hold numbers; it is then called only if there is no translation without
        one.

    Raises
    ------
    ValueError
        If a name is one without a module.

    See Also
    --------
    register_transform : For transformers that take numbers.

    Examples
    --------
    A wrapper hands the coding on to the encoder inside:

    >>> import pandas as pd
    >>> from sklearn.base import BaseEstimator, TransformerMixin
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from sklearn_anomaly_attr import KernelShap
    >>> from sklearn_anomaly_attr.scores import register_coded_transform
    >>> from sklearn_anomaly_attr.scores import torch_transform
    >>> class Wrapper(TransformerMixin, BaseEstimator):
    ...     def fit(self, X, y=None):
    ...         self.encoder_ = OneHotEncoder(sparse_output=False).fit(X)
    ...         return self
    ...     def transform(self, X):
    ...         return self.encoder_.transform(X)
    >>> @register_coded_transform(Wrapper)
    ... def translate(wrapper, coding):
    ...     return torch_transform(wrapper.encoder_, coding)
    >>> X = pd.DataFrame({"color": ["red", "blue"] * 20, "size": ["s", "m"] * 20})
    >>> pipeline = make_pipeline(Wrapper(), GaussianMixture(random_state=0))
    >>> KernelShap(pipeline, random_state=0).fit(X).explain(X[:1]).description
    'KernelShap, all 4 coalitions, score: Gaussian mixture'
    """
    return _CODED.register(classes)


def torch_transform(
    transformer: Any, coding: TableCoding | None = None
) -> TorchTransform:
    """Translate a fitted transformer into a torch function.

    Parameters
    ----------
    transformer : fitted transformer, "passthrough" or None
        A step of a Pipeline.
    coding : TableCoding or None, default=None
        What the numbers in the columns stand for; None for themselves.

    Returns
    -------
    TorchTransform
        Equal to ``transformer.transform`` on rows without NaN, and on all that the
        transformer takes where ``takes_missing`` is True.

    Raises
    ------
    NotTranslatedError
        If there is no translation.
    sklearn.exceptions.NotFittedError
        If the transformer is not fitted.

    Examples
    --------
    >>> import torch
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_anomaly_attr.scores import torch_transform
    >>> scaler = StandardScaler().fit([[1.0], [3.0]])
    >>> torch_transform(scaler)(torch.tensor([[1.0], [2.0]]).double()).tolist()
    [[-1.0], [0.0]]
    """
    if "transform" in getattr(transformer, "__dict__", ()):
        raise NotTranslatedError
    kind = type(transformer)
    if kind is FrozenEstimator:
        return torch_transform(transformer.estimator, coding)
    if coding is None and is_passthrough(transformer):
        return ChainTransform([])
    translate = _TRANSLATORS.find(kind) if coding is None else None
    if translate is not None:
        check_is_fitted(transformer)
        transform = translate(transformer)
    else:
        coded = _CODED.find(kind) or _CODED.find(object)
        transform = None if coded is None else coded(transformer, coding)
    if transform is None:
        raise NotTranslatedError
    return transform


def torch_transforms(
    steps: Iterable[tuple[str, Any]], coding: TableCoding | None = None
) -> list[TorchTransform]:
    """Translate steps that follow each other; the error names the one that is not."""
    transforms = []
    for name, transformer in steps:
        with step_named(name):
            transforms.append(torch_transform(transformer, coding))
        coding = None
    return transforms


@contextmanager
def step_named(name: str) -> Iterator[None]:
    """Add the name of a step to the error of its translation."""
    try:
        yield
    except NotTranslatedError as error:
        raise NotTranslatedError(name, *error.args) from None


def is_passthrough(step: Any) -> bool:
    """Whether a step leaves its columns as they are."""
    return step is None or isinstance(step, str)
