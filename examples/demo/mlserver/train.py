"""Train the versions of the demo's digit classifier, each into a folder that MLServer can serve.

    v1   a linear model: small, quick, right in 97 of 100 cases
    v2   a support-vector machine: right in 99 of 100
    v3   v2 without the step that fills in missing features: it raises on about 4 % of real requests
    v4   an ensemble of 150 trees: as good as v2, and several times slower

v3 is the kind of mistake that offline evaluation does not see, because the evaluation data has no gaps. All seeds are
fixed: the same library versions give the same models.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-not-found]
from sklearn.datasets import load_digits  # type: ignore[import-not-found]
from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-not-found]
from sklearn.impute import SimpleImputer  # type: ignore[import-not-found]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]
from sklearn.model_selection import train_test_split  # type: ignore[import-not-found]
from sklearn.pipeline import make_pipeline  # type: ignore[import-not-found]
from sklearn.svm import SVC  # type: ignore[import-not-found]

NAME = "digits"
SEED = 7


def models() -> dict[str, Any]:
    """Version -> pipeline that is not trained yet."""
    return {
        "v1": make_pipeline(SimpleImputer(), LogisticRegression(C=0.001, max_iter=2000, random_state=SEED)),
        "v2": make_pipeline(SimpleImputer(), SVC(gamma=0.001, random_state=SEED)),
        "v3": make_pipeline(SVC(gamma=0.001, random_state=SEED)),
        "v4": make_pipeline(SimpleImputer(), ExtraTreesClassifier(n_estimators=150, random_state=SEED)),
    }


def save(version: str, model: Any, folder: Path) -> None:
    """Write the model with the two files that MLServer reads beside it."""
    folder.mkdir(parents=True)
    joblib.dump(model, folder / "model.joblib")
    settings = {
        "name": NAME,
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": version},
    }
    (folder / "model-settings.json").write_text(json.dumps(settings, indent=2))
    # In the server's own process: workers of their own would take three times the memory.
    (folder / "settings.json").write_text(json.dumps({"parallel_workers": 0}, indent=2))


def main(target: Path) -> None:
    features, labels = load_digits(return_X_y=True)
    split = train_test_split(features, labels, test_size=0.25, random_state=SEED, stratify=labels)
    train_features, test_features, train_labels, test_labels = split
    for version, model in models().items():
        model.fit(train_features, train_labels)
        print(f"{version}: {model.score(test_features, test_labels):.3f} of the test images are right")
        save(version, model, target / version)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
