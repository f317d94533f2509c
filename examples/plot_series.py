"""
=======================
Which sensors, and when
=======================

A pump with eight sensors, a reading a minute. In the second day a valve closes for
half an hour, and later the outlet's temperature falls when it should rise. Which
stretches are abnormal, and which sensors are to blame?
"""

# %%
# Two days of readings; the first day is normal.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 2 * 24 * 60
time = np.arange(n)
load = np.sin(2 * np.pi * time / 180) + 0.3 * np.sin(2 * np.pi * time / 37)
sensors = {
    "load": load,
    "flow": np.roll(load, 5),
    "pressure": 0.5 * load**2,
    "inlet temperature": np.roll(load, 30),
    "outlet temperature": np.roll(load, 40),
    "vibration": np.abs(load),
    "current": np.tanh(2 * load),
    "level": np.cos(2 * np.pi * time / 90),
}
index = pd.date_range("2026-03-01", periods=n, freq="min")
X = pd.DataFrame(sensors, index=index) + rng.normal(scale=0.05, size=(n, 8))

X.loc["2026-03-02 06:00":"2026-03-02 06:29", "flow"] -= 1.5
X.loc["2026-03-02 15:00":"2026-03-02 15:44", "outlet temperature"] *= -1
train, test = X[:"2026-03-01"], X["2026-03-02":]

# %%
# The detector learns to give back windows of half an hour. The stretches whose
# timestamps it finds abnormal are explained: what would the score be, had a sensor
# shown there what it shows in the most similar windows of the first day? Sensors that
# hardly move, as servers' do, are compared with what they showed just before; of these,
# a flat line would be abnormal itself. The explainer finds that out from the first day.

from sklearn_anomaly_attr.series import LSTMAutoencoderDetector, SensorExplainer

detector = LSTMAutoencoderDetector(
    (32, 16), window=30, stride=3, max_iter=30, contamination=0.001, random_state=0
)
explainer = SensorExplainer(detector, random_state=0).fit(train)
explanation = explainer.explain(test)
print(f"References: {explainer.references_}")
print(explanation.segments(k=2).to_string())

# %%
# Shaded stretches are abnormal; the strip below shows when which sensor is to blame.

from sklearn_anomaly_attr.inspection import SeriesDisplay

SeriesDisplay.from_explanation(explanation)
plt.show()

# %%
# And what would have to be different? The window in which a stretch is the most
# abnormal is changed as little as can be, until the detector sees nothing there.

from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr.series import SeriesCounterfactualExplainer

counterfactuals = SeriesCounterfactualExplainer(
    FrozenEstimator(explainer.estimator_), method="gradient", random_state=0
).fit(train)
found = counterfactuals.explain(test, segments=explanation.segments())
print(found.segments(k=2).to_string())

found.plot(k=3)
plt.show()
