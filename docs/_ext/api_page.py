"""Write ``api.rst`` from the catalogue: every public object, once, by module."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from sklearn_anomaly_attr.discovery import all_public_objects

PACKAGE = "sklearn_anomaly_attr"
# Sections in the order in which readers need them; new ones come last.
ORDER = [
    "detectors",
    "refinement",
    "explainers",
    "explanation",
    "counterfactuals",
    "series",
    "images",
    "inspection",
    "metrics",
    "datasets",
    "base",
    "scores",
    "games",
    "shapley",
    "discovery",
]


def api_page() -> str:
    """The page, a section for each public module."""
    sections: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for path, item in all_public_objects():
        sections[item.__module__.split(".")[1]].append((path, item))
    ranks = {name: rank for rank, name in enumerate(ORDER)}
    names = sorted(sections, key=lambda name: (ranks.get(name, len(ORDER)), name))
    head = _heading("API", "=", over=True) + f".. currentmodule:: {PACKAGE}\n\n"
    return head + "\n".join(_section(name, sections[name]) for name in names)


def _section(name: str, objects: list[tuple[str, Any]]) -> str:
    """What is alone in its file, then each file that holds several objects."""
    files: dict[str, list[str]] = defaultdict(list)
    for path, item in objects:
        files[item.__module__].append(path)
    module = f"{PACKAGE}.{name}"
    alone = [paths[0] for paths in files.values() if len(paths) == 1]
    alone += files.pop(module, []) if len(files.get(module, [])) > 1 else []
    text = _heading(name.capitalize(), "=") + f"{_summary(module)}\n\n"
    text += _table(alone)
    for file, paths in sorted(files.items()):
        if len(paths) > 1:
            text += f"{_summary(file)}\n\n{_table(paths)}"
    return text


def _summary(module: str) -> str:
    """First paragraph of a module's docstring."""
    return (sys.modules[module].__doc__ or "").strip().partition("\n\n")[0]


def _heading(text: str, mark: str, *, over: bool = False) -> str:
    line = mark * len(text) + "\n"
    return f"{line if over else ''}{text}\n{line}\n"


def _table(paths: list[str]) -> str:
    if not paths:
        return ""
    head = ".. autosummary::\n   :toctree: generated\n   :nosignatures:\n\n"
    return head + "".join(f"   {path}\n" for path in sorted(paths)) + "\n"


def write_page(app: Any, config: Any) -> None:
    """Write the page where it has changed."""
    target, text = Path(app.srcdir, "api.rst"), api_page()
    if not target.exists() or target.read_text() != text:
        target.write_text(text)


def setup(app: Any) -> dict[str, bool]:
    """Write the page before Sphinx looks for pages."""
    app.connect("config-inited", write_page)
    return {"parallel_read_safe": True}
