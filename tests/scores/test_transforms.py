"""Fitted transformers as torch functions equal their ``transform``."""

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import RFE, SelectKBest, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection

from sklearn_anomaly_attr.scores import (
    TorchTransform,
    register_transform,
    torch_transform,
)
from sklearn_anomaly_attr.scores._transform import NotTranslatedError
from sklearn_anomaly_attr.scores._transforms import AffineTransform

rng = np.random.default_rng(0)
# Columns with ties, far from zero, skewed, all positive, and of equal values.
X = np.column_stack(
    [
        rng.normal(size=200).round(1),
        rng.normal(1e6, 1e-1, size=200),
        rng.lognormal(size=200),
        rng.uniform(1.0, 2.0, size=200),
        np.full(200, 3.0),
    ]
)
y = X[:, 0] + X[:, 2]
NAMES = list("abcde")
# All positive, and near enough to zero for finite differences.
MILD = np.abs(X - [0, 1e6 - 5, 0, 0, 0]) + 1e-3
FRAME = pd.DataFrame(X, columns=NAMES)

POSITIVE = {"box-cox", "box-cox unscaled", "log", "log1p", "sqrt"}
AFFINE = {
    "standard": StandardScaler(),
    "standard without mean": StandardScaler(with_mean=False),
    "robust": RobustScaler(quantile_range=(10, 90)),
    "min-max": MinMaxScaler((2, 5)),
    "max-abs": MaxAbsScaler(),
    "pca": PCA(4),
    "pca whitened": PCA(3, whiten=True, svd_solver="arpack", random_state=0),
    "pca randomized": PCA(2, svd_solver="randomized", random_state=0),
    "pca share": PCA(0.5),
    "incremental pca": IncrementalPCA(3, whiten=True),
    "ica": make_pipeline(VarianceThreshold(), FastICA(2, random_state=0)),
    "svd": TruncatedSVD(3, random_state=0),
    "svd arpack": TruncatedSVD(2, algorithm="arpack", random_state=0),
    "random projection": GaussianRandomProjection(3, random_state=0),
    "variance threshold": VarianceThreshold(),
    "k best": SelectKBest(lambda X, y: X.var(axis=0), k=2),
    "rfe": RFE(LinearRegression(), n_features_to_select=3),
    "frozen": FrozenEstimator(StandardScaler().fit(X)),
    "chain of affine": make_pipeline(VarianceThreshold(), StandardScaler(), PCA(2)),
    "columns by position": ColumnTransformer(
        [("s", StandardScaler(), [2, 0]), ("m", MinMaxScaler(), slice(3, 5))],
        remainder="passthrough",
    ),
    "columns by mask": ColumnTransformer(
        [("s", StandardScaler(), [True, False, True, False, False])],
        transformer_weights={"s": 2.5},
    ),
    "columns, estimator as remainder": ColumnTransformer(
        [("s", "passthrough", [-1]), ("no", StandardScaler(), []), ("d", "drop", [0])],
        remainder=RobustScaler(),
    ),
    "columns twice": ColumnTransformer(
        [("a", StandardScaler(), [0, 1]), ("b", PCA(1), [1, 2]), ("c", "drop", [3])],
        remainder="passthrough",
    ),
    "union of affine": FeatureUnion(
        [("s", StandardScaler()), ("x", "passthrough"), ("d", "drop"), ("p", PCA(2))],
        transformer_weights={"p": 0.5},
    ),
}
CURVED = {
    "min-max clipped": MinMaxScaler((-1, 3), clip=True),
    "max-abs clipped": MaxAbsScaler(clip=True),
    "l1": Normalizer("l1"),
    "l2": Normalizer("l2"),
    "max": Normalizer("max"),
    "quadratic": PolynomialFeatures(),
    "cubic interactions": PolynomialFeatures((2, 3), interaction_only=True),
    "degree zero": PolynomialFeatures(0),
    "cubic": PolynomialFeatures(3, include_bias=False, order="F"),
    "yeo-johnson": PowerTransformer(),
    "yeo-johnson unscaled": PowerTransformer(standardize=False),
    "box-cox": make_pipeline(VarianceThreshold(), PowerTransformer("box-cox")),
    "box-cox unscaled": make_pipeline(
        VarianceThreshold(), PowerTransformer("box-cox", standardize=False)
    ),
    "quantile": QuantileTransformer(n_quantiles=50),
    "quantile normal": QuantileTransformer(
        n_quantiles=50, output_distribution="normal"
    ),
    "all quantiles": QuantileTransformer(n_quantiles=200),
    "all quantiles normal": QuantileTransformer(
        n_quantiles=200, output_distribution="normal"
    ),
    **{
        f"spline {extrapolation} {degree}": make_pipeline(
            VarianceThreshold(),
            SplineTransformer(5, degree, extrapolation=extrapolation, include_bias=b),
        )
        for extrapolation, degree, b in [
            ("constant", 3, True),
            ("linear", 2, False),
            ("linear", 3, True),
            ("continue", 3, False),
            ("periodic", 3, True),
        ]
    },
    "splines at quantiles": make_pipeline(
        VarianceThreshold(), SplineTransformer(4, knots="quantile")
    ),
    "identity": FunctionTransformer(),
    "arcsinh": FunctionTransformer(np.arcsinh),
    "log": FunctionTransformer(np.log),
    "log1p": FunctionTransformer(np.log1p, inverse_func=np.expm1),
    "sqrt": FunctionTransformer(np.sqrt),
    "square": FunctionTransformer(np.square),
    "abs": FunctionTransformer(np.abs),
    "exp": make_pipeline(RobustScaler(), FunctionTransformer(np.exp)),
    "columns": ColumnTransformer(
        [
            ("p", PowerTransformer(), [0, 2]),
            ("q", make_pipeline(StandardScaler(), Normalizer()), [3, 2]),
        ],
        remainder="passthrough",
        transformer_weights={"p": 3.0},
    ),
    "union": FeatureUnion([("s", StandardScaler()), ("p", PowerTransformer())]),
    "nested": make_pipeline(
        StandardScaler(), make_pipeline(PowerTransformer(), "passthrough"), PCA(2)
    ),
}
NOT_TRANSLATED = {
    "bins": make_pipeline(VarianceThreshold(), KBinsDiscretizer(strategy="uniform")),
    "lambda": FunctionTransformer(lambda x: x + 1),
    "arguments": FunctionTransformer(np.exp, kw_args={"where": True}),
    "indicator of zeros": SimpleImputer(missing_values=0.0, add_indicator=True),
    "sparse indicator": MissingIndicator(sparse=True),
    "splines of gaps": SplineTransformer(handle_missing="zeros"),
    "imputing zeros": SimpleImputer(missing_values=0.0),
    "refusing spline": SplineTransformer(extrapolation="error"),
    "splines of a constant": SplineTransformer(),
    "sparse spline": SplineTransformer(sparse_output=True),
    "steps": make_pipeline(VarianceThreshold(), SplineTransformer(degree=0)),
    "straight extrapolation": make_pipeline(
        VarianceThreshold(), SplineTransformer(degree=1, extrapolation="linear")
    ),
    "one quantile": QuantileTransformer(n_quantiles=1),
    "encoder": OneHotEncoder(),
    "sparse columns": ColumnTransformer(
        [("e", OneHotEncoder(), [0])], remainder="passthrough"
    ),
    "nothing kept": ColumnTransformer([("d", "drop", [0])]),
    "all dropped": FeatureUnion([("d", "drop")]),
}


def rows_for(name):
    """Training rows, rows near and far, and zeros."""
    far = 10.0 ** rng.integers(-3, 7, size=(100, 1)) * rng.normal(size=(100, 5))
    near = 0.5 * (X[:50] + X[50:100])
    if name in POSITIVE:
        return np.concatenate(
            [
                X.clip(1e-3),
                near.clip(1e-3),
                np.abs(X[:100]).clip(1e-3) * np.exp(far.clip(-9, 9)),
            ]
        )
    if name == "exp":
        far = far.clip(-50, 50)
    return np.concatenate([X, near, X.mean(axis=0) + far * X.std(axis=0), 0 * X[:1]])


def fitted(transformer, data=X):
    return clone(transformer).fit(data, y)


def rounding(transformer, rows):
    """What a few units in the last places of the rows make of the result.

    A column far from zero with a small spread loses digits, and which ones is up to
    the processor's powers and logarithms.
    """
    moved, there = (
        transformer.transform(rows * (1.0 + 4e-15)),
        transformer.transform(rows),
    )
    return np.abs(np.asarray(moved) - np.asarray(there))


@pytest.mark.parametrize("name", [*AFFINE, *CURVED])
def test_equals_transform(name):
    data = X.clip(1e-3) if name in POSITIVE else X
    transformer = fitted({**AFFINE, **CURVED}[name], data)
    rows = rows_for(name)
    expected = transformer.transform(rows)
    transform = torch_transform(transformer)
    found = transform(torch.tensor(rows)).numpy()
    # scikit-learn rounds some results to the digits of the columns' spread.
    tolerance = np.abs(expected) + np.abs(transformer.transform(data)).max(axis=0)
    lost = rounding(transformer, rows).clip(max=1e-7 * tolerance)
    assert (np.abs(found - expected) <= 1e-9 * tolerance + lost).all()


@pytest.mark.parametrize("name", AFFINE)
def test_affine_transformers_are_one_map(name):
    transform = torch_transform(fitted(AFFINE[name]))
    if hasattr(transform, "transforms"):
        (transform,) = transform.transforms
    assert isinstance(transform, AffineTransform)


def test_a_column_far_from_zero_keeps_its_digits_behind_a_selection():
    scaler = StandardScaler()
    columns = ColumnTransformer([("far", scaler, [1]), ("near", scaler, [1, 3])])
    transformer = make_pipeline(VarianceThreshold(), columns).fit(X)
    (transform,) = torch_transform(transformer).transforms
    expected = transformer.transform(X)
    assert_allclose(transform(torch.tensor(X)), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", [*AFFINE, *CURVED])
def test_any_shape_of_batch(name):
    transform = torch_transform(fitted({**AFFINE, **CURVED}[name], MILD))
    x = torch.tensor(MILD)
    expected = transform(x)
    assert transform(x[0]).shape == expected[0].shape
    assert transform(x[:0]).shape == (0, expected.shape[1])
    assert torch.allclose(transform(x.view(4, 50, 5)), expected.view(4, 50, -1))
    meta = transform.to("meta")(x.to("meta"))
    assert meta.shape == expected.shape


@pytest.mark.parametrize("name", [*AFFINE, *CURVED])
def test_the_gradient_is_that_of_the_transform(name):
    transform = torch_transform(fitted({**AFFINE, **CURVED}[name], MILD))
    rows = torch.tensor(MILD[:3] + 0.0123).requires_grad_()
    assert torch.autograd.gradcheck(transform, rows, atol=1e-4)


@pytest.mark.parametrize("name", [*AFFINE, *CURVED])
def test_the_gradient_is_finite_at_training_rows_and_far_away(name):
    transform = torch_transform(fitted({**AFFINE, **CURVED}[name], MILD))
    rows = torch.tensor(np.concatenate([MILD, MILD + 500.0])).requires_grad_()
    transformed = transform(rows)
    if transformed.requires_grad:
        (gradient,) = torch.autograd.grad(transformed.sum(), rows)
        assert gradient[transformed.isfinite().all(dim=1)].isfinite().all()


def test_flat_and_steep_transforms_say_so():
    transforms = {n: torch_transform(fitted(CURVED[n], MILD)) for n in CURVED}
    assert {n for n in CURVED if not transforms[n].differentiable} == {"sqrt"}
    assert {n for n in CURVED if not transforms[n].coercive} == {
        "min-max clipped",
        "max-abs clipped",
        "l1",
        "l2",
        "max",
        "quantile",
        "quantile normal",
        "all quantiles",
        "all quantiles normal",
        "spline constant 3",
        "spline periodic 3",
        "splines at quantiles",
        "columns",
    }


def test_columns_by_name_and_callable():
    transformer = ColumnTransformer(
        [
            ("names", StandardScaler(), ["d", "b"]),
            ("slice", PowerTransformer(), slice("a", "b")),
            ("one", FunctionTransformer(np.square), lambda frame: [frame.columns[2]]),
        ],
        remainder=MinMaxScaler(),
    ).set_output(transform="pandas")
    transformer.fit(FRAME)
    found = torch_transform(transformer)(torch.tensor(X)).numpy()
    expected = transformer.transform(FRAME).to_numpy()
    tolerance = 1.0 + np.abs(expected)
    lost = rounding(transformer, FRAME).clip(max=1e-7 * tolerance)
    assert (np.abs(found - expected) <= 1e-9 * tolerance + lost).all()


def test_yeo_johnson_at_exponents_zero_and_two():
    transformer = PowerTransformer(standardize=False).fit(X)
    for exponent in (0.0, 1e-17, 1.0, 2.0, 3.0):
        transformer.lambdas_ = np.full(5, exponent)
        rows = np.concatenate([X, -X, 1e-9 * X, np.zeros((1, 5))])
        transform = torch_transform(transformer)
        assert_allclose(
            transform(torch.tensor(rows)), transformer.transform(rows), rtol=1e-12
        )
    zero = torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(transform(zero).sum(), zero)
    assert_allclose(gradient, 1.0)


def test_box_cox_has_no_value_where_scikit_learn_refuses():
    transformer = PowerTransformer("box-cox", standardize=False).fit(X[:, 2:4])
    transform = torch_transform(transformer)
    assert transform(torch.tensor([[0.0, -1.0]])).isnan().all()


@pytest.mark.parametrize("output_distribution", ["uniform", "normal"])
@pytest.mark.parametrize("n_quantiles", [2, 7, 50])
def test_quantiles_of_ties_and_limits(output_distribution, n_quantiles):
    data = np.random.default_rng(0).integers(0, 4, size=(50, 3)).astype(float)
    data[:, 2] = 1.0
    transformer = QuantileTransformer(
        n_quantiles=n_quantiles, output_distribution=output_distribution
    ).fit(data)
    edges = np.unique(transformer.quantiles_)
    edges = np.concatenate([edges + shift for shift in (0, 1e-8, -1e-8, 1e-3, -1e-3)])
    rows = np.tile(np.r_[edges, -5.0, 9.0][:, None], 3)
    assert_allclose(
        torch_transform(transformer)(torch.tensor(rows)),
        transformer.transform(rows),
        rtol=1e-9,
        atol=1e-12,
    )


def test_an_imputer_drops_columns_that_were_always_missing():
    data = X.copy()
    data[:, 1] = np.nan
    data[::3, 0] = np.nan
    with_missing = SimpleImputer().fit(data)
    assert torch_transform(with_missing)(torch.tensor(X)).equal(
        torch.tensor(X[:, [0, 2, 3, 4]])
    )
    kept = SimpleImputer(keep_empty_features=True).fit(data)
    assert torch_transform(kept)(torch.tensor(X)).equal(torch.tensor(X))


@pytest.mark.parametrize("transformer", [None, "passthrough"])
def test_passing_through(transformer):
    x = torch.tensor(X)
    assert torch_transform(transformer)(x).equal(x)


@pytest.mark.parametrize("name", NOT_TRANSLATED)
def test_what_has_no_translation(name):
    with pytest.raises(NotTranslatedError):
        torch_transform(fitted(NOT_TRANSLATED[name]))


def test_the_error_names_the_steps():
    inner = make_pipeline(StandardScaler(), KBinsDiscretizer(encode="ordinal"))
    transformer = ColumnTransformer([("binned", inner, [0])]).fit(X)
    with pytest.raises(NotTranslatedError, match=r"^binned__kbinsdiscretizer$"):
        torch_transform(transformer)


@pytest.mark.parametrize(
    "kind", [StandardScaler, ColumnTransformer, QuantileTransformer]
)
def test_a_subclass_is_not_mistaken_for_its_parent(kind):
    class Shifted(kind):
        def transform(self, X):
            return super().transform(X) + 1.0

    with pytest.raises(NotTranslatedError):
        torch_transform(Shifted.__new__(Shifted))


def test_unfitted():
    with pytest.raises(NotFittedError):
        torch_transform(StandardScaler())


def test_a_registered_translation_is_used():
    class Doubler(StandardScaler):
        pass

    class Double(TorchTransform):
        def forward(self, x):
            return 2 * x

    @register_transform(Doubler)
    def translate(transformer):
        return Double()

    assert isinstance(torch_transform(Doubler().fit(X)), Double)
