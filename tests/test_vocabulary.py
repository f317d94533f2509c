"""One word for one thing, in all public signatures: the table in CONTRIBUTING.md."""

import importlib
import inspect
import pkgutil

import pytest
from sklearn.base import BaseEstimator

import sklearn_anomaly_attr
from sklearn_anomaly_attr import datasets, metrics

# Words that no signature has, and the words for them.
EVERYWHERE = {
    "auroc": "roc_auc",
    "truth": "y_true",
    "m": "k",
    "epochs": "max_iter",
    "max_epochs": "max_iter",
    "n_epochs": "max_iter",
    "n_iterations": "max_iter",
    "hidden_dims": "hidden_layer_sizes",
    "hidden_size": "hidden_layer_sizes",
    "hidden_sizes": "hidden_layer_sizes",
    "lr": "learning_rate",
    "seed": "random_state",
    "background": "references",
    "baseline": "references",
    "baselines": "references",
    "n_features_perturbed": "n_anomalous_features",
}
# Words that mean something else elsewhere.
FUNCTIONS = {"mask": "references", "masks": "y_true", "reference": "references"}
ESTIMATORS = {"groups": "feature_groups", "n_samples": "n_draws"}
EXPLAINERS = {"mask": "references", "reference": "references"}
RESULTS = {"groups": "feature_groups", "method": "description"}
GAMES = {"mask": "coalitions", "masks": "coalitions"}
# Parts of names of public objects.
NAMES = {
    "auroc": "roc_auc",
    "top_m": "top_k",
    "SeriesCounterfactuals": "SeriesCounterfactualExplanation",
}


def public_objects():
    """Classes and functions that the public modules export, by their paths."""
    names = [info.name for info in pkgutil.iter_modules(sklearn_anomaly_attr.__path__)]
    modules = [sklearn_anomaly_attr] + [
        importlib.import_module(f"sklearn_anomaly_attr.{name}")
        for name in names
        if not name.startswith("_")
    ]
    found = {}
    for module in reversed(modules):
        for name in getattr(module, "__all__", ()):
            item = getattr(module, name)
            if inspect.isfunction(item) or inspect.isclass(item):
                package = module.__name__.rpartition("sklearn_anomaly_attr")[2]
                found.setdefault(item, f"{package}.{name}".strip("."))
    return {
        path: item
        for item, path in found.items()
        if not (inspect.isclass(item) and issubclass(item, Exception))
    }


PUBLIC = public_objects()
FUNCTIONS_OF_TABLES = {
    path: item
    for path, item in PUBLIC.items()
    if inspect.isfunction(item) and path.partition(".")[0] in {"metrics", "datasets"}
}


def signatures(item):
    """The signature of a function, or those of a class and its public methods."""
    yield inspect.signature(item)
    if inspect.isclass(item):
        for name, method in inspect.getmembers(item, inspect.isfunction):
            if not name.startswith("_") and "sklearn_anomaly" in method.__module__:
                yield inspect.signature(method)


def parameters(item):
    return {name for signature in signatures(item) for name in signature.parameters}


def misnomers(path, item):
    """Forbidden words in the signatures of an object, with those to take."""
    package, _, name = path.rpartition(".")
    used, own = parameters(item), set(inspect.signature(item).parameters)
    pairs = [(used, EVERYWHERE)]
    if path in FUNCTIONS_OF_TABLES:
        pairs.append((used, FUNCTIONS))
    if inspect.isclass(item) and issubclass(item, BaseEstimator):
        # Methods take the groups of rows, which are series.
        pairs.append((own, ESTIMATORS))
        if hasattr(item, "explain"):
            pairs.append((own, EXPLAINERS))
    elif name.endswith("Explanation"):
        pairs.append((own, RESULTS))
    if package in {"games", "shapley"}:
        pairs.append((used, GAMES))
    return {word: table[word] for words, table in pairs for word in words & set(table)}


@pytest.mark.parametrize("path", PUBLIC)
def test_signatures_have_the_words_of_the_vocabulary(path):
    assert misnomers(path, PUBLIC[path]) == {}


@pytest.mark.parametrize("path", PUBLIC)
def test_names_have_the_words_of_the_vocabulary(path):
    assert {part: word for part, word in NAMES.items() if part in path} == {}


@pytest.mark.parametrize("path", FUNCTIONS_OF_TABLES)
def test_the_truth_comes_first_and_options_go_by_name(path):
    given = inspect.signature(PUBLIC[path]).parameters
    if "y_true" in given and path != "metrics.select_features":
        assert next(iter(given)) == "y_true"
    for name in ("per_row", "random_state", "pos_label", "batch_size", "as_frame"):
        if name in given:
            assert given[name].kind is inspect.Parameter.KEYWORD_ONLY


def test_whatever_metrics_and_datasets_export_is_looked_at():
    functions = {path.rpartition(".")[2] for path in FUNCTIONS_OF_TABLES}
    classes = {"MeanInterval", "ScoreCurve"}
    assert functions == {*metrics.__all__, *datasets.__all__} - classes


class Misnamed(BaseEstimator):
    """What the vocabulary forbids, and what it allows in methods."""

    def __init__(self, groups=None, mask="mean", n_samples=50, n_epochs=3):
        pass

    def fit(self, X, y=None, groups=None):
        """Take the ids of series."""

    def explain(self, X, truth):
        """Take a forbidden word."""


Misnamed.fit.__module__ = Misnamed.explain.__module__ = "sklearn_anomaly_attr"


def test_forbidden_words_are_found():
    assert misnomers("explainers.Misnamed", Misnamed) == {
        "groups": "feature_groups",
        "mask": "references",
        "n_samples": "n_draws",
        "n_epochs": "max_iter",
        "truth": "y_true",
    }
    assert misnomers("metrics.f", lambda truth, m: None) == {
        "truth": "y_true",
        "m": "k",
    }
    assert misnomers("games.values", lambda masks: None) == {"masks": "coalitions"}
    assert misnomers("metrics.aupro", lambda masks: None) == {"masks": "y_true"}
    result = type("RowExplanation", (), {"__init__": lambda self, method, groups: None})
    assert misnomers("explanation.RowExplanation", result) == {
        "method": "description",
        "groups": "feature_groups",
    }
