"""What is registered by class and by name, and for which classes it counts."""

import subprocess
import sys
from functools import partial
from importlib import import_module
from types import ModuleType

import pytest

from sklearn_anomaly_attr.scores import _torch_score, _torch_transform
from sklearn_anomaly_attr.scores._registry import Registry

PACKAGE = "sklearn_anomaly_attr."


@pytest.fixture
def library(monkeypatch):
    """A library with a class in a private module, which a public one exports."""
    names = ["otherlib", "otherlib.detectors", "otherlib.detectors._private"]
    modules = [ModuleType(name) for name in names]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    detector = type("Detector", (), {"__module__": names[-1]})
    modules[1].Detector = modules[2].Detector = detector
    return modules[1]


def register(*classes):
    registry = Registry({})
    registry.register(classes)(str)
    return registry


def test_a_public_name_stands_for_the_class_of_a_private_module(library):
    assert register("otherlib.detectors.Detector").find(library.Detector) is str


@pytest.mark.parametrize("module", ["otherlib.detectors", "otherlib", "mylib"])
def test_a_class_of_the_same_name_is_another(library, module):
    same_name = type("Detector", (), {"__module__": module})
    assert register("otherlib.detectors.Detector").find(same_name) is None


def test_a_class_that_replaces_another_is_another(library):
    registry = register("otherlib.detectors.Detector")
    replaced, library.Detector = library.Detector, type("Detector", (), {})
    assert registry.find(replaced) is None


@pytest.mark.parametrize("name", ["Detector", "Mine"])
def test_subclasses_are_others(library, name):
    subclass = type(name, (library.Detector,), {"__module__": "otherlib.detectors"})
    assert register("otherlib.detectors.Detector").find(subclass) is None
    assert register(library.Detector).find(subclass) is None


def test_nothing_is_imported_for_a_name_before_its_class_is_there():
    registry = register("a_library_that_is_not_there.Detector")
    mine = type("Detector", (), {"__module__": "mylib"})
    assert registry.find(mine) is None


def test_a_later_registration_replaces_an_earlier_one(library):
    registry = register("otherlib.detectors.Detector")
    registry.register(["otherlib.detectors.Detector"])(int)
    assert registry.find(library.Detector) is int
    registry.register([library.Detector])(float)
    assert registry.find(library.Detector) is float


def test_a_name_without_a_module_is_refused():
    with pytest.raises(ValueError, match="'Detector' names no class"):
        register("Detector")


@pytest.mark.parametrize("package", [_torch_score, _torch_transform])
@pytest.mark.parametrize("registry", ["_TRANSLATORS", "_CODED"])
def test_every_builtin_name_leads_to_a_class_and_to_a_function(package, registry):
    registry = getattr(package, registry)
    functions = registry._functions.items()
    # Not what examples and other tests have registered meanwhile.
    names = [name for name, function in functions if isinstance(function, partial)]
    assert names
    for name in names:
        module, _, class_name = name.rpartition(".")
        kind = getattr(import_module(module), class_name)
        function = registry.find(kind)
        assert function is registry._functions[name]
        module, attribute = function.args
        assert callable(getattr(import_module(module, package.__package__), attribute))


@pytest.fixture(scope="module")
def modules_after():
    """Names of our modules after each of some statements, in one process."""
    statements = {
        "a score": "from sklearn.mixture import GaussianMixture\n"
        "from sklearn_anomaly_attr.scores import torch_score\n"
        "torch_score(GaussianMixture().fit([[0.0], [1.0], [3.0]]))",
        "all": "from sklearn_anomaly_attr.scores import *",
    }
    code = "\n".join(f"{code}; print(*sys.modules)" for code in statements.values())
    run = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}"],
        check=True,
        capture_output=True,
        text=True,
    )
    lines = (line.split() for line in run.stdout.splitlines())
    package = "sklearn_anomaly_attr."
    names = [
        {n.removeprefix(package) for n in line if n.startswith(package)}
        for line in lines
    ]
    return dict(zip(statements, names, strict=True))


def test_scores_import_nothing_that_stands_above_them(modules_after):
    modules = modules_after["all"]
    above = ("base", "detectors", "series", "images", "refinement", "explainers")
    assert "scores._torch_score" in modules
    assert not [name for name in modules if name.startswith(above)]


def test_a_score_imports_what_it_needs_alone(modules_after):
    modules = modules_after["a score"]
    assert "scores._mixture" in modules
    assert not modules & {"scores._trees", "scores._kernels", "scores._pipeline"}
