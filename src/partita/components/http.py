"""Requests and downloads over HTTP, by urllib3."""

from __future__ import annotations

import contextlib
import hashlib
import json as json_texts
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from partita.artifacts.files import File
from partita.components.extras import need
from partita.components.file_values import Scratch, plain_name
from partita.components.replacing import replacing
from partita.components.variables import filled_all, filled_url, has_variable
from partita.errors import PartitaError
from partita.flow.context import context
from partita.flow.task import task

__all__ = ["Download", "HttpError", "HttpResponse", "http_download", "http_file", "http_request", "is_passing"]

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_REFUSED = frozenset({429, 503})  # the server says that it has not done it
_PASSING = frozenset({429, 500, 502, 503, 504})
_LONGEST_WAIT_S = 60.0
_CHUNK_BYTES = 1 << 18
_SHOWN_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What a server answered."""

    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes  # after the content encoding was undone
    url: str  # where it came from in the end, after redirects

    @property
    def text(self) -> str:
        """The body in the encoding that the server names; default: UTF-8."""
        from email.message import Message

        about = Message()
        about["content-type"] = self.headers.get("content-type", "")
        encoding = about.get_content_charset() or "utf-8"
        try:
            return self.body.decode(encoding, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON."""
        return json_texts.loads(self.body)


@dataclass(frozen=True, slots=True)
class Download:
    """A file that was downloaded."""

    path: Path
    size_bytes: int
    sha256: str  # hexadecimal
    url: str  # where it came from in the end, after redirects


class HttpError(PartitaError):
    """A server answered with a status that is not allowed; `response` is its answer."""

    def __init__(self, message: str, response: HttpResponse | None = None) -> None:
        super().__init__(message)
        self.response = response

    def __reduce__(self) -> tuple[Any, ...]:
        return (HttpError, (str(self), self.response))


def is_passing(error: BaseException) -> bool:
    """Whether the same request may well succeed later: a rule for `retry_on`."""
    if isinstance(error, HttpError) and error.response is not None:
        return error.response.status in _PASSING
    return isinstance(error, (ConnectionError, TimeoutError))


@task(retry_on=is_passing, tags=("http", "web", "api"))
def http_request(
    url: str,
    method: Method = "GET",
    *,
    parameters: dict[str, str | int | float | bool | list[str]] | None = None,
    headers: dict[str, str] | None = None,
    json: Any = None,
    data: str | bytes | None = None,
    form: dict[str, str] | None = None,
    allowed_statuses: Sequence[int] = (),
    tries: int = 4,
    timeout_s: float = 30.0,
) -> HttpResponse:
    """Send an HTTP request and give the answer.

    A busy or failing server (429, 500, 502, 503, 504) and a lost connection are tried again, after as long as the server
    says in Retry-After. POST and PATCH are tried again only where the server says that it did nothing (429, 503); they
    carry an Idempotency-Key that is the same for every attempt of the step.

    Args:
        url: may name secrets, as `${NAME}`.
        method: the verb.
        parameters: appended to the URL, encoded.
        headers: may name secrets, as `${NAME}`; such headers do not follow a redirect to another host.
        json: a body, sent as JSON.
        data: a body, sent as it is.
        form: a body, sent as a form.
        allowed_statuses: statuses that are no failure, beside 200 to 299.
        tries: how often the request is sent at most.
        timeout_s: seconds to connect, and seconds without a byte.

    Raises:
        HttpError: the status is not allowed.
        ConnectionError: there was no answer.
    """
    call = _Call(url, method, headers, tries, timeout_s, allowed_statuses)
    call.parameters = parameters
    call.set_body(json, data, form)
    with call.answer() as answer:
        return answer


@task(retry_on=is_passing, tags=("http", "web", "file"))
def http_download(
    url: str,
    path: Path,
    *,
    sha256: str = "",
    most_bytes: int | None = None,
    headers: dict[str, str] | None = None,
    tries: int = 4,
    timeout_s: float = 30.0,
) -> Download:
    """Download a file piece by piece; it appears under its name only when it is whole.

    Args:
        url: may name secrets, as `${NAME}`.
        path: where it goes; folders are made. A file of that name is replaced, or kept where it has the hash already.
        sha256: what its hash must be, hexadecimal; where it differs, nothing is kept.
        most_bytes: how large it may be; where it is larger, the download ends and nothing is kept.
        headers: may name secrets, as `${NAME}`.
        tries: how often the request is sent at most.
        timeout_s: seconds to connect, and seconds without a byte.

    Raises:
        HttpError: the status is not in 200 to 299.
        ValueError: the hash or the length is another one, or it is too large.
    """
    if sha256 and path.is_file() and _hash_of(path) == sha256.lower():
        return Download(path, path.stat().st_size, sha256.lower(), url)
    call = _Call(url, "GET", headers, tries, timeout_s, ())
    with call.stream() as (stream, address), replacing(path) as temporary:
        size, digest = _save(stream, temporary, url, most_bytes)
        if sha256 and digest != sha256.lower():
            raise ValueError(f"{url} has the SHA-256 {digest}, not {sha256.lower()}; nothing was kept of it")
    return Download(path, size, digest, address)


@task(retry_on=is_passing, tags=("http", "web", "file"))
def http_file(
    url: str,
    name: str = "",
    *,
    sha256: str = "",
    most_bytes: int | None = None,
    headers: dict[str, str] | None = None,
    tries: int = 4,
    timeout_s: float = 30.0,
) -> File:
    """Download a file piece by piece as a value, which is stored with the run and passed on, wherever the next step runs.

    Args:
        url: may name secrets, as `${NAME}`.
        name: what the file is called; default: the last part of the url.
        sha256: what its hash must be, hexadecimal; where it differs, nothing is kept.
        most_bytes: how large it may be; where it is larger, the download ends and nothing is kept.
        headers: may name secrets, as `${NAME}`.
        tries: how often the request is sent at most.
        timeout_s: seconds to connect, and seconds without a byte.

    Raises:
        HttpError: the status is not in 200 to 299.
        ValueError: the hash or the length is another one, or it is too large.
    """
    scratch, name = Scratch(), plain_name(name or _last_part(url), "http_file")
    http_download(
        url,
        scratch.path / name,
        sha256=sha256,
        most_bytes=most_bytes,
        headers=headers,
        tries=tries,
        timeout_s=timeout_s,
    )
    return scratch.file(name)


class _Call:
    """One request, sent until it is answered."""

    def __init__(
        self,
        url: str,
        method: str,
        headers: Mapping[str, str] | None,
        tries: int,
        timeout_s: float,
        allowed_statuses: Sequence[int],
    ) -> None:
        self.library = need("urllib3", "http", "http_request")
        self.name = f"{method} {url}"  # as it was written, without secrets
        self.written = url
        self.url = filled_url(url, "the url of the request")
        self.method = method
        self.headers = filled_all(headers or {}, "the header")
        self.private = {name for name, text in (headers or {}).items() if has_variable(text)}
        self.parameters: Mapping[str, Any] | None = None
        self.body: bytes | None = None
        self.tries = max(tries, 1)
        self.timeout_s = timeout_s
        self.allowed = frozenset(allowed_statuses)
        if method not in _REPEATABLE:
            self.headers.setdefault("Idempotency-Key", context().idempotency_key)

    def set_body(self, json: Any, data: str | bytes | None, form: Mapping[str, str] | None) -> None:
        if sum(item is not None for item in (json, data, form)) > 1:
            raise ValueError(f"{self.name}: only one of json=, data= and form= can be the body")
        if json is not None:
            self._set(json_texts.dumps(json, allow_nan=False).encode(), "application/json")
        elif form is not None:
            from urllib.parse import urlencode

            self._set(urlencode(form).encode(), "application/x-www-form-urlencoded")
        elif data is not None:
            self.body = data.encode() if isinstance(data, str) else data

    def _set(self, body: bytes, kind: str) -> None:
        self.body = body
        if not any(name.lower() == "content-type" for name in self.headers):
            self.headers["Content-Type"] = kind

    @contextmanager
    def answer(self) -> Iterator[HttpResponse]:
        with self.stream(has_all=True) as (raw, address):
            yield _response(raw, address)

    @contextmanager
    def stream(self, has_all: bool = False) -> Iterator[tuple[Any, str]]:
        """The answer, and the address that it came from."""
        with self.library.PoolManager(timeout=self.timeout_s) as pool:
            raw = self._answered(pool, has_all)
            try:
                yield raw, self._address(raw)
            except self.library.exceptions.HTTPError as error:
                raise ConnectionError(f"the answer to {self.name} broke off: {_told(error)}") from error
            finally:
                raw.release_conn()

    def _answered(self, pool: Any, has_all: bool) -> Any:
        for number in range(1, self.tries + 1):
            is_last = number == self.tries
            try:
                raw = self._sent(pool, has_all)
            except self.library.exceptions.HTTPError as error:
                if is_last or self.method not in _REPEATABLE or not _is_of_the_way(self.library, error):
                    raise ConnectionError(f"{self.name} was not answered: {_told(error)}") from error
                self._pause(number, None)
                continue
            if 200 <= raw.status < 300 or raw.status in self.allowed:
                return raw
            wait_s = self._wait_s(raw)
            again = _PASSING if self.method in _REPEATABLE else _REFUSED
            if is_last or raw.status not in again or (wait_s or 0.0) > _LONGEST_WAIT_S:
                raise self._failure(raw, wait_s)
            raw.drain_conn()
            self._pause(number, wait_s)
        raise AssertionError("the last try returns or raises")

    def _sent(self, pool: Any, has_all: bool) -> Any:
        redirects = self.library.Retry(
            total=None, connect=0, read=0, status=0, other=0, redirect=10,
            remove_headers_on_redirect={*self.library.Retry.DEFAULT_REMOVE_HEADERS_ON_REDIRECT, *self.private},
        )  # fmt: skip
        url = self.url
        if self.parameters:
            from urllib.parse import urlencode

            url += ("&" if "?" in url else "?") + urlencode(_texts(self.parameters), doseq=True)
        return pool.request(
            self.method, url, headers=self.headers, body=self.body, retries=redirects, preload_content=has_all
        )

    def _address(self, raw: Any) -> str:
        """Where the answer came from, without the secrets that were filled in."""
        from urllib.parse import urljoin

        address = self.written
        for step in raw.retries.history if raw.retries is not None else ():
            address = urljoin(address, step.redirect_location or "")
        return address

    def _wait_s(self, raw: Any) -> float | None:
        written = raw.headers.get("Retry-After")
        if not written:
            return None
        with contextlib.suppress(self.library.exceptions.HTTPError):
            return max(float(self.library.Retry().parse_retry_after(written)), 0.0)
        return None

    def _pause(self, number: int, wait_s: float | None) -> None:
        until = time.monotonic() + (min(0.5 * 2**number, _LONGEST_WAIT_S) if wait_s is None else wait_s)
        while (left := until - time.monotonic()) > 0 and not context().should_stop():
            time.sleep(min(left, 0.2))

    def _failure(self, raw: Any, wait_s: float | None) -> HttpError:
        raw.read(decode_content=True) if not raw.data else None
        response = _response(raw, self._address(raw))
        told = response.text.strip()[:_SHOWN_CHARACTERS]
        later = f"; it asks to wait for {wait_s:g} s" if wait_s else ""
        message = f"{self.name} was answered with {raw.status} {raw.reason or ''}".rstrip() + later
        return HttpError(message + (f":\n{told}" if told else ""), response)


def _is_of_the_way(library: Any, error: Exception) -> bool:
    """Whether the connection failed, and not what was to be sent."""
    errors = library.exceptions
    return not isinstance(error, (errors.LocationValueError, errors.URLSchemeUnknown))


def _told(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return str(reason if reason is not None else error) or type(error).__name__


def _texts(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in parameters.items()}


def _response(raw: Any, address: str) -> HttpResponse:
    return HttpResponse(raw.status, {name.lower(): value for name, value in raw.headers.items()}, raw.data, address)


def _last_part(url: str) -> str:
    """The name that an address gives to what lies there."""
    from urllib.parse import unquote, urlsplit

    last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2]).replace("/", "_").replace("\0", "_")
    if not last or last in (".", "..") or has_variable(last):
        return "download"
    return last.encode()[:200].decode(errors="ignore")  # file systems count bytes


def _save(stream: Any, path: Path, url: str, most_bytes: int | None) -> tuple[int, str]:
    """Write the stream; gives how many bytes, and their hash."""
    length = stream.headers.get("Content-Length", "")
    total = int(length) if length.isdigit() and "Content-Encoding" not in stream.headers else None
    digest, size = hashlib.sha256(), 0
    _check_size(url, total or 0, most_bytes)
    with path.open("wb") as file:
        for chunk in stream.stream(_CHUNK_BYTES, decode_content=True):
            size += len(chunk)
            _check_size(url, size, most_bytes)
            file.write(chunk)
            digest.update(chunk)
            context().progress(size, total, "bytes")
    return size, digest.hexdigest()


def _check_size(url: str, size: int, most_bytes: int | None) -> None:
    if most_bytes is not None and size > most_bytes:
        raise ValueError(f"{url} is larger than the {most_bytes:,} bytes of most_bytes=; nothing was kept of it")


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
