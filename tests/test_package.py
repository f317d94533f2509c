"""The package itself: names, versions, and what importing it costs."""

import importlib.metadata
import subprocess
import sys

import pytest

import sklearn_anomaly_attr


def modules_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return set(run.stdout.split())


def test_importing_the_package_imports_neither_torch_nor_sklearn():
    modules = modules_after("import sklearn_anomaly_attr as s; dir(s)")
    assert not modules & {"torch", "sklearn", "pandas", "numpy"}


def test_detectors_without_nets_need_no_torch():
    modules = modules_after("from sklearn_anomaly_attr import GaussianMixtureDetector")
    assert "sklearn" in modules
    assert "torch" not in modules


def test_neither_shap_nor_matplotlib_is_imported_before_it_is_used():
    modules = modules_after("from sklearn_anomaly_attr import *")
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
