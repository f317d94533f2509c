"""One thread for torch: small batches are slower with more."""

import os

# Read by scipy when it is imported; without it a scikit-learn check skips.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import matplotlib as mpl
import torch

mpl.use("Agg")
torch.set_num_threads(1)
