"""The Python blocks of what a reader copies from."""

import re
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]


def markdown_blocks(text):
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def rst_blocks(text):
    pattern = r"^\.\. code-block:: python\n\n((?: +.*\n|\n)+)"
    return [dedent(block) for block in re.findall(pattern, text, re.MULTILINE)]


def python_blocks(document):
    """The blocks of a document, by its path from the root of the repository."""
    text = (ROOT / document).read_text()
    return markdown_blocks(text) if document.endswith(".md") else rst_blocks(text)


def rst_section(text, title):
    """The text of a section, up to the next title of its level."""
    pattern = rf"^{re.escape(title)}\n=+\n(.*?)(?:^[^\n]+\n=+\n|\Z)"
    return re.search(pattern, text, re.DOTALL | re.MULTILINE)[1]


def run_blocks(document, namespace):
    """Run the blocks of a document one after the other."""
    for i, block in enumerate(python_blocks(document)):
        exec(compile(block, f"{document}, block {i}", "exec"), namespace)
