"""
=========================
Which part of the picture
=========================

A detector of images learns what handwritten digits look like. Some digits have a
defect: a bright patch, or a stroke that was erased. Which regions make the detector
call them abnormal?
"""

# %%
# Half of scikit-learn's digits train; some of the others get a defect each.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_anomaly_attr.datasets import plant_defects

images = load_digits().images / 16.0
train, test = images[:1200], images[1200:]
patched, patch_masks = plant_defects(test[:100], "patch", random_state=0)
erased, erased_masks = plant_defects(test[100:200], "erase", random_state=0)
defective = np.concatenate([patched, erased])
masks = np.concatenate([patch_masks, erased_masks])

# %%
# The autoencoder takes images as arrays, and scores them by how badly it gives them
# back. ``score_samples`` is lower for abnormal images, as everywhere.

from sklearn_anomaly_attr import ConvAutoencoderDetector
from sklearn_anomaly_attr.metrics import anomaly_roc_auc

detector = ConvAutoencoderDetector(random_state=0).fit(train)
scores = detector.anomaly_score(np.concatenate([test[200:], defective]))
is_defective = np.arange(len(scores)) >= len(test) - 200
print(f"AUROC of defective digits: {anomaly_roc_auc(is_defective, scores):.2f}")

# %%
# Regions of similar pixels are the players of a game: what is the score of the image
# if some of them show the mean training image instead? Each region's Shapley value is
# painted on its pixels. Positive values push the anomaly score up.

from sklearn.frozen import FrozenEstimator

from sklearn_anomaly_attr import RegionShapley
from sklearn_anomaly_attr.images import ErrorMap
from sklearn_anomaly_attr.metrics import pixel_iou, pixel_roc_auc

for explainer in (
    ErrorMap(FrozenEstimator(detector)),
    RegionShapley(FrozenEstimator(detector), random_state=0),
):
    explanation = explainer.fit(train).explain(defective)
    heat_maps = explanation.heat_maps()
    print(
        f"{type(explainer).__name__}: IoU {pixel_iou(masks, heat_maps):.2f}, "
        f"pixel AUROC {pixel_roc_auc(masks, heat_maps):.2f}"
    )

# %%
# The leading regions, outlined, over the digits that are most abnormal; the defects
# that were planted are drawn, too.

from sklearn_anomaly_attr.inspection import ImageDisplay

top = np.argsort(-explanation.scores)[:6]
print(explanation[top].top_regions(1).to_string(index=False))
ImageDisplay.from_explanation(explanation[top], masks=masks[top])
plt.show()
