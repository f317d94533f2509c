"""
=======================================
Choose a detector by labelled anomalies
=======================================

With a few labelled anomalies, a grid search can choose a detector. The scorer
must know which label is the anomaly: scikit-learn's own does not.
"""

# %%
# Benign breast tumours as normal rows, and a tenth as many malignant ones.

import numpy as np
from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
malignant = X[y == 0].sample(36, random_state=0)
X = np.concatenate([X[y == 1], malignant])
y = np.repeat([0, 1], [len(X) - 36, 36])  # 1 marks the anomalies

# %%
# The trap: ``scoring="roc_auc"`` takes the greater label for the positive one,
# and a detector's ``decision_function``, where lower is more abnormal, for its
# score. It prefers the detector that is wrong most often.

from sklearn.metrics import roc_auc_score

from sklearn_anomaly_attr import KNNDetector
from sklearn_anomaly_attr.metrics import anomaly_roc_auc

detector = KNNDetector().fit(X)
wrong = roc_auc_score(y, detector.decision_function(X))
right = anomaly_roc_auc(y, detector.anomaly_score(X))
print(f"roc_auc_score: {wrong:.3f}, anomaly_roc_auc: {right:.3f}")

# %%
# The scorers of :mod:`sklearn_anomaly_attr.metrics` serve as ``scoring``. They
# understand 0 and 1 as well as +1 and -1, and any detector or Pipeline.

from sklearn.ensemble import IsolationForest
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import RobustScaler, StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector
from sklearn_anomaly_attr.metrics import anomaly_roc_auc_scorer

search = GridSearchCV(
    Pipeline([("scale", StandardScaler()), ("detect", KNNDetector())]),
    {
        "scale": [StandardScaler(), RobustScaler()],
        "detect": [
            KNNDetector(n_neighbors=5),
            KNNDetector(n_neighbors=20),
            GaussianMixtureDetector(reg_covar=1e-2, random_state=0),
            IsolationForest(random_state=0),
        ],
    },
    scoring=anomaly_roc_auc_scorer,
    cv=StratifiedKFold(5, shuffle=True, random_state=0),
)
search.fit(X, y)

results = search.cv_results_
for i in np.argsort(results["rank_test_score"]):
    scale, detect = results["param_scale"][i], results["param_detect"][i]
    mean, spread = results["mean_test_score"][i], results["std_test_score"][i]
    print(f"{mean:.3f} ± {spread:.3f}  {type(scale).__name__}, {detect}")
