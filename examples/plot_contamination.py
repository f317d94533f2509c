"""
====================================
Training rows with anomalies in them
====================================

A detector that is fitted on rows that nobody has looked at learns from the
anomalies among them. :class:`~sklearn_anomaly_attr.DSIL` fits it again on the
rows that look normal to it, and blends both detectors. Here anomalies are planted
in the training rows on purpose, and detection is measured on rows that no fit has
seen.
"""

# %%
# Three sets: benign tumors with malignant ones among them, the wines of two
# cultivars with a third, and handwritten eights with ones.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import DSIL, GaussianMixtureDetector, KNNDetector
from sklearn_anomaly_attr.metrics import anomaly_roc_auc

tumors, benign = load_breast_cancer(return_X_y=True)
wines, cultivar = load_wine(return_X_y=True)
digits, digit = load_digits(return_X_y=True)
sets = {
    "breast cancer": (tumors[benign == 1], tumors[benign == 0]),
    "wine": (wines[cultivar != 2], wines[cultivar == 2]),
    "digits": (digits[digit == 8], digits[digit == 1]),
}

# %%
# Half of the normal rows train the detectors, with as many anomalies as the
# share asks for; the other halves are scored. Each detector is tried alone, in
# DSIL as it comes, and in DSIL with the refined detector alone (``blend=1.0``).

mixture = GaussianMixtureDetector(reg_covar=1e-2, random_state=0)
detectors = {
    "mixture": make_pipeline(StandardScaler(), mixture),
    "neighbors": make_pipeline(StandardScaler(), KNNDetector()),
}
shares = np.array([0, 0.01, 0.05, 0.1, 0.2, 0.3])


def areas(detector, normal, anomalous, seed):
    """AUROC on unseen rows, for each share of anomalies in training."""
    rng = np.random.default_rng(seed)
    train, unseen = np.array_split(rng.permutation(normal), 2)
    planted, unseen_anomalous = np.array_split(rng.permutation(anomalous), 2)
    rows = np.concatenate([unseen, unseen_anomalous])
    truth = np.repeat([0, 1], [len(unseen), len(unseen_anomalous)])
    found = []
    for share in shares:
        n_planted = round(share / (1 - share) * len(train))
        fit = detector.fit(np.concatenate([train, planted[:n_planted]]))
        found.append(anomaly_roc_auc(truth, -fit.score_samples(rows)))
    return found


figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True, layout="constrained")
for ax, (name, (normal, anomalous)) in zip(axes, sets.items(), strict=True):
    for color, (label, detector) in zip(["C0", "C1"], detectors.items(), strict=True):
        for style, kind, fitted in [
            ("--", f"{label}, alone", detector),
            ("-", f"{label}, DSIL", DSIL(detector, random_state=0)),
            (":", f"{label}, refined alone", DSIL(detector, blend=1.0, random_state=0)),
        ]:
            runs = [areas(fitted, normal, anomalous, seed) for seed in range(3)]
            mean, spread = np.mean(runs, axis=0), np.std(runs, axis=0)
            ax.plot(100 * shares, mean, style, color=color, marker=".", label=kind)
            ax.fill_between(
                100 * shares, mean - spread, mean + spread, color=color, alpha=0.08
            )
    ax.set(title=name, xlabel="anomalies among training rows [%]")
axes[0].set_ylabel("AUROC on unseen rows")
handles, labels = axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize="small")
plt.show()

# %%
# Dashed lines fall: each anomaly in training makes its like look normal. Dotted
# lines fall later, as the refined detector has not seen most of the planted rows,
# but they start lower: where there is nothing to clean, half of the normal rows
# are dropped for nothing. Solid lines, a blend of both, start where the dashed ones
# do, and keep a part of what refinement gains.
#
# It helps where the detector ranks most planted rows behind most normal ones to
# begin with, as in the first two sets. It does not where ones look more normal
# than eights do from the start, as to the mixture on the digits: the refined detector
# then drops the wrong rows. Where many training rows are known to be anomalies, raise
# ``blend``; where they are known to be clean, leave DSIL away.
