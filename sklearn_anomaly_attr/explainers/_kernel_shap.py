"""KernelShap: kernel SHAP for anomaly scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from .._sklearn_compat import Interval
from .._typing import FloatArray
from ..games import Game, Players
from ..scores import TorchScore
from ._references import make_references
from ._shapley import ShapleyExplainer


class KernelShap(ShapleyExplainer):
    """Attribute anomaly scores to features by kernel SHAP.

    Absent features take the values of k-means centres of the training rows,
    each centre weighted by its cluster's share of the rows. The columns are
    clustered on a common scale, their standard deviations; a centre's
    categories are the most frequent ones of its cluster.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the weighted mean score of the centres, they add up to
    the anomaly score, ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator
        Outlier detector, density model, or Pipeline that ends in one. It is
        cloned and fitted; wrap a fitted one in
        :class:`sklearn.frozen.FrozenEstimator` to have it used as it is.
    n_references : int, default=8
        Number of k-means centres.
    max_evaluations : int or "auto", default="auto"
        Largest number of coalitions; "auto" is 2 * n_features + 2048. All are
        evaluated where they fit, which makes the values exact.
    groups : dict of str to list, default=None
        Groups of columns that are attributed as one: group name -> columns,
        by name or position. Columns in no group stay alone.
    categorical_features : "auto" or list, default="auto"
        Columns, by name or position, whose absent values must be among those
        seen in ``fit``. Columns of strings, booleans and categoricals are so
        in any case, as are those that the detector's Pipeline gives to an
        encoder; "auto" adds no other.
    batch_size : int or "auto", default="auto"
        Largest number of rows that are scored at once; bounds the memory.
        "auto" suits it to the number of columns and to the score.
    device : str, default="auto"
        Torch device to compute on; "auto" takes a GPU where there is one.
    random_state : int, RandomState instance or None, default=None
        Seeds the clustering and the choice of coalitions, once in ``fit``,
        and the detector's ``random_state`` where that is None.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The fitted detector.
    references_ : ndarray of shape (n_references, n_features)
        The centres, in the units of the columns; fewer where there are fewer
        different training rows. A category is given as its position among
        those of its column, in the order of their text.
    reference_weights_ : ndarray of shape (n_references,)
        Their weights, summing to 1.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns seen in ``fit``, where all are strings.

    Raises
    ------
    TypeError
        In ``fit``, if ``estimator`` gives no anomaly score.
    ValueError
        In ``fit``, if X is not a finite numeric table, a group is not made of
        its columns, or ``max_evaluations`` is below n_features + 2.

    See Also
    --------
    AnomalyShapley : Absent features settle where the score is locally smallest.
    NeighborShap : Absent features take values of the nearest training rows.

    References
    ----------
    Lundberg & Lee (2017), "A unified approach to interpreting model
    predictions".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, KernelShap
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = KernelShap(GaussianMixtureDetector(), random_state=0).fit(X)
    >>> explainer.explain([[0.0, 5.0, 0.0]]).to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ShapleyExplainer._parameter_constraints,
        "n_references": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any,
        *,
        n_references: int = 8,
        max_evaluations: int | str = "auto",
        groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            max_evaluations=max_evaluations,
            groups=groups,
            categorical_features=categorical_features,
            batch_size=batch_size,
            device=device,
            random_state=random_state,
            verbose=verbose,
        )
        self.n_references = n_references

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._centers = make_references(
            "kmeans", self.n_references, X, self._scale, self._random_seed
        )
        self.references_ = self._centers.of(X)[0]
        self.reference_weights_ = self._centers.weights

    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        return self._centers.game(score, x, players, batch_size)
