"""Data with known anomalies: generators, injectors, and loaders of local folders."""

from typing import TYPE_CHECKING

from .._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "colored_digits": "._colored_digits",
        "inject_anomalies": "._injection",
        "load_adbench": "._loaders",
        "load_anomattr": "._loaders",
        "load_image_classes": "._image_loaders",
        "load_magnetic_tiles": "._image_loaders",
        "load_smd": "._loaders",
        "make_graph_anomalies": "._graph",
        "perturb_features": "._perturbation",
        "plant_defects": "._image_defects",
    },
)

if TYPE_CHECKING:
    from ._colored_digits import colored_digits as colored_digits
    from ._graph import make_graph_anomalies as make_graph_anomalies
    from ._image_defects import plant_defects as plant_defects
    from ._image_loaders import load_image_classes as load_image_classes
    from ._image_loaders import load_magnetic_tiles as load_magnetic_tiles
    from ._injection import inject_anomalies as inject_anomalies
    from ._loaders import load_adbench as load_adbench
    from ._loaders import load_anomattr as load_anomattr
    from ._loaders import load_smd as load_smd
    from ._perturbation import perturb_features as perturb_features
