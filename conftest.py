"""One thread for everything: small matrices are slower with more."""

import os

# Read by BLAS and OpenMP when they are loaded; the workers share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Compiling takes longer than all that PyOD and shap compute here.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
# Read by scipy when it is imported; without it a scikit-learn check skips.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import matplotlib as mpl
import torch

mpl.use("Agg")
torch.set_num_threads(1)
