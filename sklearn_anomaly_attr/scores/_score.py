"""``TorchScore``: an anomaly score on tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class TorchScore(nn.Module, ABC):
    """Anomaly score of a fitted estimator as a function of torch tensors.

    ``score(x)`` maps a float64 tensor ``(..., n_features)`` in the units that
    the estimator was fitted in to anomaly scores ``(...)``. HIGHER is more
    abnormal: the values equal ``-estimator.score_samples``.

    Attributes
    ----------
    differentiable : bool
        Whether autograd gives the gradient of the score.
    coercive : bool
        Whether the score grows in every direction away from the training rows,
        so that a search without bounds ends near them. Where it does not,
        searches keep to the training range.
    takes_missing : bool
        Whether a row may hold NaN where the estimator takes it, and scores as there.
        Explainers call the estimator itself for such rows otherwise.
    width : int
        How many numbers the score makes of a row on its way, at most, where
        they are many: layers of nets of images. Explainers score fewer rows at
        once then.
    calls_are_dear : bool
        Whether a call costs much beside its rows, as one of an estimator does.
        Explainers score many rows at once then.
    description : str
        A few words for :attr:`Explanation.description
        <sklearn_anomaly_attr.Explanation>`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_anomaly_attr.scores import TorchScore
    >>> class SquaredNorm(TorchScore):
    ...     def forward(self, x):
    ...         return x.square().sum(dim=-1)
    >>> SquaredNorm()(torch.tensor([[3.0, 4.0]]))
    tensor([25.])
    """

    differentiable: bool = True
    coercive: bool = True
    takes_missing: bool = False
    width: int = 1
    calls_are_dear: bool = False
    description: str = "torch function"

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Score points; HIGHER is more abnormal.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            The points.

        Returns
        -------
        Tensor of shape (...)
            Their anomaly scores.
        """

    def of_complete_rows(self) -> TorchScore:
        """The score of rows without missing entries; itself where that is no simpler.

        Returns
        -------
        TorchScore
            Gives the same scores to rows without NaN.
        """
        return self

    def by_feature(self, x: Tensor) -> Tensor | None:
        """What each column says alone: its part of, or its own, anomaly score.

        To be overridden by a score that can tell.

        Parameters
        ----------
        x : Tensor of shape (..., n_features)
            The points.

        Returns
        -------
        Tensor of shape (..., n_features) or None
            HIGHER is more abnormal; 0 for a column that has no part in the
            score. None, as here, where the score does not tell.
        """
        return None

    def mean_over_references(
        self, x: Tensor, references: Tensor, weights: Tensor, present: Tensor
    ) -> Tensor | None:
        """Mean score of rows whose absent columns come from references.

        To be overridden by a score that has a faster way than to evaluate
        every mixture of a row and a reference. It bounds its memory itself.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The rows.
        references : Tensor of shape (n_samples, n_references, n_features)
            The references of each row.
        weights : Tensor of shape (n_references,)
            Weights of the references.
        present : bool Tensor of shape (n_coalitions, n_features)
            The columns that keep the values of the row.

        Returns
        -------
        Tensor of shape (n_samples, n_coalitions) or None
            None, as here, where there is no faster way.
        """
        return None

    def score_moved(self, x: Tensor, moves: Tensor, batch_size: int) -> Tensor | None:
        """Scores of rows after moves that are the same for all rows.

        To be overridden by a score that has a faster way than to evaluate
        every moved row.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The rows.
        moves : Tensor of shape (n_moves, n_features)
            What is added to each row.
        batch_size : int
            Largest number of moved rows that are scored at once.

        Returns
        -------
        Tensor of shape (n_samples, n_moves) or None
            None, as here, where there is no faster way.
        """
        return None
