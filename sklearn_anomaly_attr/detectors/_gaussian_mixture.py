"""Gaussian mixture detector."""

from __future__ import annotations

from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn import config_context
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._docstrings import shared_paragraphs
from .._scale import Standardization
from .._sklearn_compat import Interval, StrOptions
from .._typing import FloatArray
from ..base import BaseDetector
from ._mixture_left_out import left_out_log_densities

if TYPE_CHECKING:
    from ..scores import TorchScore


@shared_paragraphs
class GaussianMixtureDetector(BaseDetector):
    """Detect anomalies as rows of low density under a Gaussian mixture.

    The score is the log-likelihood of scikit-learn's
    :class:`~sklearn.mixture.GaussianMixture`; its negative, the anomaly score,
    is the mixture's energy. Columns are standardised before the mixture is
    fitted, so that their units and their zero do not matter; densities are those
    in the units of the columns.

    Parameters
    ----------
    n_components : int, or list or tuple of int, default=1
        Number of components. From several, the number with the best
        held-out log-likelihood is chosen, by cross-validation on the training
        rows.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        Shape of the components in standardised columns: "spherical" components
        have one variance for all standardised columns, and "tied" components
        share one covariance matrix of these.
    reg_covar : float, default=1e-6
        Added to the variances of the standardised columns in each component.
        Raise it where components are too narrow: where a column takes few
        values, for one.
    tol : float, default=1e-3
        Convergence threshold of the EM algorithm.
    max_iter : int, default=100
        Largest number of EM iterations.
    n_init : int, default=1
        Number of initialisations; the best is kept.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, \
            default="kmeans"
        How the responsibilities are initialised.
    contamination : float, default=0.1 {contamination}
    cv : int, default=5
        Number of shuffled folds that choose ``n_components`` from several.
    random_state : int, RandomState instance or None, default=None
        Seeds the initialisation and the folds.

    Attributes
    ----------
    mixture_ : GaussianMixture
        The fitted mixture of the standardised columns
        ``(X - center_) / scale_``.
    center_, scale_ : ndarray of shape (`n_features_in_`,)
        Means and standard deviations of the training columns. The scale of a
        constant column is its size, or one where it is zero.
    n_components_ : int
        Its number of components.
    offset_ : float {offset_}
    n_iter_ : int
        EM iterations of the best initialisation.
    {features_in}

    Raises
    ------
    ValueError
        In ``fit``, if X is not a finite numeric table with at least as many
        rows as components, if a covariance cannot be estimated, or if a column
        varies by little more than float64 rounds its values by.

    See Also
    --------
    sklearn_anomaly_attr.AnomalyShapley : Attributes the score to the columns.

    Notes
    -----
    For p-values and false-alarm rates, training rows are scored as if they had been
    left out: by one more M step of the EM algorithm, in closed form, in which the other
    rows keep their responsibilities. With one component that is the mixture of the
    other rows. With more, these would also move to other components, the more so where
    components are not apart, and few rows belong to each: there are too many false
    alarms then, up to thrice as many as asked for at 1 %. ConformalDetector with
    ``method="cross"`` fits the mixture without the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> detector = GaussianMixtureDetector(n_components=[1, 2], random_state=0).fit(X)
    >>> detector.n_components_
    1
    >>> detector.predict([[0.0, 0.0], [6.0, 6.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseDetector._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left"), list, tuple],
        "covariance_type": [StrOptions({"full", "tied", "diag", "spherical"})],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [
            StrOptions({"kmeans", "k-means++", "random", "random_from_data"})
        ],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int | list[int] | tuple[int, ...] = 1,
        *,
        covariance_type: str = "full",
        reg_covar: float = 1e-6,
        tol: float = 1e-3,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        contamination: float = 0.1,
        cv: int = 5,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.reg_covar = reg_covar
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.contamination = contamination
        self.cv = cv
        self.random_state = random_state

    @config_context(array_api_dispatch=False)
    def _fit(self, X: FloatArray) -> None:
        names = getattr(self, "feature_names_in_", None)
        self._scaling = Standardization.of(X, np.ones(len(X)), names)
        self.center_, self.scale_ = self._scaling.center, self._scaling.scale
        X = self._scaling.apply(X)
        # One integer for every fit: all candidates and folds start alike.
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        mixture = GaussianMixture(
            covariance_type=self.covariance_type,
            reg_covar=self.reg_covar,
            tol=self.tol,
            max_iter=self.max_iter,
            n_init=self.n_init,
            init_params=self.init_params,
            random_state=seed,
        )
        if isinstance(self.n_components, list | tuple):
            # GaussianMixture.score is the mean held-out log-likelihood.
            search = GridSearchCV(
                mixture,
                {"n_components": list(self.n_components)},
                cv=KFold(self.cv, shuffle=True, random_state=seed),
                error_score="raise",
            )
            self.mixture_ = search.fit(X).best_estimator_
        else:
            mixture.set_params(n_components=self.n_components)
            self.mixture_ = mixture.fit(X)
        self.n_components_ = int(self.mixture_.n_components)
        self.n_iter_ = self.mixture_.n_iter_

    def _score_samples(self, X: FloatArray) -> FloatArray:
        log_joint = _log_joint(self.mixture_, self._scaling.apply(X))
        return self._in_units(logsumexp(log_joint, axis=1))

    def _score_left_out(self, X: FloatArray) -> FloatArray:
        X = self._scaling.apply(X)
        responsibilities = softmax(_log_joint(self.mixture_, X), axis=1)
        return self._in_units(
            left_out_log_densities(self.mixture_, X, responsibilities)
        )

    def _in_units(self, log_densities: FloatArray) -> FloatArray:
        """Log densities in the units of the columns, of those in standardised ones."""
        log_volume: float = np.log(self._scaling.scale).sum()
        return log_densities - log_volume

    def _torch_score(self) -> TorchScore:
        # The detector itself needs no torch.
        from ..scores._affine import AffineMap
        from ..scores._mixture import translate_mixture

        check_is_fitted(self)
        origin, mean, scale = self._scaling
        standardize = AffineMap(origin, np.diag(1.0 / scale), -mean / scale)
        score = translate_mixture(self.mixture_).behind(standardize)
        score.log_constants -= np.log(scale).sum()
        return score


def _log_joint(mixture: GaussianMixture, X: FloatArray) -> FloatArray:
    """Log densities (n, K) of rows in components, by differences from their means.

    The mixture's own ``score_samples`` subtracts squares where components are
    "diag" or "spherical", which costs the digits of narrow ones.
    """
    n_features = X.shape[1]
    log_joint = np.empty((len(X), len(mixture.means_)))
    log_constants = np.log(mixture.weights_) - 0.5 * n_features * np.log(2.0 * np.pi)
    for k, mean in enumerate(mixture.means_):
        roots = mixture.precisions_cholesky_
        roots = roots if mixture.covariance_type == "tied" else roots[k]
        # Squares of rows very far out overflow: their density is zero.
        with np.errstate(over="ignore", invalid="ignore"):
            if roots.ndim == 2:
                residuals, roots = (X - mean) @ roots, np.diagonal(roots)
            else:
                residuals = (X - mean) * roots
            squares = np.square(residuals).sum(axis=1)
        log_det = np.log(np.broadcast_to(roots, n_features)).sum()
        log_joint[:, k] = log_constants[k] + log_det - 0.5 * squares
    return log_joint
