"""Arrays and shapes, as signatures name them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]
# Channels, height, width.
ImageShape = tuple[int, int, int]
