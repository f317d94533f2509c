"""Games to values: which coalitions to ask, and how to share the answers."""

from ._coalitions import Coalitions, plan_coalitions
from ._exact import ExactEnumeration
from ._interactions import InteractionRegression
from ._kernel import KernelRegression
from ._marginal import MarginalContributions
from ._permutation import PermutationSampling
from ._solver import ShapleySolver, ShapleyValues

__all__ = [
    "Coalitions",
    "ExactEnumeration",
    "InteractionRegression",
    "KernelRegression",
    "MarginalContributions",
    "PermutationSampling",
    "ShapleySolver",
    "ShapleyValues",
    "plan_coalitions",
]
