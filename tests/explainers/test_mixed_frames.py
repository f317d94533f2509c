"""Categories and numbers in one table, in the user's own columns."""

import pickle
from functools import cache
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from sklearn_anomaly_attr import (
    AnomalyShapley,
    GaussianMixtureDetector,
    KernelShap,
    KNNDetector,
    NeighborShap,
)

EXPLAINERS = [AnomalyShapley, KernelShap, NeighborShap]
CITIES = {"Oslo": 10.0, "Rome": 30.0, "Bern": 60.0}


def rows(n_samples=300, seed=0):
    """Flats, whose price depends on the city and the number of rooms."""
    rng = np.random.default_rng(seed)
    city = rng.choice(list(CITIES), n_samples, p=[0.5, 0.3, 0.2])
    rooms = rng.integers(1, 6, n_samples)
    price = np.array([CITIES[name] for name in city]) * rooms
    return pd.DataFrame(
        {
            "price": price * rng.normal(1.0, 0.05, n_samples),
            "city": pd.Categorical(city),
            "rooms": pd.array(rooms, dtype="Int64"),
            "lift": rng.random(n_samples) < 0.4,
            "heating": rng.choice(["gas", "oil"], n_samples).astype(object),
        },
        index=pd.RangeIndex(1000, 1000 + n_samples, name="flat"),
    )


def planted(n_samples=30):
    """Flats whose heating was never seen, or hardly ever."""
    X = rows()
    X.loc[X.index[:4], "heating"] = "peat"
    return X, X[4:].iloc[:n_samples].assign(heating="peat")


def in_columns(encoder, **kwargs):
    return make_column_transformer(
        (StandardScaler(), make_column_selector(dtype_include="number")),
        (encoder, ["city", "lift", "heating"]),
        **kwargs,
    )


def one_hot(**kwargs):
    return OneHotEncoder(handle_unknown="ignore", **kwargs)


PIPELINES = {
    "mixture": make_pipeline(
        in_columns(one_hot(sparse_output=False)),
        GaussianMixtureDetector(3, reg_covar=1e-3),
    ),
    "forest": make_pipeline(
        in_columns(one_hot()), IsolationForest(n_estimators=20, max_features=0.5)
    ),
    "neighbours": make_pipeline(
        in_columns(one_hot(sparse_output=False)), StandardScaler(), KNNDetector()
    ),
    "black box": make_pipeline(
        in_columns(one_hot(sparse_output=False)),
        FunctionTransformer(np.asarray),
        LocalOutlierFactor(novelty=True),
    ),
}
every_pipeline = pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
every_explainer = pytest.mark.parametrize("explainer", EXPLAINERS)


@every_explainer
@every_pipeline
def test_attributions_go_to_the_columns_that_the_user_has(explainer, pipeline):
    X, X_new = planted(12)
    fit = explainer(pipeline, random_state=0).fit(X)
    explanation = fit.explain(X_new)
    assert explanation.feature_names.tolist() == X.columns.tolist()
    assert_array_equal(explanation.index, X_new.index)
    assert_array_equal(explanation.data, X_new.to_numpy(dtype=object))
    scores = -fit.estimator_.score_samples(X_new)
    assert_allclose(explanation.scores, scores, rtol=1e-9, atol=1e-9)
    total = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(total, scores, rtol=1e-6)
    leading = explanation.to_frame().idxmax(axis=1)
    assert (leading == "heating").mean() >= 0.9


def shapley_by_definition(worth, n_players):
    """Mean over all orders of what each player adds."""
    values = np.zeros(n_players)
    orders = list(permutations(range(n_players)))
    for order in orders:
        present = frozenset()
        for player in order:
            values[player] += worth(present | {player}) - worth(present)
            present |= {player}
    return values / len(orders)


@pytest.mark.parametrize("name", ["forest", "black box"])
@pytest.mark.parametrize("cap", [1.0, 1.5, None])
def test_neighbor_shap_equals_its_definition(cap, name):
    X = rows(80)
    X_new = rows(3, seed=1)
    fit = NeighborShap(
        PIPELINES[name], n_references=4, max_difference=cap, random_state=0
    ).fit(X)
    most = np.inf if cap is None else cap**2
    # Scales by hand: standard deviations, and Gini's impurity for categories.
    squares = np.zeros((len(X_new), len(X)))
    for column in X:
        a, b = X_new[column].to_numpy(), X[column].to_numpy()
        if column in ("price", "rooms"):
            a, b = a.astype(float), b.astype(float)
            squares += np.minimum((a[:, None] - b) ** 2 / b.var(), most)
        else:
            shares = X[column].value_counts(normalize=True).to_numpy()
            mismatch = min(2 / (1 - (shares**2).sum()), most)
            squares += (a[:, None] != b) * mismatch
    for i in range(len(X_new)):
        nearest = X.iloc[np.argsort(squares[i], kind="stable")[:4]]
        row = X_new.iloc[[i]]

        @cache
        def worth(present, row=row, nearest=nearest):
            mixed = nearest.copy()
            for player in present:
                mixed.isetitem(player, row.iloc[np.zeros(4, int), player].array)
            return -fit.estimator_.score_samples(mixed).mean()

        expected = shapley_by_definition(worth, X.shape[1])
        assert_allclose(fit.transform(row)[0], expected, rtol=1e-9, atol=1e-9)


def test_kernel_shap_takes_the_most_frequent_categories_of_its_clusters():
    X = rows()
    fit = KernelShap(PIPELINES["forest"], n_references=1, random_state=0).fit(X)
    decoded = fit._coding.objects(fit.references_.rows_)
    assert decoded[0, 1] == "Oslo"
    assert_allclose(decoded[0, 0], X["price"].mean())


@every_pipeline
def test_the_reference_holds_categories_of_training(pipeline):
    X, X_new = planted(12)
    X_new = X_new.assign(heating="solar")
    explanation = AnomalyShapley(pipeline, random_state=0).fit(X).explain(X_new)
    for column in ("city", "lift", "heating"):
        position = X.columns.get_loc(column)
        assert set(explanation.reference[:, position]) <= set(X[column])
    assert "solar" in explanation.top_features(5)["value"].tolist()


def test_no_other_category_improves_on_the_reference():
    X, X_new = planted(6)
    names = ["city", "lift", "heating"]
    pipeline = make_pipeline(one_hot(sparse_output=False), GaussianMixture())
    fit = AnomalyShapley(pipeline, gamma=0.0, random_state=0).fit(X[names])
    reference = fit.explain(X_new[names]).reference
    reference = pd.DataFrame(reference, columns=names).astype({"lift": bool})
    best = fit.estimator_.score_samples(reference)
    for column in names:
        for category in X[column].unique():
            other = fit.estimator_.score_samples(reference.assign(**{column: category}))
            assert (other <= best + 1e-9).all()


@every_explainer
def test_polars_gives_what_pandas_gives(explainer):
    polars = pytest.importorskip("polars")
    X, X_new = (
        frame.astype({"city": str, "rooms": int, "heating": str})
        for frame in planted(10)
    )
    expected = explainer(PIPELINES["forest"], random_state=0).fit(X).transform(X_new)
    pipeline = make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["price", "rooms"]),
            (one_hot(), ["city", "lift", "heating"]),
        ),
        clone(PIPELINES["forest"][-1]),
    )
    X, X_new = (polars.DataFrame(frame.to_dict("list")) for frame in (X, X_new))
    fit = explainer(pipeline, random_state=0).fit(X)
    assert_allclose(fit.transform(X_new), expected, rtol=1e-9, atol=1e-12)
    explanation = fit.explain(X_new)
    assert explanation.data[0].tolist() == list(X_new.row(0))


@every_explainer
def test_results_do_not_depend_on_chunks_or_batches(explainer):
    X, X_new = planted(5)
    X_new.loc[X_new.index[1], "city"] = None
    X_new.loc[X_new.index[3], "heating"] = "solar"
    fit = explainer(PIPELINES["forest"], random_state=0).fit(X)
    together = fit.transform(X_new)
    chunks = [fit.transform(X_new[i : i + 2]) for i in range(0, 5, 2)]
    assert_allclose(np.concatenate(chunks), together, atol=1e-9 * together.std())
    small = fit.set_params(batch_size=7).transform(X_new)
    assert_allclose(small, together, atol=1e-9 * together.std())
    again = pickle.loads(pickle.dumps(fit)).transform(X_new)
    assert_array_equal(again, small)


def test_a_detector_fitted_elsewhere_gives_the_same_numbers():
    X, X_new = planted(5)
    detector = clone(PIPELINES["mixture"]).set_params(
        gaussianmixturedetector__random_state=0
    )
    inside = KernelShap(detector, random_state=0).fit(X).transform(X_new)
    frozen = FrozenEstimator(detector.fit(X))
    assert_array_equal(
        KernelShap(frozen, random_state=0).fit(X).transform(X_new), inside
    )


def test_numbers_that_are_encoded_are_categories():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=200), rng.choice([10.0, 20.0, 90.0], 200)]
    pipeline = make_pipeline(
        make_column_transformer(
            ("passthrough", [0]), (OneHotEncoder(sparse_output=False), [1])
        ),
        IsolationForest(n_estimators=10),
    )
    for explainer in EXPLAINERS:
        explanation = explainer(pipeline, random_state=0).fit(X).explain(X[:5])
        assert_array_equal(explanation.data, X[:5])
        if explanation.reference is not None:
            assert set(explanation.reference[:, 1]) <= {10.0, 20.0, 90.0}
    frame = pd.DataFrame(X, columns=["size", "code"])
    forest = IsolationForest(n_estimators=10)
    listed = KernelShap(forest, categorical_features=["code"], random_state=0)
    references = listed.fit(frame).references_.rows_
    assert set(references[:, 1]) <= {0.0, 1.0, 2.0}


def test_groups_of_numbers_and_categories():
    X, X_new = planted(3)
    fit = KernelShap(
        PIPELINES["forest"], feature_groups={"flat": ["rooms", "lift"]}, random_state=0
    ).fit(X)
    table = fit.explain(X_new).top_features(4)
    value = table.loc[table["feature"] == "flat", "value"].iloc[0]
    flat = X_new.iloc[0]
    assert value == f"rooms={flat['rooms']}, lift={flat['lift']}"


def test_an_explanation_of_categories_can_be_shown():
    pytest.importorskip("matplotlib")
    shap = pytest.importorskip("shap")
    from sklearn_anomaly_attr.inspection import AttributionDisplay

    X, X_new = planted(3)
    explanation = KernelShap(PIPELINES["forest"], random_state=0).fit(X).explain(X_new)
    assert "heating = peat" in explanation._repr_html_()
    AttributionDisplay.from_explanation(explanation).plot()
    shap.plots.waterfall(explanation.to_shap()[0], show=False)


def test_a_category_that_the_encoder_refuses_is_named_with_its_step():
    X, X_new = planted(3)
    pipeline = make_pipeline(
        in_columns(OrdinalEncoder()), IsolationForest(n_estimators=3)
    )
    fit = KernelShap(pipeline, random_state=0).fit(X)
    step = "columntransformer__ordinalencoder.*'coal'"
    with pytest.raises(ValueError, match=f"{step}.*handle_unknown"):
        fit.explain(X_new.assign(heating="coal"))
    frozen = FrozenEstimator(fit.estimator_)
    with pytest.raises(ValueError, match=step):
        KernelShap(frozen).fit(X.assign(heating="coal"))


def test_rows_come_in_a_frame_again():
    X, X_new = planted(3)
    fit = KernelShap(PIPELINES["forest"], random_state=0).fit(X)
    with pytest.raises(TypeError, match="pass the rows in a DataFrame"):
        fit.explain(X_new.to_numpy())
    with pytest.raises(ValueError, match="feature names should match"):
        fit.explain(X_new[X.columns[::-1]])
    assert len(fit.explain(X_new[:0])) == 0


def test_what_cannot_be_explained_is_refused():
    X, _ = planted()
    forest = PIPELINES["forest"]
    with pytest.raises(ValueError, match="minimum of 2"):
        KernelShap(forest).fit(X[:1])
    with pytest.raises(ValueError, match=r"'price' holds 300 infinite"):
        KernelShap(forest).fit(X.assign(price=np.inf))
    dates = X[["price"]].assign(when=pd.Timestamp("2020-01-01"))
    with pytest.raises(TypeError, match=r"'when' holds datetime.*number of days"):
        KernelShap(KNNDetector()).fit(dates)
    with pytest.raises(ValueError, match=r"categorical_features.*'colour'"):
        KernelShap(forest, categorical_features=["colour"]).fit(X)
