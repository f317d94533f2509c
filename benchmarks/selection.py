"""Choosing parameters without labels: does the criterion rank as the labels do?

Usage: ``python -m benchmarks.selection --data DIR``; ``_conditions.py`` beside this
file says what the folder holds. ``--output`` names the folder of ``selection.csv``, to
which cases are appended as they come. Sets of which no anomaly is drawn are left out.

Half of the rows of ``train`` fit each setting of a detector, the other half is what the
criterion sees; the AUROC of ``test`` is what it should have told. Criteria: excess mass
and mass-volume on all columns, the same on random subsets of five columns, refitted,
and the mean log-likelihood of both halves; that of neighbors is the density that k
neighbors within the mean distance give. Tables: Spearman's correlation with the AUROC
over the settings, and the AUROC of the setting chosen less the mean over all of them.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import spearmanr
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_anomaly_attr import GaussianMixtureDetector, KNNDetector
from sklearn_anomaly_attr.metrics import (
    anomaly_roc_auc,
    excess_mass_scorer,
    mass_volume_scorer,
    subspace_criterion,
)

from ._common import FloatArray, markdown_table, one_thread
from ._conditions import Case, Key, keys, load

# Most columns of a table with few of them.
FEW = 8
NEIGHBORS, COMPONENTS = (1, 2, 5, 10, 20, 50, 100), (1, 2, 4, 8, 16, 32)
CASE = [*Key._fields, "n_features", "family"]


def knn(n_neighbors: int, seed: int) -> Any:
    return make_pipeline(StandardScaler(), KNNDetector(n_neighbors))


def mixture(n_components: int, seed: int) -> Any:
    return GaussianMixtureDetector(n_components, reg_covar=1e-3, random_state=seed)


FAMILIES: dict[str, tuple[Callable[[int, int], Any], Sequence[int]]] = {
    "kNN, neighbors": (knn, NEIGHBORS),
    "mixture, components": (mixture, COMPONENTS),
}


def likelihood(detector: Any, setting: int, X: FloatArray) -> float:
    """Mean log density of rows, up to what all settings share."""
    scores = detector.score_samples(X)
    if isinstance(detector, GaussianMixtureDetector):
        return float(scores.mean())
    distances = np.maximum(-scores, 1e-6)
    return float(np.log(setting) - X.shape[1] * np.log(distances).mean())


def criteria(make: Any, setting: int, case: Case, n_draws: int) -> dict[str, float]:
    """What each criterion says of a setting, and the AUROC."""
    fit, held_out = train_test_split(case.train, test_size=0.5, random_state=case.seed)
    detector = make(setting, case.seed).fit(fit)
    scorers = {
        "excess mass": partial(excess_mass_scorer, n_draws=n_draws),
        "mass-volume": partial(mass_volume_scorer, n_draws=n_draws),
    }
    found = {name: scorer(detector, held_out) for name, scorer in scorers.items()}
    for name, scorer in scorers.items():
        found[f"{name}, subsets"] = subspace_criterion(
            make(setting, case.seed),
            X_train=fit,
            X_test=held_out,
            scorer=scorer,
            n_subsets=5,
            random_state=case.seed,
        )
    found["likelihood, training"] = likelihood(detector, setting, fit)
    found["likelihood, held out"] = likelihood(detector, setting, held_out)
    scores = -detector.score_samples(case.test)
    return {"auroc": anomaly_roc_auc(case.y, scores), **found}


def run(data: Path, key: Key, max_rows: int, n_draws: int) -> list[dict[str, Any]]:
    """All settings of all families on one case."""
    case = load(data, key, max_rows)
    lines: list[dict[str, Any]] = []
    if not case.y.any():
        return lines
    with warnings.catch_warnings(), one_thread():
        warnings.simplefilter("ignore")
        for family, (make, settings) in FAMILIES.items():
            for setting in settings:
                if setting < len(case.train) // 2:
                    line = {**key._asdict(), "n_features": case.train.shape[1]}
                    line |= {"family": family, "setting": setting}
                    lines.append(line | criteria(make, setting, case, n_draws))
    return lines


def compared(lines: pd.DataFrame) -> pd.DataFrame:
    """Of each case, family and criterion: the correlation, and what choosing gains."""
    names = [c for c in lines.columns if c not in {*CASE, "setting", "auroc"}]
    rows = []
    for case, grid in lines.groupby(CASE):
        if grid["auroc"].nunique() < 2:
            continue
        for name in names:
            constant = grid[name].nunique() < 2
            rho = 0.0 if constant else spearmanr(grid[name], grid["auroc"]).statistic
            # A tie is no choice: the mean over the tied ones.
            chosen = grid.loc[grid[name] == grid[name].max(), "auroc"].mean()
            gain = chosen - grid["auroc"].mean()
            rows.append([*case, name, rho, gain])
    return pd.DataFrame(rows, columns=[*CASE, "criterion", "rho", "gain"])


def report(lines: pd.DataFrame) -> str:
    found = compared(lines)
    few = found["n_features"] <= FEW
    found["columns"] = np.where(few, f"at most {FEW}", f"more than {FEW}")
    groups = ["family", "condition", "columns"]
    means = found.pivot_table(
        index=groups, columns="criterion", values=["rho", "gain"], sort=False
    )
    counts = found.groupby(groups)["set"].nunique()
    names = list(dict.fromkeys(found["criterion"]))
    rows = [
        [
            f"{', '.join(group)} ({counts[group]})",
            *(f"{row['rho', n]:+.2f} ({row['gain', n]:+.3f})" for n in names),
        ]
        for group, row in means.sort_index().iterrows()
    ]
    return markdown_table(["correlation (gain of AUROC)", *names], rows)


def missing(path: Path, wanted: list[Key]) -> list[Key]:
    """The cases that the table lacks."""
    if not path.exists():
        return wanted
    lines = pd.read_csv(path, dtype={"set": str})[list(Key._fields)]
    done = set(lines.itertuples(index=False, name=None))
    return [key for key in wanted if key not in done]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("selection_results"))
    parser.add_argument("--sets", nargs="+", help="names such as cardio; default: all")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--max-rows", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time")
    args = parser.parse_args()
    path = args.output / "selection.csv"
    args.output.mkdir(parents=True, exist_ok=True)
    found = Parallel(args.jobs, return_as="generator_unordered")(
        delayed(run)(args.data, key, args.max_rows, args.draws)
        for key in missing(path, keys(args.data, args.seeds, args.sets))
    )
    for case in filter(None, found):
        header = not path.exists()
        pd.DataFrame(case).to_csv(path, mode="a", header=header, index=False)
    lines = pd.read_csv(path, dtype={"set": str})
    text = report(lines)
    (args.output / "selection.md").write_text(f"{text}\n")
    print(text)


if __name__ == "__main__":
    main()
