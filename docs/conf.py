"""Configuration of Sphinx."""

import sys
from pathlib import Path

from sklearn_anomaly_attr import __version__

project = "sklearn_anomaly_attr"
author = "the sklearn_anomaly_attr developers"
copyright = f"2026, {author}"
release = version = __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
extensions = [
    "api_page",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build"]
default_role = "literal"

autodoc_typehints = "none"
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": "/plot_",
    "download_all_examples": False,
    "show_signature": False,
}


def setup(app):
    """Leave out how scikit-learn's metadata are requested; it documents that."""

    def skip(app, what, name, obj, skip, options):
        return True if name.endswith("_request") else None

    app.connect("autodoc-skip-member", skip)


html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {"show_prev_next": False}
html_show_sourcelink = False
