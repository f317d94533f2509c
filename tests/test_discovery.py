"""The catalogue lists what is public, once, and nothing else."""

import inspect

import pytest
from sklearn.base import BaseEstimator

import sklearn_anomaly_attr
from sklearn_anomaly_attr import KNNDetector, metrics
from sklearn_anomaly_attr.base import BaseDetector, BaseExplainer
from sklearn_anomaly_attr.counterfactuals import GradientDescent
from sklearn_anomaly_attr.discovery import (
    all_displays,
    all_estimators,
    all_functions,
    all_public_objects,
)
from sklearn_anomaly_attr.series import SensorExplainer


def test_every_public_object_is_listed_once_by_its_shortest_path():
    paths, objects = zip(*all_public_objects(), strict=True)
    assert list(paths) == sorted(set(paths))
    assert len({id(item) for item in objects}) == len(objects)
    assert "AnomalyShapley" in paths
    assert "explainers.AnomalyShapley" not in paths
    assert {f"metrics.{name}" for name in metrics.__all__} <= set(paths)


@pytest.mark.parametrize("path", dict(all_public_objects()))
def test_paths_lead_to_their_objects(path):
    found = sklearn_anomaly_attr
    for name in path.split("."):
        found = getattr(found, name)
    assert found is dict(all_public_objects())[path]


def test_estimators_are_concrete_and_sorted():
    names, classes = zip(*all_estimators(), strict=True)
    assert list(names) == sorted(set(names))
    assert all(issubclass(cls, BaseEstimator) for cls in classes)
    assert not any(inspect.isabstract(cls) for cls in classes)
    assert not {BaseDetector, BaseExplainer} & set(classes)


def test_kinds_of_estimators():
    detectors = dict(all_estimators("detector"))
    found = dict(all_estimators("explainer"))
    assert detectors["KNNDetector"] is KNNDetector
    assert set(found) > {"AnomalyShapley", "ExplainerEnsemble", "ZScore"}
    assert found["SensorExplainer"] is SensorExplainer
    assert not set(detectors) & set(found)
    assert dict(all_estimators("counterfactual_method"))["GradientDescent"] is (
        GradientDescent
    )
    assert {"DSIL", "KernelShap"} <= set(dict(all_estimators("meta_estimator")))
    assert "RegionShapley" in dict(all_estimators("image"))
    assert "OmniAnomalyDetector" in dict(all_estimators("series"))


def test_several_kinds_are_united():
    both = all_estimators(["detector", "explainer"])
    assert both == sorted(all_estimators("detector") + all_estimators("explainer"))
    assert all_estimators([]) == []


@pytest.mark.parametrize("kind", ["classifier", ["detector", "classifier"]])
def test_unknown_kinds_are_refused(kind):
    with pytest.raises(ValueError, match="'classifier' is unknown: use 'counterfac"):
        all_estimators(kind)


def test_functions_and_displays():
    assert dict(all_functions())["aupro"] is metrics.aupro
    names = [name for name, _ in all_displays()]
    assert "SeriesDisplay" in names
    assert all(name.endswith("Display") for name in names)
