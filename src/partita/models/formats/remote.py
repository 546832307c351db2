"""A model elsewhere that answers HTTP: rows go out as JSON, predictions come back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from partita.errors import ModelError
from partita.models.formats.port import Packed, Predictor

if TYPE_CHECKING:
    from partita.models.model import Model

__all__ = ["FORMAT", "HttpModel"]

_FILE = "model.json"


@dataclass(frozen=True)
class HttpModel:
    """A model behind a URL.

    It is asked by POST with `{"rows": [...]}`: rows as lists, or as maps of columns; and answers `{"predictions": [...]}`, with
    `{"probabilities": [[...], ...]}` where it has them.

    Args:
        url: where it answers, http or https.
        headers: sent along; for a secret, take it from the environment in the task.
        timeout_s: seconds that an answer may take.
        request: name of the field that rows are sent under.
        predictions: name of the field that they come back under; a path with dots leads into maps.
        probabilities: likewise; empty: it gives none.
        classes: what it tells apart, in the order of the probabilities.
    """

    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    timeout_s: float = 30.0
    request: str = "rows"
    predictions: str = "predictions"
    probabilities: str = ""
    classes: tuple[Any, ...] = ()

    def predict(self, rows: Any) -> Any:
        """(rows,) or (rows, ...), as it answers.

        Raises:
            ModelError: it does not answer, or with something else.
        """
        return self._told(rows, self.predictions)

    def ask(self, rows: Any) -> Any:
        """What it answers for rows, as plain data."""
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        if not self.url.startswith(("http://", "https://")):
            raise ModelError(f"{self.url!r} is no address of a model; give one that begins with http:// or https://")
        body = json.dumps({self.request: _plain_rows(rows)}).encode()
        request = Request(self.url, body, {"Content-Type": "application/json", **self.headers}, method="POST")
        try:
            with urlopen(request, timeout=self.timeout_s) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            told = error.read(500).decode("utf-8", "replace")
            error.close()
            raise ModelError(f"the model at {self.url} answers {error.code}: {told}") from None
        except (URLError, TimeoutError, ValueError, OSError) as error:
            raise ModelError(f"the model at {self.url} gives no answer: {error}; is it up?") from None

    def _told(self, rows: Any, path: str) -> Any:
        import numpy

        found = self.ask(rows)
        for name in path.split(".") if path else ():
            if not isinstance(found, Mapping) or name not in found:
                raise ModelError(
                    f"the model at {self.url} answers without {path!r}; say under which name its answer stands"
                )
            found = found[name]
        made = numpy.asarray(found)
        if not made.ndim or len(made) != len(_plain_rows(rows)):
            raise ModelError(f"the model at {self.url} answers {made.shape} for {len(_plain_rows(rows))} rows")
        return made

    def _proba(self, rows: Any) -> Any:
        return self._told(rows, self.probabilities)


class Remote:
    """Satisfies `Format`."""

    names = ("http",)

    def matches(self, wrapped: Any) -> bool:
        """Whether it is one."""
        return isinstance(wrapped, HttpModel)

    def predictor(self, wrapped: Any, options: dict[str, Any]) -> Predictor:
        """How it predicts."""
        proba = wrapped._proba if wrapped.probabilities else None
        return Predictor(wrapped, wrapped.predict, proba, wrapped.classes or None)

    def pack(self, wrapped: Any, options: dict[str, Any]) -> Packed:
        """Its address, without the headers, which may hold secrets: whoever opens it has to give them."""
        told = {
            "url": wrapped.url, "timeout_s": wrapped.timeout_s, "request": wrapped.request,
            "predictions": wrapped.predictions, "probabilities": wrapped.probabilities, "classes": list(wrapped.classes),
        }  # fmt: skip
        notes = ("its headers are not stored: they may hold secrets",) if wrapped.headers else ()
        files = {_FILE: json.dumps(told, sort_keys=True).encode()}
        return Packed("http", "http", f"HTTP {wrapped.url}", files, (), {}, notes)

    def open(self, model: Model) -> Predictor:
        """What asks it."""
        told = json.loads(model.files[_FILE])
        return self.predictor(HttpModel(**{**told, "classes": tuple(told["classes"])}), {})


def _plain_rows(rows: Any) -> list[Any]:
    if hasattr(rows, "to_dicts"):
        return list(rows.to_dicts())
    if hasattr(rows, "to_dict"):
        return list(rows.to_dict(orient="records"))
    if isinstance(rows, Mapping):
        columns = {name: _plain_rows(item) for name, item in rows.items()}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return list(rows.tolist()) if hasattr(rows, "tolist") else list(rows)


FORMAT = Remote()
