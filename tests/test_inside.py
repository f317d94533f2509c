"""The way of the rows through ``explain`` is the one that the documentation tells."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

import sklearn_anomaly_attr
from sklearn_anomaly_attr import (
    AnomalyExplainer,
    AnomalyShapley,
    CounterfactualExplainer,
    GaussianMixtureDetector,
    KNNDetector,
    RegionShapley,
)
from sklearn_anomaly_attr._kept import Kept
from sklearn_anomaly_attr.series import SensorExplainer, WindowedDetector
from tests._documents import ROOT

PACKAGE = Path(sklearn_anomaly_attr.__file__).parent
PAGE = (ROOT / "docs/inside.rst").read_text()
# Used everywhere, beside the files in the root; the last one is a value.
SHARED = ("_neighbors/", "_torch/", "games/_players")
SOLVER = "shapley"  # plans the coalitions before, and shares their values after


def documented(name):
    """The files that the page lists in a section, in its order."""
    section = re.search(rf"^{name}\n=+\n(.*?)(\n\w+\n=+\n|\Z)", PAGE, re.S | re.M)
    return re.findall(r"^#\. ``([\w/]+)\.py``", section[1], re.MULTILINE)


class Walk:
    """Which files a call enters, and which subpackages from where."""

    def __init__(self, call):
        self.files = []
        self.entries = []  # (subpackages on the way, the one that is entered)
        self._stack = []
        sys.setprofile(self._record)
        try:
            call()
        finally:
            sys.setprofile(None)

    def _record(self, frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event not in ("call", "return") or PACKAGE not in path.parents:
            return
        if event == "return":
            self._stack.pop()
            return
        file = path.relative_to(PACKAGE).with_suffix("").as_posix()
        package = file.partition("/")[0]
        if "/" not in file or file.startswith(SHARED):
            package = None
        elif package not in self._stack:
            way = tuple(dict.fromkeys(filter(None, self._stack)))
            self.entries.append((way, package))
        self._stack.append(package)
        if file not in self.files:
            self.files.append(file)

    def returns(self):
        """Subpackages entered again from where another was entered since."""
        last, seen, found = {}, set(), set()
        for way, package in self.entries:
            if (way, package) in seen and last[way] != package:
                found.add(package)
            last[way] = package
            seen.add((way, package))
        return found


rng = np.random.default_rng(0)
X = rng.normal(size=(100, 4))
SERIES = np.sin(np.arange(300)[:, None] / [3.0, 5.0, 8.0])
IMAGES = load_digits().images[:100]


def calls():
    """The calls of the page, of explainers that are fitted."""
    windowed = WindowedDetector(KNNDetector(5), window=8)
    default = AnomalyExplainer(KNNDetector(), random_state=0).fit(X)
    explainer = AnomalyShapley(GaussianMixtureDetector(), random_state=0).fit(X)
    sensors = SensorExplainer(windowed, random_state=0).fit(SERIES[:200])
    regions = RegionShapley(KNNDetector(5), random_state=0).fit(IMAGES)
    changes = CounterfactualExplainer(KNNDetector(5), random_state=0).fit(X)
    return {
        "AnomalyExplainer": lambda: default.explain(X[:2] + 4.0),
        "AnomalyShapley": lambda: explainer.explain(X[:2] + 4.0),
        "SensorExplainer": lambda: sensors.explain(SERIES, segments=[(250, 260)]),
        "RegionShapley": lambda: regions.explain(IMAGES[:2]),
        "CounterfactualExplainer": lambda: changes.explain(X[:2] + 4.0),
    }


def translated_again(kept, name, made_of, make, get=Kept.get):
    """What is kept; the score as if this were the first explanation."""
    return make() if name.startswith("score") else get(kept, name, made_of, make)


@pytest.fixture(scope="module")
def walks():
    found = {}
    for name, call in calls().items():
        call()  # what is imported, or kept, on first use
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Kept, "get", translated_again)
            found[name] = Walk(call)
    return found


NAMES = re.findall(r"^(\w+)\n=+$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_files_are_entered_in_the_order_of_the_page(walks, name):
    files, listed = walks[name].files, documented(name)
    assert len(listed) >= 10
    assert [file for file in files if file in listed] == listed


@pytest.mark.parametrize("name", NAMES)
def test_no_subpackage_is_entered_again_but_for_the_solver(walks, name):
    assert walks[name].returns() <= {SOLVER}


def test_subpackages_of_anomaly_shapley(walks):
    ways = dict.fromkeys(
        (*way, package) for way, package in walks["AnomalyShapley"].entries
    )
    assert list(ways) == [
        ("explainers",),
        ("explainers", "detectors"),
        ("explainers", "scores"),
        ("explainers", "scores", "detectors"),
        ("explainers", "games"),
        ("explainers", "games", "scores"),
        ("explainers", "shapley"),
    ]
