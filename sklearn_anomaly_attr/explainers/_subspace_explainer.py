"""SubspaceExplainer: the few columns in which a row stands out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from .._coding import TableCoding
from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._typing import FloatArray
from ..games import Players
from ..scores import TorchScore
from ._base import Attributions, ScoreExplainer
from ._default_detector import DefaultDetectorMixin
from ._reference_kinds import NearestReferences
from ._references import TrainingRows
from ._subspace_explanation import SubspaceExplanation, distinct
from ._subspace_search import Subspaces, SubspaceSearch

_N_NEIGHBORS = 8  # accepted rows that take the values of a row to explain
_MOST_SHOWN = 1000  # training rows, for pictures


class _Found(NamedTuple):
    """Sets of columns of one row, their strengths, and the scores with them alone."""

    sets: list[tuple[int, ...]]
    strengths: FloatArray
    kept_scores: FloatArray


@shared_paragraphs
class SubspaceExplainer(DefaultDetectorMixin, ScoreExplainer):
    r"""Find the smallest set of columns in which a row stands out, and how much.

    Where a cause hides in a few columns of many, each of them ordinary by itself,
    methods that ask the detector for its score drown in the other columns. This one
    looks at the training table: how far is the row from its nearest training rows in
    a set S of columns, and how much farther than training rows are from each other?

    The remoteness of a row in S is :math:`f_S = \log \bar d`, of its mean distance
    :math:`\bar d` to the nearest row in each of eight parts of up to 1,000 training
    rows. Beside up to 200 training rows, each measured without itself, whose
    remoteness has the mean :math:`\mu_S` and the variance :math:`\sigma_S^2`, its
    excess is :math:`e_S = f_S - \mu_S`, and its surprise :math:`z_S = e_S / s_S` with
    :math:`s_S^2 = (n \sigma_S^2 + e_S^2) / (n + 1)`: the row itself counts among the
    n rows, so that no surprise is above :math:`\sqrt{n + 1}`. A column i adds

    .. math:: \min\bigl(z_S, (e_S - e_{S \setminus i}) / s_S\bigr)

    to the others, nothing where the row is as remote without it, and a set is as
    strong as its weakest column.

    All columns and pairs are looked at, and the most surprising of them extended by
    one column at a time.

    The attribution of a column is the most that it adds to any set, itself alone
    among them. It is never negative, and attributions do not add up to the score,
    which has no part in them. Whether the detector sees what is found is told by
    ``explanation.subspaces()``: the mean score of the accepted training rows nearest
    to the row, if they take the row's values in these columns, beside the threshold.

    Parameters
    ----------
    estimator : estimator, default=None {estimator_or_default}
    prefit : "auto" or bool, default="auto" {prefit}
    max_columns : int, default=5
        Largest number of columns of a set.
    n_subspaces : int, default=5
        Number of sets that are kept for each row.
    feature_groups : dict of str to list, default=None
        Groups of columns that are attributed as one, by the root of their squared
        sum: group name -> columns, by name or position. Sets are made of columns.
    categorical_features : "auto" or list, default="auto" {category_columns}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Draws the training rows that distances are measured to, once in ``fit``; and
        seeds the detector's ``random_state`` where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    threshold_ : float
        The detector's highest anomaly score of a normal row. Of models without a
        threshold, the quantile 0.9 of the training scores.
    {features_in}

    Raises
    ------
    {no_score_or_no_table}

    See Also
    --------
    sklearn_anomaly_attr.AnomalyExplainer : Also asks the detector; the default.
    MarginalScore : What each feature alone says to the detector.

    Notes
    -----
    Numbers count in standard deviations. Categories that differ are one apart, as
    are a missing entry and one that is there; of a constant column, so is every
    other value.

    The time of a row grows with the square of the number of columns: about 20 ms for
    14 columns and 25 for 39, of which most is learning what is usual in sets that were
    not looked at before. The fitted explainer takes 0.8 MB a column of memory up to 100
    columns, as much in all up to 400, and 0.2 MB a column beyond; its pickle does not.

    References
    ----------
    Keller, Müller & Böhm (2012), "HiCS: High contrast subspaces for density-based
    outlier ranking"; Micenková, Ng, Dang & Assent (2013), "Explaining outliers by
    subspace separability". Nearest rows in parts of the data: Bandaragoda et al.
    (2018), "Isolation-based anomaly detection using nearest-neighbor ensembles".

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import KNNDetector
    >>> from sklearn_anomaly_attr.explainers import SubspaceExplainer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 6))
    >>> X[:, 4] = X[:, 1] * X[:, 2] + 0.1 * X[:, 4]
    >>> explainer = SubspaceExplainer(KNNDetector(), random_state=0).fit(X)
    >>> explanation = explainer.explain([[0.0, 1.0, 1.0, 0.0, -1.0, 0.0]])
    >>> explanation.subspaces(1)[["columns", "seen"]]
            columns   seen
    0  (x1, x2, x4)  False
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ScoreExplainer._parameter_constraints,
        "max_columns": [Interval(Integral, 1, None, closed="left")],
        "n_subspaces": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        prefit: bool | str = "auto",
        max_columns: int = 5,
        n_subspaces: int = 5,
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.max_columns = max_columns
        self.n_subspaces = n_subspaces
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def explain(self, X: Any) -> SubspaceExplanation:
        """Find the columns in which each row stands out.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        SubspaceExplanation
            What each column adds, and the sets, by ``subspaces()``.
        """
        return cast("SubspaceExplanation", super().explain(X))

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        scores = self._training_scores(X)
        self.threshold_ = self._own_threshold(scores)
        # Half of the rows count as accepted by a detector that accepts none.
        accepted = X[scores <= max(self.threshold_, float(np.median(scores)))]
        self._accepted = NearestReferences(_N_NEIGHBORS, max_difference=1.0)
        self._accepted.prepare(TrainingRows(accepted, self._scale, self._random_seed))
        rng = np.random.RandomState(self._random_seed)
        self._search = SubspaceSearch(
            X, self._scale, self._coding.is_read, int(self.max_columns), rng
        )
        shown = np.sort(rng.permutation(len(X))[:_MOST_SHOWN])
        self._shown_rows = self._coding.shown(X[shown])

    def _cells(self, n_players: int) -> int:
        return 8 * self.n_features_in_**2

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        X = x.cpu().numpy()
        found, accepted = self._search.search(X), self._accepted.of(X)
        strengths = np.array([row.of_columns for row in found]).reshape(x.shape)
        if players.free is not None:
            strengths = strengths * players.free
        squares = players.sums(torch.from_numpy(np.square(strengths)))
        details = np.empty(len(x), dtype=object)
        for i, row in enumerate(found):
            details[i] = self._kept_sets(score, x[i], row, accepted[i])
        return Attributions(
            np.sqrt(squares.numpy()),
            self._score(score, x).cpu().numpy(),
            details=details,
        )

    def _kept_sets(
        self, score: TorchScore, x: Tensor, found: Subspaces, accepted: FloatArray
    ) -> _Found:
        """The strongest sets of columns, and the scores that they alone give."""
        strongest = [*np.flatnonzero(found.strengths > 0.0)]
        sets = [found.columns[i] for i in strongest]
        places = distinct(sets, int(self.n_subspaces))
        sets, strengths = [sets[i] for i in places], found.strengths[places]
        kept = torch.zeros(len(sets), 1, len(x), dtype=torch.bool, device=x.device)
        for i, columns in enumerate(sets):
            kept[i, 0, list(columns)] = True
        points = torch.where(kept, x, self._tensor(accepted, x))
        scores = self._score(score, points).mean(dim=1)
        return _Found(sets, strengths, scores.cpu().numpy())

    def _explanation(
        self,
        found: Attributions,
        X: FloatArray,
        coding: TableCoding,
        description: str,
    ) -> SubspaceExplanation:
        explanation = super()._explanation(found, X, coding, description)
        assert found.details is not None
        n, k = len(X), int(self.n_subspaces)
        sets = np.empty((n, k), dtype=object)
        sets.fill(())
        strengths, kept_scores = np.full((2, n, k), np.nan)
        for i, row in enumerate(found.details):
            m = len(row.sets)
            for j, columns in enumerate(row.sets):
                sets[i, j] = columns
            strengths[i, :m], kept_scores[i, :m] = row.strengths, row.kept_scores
        return explanation._as(
            SubspaceExplanation,
            sets=sets,
            strengths=strengths,
            kept_scores=kept_scores,
            threshold=self.threshold_,
            training=self._shown_rows,
        )
