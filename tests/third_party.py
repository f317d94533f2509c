"""What a third party writes: the recipes of the page "Extend the library"."""

from tests._documents import run_blocks

run_blocks("docs/extend.rst", globals())
