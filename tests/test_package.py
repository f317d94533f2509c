"""The package itself: names, versions, and what importing it costs."""

import importlib.metadata
import subprocess
import sys

import pytest

import sklearn_anomaly_attr


@pytest.fixture(scope="module")
def modules_after():
    """Names of what is imported after each of some statements, in one process."""
    statements = {
        "package": "import sys, sklearn_anomaly_attr as s; dir(s)",
        "detector": "from sklearn_anomaly_attr import GaussianMixtureDetector",
        "everything": "from sklearn_anomaly_attr.discovery import all_displays; "
        "all_displays()",
    }
    code = "\n".join(f"{code}; print(*sys.modules)" for code in statements.values())
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    names = [set(line.split()) for line in run.stdout.splitlines()]
    return dict(zip(statements, names, strict=True))


def test_importing_the_package_imports_neither_torch_nor_sklearn(modules_after):
    modules = modules_after["package"]
    assert not modules & {"torch", "sklearn", "pandas", "numpy"}


def test_detectors_without_nets_need_no_torch(modules_after):
    modules = modules_after["detector"]
    assert "sklearn" in modules
    assert "torch" not in modules


def test_neither_shap_nor_matplotlib_is_imported_before_it_is_used(modules_after):
    modules = modules_after["everything"]
    assert "sklearn_anomaly_attr.inspection._image_display" in modules
    assert not modules & {"shap", "matplotlib"}


@pytest.mark.parametrize("name", sklearn_anomaly_attr.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(sklearn_anomaly_attr, name).__doc__
    assert name in dir(sklearn_anomaly_attr)


def test_unknown_names_raise():
    with pytest.raises(AttributeError, match="no attribute 'Oracle'"):
        sklearn_anomaly_attr.Oracle  # noqa: B018


def test_version():
    version = importlib.metadata.version("sklearn_anomaly_attr")
    assert version == sklearn_anomaly_attr.__version__
