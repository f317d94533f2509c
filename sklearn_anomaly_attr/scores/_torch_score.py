"""``torch_score``: a fitted estimator as a torch function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .._adapters import adapted
from .._coding import TableCoding
from .._docstrings import shared_paragraphs
from .._torch._own import own_torch
from .._validation import overrides_its_score, own_answer, scoring_part
from ._black_box import BlackBoxScore
from ._registry import Registry
from ._score import TorchScore

Translator = Callable[[Any], TorchScore]
CodedTranslator = Callable[[Any, TableCoding | None], TorchScore]
_T = TypeVar("_T", bound=Translator)
_C = TypeVar("_C", bound=CodedTranslator)

_TRANSLATORS: Registry[Translator] = Registry(
    {
        "sklearn.covariance.EllipticEnvelope": "._linear:translate_elliptic_envelope",
        "sklearn.ensemble.IsolationForest": "._trees:translate_isolation_forest",
        "sklearn.linear_model.SGDOneClassSVM": "._linear:translate_sgd_one_class_svm",
        "sklearn.mixture.BayesianGaussianMixture": (
            "._bayesian_mixture:translate_bayesian_mixture"
        ),
        "sklearn.mixture.GaussianMixture": "._mixture:translate_mixture",
        "sklearn.neighbors.KernelDensity": "._kernels:translate_kernel_density",
        "sklearn.neighbors.LocalOutlierFactor": (
            "._local_outlier_factor:translate_local_outlier_factor"
        ),
        "sklearn.svm.OneClassSVM": "._kernels:translate_one_class_svm",
    }
)
_CODED: Registry[CodedTranslator] = Registry(
    {
        "builtins.object": "._pipeline:translate_numbers",
        "sklearn.pipeline.Pipeline": "._pipeline:translate_pipeline",
    }
)


def register_score(*classes: type | str) -> Callable[[_T], _T]:
    """Register a translation of another library's estimators to torch.

    An estimator of your own rather has a method ``_torch_score()``, which gives
    a :class:`TorchScore` or None; see :func:`torch_score`.

    Parameters
    ----------
    *classes : type or str
        The classes that the decorated function translates, or their public
        names, such as ``"sklearn.mixture.GaussianMixture"``: with a name,
        nothing is imported before such an estimator is translated. Subclasses
        are not included: one that overrides ``score_samples`` would be
        translated wrongly without a word.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_estimator) -> TorchScore``.
        It replaces what was registered for the same class or name.

    Raises
    ------
    ValueError
        If a name is one without a module.

    See Also
    --------
    register_coded_score : For estimators that take categories.

    Examples
    --------
    >>> from sklearn_anomaly_attr.scores import TorchScore, register_score
    >>> class DistanceFromOrigin:
    ...     def score_samples(self, X):
    ...         return -(X**2).sum(axis=1)
    >>> class SquaredNorm(TorchScore):
    ...     def forward(self, x):
    ...         return x.square().sum(dim=-1)
    >>> @register_score(DistanceFromOrigin, "otherlibrary.detectors.OriginDetector")
    ... def translate(estimator):
    ...     return SquaredNorm()
    """
    return _TRANSLATORS.register(classes)


def register_coded_score(*classes: type | str) -> Callable[[_C], _C]:
    """Register a translation that is told which columns hold categories.

    Without one, an estimator that explainers give a table with categories is
    taken for a function of numbers, or else called as it is.

    Parameters
    ----------
    *classes : type or str
        The classes that the decorated function translates, as in
        :func:`register_score`.

    Returns
    -------
    callable
        Decorator of a function ``translate(fitted_estimator, coding)``. The
        coding is None where all columns hold numbers; it is then called only if
        there is no translation without one.

    Raises
    ------
    ValueError
        If a name is one without a module.

    See Also
    --------
    register_score : For estimators that take numbers.

    Examples
    --------
    A wrapper hands the coding on to the Pipeline inside:

    >>> import numpy as np
    >>> from sklearn.base import BaseEstimator, OutlierMixin
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn_anomaly_attr.scores import register_coded_score, torch_score
    >>> class Wrapper(OutlierMixin, BaseEstimator):
    ...     def __init__(self, model):
    ...         self.model = model
    ...     def score_samples(self, X):
    ...         return self.model.score_samples(X)
    >>> @register_coded_score(Wrapper)
    ... def translate(wrapper, coding):
    ...     return torch_score(wrapper.model, coding)
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> torch_score(Wrapper(GaussianMixture().fit(X))).description
    'Gaussian mixture'
    """
    return _CODED.register(classes)


@own_torch()
@shared_paragraphs
def torch_score(estimator: Any, coding: TableCoding | None = None) -> TorchScore:
    """Translate a fitted estimator into a torch function.

    Parameters
    ----------
    estimator : fitted estimator {scored_estimator}
    coding : TableCoding or None, default=None
        What the numbers in the columns stand for, as the explainers code them:
        categories, dates, numbers of some type; None where they stand for
        themselves.

    Returns
    -------
    TorchScore
        Anomaly score, HIGHER is more abnormal, equal to
        ``-estimator.score_samples(X)`` to 1e-9. Estimators without a
        translation become a black box that calls ``score_samples`` (or, where
        there is none, ``decision_function``). The score of a
        :class:`~sklearn.neighbors.KernelDensity` is the exact sum, from which
        scikit-learn's own departs far out, by rounding; it is infinite where
        no kernel reaches.

    Raises
    ------
    TypeError
        If the estimator gives no anomaly score.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    register_score : Translations of other libraries' estimators.

    Notes
    -----
    What is registered for exactly the estimator's class comes first. Else the
    estimator is asked: its method ``_torch_score()`` gives a TorchScore, or None
    where it has none. A subclass inherits the method unless it overrides the
    score (``score_samples``, ``_score_samples``, ``decision_function`` or
    ``anomaly_score``) and not the method, too; then it is a black box.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn_anomaly_attr.scores import torch_score
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> gmm = GaussianMixture(random_state=0).fit(X)
    >>> score = torch_score(gmm)
    >>> bool(np.allclose(score(torch.from_numpy(X)), -gmm.score_samples(X)))
    True
    """
    estimator = _as_fitted(scoring_part(adapted(estimator)))
    if overrides_its_score(estimator):
        return BlackBoxScore(estimator, coding)
    own: TorchScore | None = own_answer(estimator, "_coded_score", coding)
    if own is not None:
        return own
    kind = type(estimator)
    of_numbers = coding is None or coding.has_numbers_only
    translate = _TRANSLATORS.find(kind) if of_numbers else None
    if translate is not None:
        return translate(estimator)
    coded = _CODED.find(kind)
    if coded is None and not of_numbers:
        coded = _CODED.find(object)
    if coded is not None:
        return coded(estimator, coding)
    score: TorchScore | None = own_answer(estimator, "_torch_score")
    return BlackBoxScore(estimator, coding) if score is None else score


def _as_fitted(estimator: Any) -> Any:
    """A detector of the package with the parameters of its fit; any other itself."""
    if hasattr(estimator, "_as_fitted"):
        return estimator._as_fitted()
    return estimator
