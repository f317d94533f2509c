"""What several methods say of rows, together and each for itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from scipy.stats import rankdata

from .._docstrings import shared_paragraphs
from .._typing import FloatArray, IntArray
from ..explanation import Explanation


@shared_paragraphs
@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class EnsembleExplanation(Explanation):
    """Attributions of anomaly scores by several methods.

    POSITIVE attributions push the anomaly score UP. It is an
    :class:`~sklearn_anomaly_attr.Explanation` that also knows what each of the
    methods says. Its :meth:`top_features` has one more column, `agreement`: the part
    of the methods that rank the feature at least as high, and let it push the score
    up. Agreement is no probability; but a leader that no method but one has seen
    deserves a second look.

    Parameters
    ----------
    {fields_of_rows}
    member_values : ndarray of shape (n_samples, n_members, n_players)
        What each method says: parts of the sum of its absolute attributions, without
        a unit.
    member_names : tuple of str
        What the methods are called.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import AnomalyExplainer, KNNDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = AnomalyExplainer(KNNDetector(), random_state=0).fit(X)
    >>> explanation = explainer.explain([[0, 5, 0]])
    >>> explanation.top_features(1)[["feature", "agreement"]]
      feature  agreement
    0      x1        1.0
    >>> list(explanation.members)
    ['neighbors', 'best_value', 'subspaces']
    >>> explanation.members["subspaces"].to_frame().round(1)
        x0   x1   x2
    0  0.0  1.0  0.0
    """

    member_values: FloatArray
    member_names: tuple[str, ...]

    _per_item: ClassVar[tuple[str, ...]] = (*Explanation._per_item, "member_values")

    @property
    def members(self) -> dict[str, Explanation]:
        """What each method says.

        dict of str to Explanation. Their attributions have no unit and do not add up
        to the scores.
        """
        said = zip(self.member_names, self.member_values.swapaxes(0, 1), strict=True)
        without = {
            "base_values": np.full(len(self), np.nan),
            "standard_errors": None,
            "reference": None,
        }
        return {
            name: self._as(Explanation, values=values, description=name, **without)
            for name, values in said
        }

    def _cells(self, items: IntArray, features: IntArray) -> dict[str, Any]:
        agreement = self._agreement[items, features]
        return {**super()._cells(items, features), "agreement": agreement}

    @cached_property
    def _agreement(self) -> FloatArray:
        """Part of the members that rank each feature at least as high as all do."""
        ranks = rankdata(-self.values, method="max", axis=1)
        of_members = rankdata(-self.member_values, method="min", axis=2)
        agreeing = (of_members <= ranks[:, None]) & (self.member_values > 0.0)
        part: FloatArray = agreeing.mean(axis=1)
        return part

    def _feature(self, i: int, j: int) -> dict[str, Any]:
        return {**super()._feature(i, j), "agreement": self._agreement[i, j]}

    def _records(self) -> Iterable[dict[str, Any]]:
        for i, record in enumerate(super()._records()):
            members = {
                name: self.member_values[i, m]
                for m, name in enumerate(self.member_names)
            }
            yield {**record, "members": members}


def in_shares(values: FloatArray) -> FloatArray:
    """Attributions by their row's sum of absolute ones; 0 where all are."""
    total = np.abs(values).sum(axis=-1, keepdims=True)
    shares: FloatArray = np.divide(
        values, total, out=np.zeros_like(values), where=total > 0.0
    )
    return shares
