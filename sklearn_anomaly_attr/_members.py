"""Estimators in a list, whose parameters are those of what holds them."""

from __future__ import annotations

from typing import Any, Self

from sklearn.utils.metaestimators import _BaseComposition


class MembersMixin(_BaseComposition):
    """Mixin of what has a list of estimators as a parameter.

    A subclass has the property ``_named``: pairs of a name and a member, which can be
    set.
    """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Get the parameters, those of the members by their names.

        Parameters
        ----------
        deep : bool, default=True
            Whether to include those of the members.

        Returns
        -------
        params : dict
            Parameter names and values.
        """
        params: dict[str, Any] = self._get_params("_named", deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of the members by their names.

        Parameters
        ----------
        **params : dict
            Such as ``random_state=0`` or ``name__n_neighbors=5``.

        Returns
        -------
        self : object
            The estimator.
        """
        self._set_params("_named", **params)
        return self
