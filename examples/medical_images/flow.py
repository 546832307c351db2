"""Is a child's lung inflamed, is a lump malignant: two classifiers of small pictures, blended, and weighed by what a miss costs.

partita run flow.py                 # in this folder
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diagnosis import diagnose

from partita import flow


@flow
def medical_images(
    data: Path = Path("data"), pneumonia: float = 5.0, malignant: float = 10.0, judge: str = "test"
) -> dict[str, Any]:
    """Blend two classifiers of chest X-rays, and of ultrasound pictures of breasts, and weigh them by what a miss costs.

    Returns:
        For each data set and model AUC and accuracy, and what its decisions cost a picture, each with its 95 % interval.

    Args:
        data: the folder of both data sets.
        pneumonia: what it costs to miss one, where a false alarm costs 1.
        malignant: the same of a malignant lump.
        judge: the part to examine on; whoever tries something else takes "val".
    """
    file = data / "pneumoniamnist.npz"
    lungs = diagnose(file, "pneumonia", ["normal", "pneumonia"], is_sided=True, cost=pneumonia, judge=judge)
    file = data / "breastmnist.npz"
    lumps = diagnose(file, "malignant", ["malignant", "benign"], is_sided=False, cost=malignant, judge=judge)
    return {"pneumonia": lungs, "malignant": lumps}
