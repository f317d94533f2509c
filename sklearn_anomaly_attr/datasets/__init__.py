"""Data with known anomalies: generators, injectors, and loaders of local folders."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "inject_anomalies": "._injection",
        "load_adbench": "._loaders",
        "load_anomattr": "._loaders",
        "load_smd": "._loaders",
        "make_graph_anomalies": "._graph",
        "perturb_features": "._perturbation",
    },
)

if TYPE_CHECKING:
    from ._graph import make_graph_anomalies as make_graph_anomalies
    from ._injection import inject_anomalies as inject_anomalies
    from ._loaders import load_adbench as load_adbench
    from ._loaders import load_anomattr as load_anomattr
    from ._loaders import load_smd as load_smd
    from ._perturbation import perturb_features as perturb_features
