"""
==============================================
Explain the alerts of a detector in production
==============================================

A detector of unusual card payments was fitted last month, and its file is in use. Today
it raises alerts, some of them for rows with missing values. Which columns made them
abnormal? The detector is explained as it is: nothing is fitted again.
"""

# %%
# A table of simulated payments, as a CSV file. A third of the ages are missing, and
# each payment has an id.

import numpy as np
import pandas as pd

SHOPS = {"grocery": 40.0, "fuel": 60.0, "travel": 400.0}
rng = np.random.default_rng(0)
merchant = rng.choice(list(SHOPS), 1000, p=[0.6, 0.3, 0.1])
time = pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 31, 1000), "D")
payments = pd.DataFrame(
    {
        "id": [f"P{i:05d}" for i in range(1000)],
        "time": time + pd.to_timedelta(rng.normal(14.0, 3.0, 1000), "h").round("min"),
        "merchant": merchant,
        "amount": [SHOPS[m] for m in merchant] * rng.lognormal(0.0, 0.3, 1000),
        "age": np.where(rng.random(1000) < 0.33, np.nan, rng.integers(18, 90, 1000)),
    }
)
payments.to_csv("payments.csv", index=False)

# %%
# Last month: the Pipeline takes the hour from the time, imputes ages, encodes merchants
# and drops the id. It is fitted, and saved.

import joblib
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder


def hours(times):
    return times.apply(lambda column: column.dt.hour + column.dt.minute / 60)


X = pd.read_csv("payments.csv", parse_dates=["time"])
columns = make_column_transformer(
    (FunctionTransformer(hours), ["time"]),
    (OneHotEncoder(handle_unknown="ignore"), ["merchant"]),
    (SimpleImputer(strategy="median"), ["amount", "age"]),
    ("drop", ["id"]),
)
pipeline = make_pipeline(columns, IsolationForest(contamination=0.05, random_state=0))
joblib.dump(pipeline.fit(X), "detector.joblib")

# %%
# Today: the file is loaded, and five payments are scored. One is far too high, one was
# made at night, and one comes from a kind of shop that training rows do not have.

pipeline = joblib.load("detector.joblib")
today = X.sample(5, random_state=1).reset_index(drop=True)
today.loc[0, "amount"] = 2500.0
today.loc[1, ["time", "amount"]] = [pd.Timestamp("2026-03-31 03:10"), 150.0]
today.loc[2, ["merchant", "amount"]] = ["casino", 900.0]
today.loc[:2, "id"] = ["high", "night", "casino"]
today.loc[[0, 2], "age"] = np.nan
alerts = today[pipeline.predict(today) == -1].set_index("id", drop=False)
print(alerts.to_string())

# %%
# The explanation. The Pipeline is fitted, so ``fit`` only takes its background from
# the rows of last month; the scores that are explained are the Pipeline's own. A
# missing age is a value like any other, and shown as missing.

from sklearn_anomaly_attr import KernelShap

explainer = KernelShap(pipeline, random_state=0).fit(X)
explanation = explainer.explain(alerts)

print("Refitted:", not explainer.prefit_)
print(explanation.to_frame().round(3).to_string())
print(explanation.top_features(2).to_string(index=False, float_format="{:.2f}".format))

# %%
# The Pipeline drops the id, so its attribution is exactly 0, although each id is new.

print("Attributions of the id:", explanation.to_frame()["id"].tolist())

# %%
# As a picture, with the values of the rows beside the names of the columns.

from sklearn_anomaly_attr import AttributionDisplay

AttributionDisplay.from_explanation(explanation)
