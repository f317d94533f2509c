"""Docstrings: shared paragraphs are filled in, and numpydoc finds nothing amiss."""

import ast
import inspect
import subprocess
import sys
from textwrap import dedent

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

from sklearn_anomaly_attr import _docstrings
from sklearn_anomaly_attr._docstrings import shared_paragraphs
from sklearn_anomaly_attr.discovery import all_public_objects

PACKAGE = "sklearn_anomaly_attr"
SUMMARY = {
    "GL08",  # there is a docstring
    "SS01",  # there is a summary
    "SS02",  # it starts with a capital
    "SS03",  # and ends with a period
    "SS06",  # on one line
}
METHOD = SUMMARY | {
    "GL03",  # single blank lines
    "GL06",  # known sections
    "GL07",  # in their order
    "PR01",  # every parameter is documented
    "PR02",  # and no other
    "PR03",  # in the order of the signature
    "PR04",  # with a type
    "PR05",  # without a period
    "PR07",  # and a description
    "PR09",  # that ends with a period
    "PR10",  # "name : type"
    "RT01",  # what is returned is documented
    "RT03",  # with a description
    "RT05",  # that ends with a period
    "YD01",  # what is yielded, too
    "SA02",  # See Also says what is there
    "SA03",
    "SA04",
}
OBJECT = METHOD | {"EX01"}  # there is an example
# What a class takes that leaves its constructor to torch or to typing.
FOREIGN_CONSTRUCTOR = "Parameters {'*args', '**kwargs'} not documented"

OBJECTS = dict(all_public_objects())


def is_ours(cls):
    return cls.__module__.startswith(PACKAGE)


def own_methods():
    """Public methods and properties by path: the class that defines one, its name.

    What scikit-learn or torch hand down is theirs to document.
    """
    found = {}
    for path, cls in OBJECTS.items():
        for name in dir(cls) if inspect.isclass(cls) else ():
            definer = next(base for base in cls.__mro__ if name in vars(base))
            member = vars(definer)[name]
            kinds = (property, classmethod, staticmethod)
            documented = inspect.isroutine(member) or isinstance(member, kinds)
            if is_ours(definer) and documented and not name.startswith("_"):
                found.setdefault((definer, name), f"{path}.{name}")
    return {path: key for key, path in found.items()}


METHODS = own_methods()


def overrides(cls, name):
    """Whether a base of ours documents the method: a summary will do, then."""
    return any(name in vars(base) for base in filter(is_ours, cls.__mro__[1:]))


def faults(path, codes):
    found = validate(f"{PACKAGE}.{path}")["errors"]
    return [
        f"{code}: {message}"
        for code, message in found
        if code in codes and set(message) != set(FOREIGN_CONSTRUCTOR)
    ]


def test_objects_are_documented_with_an_example():
    found = {path: faults(path, OBJECT) for path in OBJECTS}
    assert not {path: errors for path, errors in found.items() if errors}


def test_methods_are_documented():
    found = {
        path: faults(path, SUMMARY if overrides(*key) else METHOD)
        for path, key in METHODS.items()
    }
    assert not {path: errors for path, errors in found.items() if errors}


def raised_names(function):
    """Names of the exceptions that a function itself raises."""
    tree = ast.parse(dedent(inspect.getsource(function)))
    raised = [n.exc for n in ast.walk(tree) if isinstance(n, ast.Raise) and n.exc]
    calls = [error.func if isinstance(error, ast.Call) else error for error in raised]
    return {call.id for call in calls if isinstance(call, ast.Name)}


def documented_errors(*documented):
    sections = [get_doc_object(item)["Raises"] for item in documented]
    return {entry.type.split(".")[-1] for section in sections for entry in section}


def undocumented_errors(cls, name):
    """What a method raises and neither it, what it overrides nor the class says."""
    bases = [base for base in filter(is_ours, cls.__mro__) if name in vars(base)]
    documented = [*(getattr(base, name) for base in bases), cls]
    raised = raised_names(vars(cls)[name]) - {"NotImplementedError", "AttributeError"}
    return raised - documented_errors(*documented)


def test_functions_document_what_they_raise():
    found = {
        path: raised_names(item) - documented_errors(item)
        for path, item in OBJECTS.items()
        if inspect.isfunction(item)
    }
    assert not {path: errors for path, errors in found.items() if errors}


def test_methods_document_what_they_raise():
    found = {
        path: undocumented_errors(cls, name)
        for path, (cls, name) in METHODS.items()
        if callable(vars(cls)[name])
    }
    assert not {path: errors for path, errors in found.items() if errors}


def test_no_placeholder_is_left():
    found = OBJECTS | {path: getattr(*key) for path, key in METHODS.items()}
    left = _docstrings._PLACEHOLDER.search
    assert not [path for path, item in found.items() if left(item.__doc__)]


@pytest.fixture
def paragraphs(monkeypatch):
    table = {"seed": "Seeds all draws,\nonce.", "both_ : int": "unused"}
    monkeypatch.setattr(_docstrings, "PARAGRAPHS", table)
    return table


def test_a_paragraph_follows_its_parameter(paragraphs):
    @shared_paragraphs
    def draw(seed, size):
        """Draw.

        Parameters
        ----------
        seed : int, default={0} {seed}
        size : int
            Size.
        """

    assert dedent(draw.__doc__.partition("\n")[2]).split("----------\n")[1] == (
        "seed : int, default={0}\n"
        "    Seeds all draws,\n"
        "    once.\n"
        "size : int\n"
        "    Size.\n"
    )


def test_a_placeholder_alone_gives_way(paragraphs):
    @shared_paragraphs
    def draw(seed):
        """Draw.

        {seed}
        """

    assert draw.__doc__.split("\n\n")[1] == (
        "        Seeds all draws,\n        once.\n        "
    )


def test_other_braces_are_left_alone(paragraphs):
    @shared_paragraphs
    def draw(kind):
        r"""Draw :math:`\hat{x}`, {seed} of {1, 2}.

        .. math:: \sum_{seed} x_{ij}

        Parameters
        ----------
        kind : {"a", "b"}
            One of {seed}.
        """

    assert r":math:`\hat{x}`, {seed} of {1, 2}." in draw.__doc__
    assert r".. math:: \sum_{seed} x_{ij}" in draw.__doc__
    assert 'kind : {"a", "b"}\n            One of {seed}.' in draw.__doc__


def test_methods_and_properties_of_a_class_are_filled(paragraphs):
    @shared_paragraphs
    class Drawer:
        """Drawer.

        {seed}
        """

        def draw(self):
            """Draw. {seed}"""

        @classmethod
        def make(cls):
            """Make. {seed}"""

        @property
        def size(self):
            """Size. {seed}"""

    class Heir(Drawer):
        """Heir. {seed}"""

    for documented in (Drawer, Drawer.draw, Drawer.make, Drawer.size):
        assert "Seeds all draws" in documented.__doc__
    assert Heir.__doc__ == "Heir. {seed}"


def test_unknown_paragraphs_are_refused(paragraphs):
    def draw():
        """Draw. {oracle}"""

    with pytest.raises(ValueError, match="No shared paragraph is called 'oracle'"):
        shared_paragraphs(draw)


def test_without_docstrings_there_is_nothing_to_fill():
    code = """
from sklearn_anomaly_attr._docstrings import shared_paragraphs

@shared_paragraphs
class Drawer:
    'Drawer.'

    def draw(self):
        'Draw.'

if Drawer.__doc__ or Drawer.draw.__doc__:
    raise SystemExit("a docstring")
"""
    subprocess.run([sys.executable, "-OO", "-c", code], check=True)
