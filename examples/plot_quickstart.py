"""
================================================
Fit a detector, find its anomalies, say why
================================================

A detector says that a row is anomalous; someone asks why.
:class:`~sklearn_anomaly_attr.AnomalyExplainer` answers in the columns and the
units of the table. Here the detector learns what benign breast tumours look
like, and the malignant ones are explained.
"""

# %%
# The data: 30 measurements of 569 tumours. The detector sees benign rows only;
# a part of them is kept aside to count false alarms.

from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
benign, malignant = X[y == 1], X[y == 0]
X_train, X_benign = train_test_split(benign, test_size=0.3, random_state=0)

# %%
# The detector: the one to start with. Any outlier detector or density model of
# scikit-learn's kind would do, alone or at the end of a Pipeline. ``contamination`` is
# the share of the training rows beyond the threshold: about the rate of false alarms
# to expect.

from sklearn_anomaly_attr import AnomalyDetector, AnomalyExplainer

detector = AnomalyDetector(contamination=0.05, random_state=0)
explainer = AnomalyExplainer(detector, random_state=0).fit(X_train)

is_anomaly = explainer.estimator_.predict(malignant) == -1
false_alarms = explainer.estimator_.predict(X_benign) == -1
print(f"Malignant tumours found anomalous: {is_anomaly.mean():.0%}")
print(f"Benign tumours found anomalous:    {false_alarms.mean():.0%}")

# %%
# The explanation. Positive attributions push the anomaly score up; with the
# base value they add up to the score. Three methods had their say: ``agreement`` is
# the part of them that rank the measurement at least as high.

explanation = explainer.explain(malignant[is_anomaly])
most_abnormal = explanation[explanation.scores.argsort()[::-1][:4]]

print(explanation)
print("\nThe four most abnormal tumours, and the three leading features of each:")
print(
    most_abnormal.top_features(3).to_string(
        index=False,
        float_format="{:.4g}".format,
        formatters={
            "attribution": "{:+.2f}".format,
            "agreement": "{:.0%}".format,
            "share": "{:.0%}".format,
        },
    )
)

# %%
# As a table: one row a tumour, one column a measurement, with the labels of the
# DataFrame that went in.

print("\nWhat leads most often:")
print(explanation.to_frame().idxmax(axis=1).value_counts().head(5).to_string())

# %%
# And as a picture.

from sklearn_anomaly_attr import AttributionDisplay

display = AttributionDisplay.from_explanation(most_abnormal)
display.figure_.savefig("quickstart.png", dpi=150)
print("\nWrote quickstart.png")
