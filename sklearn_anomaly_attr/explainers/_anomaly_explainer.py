"""AnomalyExplainer: what to take if one does not know which explainer to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from .._coding import TableCoding
from .._docstrings import shared_paragraphs
from .._sklearn_compat import Interval
from .._typing import BoolArray, FloatArray
from ..games import Players, ReferenceGame
from ..scores import TorchScore
from ._base import Attributions
from ._default_detector import DefaultDetectorMixin
from ._ensemble_explanation import EnsembleExplanation, in_shares
from ._game_bases import ReferenceExplainer
from ._reference_kinds import NearestReferences
from ._references import References
from ._subspace_search import SubspaceSearch

_MEMBERS = ("neighbors", "best_value", "subspaces")
# Columns beyond which the table is looked at column by column; and how surprising a
# set of more than two columns must seem to be looked at closely.
_MOST_PAIRED, _LARGEST, _LEAST = 200, 5, 3.0
_ROUNDING = 1e-12  # of the largest score, below which a change is none
_CLEAR = 0.5  # of the largest sum that attributions may have


class _Worth(NamedTuple):
    """Scores of rows some of whose players have the values of neighbors.

    Parameters
    ----------
    nobody, rows : ndarray of shape (n_samples,)
        Mean scores of the neighbors, and scores of the rows.
    alone, without, lowest : ndarray of shape (n_samples, n_players)
        Mean scores of the neighbors with one player of the row, and of the row
        without one; and the lowest of the latter.
    """

    nobody: FloatArray
    rows: FloatArray
    alone: FloatArray
    without: FloatArray
    lowest: FloatArray

    def joins(self) -> FloatArray:
        """Mean change as the first player to join the neighbors, and as the last."""
        first = self.alone - self.nobody[:, None]
        joins: FloatArray = (first + self.rows[:, None] - self.without) / 2.0
        return joins

    def falls(self) -> FloatArray:
        """How much lower the row scores with the best value of a neighbor, if so."""
        falls: FloatArray = (self.rows[:, None] - self.lowest).clip(min=0.0)
        return falls

    def unseen(self) -> BoolArray:
        """Which players change nothing, neither as the first nor as the last."""
        size = _ROUNDING * np.fmax(np.abs(self.rows), np.abs(self.nobody))[:, None]
        changes = (
            self.alone - self.nobody[:, None],
            self.rows[:, None] - self.without,
            self.rows[:, None] - self.lowest,
        )
        unseen: BoolArray = np.max(np.abs(changes), axis=0) <= size
        return unseen


@shared_paragraphs
class AnomalyExplainer(DefaultDetectorMixin, ReferenceExplainer):
    r"""Attribute anomaly scores to features: the default.

    Three cheap methods, which fail in different places, share one background:

    1. `neighbors`. Absent features take the values of the nearest training rows, as
       in :class:`NeighborShap`. A feature gets the mean of what it changes the score
       by as the first one to join the neighbors, and as the last one to join all
       others: its Shapley value, were there no interactions of more than two.
    2. `best_value`. By how much the score falls, at most, where the feature takes
       the value that one of the neighbors has; 0 where none lets it fall.
    3. `subspaces`. In which few columns the row is remote from the training rows, as
       in :class:`SubspaceExplainer`, without asking the detector; larger sets than
       pairs only where a quick search says that it is worth the time.

    What the first two say, and the squares of the third, is divided by the sum of
    its absolute values in the row, and averaged with the weights 1/4, 1/4 and 1/2. A
    feature that changes the detector's score neither as the first nor as the last one
    gets 0, whatever the table says.

    Attributions are in units of the anomaly score; POSITIVE pushes it UP. With the
    base value, the mean score of the neighbors, they add up to the anomaly score,
    ``-estimator_.score_samples(X)``.

    Parameters
    ----------
    estimator : estimator, default=None {estimator_or_default}
    prefit : "auto" or bool, default="auto" {prefit}
    n_references : int, default=8
        Number of neighbors; all training rows, if there are fewer.
    subspace_weight : float, default=0.5
        Weight of `subspaces`, between 0 and 1. 0 leaves it out, and its search: then
        all that counts is what the detector says.
    feature_groups : dict of str to list, default=None {feature_groups}
    categorical_features : "auto" or list, default="auto" {categorical_features}
    batch_size : int or "auto", default="auto" {batch_size}
    device : str, default="auto" {device}
    random_state : int, RandomState instance or None, default=None
        Draws the training rows that remoteness is measured from, once in ``fit``,
        where there are more than 1,000; and seeds the detector's ``random_state``
        where that is None.
    verbose : int, default=0 {verbose}

    Attributes
    ----------
    estimator_ : estimator {estimator_}
    references_ : References
        The neighbors, ready to be found.
    {features_in}

    Raises
    ------
    {not_explainable}

    See Also
    --------
    NeighborShap : The Shapley values behind the first method.
    SubspaceExplainer : The third method alone, and the sets of columns it finds.
    sklearn_anomaly_attr.explainers.ExplainerEnsemble : Other methods, combined.

    Notes
    -----
    A row costs ``n_references * (2 * n_features + 2)`` evaluations of the score, and
    the searches for its neighbors and for subspaces. At 20 columns and 2,000 training
    rows, that is 4 to 7 ms in all around mixtures, forests and neighbors, and 12
    around AnomalyDetector. Of tables with more than 200 columns, only single columns
    are looked at in the search for subspaces.

    Attributions of the features that change the score keep the order of the weighted
    mean. For a row that scores above its neighbors they are scaled to add up; what is
    left where that would blow them up, as in rows that score below their neighbors, or
    whose ups and downs cancel, is spread evenly over these features.

    The explanation's ``members`` tells what each method says, and ``top_features``
    has a column `agreement`.

    References
    ----------
    Takeishi & Kawahara (2023), "A characteristic function for Shapley-value-based
    attribution of anomaly scores", which advises to combine methods, and wKSH in its
    Section 5.1.3; Keller, Müller & Böhm (2012), "HiCS", for outliers that hide in
    subspaces.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import AnomalyExplainer
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explanation = AnomalyExplainer().fit(X).explain([[0.0, 5.0, 0.0]])
    >>> explanation.to_frame().idxmax(axis=1).item()
    'x1'
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **ReferenceExplainer._parameter_constraints,
        "subspace_weight": [Interval(Real, 0.0, 1.0, closed="both")],
    }
    references = "neighbors"
    _search: SubspaceSearch | None

    def __init__(
        self,
        estimator: Any = None,
        *,
        prefit: bool | str = "auto",
        n_references: int = 8,
        subspace_weight: float = 0.5,
        feature_groups: Mapping[str, Sequence[Any]] | None = None,
        categorical_features: str | Sequence[Any] = "auto",
        batch_size: int | str = "auto",
        device: str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.prefit = prefit
        self.n_references = n_references
        self.subspace_weight = subspace_weight
        self.feature_groups = feature_groups
        self.categorical_features = categorical_features
        self.batch_size = batch_size
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def explain(self, X: Any) -> EnsembleExplanation:
        """Attribute the anomaly score of each row to the features.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to explain; may have no rows.

        Returns
        -------
        EnsembleExplanation
            Attributions in units of the score; POSITIVE pushes it UP. Its
            ``members`` tells what each of the three methods says.
        """
        return cast("EnsembleExplanation", super().explain(X))

    def _new_references(self) -> References:
        return NearestReferences(int(self.n_references), max_difference=1.0)

    def _fit(self, X: FloatArray) -> None:
        super()._fit(X)
        self._search = None
        if self.subspace_weight > 0.0:
            among = self._coding.is_read
            largest = _LARGEST if among.sum() <= _MOST_PAIRED else 1
            rng = np.random.RandomState(self._random_seed)
            self._search = SubspaceSearch(X, self._scale, among, largest, rng)

    def _cells(self, n_players: int) -> int:
        pairs = min(self.n_features_in_, _MOST_PAIRED) ** 2
        points = len(self.references_.weights_) * n_players * self.n_features_in_
        return max(4 * pairs, points)

    def _attribute(
        self, score: TorchScore, x: Tensor, players: Players
    ) -> Attributions:
        worth = self._worth(score, x, players)
        self._check_finite(*worth)
        said, weights = self._members(worth, x, players)
        members = np.stack(said, axis=1)
        unseen = worth.unseen()
        # Where no feature changes the score alone, several do together.
        unseen &= ~unseen.all(axis=1, keepdims=True)
        seen = [in_shares(np.where(unseen, 0.0, values)) for values in said]
        together = np.einsum("nmp,m->np", np.stack(seen, axis=1), weights)
        gain, size = worth.rows - worth.nobody, np.abs(worth.joins()).sum(axis=1)
        values = _adding_up(together, gain, size)
        return Attributions(values, worth.rows, worth.nobody, details=members)

    def _members(
        self, worth: _Worth, x: Tensor, players: Players
    ) -> tuple[list[FloatArray], list[float]]:
        """What each method says, in shares, and its weight."""
        weight = float(self.subspace_weight)
        said, weights = [worth.joins(), worth.falls()], [(1.0 - weight) / 2.0] * 2
        if self._search is not None:
            said.append(np.square(self._surprise(self._search, x, players)))
            weights.append(weight)
        return [in_shares(values) for values in said], weights

    def _worth(self, score: TorchScore, x: Tensor, players: Players) -> _Worth:
        """Scores of the neighbors, with and without each player, and of the rows."""
        references, weights = self._references_of(x)
        size = self._batch_size(score, x)
        game = ReferenceGame(score, x, players, references, weights, batch_size=size)
        alone = torch.eye(len(players), dtype=torch.bool, device=x.device)
        nobody = torch.zeros_like(alone[:1])
        found = game.values_by_reference(torch.cat([nobody, ~nobody, alone, ~alone]))
        mean, lowest = found @ game.weights, found.amin(dim=-1)
        n = len(players) + 2
        parts = mean[:, 0], mean[:, 1], mean[:, 2:n], mean[:, n:], lowest[:, n:]
        return _Worth(*(part.cpu().numpy() for part in parts))

    @staticmethod
    def _surprise(search: SubspaceSearch, x: Tensor, players: Players) -> FloatArray:
        """What the table says of each player: roots of its columns' squares."""
        of_columns = search.strengths(x.cpu().numpy(), least=_LEAST)
        if players.free is not None:
            of_columns = of_columns * players.free
        squares = players.sums(torch.from_numpy(np.square(of_columns)))
        surprise: FloatArray = np.sqrt(squares.numpy())
        return surprise

    def _explanation(
        self,
        found: Attributions,
        X: FloatArray,
        coding: TableCoding,
        description: str,
    ) -> EnsembleExplanation:
        explanation = super()._explanation(found, X, coding, description)
        assert found.details is not None
        said = [
            self._among_all(of_member) for of_member in found.details.swapaxes(0, 1)
        ]
        return explanation._as(
            EnsembleExplanation,
            member_values=np.stack(said, axis=1),
            member_names=_MEMBERS[: len(said)],
        )


def _adding_up(shares: FloatArray, gain: FloatArray, size: FloatArray) -> FloatArray:
    """Attributions in the order of the shares, that add up to the gain.

    ``size`` is about the sum of their absolute values where ups and downs cancel.
    """
    net, gross = shares.sum(axis=1), np.abs(shares).sum(axis=1)
    largest = np.fmax(net, _CLEAR * gross)
    target = np.fmax(gain, _CLEAR * size)
    factor = np.divide(target, largest, out=np.zeros_like(gain), where=largest > 0.0)
    values = factor[:, None] * shares
    counts = (shares != 0.0) | (gross == 0.0)[:, None]
    evenly = (gain - values.sum(axis=1)) / counts.sum(axis=1)
    return np.where(counts, values + evenly[:, None], 0.0)
