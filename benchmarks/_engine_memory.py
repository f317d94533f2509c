"""Memory for ``benchmarks.engine``, in a process that loads no torch. Linux only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sklearn_anomaly_attr import KNNDetector

from ._engine_child import Figure, cpu_s, normal, size_of


def resident(name: str) -> float:
    """``VmRSS``, the resident set of this process, or ``VmHWM``, its peak, in MB.

    The peak of ``getrusage`` begins at what the parent process held.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(
        1024e-6 * int(line.split()[1]) for line in lines if line.startswith(name)
    )


def fit_memory(n_neighbors: float, n_rows: int, n_columns: int) -> Iterator[Figure]:
    """Peak of a fit, beyond what was resident when the data was made."""
    KNNDetector(n_neighbors).fit(normal(300, n_columns))  # loads what it needs
    X = normal(n_rows, n_columns)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts afresh
    start = resident("VmRSS")
    seconds = cpu_s(KNNDetector(n_neighbors).fit, X)
    setting = f"KNNDetector({n_neighbors:g}).fit, {size_of(*X.shape)}"
    size = f"{X.nbytes / 1e6:.1f} MB of data"
    yield Figure(f"{setting}, {size}", resident("VmHWM") - start, "MB")
    yield Figure(setting, seconds, "s")
