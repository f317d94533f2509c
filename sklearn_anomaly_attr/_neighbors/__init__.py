"""Nearest rows: an exact search, in blocks of bounded memory."""

from ._mixed import mixed_costs as mixed_costs
from ._search import NeighborSearch as NeighborSearch
from ._smallest import parts as parts
