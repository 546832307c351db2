"""Pretrained components by one address, from what is there.

addresses.py     what an address names
finding.py       hub(...): from an address to files, with their hashes
packages.py      installed packages that carry models, and files of this machine
hugging_face.py  repositories of Hugging Face
torch_hub.py     repositories of PyTorch Hub
pretrained.py    what was found: what it is, its files, hashes and licence
loading.py       files as what they hold
embedding.py     vectors of texts and words
feature.py       the same as a step of scikit-learn's pipelines
module_head.py   modules of PyTorch with a new head
tasks.py         ready tasks: embed texts and words, fine-tune
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from partita.models.hub.addresses import HubError
    from partita.models.hub.feature import TextFeatures
    from partita.models.hub.finding import hub
    from partita.models.hub.module_head import ModuleHead
    from partita.models.hub.pretrained import Pretrained
    from partita.models.hub.tasks import FineTuned, embed_texts, embed_words, fine_tune, fine_tune_module

__all__ = [
    "FineTuned", "HubError", "ModuleHead", "Pretrained", "TextFeatures", "embed_texts", "embed_words", "fine_tune",
    "fine_tune_module", "hub",
]  # fmt: skip

_MODULE_OF = {
    "FineTuned": "tasks", "HubError": "addresses", "Pretrained": "pretrained", "TextFeatures": "feature", "embed_texts": "tasks",
    "embed_words": "tasks", "ModuleHead": "module_head", "fine_tune": "tasks", "fine_tune_module": "tasks", "hub": "finding",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'partita.models.hub' has no attribute {name!r}")
    found = getattr(import_module(f"partita.models.hub.{_MODULE_OF[name]}"), name)
    globals()[name] = found
    return found
