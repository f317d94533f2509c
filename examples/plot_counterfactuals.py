"""
================================
What would have to be different?
================================

An explanation says which measurements make a tumour look abnormal. A counterfactual
says what would make it look normal: the least change that the detector accepts.
"""

# %%
# The detector learns what benign tumours look like, of ten measurements. It finds
# most of the malignant ones; one of these is ours.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

from sklearn_anomaly_attr import GaussianMixtureDetector

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X = X.filter(like="worst")
benign, malignant = X[y == 1], X[y == 0]

detector = GaussianMixtureDetector(2, contamination=0.05, random_state=0).fit(benign)
found = malignant[detector.predict(malignant) == -1]
print(f"Malignant tumours found anomalous: {len(found) / len(malignant):.0%}")
tumour = found.loc[[280]]

# %%
# What would have to change? No measurement is negative, so ``ranges`` end at zero.
# The columns are correlated, a radius with its perimeter and area: "gradient" moves
# them together. ``FrozenEstimator`` has the detector used as it is.

from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr.counterfactuals import CounterfactualExplainer

positive = dict.fromkeys(X, (0, None))
explainer = CounterfactualExplainer(
    FrozenEstimator(detector), method="gradient", ranges=positive, random_state=0
).fit(benign)
explanation = explainer.explain(tumour)
print(explanation.sentences()[0])

# %%
# The same as a table, of the cells that change.

print(explanation.changes().to_string(index=False, float_format="{:.4g}".format))

# %%
# Not every answer is of use. Say that texture, smoothness and symmetry cannot change:
# then the tumour would have to be smaller still. Where constraints leave no way to a
# normal row, ``valid`` is False, and the lowest score that was found is given.

constrained = CounterfactualExplainer(
    FrozenEstimator(detector),
    method="gradient",
    ranges=positive,
    immutable=["worst texture", "worst smoothness", "worst symmetry"],
    random_state=0,
).fit(benign)
all_found = constrained.explain(found)
print(constrained.explain(tumour).sentences()[0])
print(f"Tumours with a way to normal: {all_found.valid.mean():.0%}")

# %%
# As a picture: an arrow for each measurement that changes, as long as the change in
# standard deviations of the benign tumours. Above without, below with the columns
# that cannot change.

from sklearn_anomaly_attr.inspection import CounterfactualDisplay

_, axes = plt.subplots(2, 1, figsize=(7, 6), layout="constrained")
CounterfactualDisplay.from_explanation(explanation, ax=axes[0])
CounterfactualDisplay.from_explanation(constrained.explain(tumour), ax=axes[1])
plt.show()
