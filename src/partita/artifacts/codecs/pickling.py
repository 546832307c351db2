"""Pickles that are signed: what no codec knows, opened only where the workspace's key vouches for it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from functools import cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from partita.artifacts.codecs.canonical import canonical
from partita.artifacts.codecs.references import References
from partita.artifacts.signing import Signer
from partita.errors import DamagedError, PartitaError, ValueStoreError

__all__ = ["SCRIPT_MARK", "SignedPickles", "signed", "unpickle", "verified"]

#: In a pickle that names what stands in a script: no other program can open it.
SCRIPT_MARK = b"partita.artifacts.codecs.pickling"

_REMEDY = "rerun the step that made it"

#: What cloudpickle would store as something else: a file as a copy of its text, a view as the bytes that it shows.
_REFUSED = (io.FileIO, io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, memoryview)


def unpickle(data: bytes, references: References) -> Any:
    """What a pickle holds that somebody vouches for: whoever calls has to know its origin."""
    return _Unpickler(io.BytesIO(data), references.find).load()


def signed(signer: Signer, payload: bytes) -> bytes:
    """The payload with its signature before it."""
    return signer.sign(payload) + payload


def verified(signer: Signer, data: bytes) -> bytes:
    """The payload of what `signed` gave.

    Raises:
        DamagedError: another key signed it, or it was changed since.
    """
    return data[_signature_bytes(signer, data, "what the notebook defines", "run the notebook's cell again") :]


def _signature_bytes(signer: Signer, data: bytes | memoryview, what: str, remedy: str) -> int:
    """The length of the signature before a payload.

    Raises:
        DamagedError: another key signed it, or it was changed since.
    """
    length = signer.check(memoryview(data))
    if length is None:
        raise DamagedError(
            f"{what} is not signed with this workspace's key, so it is not opened: it was changed, or made in another "
            f"workspace; {remedy}"
        )
    return length


class Pickled(NamedTuple):
    """A value as bytes."""

    parts: tuple[bytes, bytes]  # signature and pickle
    names: tuple[Any, ...]  # the classes and functions that it names, and does not hold


class SignedPickles:
    """cloudpickle, with a signature of the pickle before it."""

    def __init__(self, signer: Signer, references: References) -> None:
        self._signer = signer
        self._references = references

    def dump(self, value: object, whole: object) -> Pickled:
        """The value pickled.

        Args:
            whole: what the value is a part of, for the message when it cannot be pickled.

        Raises:
            ValueStoreError: the value cannot be pickled; says which part of it.
        """
        try:
            payload, names = self._pickled(value)
        except PartitaError:
            raise
        except Exception as error:
            from partita.artifacts.codecs.refusal import refusal

            raise refusal(whole, error, self._can_pickle) from error
        return Pickled(self.seal(payload), names)

    def seal(self, payload: bytes) -> tuple[bytes, bytes]:
        """Signature and payload."""
        return self._signer.sign(payload), payload

    def unseal(self, data: bytes | memoryview) -> bytes:
        """The payload of what `seal` gave.

        Raises:
            DamagedError: another key signed it, or it was changed since.
        """
        return bytes(data[_signature_bytes(self._signer, data, "a stored file", _REMEDY) :])

    def load(self, data: bytes) -> Any:
        """The value.

        Raises:
            DamagedError: another key signed it, or it was changed since.
            ValueStoreError: what it needs is not there, or its own code failed.
        """
        length = _signature_bytes(self._signer, data, "a pickled value", _REMEDY)
        try:
            file = io.BytesIO(data)  # shares the bytes
            file.seek(length)
            return _Unpickler(file, self._references.find).load()
        except PartitaError:
            raise
        except Exception as error:
            raise ValueStoreError(
                f"a pickled value cannot be opened: {type(error).__name__}: {error}; is the same version of the library "
                "that it comes from installed here?"
            ) from error

    def _pickled(self, value: object) -> tuple[bytes, tuple[Any, ...]]:
        buffer = io.BytesIO()
        pickler = _pickler_type()(buffer, self._references)
        pickler.dump(value)
        names = (*(item for item in pickler.met if self._references.of(item) is not None), *pickler.named)
        return canonical(buffer.getvalue()), names

    def _can_pickle(self, value: object) -> bool:
        try:
            self._pickled(value)
        except Exception:
            return False
        return True


def _named(reference: str) -> Any:
    """Stands in a pickle for what a reference names; the unpickler puts its own finder in its place."""
    raise pickle.UnpicklingError(f"{reference} is opened by Partita's own codecs only")


@cache
def _pickler_type() -> Any:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """Names what stands in scripts by its file: their module has another name in every process."""

        def __init__(self, file: io.BytesIO, references: References) -> None:
            super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
            self._references = references
            self.met: list[Any] = []  # classes and functions, of which some are held and not named
            self.named: list[Any] = []  # functions of tasks and flows

        def reducer_override(self, item: Any) -> Any:
            if isinstance(item, (type, FunctionType)):
                self.met.append(item)
                if self._references.is_in_script(item):
                    reference = self._references.of(item)
                    if reference is not None:
                        return _named, (reference,)
            elif type(item).__module__.startswith("partita.flow"):  # a task or flow, by its reference
                self.named.append(getattr(item, "function", None))
            elif isinstance(item, _REFUSED):
                raise pickle.PicklingError(f"cannot pickle {type(item).__name__!r} object")
            elif isinstance(item, ModuleType) and hasattr(item, "__partita_file__"):
                raise pickle.PicklingError("cannot pickle the module of a script")
            return super().reducer_override(item)

    return Pickler


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, find: Callable[[str], Any]) -> None:
        super().__init__(file)
        self._find = find

    def find_class(self, module: str, name: str) -> Any:
        if name == "_named" and module == __name__:
            return self._find
        return super().find_class(module, name)
