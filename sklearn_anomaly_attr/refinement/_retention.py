"""Schedules: which share of the training rows each iteration retains.

The schedules of Vincent et al. (2025) fall from ``initial`` to ``final``. Their
formulas are misprinted there: "(r_T + 1)/2" stands for "r_T + 1/2", without which
no schedule would start at r_0. With the default 0.8 and 0.5, five iterations
retain these shares:

====================  =====  =====  =====  =====  =====
Iteration             0      1      2      3      4
====================  =====  =====  =====  =====  =====
FixedRetention        0.5    0.5    0.5    0.5    0.5
CosineRetention       0.8    0.756  0.65   0.544  0.5
ExponentialRetention  0.8    0.711  0.632  0.562  0.5
SlowRetention         0.8    0.767  0.741  0.721  0.705
====================  =====  =====  =====  =====  =====
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, pi

from .._docstrings import shared_paragraphs


def _progress(iteration: int, max_iter: int) -> float:
    """How far an iteration is on the way from the first, 0, to the last, 1."""
    return iteration / (max_iter - 1) if max_iter > 1 else 1.0


@dataclass(frozen=True)
class FixedRetention:
    """Retain the same share of the rows in each iteration.

    Parameters
    ----------
    ratio : float, default=0.5
        The share, in (0, 1].

    References
    ----------
    Vincent et al. (2025), section IV-B.

    Examples
    --------
    >>> from sklearn_anomaly_attr.refinement import FixedRetention
    >>> FixedRetention(0.7)(0, 5)
    0.7
    """

    ratio: float = 0.5

    def __call__(self, iteration: int, max_iter: int) -> float:
        """Share of the rows that iteration 0, 1, ... retains."""
        return self.ratio


@shared_paragraphs
@dataclass(frozen=True)
class CosineRetention:
    r"""Retain ever fewer rows: the share falls along half a cosine.

    .. math::

        r_t = r_T + \frac12 (r_0 - r_T) \left(1 + \cos \pi \tfrac tT\right)

    Parameters
    ----------
    initial : float, default=0.8 {initial}
    final : float, default=0.5
        Share :math:`r_T` of the last iteration, in (0, ``initial``]; that of
        the only one, too.

    References
    ----------
    Vincent et al. (2025), section IV-B, where the formula is misprinted:
    "(r_T + 1)/2" stands for "r_T + 1/2".

    Examples
    --------
    >>> from sklearn_anomaly_attr.refinement import CosineRetention
    >>> [round(CosineRetention()(t, 5), 3) for t in range(5)]
    [0.8, 0.756, 0.65, 0.544, 0.5]
    """

    initial: float = 0.8
    final: float = 0.5

    def __call__(self, iteration: int, max_iter: int) -> float:
        """Share of the rows that iteration 0, 1, ... retains."""
        wave = cos(pi * _progress(iteration, max_iter))
        return self.final + (self.initial - self.final) * (1.0 + wave) / 2.0


@shared_paragraphs
@dataclass(frozen=True)
class ExponentialRetention:
    r"""Retain ever fewer rows: each iteration the same share of the last ones.

    .. math::

        r_t = r_0 \left(\frac{r_T}{r_0}\right)^{t/T}

    Parameters
    ----------
    initial : float, default=0.8 {initial}
    final : float, default=0.5
        Share :math:`r_T` of the last iteration, in (0, ``initial``]; that of
        the only one, too.

    See Also
    --------
    SlowRetention : The published schedule, which ends far above ``final``.

    Examples
    --------
    >>> from sklearn_anomaly_attr.refinement import ExponentialRetention
    >>> [round(ExponentialRetention()(t, 5), 3) for t in range(5)]
    [0.8, 0.711, 0.632, 0.562, 0.5]
    """

    initial: float = 0.8
    final: float = 0.5

    def __call__(self, iteration: int, max_iter: int) -> float:
        """Share of the rows that iteration 0, 1, ... retains."""
        fall = self.final / self.initial
        return self.initial * float(fall ** _progress(iteration, max_iter))


@shared_paragraphs
@dataclass(frozen=True)
class SlowRetention:
    r"""Retain a few rows less each time: the published exponential schedule.

    .. math::

        r_t = r_T + \frac12 (r_0 - r_T) \left(1 + e^{-t/T}\right)

    It ends at :math:`r_T + 0.68\,(r_0 - r_T)`, not at :math:`r_T`.

    Parameters
    ----------
    initial : float, default=0.8 {initial}
    final : float, default=0.5
        The share :math:`r_T`, in (0, ``initial``].

    See Also
    --------
    ExponentialRetention : Reaches ``final``.

    References
    ----------
    Vincent et al. (2025), section IV-B, as in their code. The formula there is
    misprinted: "(r_T + 1)/2" stands for "r_T + 1/2".

    Examples
    --------
    >>> from sklearn_anomaly_attr.refinement import SlowRetention
    >>> [round(SlowRetention()(t, 5), 3) for t in range(5)]
    [0.8, 0.767, 0.741, 0.721, 0.705]
    """

    initial: float = 0.8
    final: float = 0.5

    def __call__(self, iteration: int, max_iter: int) -> float:
        """Share of the rows that iteration 0, 1, ... retains."""
        decay = exp(-_progress(iteration, max_iter))
        return self.final + (self.initial - self.final) * (1.0 + decay) / 2.0
