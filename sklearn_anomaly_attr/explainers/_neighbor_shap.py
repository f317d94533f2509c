"""NeighborShap: kernel SHAP whose references are the row's neighbours."""

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
from ._references import NeighborReferences
from ._shapley import ShapleyExplainer


class NeighborShap(ShapleyExplainer):
    """Attribute anomaly scores to features by kernel SHAP with neighbours.

    Absent features take the values of the training rows nearest to the row,
    all with the same weight. Distances are Euclidean on a common scale, the
    standard deviations of the columns. (wKSH in the reference.)

    Attributions are in units of the anomaly score; POSITIVE pushes it UP.
    With the base value, the mean score of the neighbours, they add up to
    the anomaly score, ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator
        Outlier detector, density model, or Pipeline that ends in one. It is
        cloned and fitted; wrap a fitted one in
        :class:`sklearn.frozen.FrozenEstimator` to have it used as it is.
    n_references : int, default=8
        Number of neighbours; all training rows, if there are fewer.
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
        Seeds the choice of coalitions, once in ``fit``, and the detector's
        ``random_state`` where that is None.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    estimator_ : estimator
        The fitted detector.
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
    KernelShap : Absent features take values of k-means centres.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-
    based attribution of anomaly scores", wKSH in Section 5.1.3; Giurgiu &
    Schumann (2019).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import GaussianMixtureDetector, NeighborShap
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = NeighborShap(GaussianMixtureDetector(), random_state=0).fit(X)
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
        self._neighbors = NeighborReferences(X, self._scale, self.n_references)

    def _make_game(
        self, score: TorchScore, x: Tensor, players: Players, batch_size: int
    ) -> Game:
        return self._neighbors.game(score, x, players, batch_size)
