"""What a reader copies runs: README, the landing page, and the page of the API."""

import importlib
import importlib.util
import re

import pytest

from sklearn_anomaly_attr.discovery import all_estimators, all_public_objects
from tests._documents import (
    ROOT,
    python_blocks,
    rst_blocks,
    rst_section,
    run_blocks,
)

README = (ROOT / "README.md").read_text()
PACKAGE = "sklearn_anomaly_attr"
DOCUMENTS = [
    "README.md",
    "docs/choosing.rst",
    "docs/extend.rst",
    "docs/index.rst",
    "docs/your_detector.rst",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_blocks_of_a_document_run_one_after_the_other(
    document, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": document}
    run_blocks(document, namespace)
    assert len(namespace["explanation"].to_frame()) == 5


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_python_block_is_found(document):
    mark = "```python" if document.endswith(".md") else "code-block:: python"
    assert len(python_blocks(document)) == (ROOT / document).read_text().count(mark)


def test_the_section_on_ensembles_runs():
    text = (ROOT / "docs/user_guide.rst").read_text()
    (block,) = rst_blocks(rst_section(text, "Several detectors"))
    namespace = {}
    exec(compile(block, "docs/user_guide.rst", "exec"), namespace)
    p_values = namespace["ensemble"].by_detector(namespace["X_new"])
    assert list(p_values) == ["neighbors", "forest"]


def test_the_section_on_metrics_of_series_runs():
    text = (ROOT / "docs/user_guide.rst").read_text()
    (block,) = rst_blocks(rst_section(text, "Metrics of series"))
    namespace = {}
    exec(compile(block, "docs/user_guide.rst", "exec"), namespace)
    assert namespace["delay"].notna().tolist() == [True] * 3


def test_the_section_on_tables_as_they_come_runs():
    text = (ROOT / "docs/user_guide.rst").read_text()
    (block,) = rst_blocks(rst_section(text, "Tables as they come"))
    namespace = {}
    exec(compile(block, "docs/user_guide.rst", "exec"), namespace)
    detector, new = namespace["detector"], namespace["new"]
    assert detector.predict(new).tolist() == [1, -1, -1]
    leading = namespace["explanation"].top_features(1)["feature"].tolist()
    assert leading[1] == "amount"
    assert leading[2] in ("country", "currency")


def test_the_section_on_thresholds_runs():
    text = (ROOT / "docs/user_guide.rst").read_text()
    section = rst_section(text, "Thresholds and p-values")
    namespace = {}
    for block in rst_blocks(section):
        exec(compile(block, "docs/user_guide.rst", "exec"), namespace)
    assert len(rst_blocks(section)) == section.count("code-block:: python") == 4
    assert len(namespace["detector"].predict(namespace["X_new"])) == 5


ROWS = re.findall(r"^\| (`.*?) \| .* \| `(\w+)` \|$", README, re.MULTILINE)


@pytest.mark.parametrize(("names", "subpackage"), ROWS)
def test_readme_says_where_names_are_imported_from(names, subpackage):
    at_the_root = subpackage == PACKAGE or names == f"`{subpackage}`"
    path = PACKAGE if at_the_root else f"{PACKAGE}.{subpackage}"
    public = importlib.import_module(path).__all__
    assert set(re.findall(r"`(\w+)`", names)) <= set(public)


def test_readme_names_every_detector_and_explainer():
    listed = {name for names, _ in ROWS for name in re.findall(r"`(\w+)`", names)}
    assert {name for name, _ in all_estimators(["detector", "explainer"])} <= listed


def test_the_api_page_lists_every_public_object_once():
    spec = importlib.util.spec_from_file_location(
        "api_page", ROOT / "docs/_ext/api_page.py"
    )
    api_page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(api_page)
    page = api_page.api_page()
    listed = re.findall(r"^   ([\w.]+)$", page, re.MULTILINE)
    assert sorted(listed) == [path for path, _ in all_public_objects()]
    assert "\nMetrics\n=======\n" in page
