"""One thread for everything: small matrices are slower with more."""

import gc
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

# No garbage to look for before the tests run, only modules and cases, which stay.
gc.disable()


def pytest_collection_finish():
    """Leave out of later collections what lasts until the end."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
    gc.enable()
