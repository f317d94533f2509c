"""
==============================
Numbers and categories at once
==============================

Flats in three cities, simulated: the district lies in the city, and the rent follows
from the city and the number of rooms. In some records the city is wrong, in others the
rent. Which is which?
"""

# %%
# A thousand flats, and twenty errors of either kind.

import numpy as np
import pandas as pd

DISTRICTS = {"Bern": ["B1", "B2"], "Oslo": ["O1", "O2"], "Rome": ["R1", "R2"]}
RENT_A_ROOM = {"Bern": 900.0, "Oslo": 600.0, "Rome": 300.0}

rng = np.random.default_rng(0)
city = rng.choice(list(DISTRICTS), 1000)
rooms = rng.integers(1, 5, 1000)
X = pd.DataFrame(
    {
        "city": pd.Categorical(city),
        "district": [rng.choice(DISTRICTS[name]) for name in city],
        "rooms": rooms,
        "size": 20.0 * rooms * rng.normal(1.0, 0.05, 1000),
        "rent": [RENT_A_ROOM[name] for name in city] * rooms,
        "lift": rng.random(1000) < 0.5,
    }
)
X["rent"] *= rng.normal(1.0, 0.05, 1000)

wrong_city = X[:20].copy()
others = {"Bern": "Oslo", "Oslo": "Rome", "Rome": "Bern"}
wrong_city["city"] = wrong_city["city"].astype(str).map(others)
wrong_rent = X[20:40].copy()
wrong_rent["rent"] *= np.where(wrong_rent["rent"] < 1000, 2.5, 0.4)
errors = pd.concat([wrong_city, wrong_rent])

# %%
# The detector is a Pipeline: an encoder for the categories, a scaler for the numbers,
# and a Gaussian mixture.

from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_anomaly_attr import AnomalyShapley, GaussianMixtureDetector

columns = make_column_transformer(
    (StandardScaler(), ["rooms", "size", "rent"]),
    (OneHotEncoder(sparse_output=False), ["city", "district", "lift"]),
)
detector = make_pipeline(columns, GaussianMixtureDetector(12, reg_covar=1e-3))

# %%
# The explanations are in the columns of the table, whatever the encoder makes of them.
# ``reference`` is what would have been normal: of the cities, always one that is there.

explainer = AnomalyShapley(detector, random_state=0).fit(X[40:])
explanation = explainer.explain(errors)
print(explanation[[0, 20]].top_features(2).to_string(index=False))

leading = explanation.to_frame().idxmax(axis=1)
print("\nWhere the city is wrong, this leads:", leading[:20].value_counts().to_dict())
print("Where the rent is wrong, this leads:", leading[20:].value_counts().to_dict())

# %%
# As a picture: the first two of either kind.

from sklearn_anomaly_attr import AttributionDisplay

AttributionDisplay.from_explanation(explanation[[0, 1, 20, 21]])
