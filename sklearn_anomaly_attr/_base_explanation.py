"""BaseExplanation: the verbs that all results share."""

from __future__ import annotations

import json
from abc import ABCMeta, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._frames import as_labels, in_container, index_of
from ._json import plain
from ._positions import Loc, check_count, checked_positions, is_reordered
from ._text import html_table
from ._typing import FloatArray, IntArray

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class BaseExplanation(metaclass=ABCMeta):
    """Base of what explainers return.

    An explanation holds items, which are rows, images, or segments of a series, and
    for each of them one number a feature: its attribution, or the change that would
    make the item normal.

    ``explanation[rows]`` selects items by position: a slice, a list of positions, or
    a boolean mask; a single position keeps an explanation of one item. Iterating
    gives explanations of one item each. :attr:`loc` selects by label.

    Attributes
    ----------
    values : ndarray of shape (n_items, n_features)
        The numbers.
    index : pandas.Index of length n_items
        Labels of the items.
    feature_names : ndarray of shape (n_features,) of object
        Names of the features: the labels of columns in their own type, tuples where
        these have several levels.
    description : str
        How the numbers were found.
    container : str
        Library of the frames that the methods give, as narwhals names it: that of
        the explained table, "pandas" of arrays.

    See Also
    --------
    Explanation : Attributions of the scores of rows.

    Notes
    -----
    A subclass is a frozen dataclass with these attributes. It names the fields that
    hold one entry an item in ``_per_item``, the display that draws it in
    ``_display``, and writes ``_cells`` and ``_records``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_anomaly_attr import BaseExplanation, KernelShap, KNNDetector
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> explainer = KernelShap(KNNDetector(), random_state=0).fit(X)
    >>> explanation = explainer.explain([[0.0, 5.0, 0.0], [4.0, 0.0, 4.0]])
    >>> isinstance(explanation, BaseExplanation)
    True
    >>> [len(each) for each in explanation]
    [1, 1]
    >>> explanation.summary()["leads"].to_dict()
    {'x1': 0.5, 'x2': 0.5, 'x0': 0.0}
    """

    if TYPE_CHECKING:  # fields or properties of the subclasses

        @property
        def values(self) -> FloatArray: ...
        @property
        def index(self) -> pd.Index: ...
        @property
        def feature_names(self) -> np.ndarray: ...
        @property
        def description(self) -> str: ...
        @property
        def container(self) -> str: ...
    else:
        container = "pandas"

    _per_item: ClassVar[tuple[str, ...]]
    _display: ClassVar[str]
    _item: ClassVar[str] = "row"
    # What the numbers are, and whether features with none are listed.
    _measure: ClassVar[str] = "attribution"
    _lists_zeros: ClassVar[bool] = True

    def __len__(self) -> int:
        """Number of items."""
        return len(self.index)

    def __getitem__(self, rows: Any) -> Self:
        """Select items by position or mask."""
        if isinstance(rows, pd.Series) and is_reordered(rows.index, self.index):
            raise IndexError(
                f"The Series has the labels of the {self._item}s in another order: "
                "select by label as in explanation.loc[series], or by position as in "
                "explanation[series.to_numpy()]."
            )
        positions = checked_positions(rows, len(self), self._item)
        return self._replaced(**self._selected(positions))

    def __iter__(self) -> Iterator[Self]:
        """Yield an explanation of each item."""
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        described = f" ({self.description})" if self.description else ""
        return f"{type(self).__name__} of {self._extent()}{described}"

    @property
    def loc(self) -> Loc[Self]:
        """Items by label.

        ``explanation.loc[label]``, or a list or slice of labels, or a boolean Series
        with the labels as its index, as in pandas. A label that several items share
        selects all of them. A missing label raises KeyError.
        """
        return Loc(self)

    @property
    def shares(self) -> FloatArray:
        """Parts of the features in what makes each item abnormal.

        ndarray of shape (n_items, n_features). Of attributions, parts of all that
        pushes the score up: the positive entries of an item sum to 1; where nothing
        pushes the score up, all are 0. Of changes, parts of the distance.
        """
        strengths = self._strengths
        total = strengths.clip(min=0).sum(axis=1, keepdims=True)
        there = total > self._rounding[:, None]
        shares: FloatArray = np.divide(
            strengths, total, out=np.zeros_like(strengths), where=there
        )
        return shares

    def to_frame(self) -> Any:
        """Give `values` as a DataFrame with the items' labels and features' names.

        Returns
        -------
        DataFrame of shape (n_items, n_features)
            Attributions, POSITIVE pushes the anomaly score UP; or changes. It is of
            the library of the explained table; only pandas holds the items' labels.
        """
        return self._given(self._labeled(self.values, self.index))

    def top_features(self, k: int = 3, *, min_share: float = 0.0) -> Any:
        """List the k leading features of each item.

        Those that push its anomaly score up the most; of counterfactuals, those that
        change the most, in spreads.

        Parameters
        ----------
        k : int, default=3
            Number of features an item; fewer, if there are fewer, or if a
            counterfactual changes fewer.
        min_share : float, default=0.0
            Leave out features with less than this share, in [0, 1]. 0 leaves none
            out.

        Returns
        -------
        DataFrame
            One line an item and feature, of the library of the explained table, with
            the columns

            - `row`, `image` or `segment` (label); of segments also `start` and
              `end`, as ``explain`` takes them;
            - `rank` (from 1);
            - `feature`;
            - `value`, as in `data`; for a group, its columns spelled out; for a
              segment, the mean;
            - `reference`, the value that would have been normal, where the method
              finds one, and `attribution`; or, of counterfactuals,
              `counterfactual`, the value of the best alternative, and `change`;
            - `share`, as in :attr:`shares`.

        Raises
        ------
        ValueError
            If k is below 1, or min_share is not in [0, 1].
        """
        return self._given(self._top_features(k, min_share=min_share))

    def _top_features(self, k: int = 3, *, min_share: float = 0.0) -> pd.DataFrame:
        """The leading features in pandas, whatever the library of the user."""
        check_count(k, f"features per {self._item}")
        if not 0.0 <= min_share <= 1.0:
            raise ValueError(f"min_share={min_share}: ask for a part from 0 to 1.")
        strengths = self._strengths
        order = np.argsort(-strengths, axis=1, kind="stable")[:, :k]
        shares = np.take_along_axis(self.shares, order, axis=1)
        listed = np.ones(order.shape, bool) if min_share == 0 else shares >= min_share
        if not self._lists_zeros:
            listed &= np.take_along_axis(strengths, order, axis=1) > 0.0
        items, ranks = np.nonzero(listed)
        features = order[items, ranks]
        table = pd.DataFrame(
            {
                **self._labels(items),
                "rank": ranks + 1,
                "feature": self.feature_names[features],
                **self._cells(items, features),
                "share": shares[items, ranks],
            }
        )
        return table.infer_objects()

    def summary(self) -> Any:
        """Summarize all items feature by feature.

        Returns
        -------
        DataFrame of shape (n_features, 4)
            Indexed by feature, or, of other libraries than pandas, with the column
            `feature`; the most important one first, with the columns
            `mean_attribution`; `mean_absolute_attribution`, by which it is sorted;
            `leads`, the part of the items in which the feature is first, where an
            item that nothing pushes up has no leader; and `share`, the mean share
            of what pushes the scores up. Of counterfactuals, the first two are
            `mean_change` and `mean_absolute_change`, in spreads. NaN of no items.
        """
        measured, shares = self._measured, self.shares.clip(min=0.0)
        leads = np.zeros_like(shares)
        led = np.flatnonzero(shares.any(axis=1))
        leads[led, self._strengths[led].argmax(axis=1)] = 1.0
        columns = {
            f"mean_{self._measure}": measured,
            f"mean_absolute_{self._measure}": np.abs(measured),
            "leads": leads,
            "share": shares,
        }
        table = pd.DataFrame(
            {name: pd.DataFrame(entries).mean() for name, entries in columns.items()}
        ).set_axis(index_of(self.feature_names, name="feature"))
        by = f"mean_absolute_{self._measure}"
        table = table.sort_values(by, ascending=False, kind="stable")
        if self.container != "pandas":
            table.insert(0, "feature", as_labels(table.index))
        return self._given(table)

    def to_dict(self) -> dict[str, Any]:
        """Give the explanation as a dict that JSON can hold.

        Numbers keep all their digits. What is missing or not finite is None; dates
        and times are ISO strings. Labels of rows and columns keep their type, or are
        strings; those of several levels are lists, and as keys text such as
        "(a, b)".

        Returns
        -------
        dict
            With the keys "class" (name of the class), "description" and "items", a
            list of one dict an item; of images also "image_shape", of series,
            counterfactuals and subspaces "threshold". All items have "row", "image"
            or "segment" (label); further keys are by class:

            - Explanation: "score", "base_value" (None where attributions do not add
              up to the score) and "features", a list of dicts with the keys
              "feature", "value" and "reference" (of a group, dicts by column),
              "attribution", "standard_error" and "share";
            - EnsembleExplanation: the same, and "members", a dict by their names of
              lists of numbers, one a feature;
            - SubspaceExplanation: the same, and "subspaces", a list, the strongest
              first, of dicts with the keys "columns" (a list of labels), "strength",
              "score" and "seen";
            - SeriesExplanation: as Explanation, and "start", "end", "n_timestamps";
            - ImageExplanation: "score", "base_value" and "regions", a list of dicts
              with the keys "region", "row", "column", "n_pixels", "value" and
              "share", the leading one first;
            - CounterfactualExplanation: "score_before" and "alternatives", a list,
              best first, of dicts with the keys "score_after", "valid", "distance"
              and "changes", a list of dicts with the keys "feature", "from", "to";
            - SeriesCounterfactualExplanation: the same, and "start", "end",
              "n_timestamps"; the changes also have "time".
        """
        labels = self._labels(np.arange(len(self)))
        items = pd.DataFrame(labels).to_dict("records")
        found = {
            "class": type(self).__name__,
            "description": self.description,
            **self._heading(),
            "items": [
                {**label, **record}
                for label, record in zip(items, self._records(), strict=True)
            ],
        }
        return cast("dict[str, Any]", plain(found))

    def to_json(self, **options: Any) -> str:
        """Give :meth:`to_dict` as JSON.

        Parameters
        ----------
        **options : dict
            For :func:`json.dumps`, such as ``indent=2``.

        Returns
        -------
        str
            The JSON.
        """
        return json.dumps(self.to_dict(), **options)

    def plot(self, **options: Any) -> Any:
        """Draw the explanation; needs matplotlib.

        Parameters
        ----------
        **options : dict
            For ``from_explanation`` of the display, such as `k` or `ax`.

        Returns
        -------
        display
            An AttributionDisplay, CounterfactualDisplay, ImageDisplay, SeriesDisplay
            or SubspaceDisplay, by the class of the explanation.

        Raises
        ------
        ValueError
            If there is nothing to draw.
        """
        inspection = import_module(f"{__package__}.inspection")
        return getattr(inspection, self._display).from_explanation(self, **options)

    @abstractmethod
    def _cells(self, items: IntArray, features: IntArray) -> dict[str, Any]:
        """Columns of :meth:`top_features` for pairs of an item and a feature."""

    @abstractmethod
    def _records(self) -> Iterable[dict[str, Any]]:
        """What :meth:`to_dict` tells of each item beside its label."""

    @property
    def _measured(self) -> FloatArray:
        """The numbers on a scale that all features share."""
        return self.values

    @property
    def _strengths(self) -> FloatArray:
        """What ranks the features of an item: the largest one leads, if above 0."""
        return self._measured

    @property
    def _rounding(self) -> FloatArray:
        """Up to where strengths are rounding errors, ``(n_items,)``."""
        return np.zeros(len(self))

    def _heading(self) -> dict[str, Any]:
        """What :meth:`to_dict` tells of all items."""
        return {}

    def _labeled(self, table: NDArray[Any], index: pd.Index) -> pd.DataFrame:
        """A table with a column for each feature."""
        return pd.DataFrame(table, index=index, columns=index_of(self.feature_names))

    def _given(self, frame: pd.DataFrame) -> Any:
        """A frame of the library of the explained table."""
        return in_container(frame, self.container)

    def _labels(self, items: IntArray) -> dict[str, Any]:
        """Columns that name some items."""
        labels = self.index[items]
        flat = labels.to_flat_index() if isinstance(labels, pd.MultiIndex) else labels
        return {self._item: flat}

    def _extent(self) -> str:
        """Numbers of items and features, in words."""
        return f"{len(self)} {self._item}s by {len(self.feature_names)} features"

    def _repr_html_(self, max_rows: int = 10) -> str:
        """Render the explanation, for notebooks."""
        caption, table = self._html(max_rows)
        # Names with dollar signs are no formulas.
        head = f"<p>{escape(repr(self) + caption)}</p>"
        return f'<div class="tex2jax_ignore">{head}{table}</div>'

    def _html(self, max_rows: int) -> tuple[str, str]:
        """A caption, and a table of at most so many items, escaped."""
        return "", html_table(self[:max_rows]._top_features())

    def _replaced(self, **fields: Any) -> Self:
        return cast("Self", replace(cast("DataclassInstance", self), **fields))

    def _selected(self, rows: slice | IntArray) -> dict[str, Any]:
        """The fields that change where some items are selected."""
        fields = ((name, getattr(self, name)) for name in self._per_item)
        return {
            name: None if entries is None else entries[rows] for name, entries in fields
        }
