"""Files of the hub as what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from partita.components.extras import need
from partita.models.hub.addresses import HubError
from partita.models.hub.pretrained import Pretrained, checked, sha256_of

__all__ = ["OnnxFile", "loaded"]


class OnnxFile:
    """An ONNX model as a function of arrays by name.

    Attributes:
        inputs, outputs: name -> its shape, of numbers and of names for what may vary.
    """

    def __init__(self, path: str, threads: int = 1) -> None:
        runtime = need("onnxruntime", "hub", "an ONNX model")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        self._session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = {each.name: tuple(each.shape) for each in self._session.get_inputs()}
        self.outputs = {each.name: tuple(each.shape) for each in self._session.get_outputs()}

    def __call__(self, **arrays: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The outputs by name.

        Raises:
            HubError: inputs are missing, or unknown.
        """
        if arrays.keys() != self.inputs.keys():
            raise HubError(f"the model takes {', '.join(self.inputs)}, and is given {', '.join(arrays) or 'nothing'}")
        return dict(zip(self.outputs, self._session.run(None, arrays), strict=True))


def loaded(pretrained: Pretrained, options: Mapping[str, Any]) -> Any:
    """What a component holds."""
    if pretrained.format == "torch":
        from partita.models.hub.torch_hub import made_by_entry

        return made_by_entry(pretrained, options)
    if not pretrained.path.is_file():
        raise HubError(f"{pretrained.path} is not there any more; find it again by hub({pretrained.address!r})")
    checked(sha256_of(pretrained.path), pretrained.sha256, str(pretrained.path))
    path = str(pretrained.path)
    if pretrained.format == "onnx":
        return OnnxFile(path, **options)
    if options:
        raise HubError(f"what is {pretrained.format} takes no options, and {', '.join(options)} are given")
    if pretrained.format == "safetensors":
        return _tensors(path)
    if pretrained.format == "tokenizer":
        return need("tokenizers", "hub", "a tokenizer").Tokenizer.from_file(path)
    raise HubError(f"{path} is neither .onnx nor .safetensors nor tokenizer.json; read it from its path")


def _tensors(path: str) -> dict[str, Any]:
    """Arrays of NumPy; where it has no such type (bfloat16, float8), tensors of PyTorch."""
    library = need("safetensors", "hub", "a file of tensors")
    try:
        return _tensors_of(library, path, "np")
    except library.SafetensorError as error:
        raise HubError(f"{path} is no whole file of tensors: {error}; fetch it anew") from error
    except (TypeError, AttributeError):
        need("torch", "tensors", "a type of numbers that NumPy has not")
        return _tensors_of(library, path, "pt")


def _tensors_of(library: Any, path: str, framework: str) -> dict[str, Any]:
    with library.safe_open(path, framework=framework) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
