"""Load weights from a local .safetensors, .pth, .pt, .th or .bin file into a network, and say what did not fit."""

from __future__ import annotations

import argparse
import logging
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from spellock.errors import ModelError
from spellock.tasks.heads import find_head

_log = logging.getLogger(__name__)
_NESTS = ("state_dict", "model", "model_state_dict", "network")
_PREFIXES = ("module.", "_orig_mod.", "model.", "network.", "backbone.")


@dataclass(frozen=True, kw_only=True)
class WeightsReport:
    """What a weights file and a network did not share; names as in the network.

    Attributes:
        missing: parameters that kept their initial values.
        unexpected: entries of the file that the network has no place for.
        file_classes: width of the file's classifier; None where the file has none of that name.
        head_reinitialised: the classifier kept its initial values, since the file's has another width or is absent.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    file_classes: int | None
    head_reinitialised: bool


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, unwrapped from ``state_dict`` or ``model``, without ``module.`` before the names.

    Pickled files are read with ``weights_only=True``: they can hold tensors and plain values, and run no code.

    Raises:
        ModelError: the file is missing, damaged, or holds something else than named tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"no weights file at {path}; check the path")
    try:
        if path.suffix == ".safetensors":
            return _strip(load_file(path))
        # Many research checkpoints keep their command line beside the weights; a Namespace is a bag of values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content: object = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise ModelError(
            f"cannot read weights from {path}: {_reason(error)}; expected a complete safetensors "
            "file or a PyTorch file of tensors only"
        ) from error
    while isinstance(content, Mapping):
        nest = next((name for name in _NESTS if isinstance(content.get(name), Mapping)), None)
        if nest is None:
            break
        content = content[nest]
    tensors = {str(k): v for k, v in content.items() if isinstance(v, Tensor)} if isinstance(content, Mapping) else {}
    if not tensors:
        raise ModelError(f"{path} holds no named tensors, expected a state dict, bare or under {', '.join(_NESTS)}")
    return _strip(tensors)


def load_weights(network: nn.Module, path: Path, *, strict_head: bool = False) -> WeightsReport:
    """Copy the weights of a file into ``network``.

    The classifier is the one part that may differ: where the file's has another number of classes, or is absent, the
    network keeps its initial one and a warning is logged. Everything else must be there in the right shape.

    Args:
        strict_head: refuse another number of classes instead.

    Raises:
        ModelError: the file is unreadable or was made for another architecture, or its classes differ and
            ``strict_head`` is set.
    """
    path = Path(path)
    source = read_weights(path)
    target = network.state_dict()
    if any(name not in source or source[name].shape != tensor.shape for name, tensor in target.items()):
        source = _translate(network, source)
    head, _ = find_head(network)
    weight = source.get(f"{head}.weight")
    classes, wanted = (None if weight is None else weight.shape[0]), target[f"{head}.weight"].shape[0]
    reinitialise = classes != wanted
    if reinitialise:
        found = "no classifier" if classes is None else f"a classifier of {classes} classes"
        if strict_head:
            raise ModelError(
                f"{path} holds {found}, expected {wanted} classes; use weights that fit, or let the "
                "classifier be initialised anew"
            )
        _log.warning("%s holds %s, not of %d classes: the classifier starts from random values", path, found, wanted)
        source = {name: tensor for name, tensor in source.items() if not name.startswith(f"{head}.")}
    missing = tuple(name for name in target if name not in source and not name.endswith("num_batches_tracked"))
    unexpected = tuple(name for name in source if name not in target)
    # timm's pooled transformers put a norm before the classifier that weights from pretraining do not have.
    lost = [name for name in missing if not (reinitialise and name.startswith((f"{head}.", "fc_norm.")))]
    if lost:
        raise ModelError(
            f"{path} lacks {len(lost)} of {len(target)} entries of {type(network).__name__}, {lost[0]} "
            "among them; these weights are of another architecture"
        )
    for name, tensor in target.items():
        if name in source and source[name].shape != tensor.shape:
            raise ModelError(
                f"{path} has {name} of shape {tuple(source[name].shape)}, expected {tuple(tensor.shape)}; "
                "these weights are of another architecture or input size"
            )
    if unexpected:
        _log.warning(
            "%s has %d entries without a place in the model, %s among them", path, len(unexpected), unexpected[0]
        )
    network.load_state_dict({name: source[name] for name in target if name in source}, strict=False)
    return WeightsReport(missing=missing, unexpected=unexpected, file_classes=classes, head_reinitialised=reinitialise)


def _reason(error: Exception) -> str:
    """What is wrong with a weights file, on one line."""
    if isinstance(error, pickle.UnpicklingError):
        # torch's own words advise to load the file in a way that would run any code in it.
        return "it is no weights file, is cut short, or holds more than tensors"
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _strip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take off wrappers' prefixes, but only those that every name has."""
    result = dict(tensors)
    while prefix := next((p for p in _PREFIXES if result and all(name.startswith(p) for name in result)), None):
        result = {name[len(prefix) :]: tensor for name, tensor in result.items()}
    return result


def _translate(network: nn.Module, source: dict[str, Tensor]) -> dict[str, Tensor]:
    """Let timm translate published layouts and resample position embeddings, where the network's file knows how."""
    translate = getattr(sys.modules.get(type(network).__module__), "checkpoint_filter_fn", None)
    if translate is None or not type(network).__module__.startswith("timm."):
        return source
    try:
        translated = translate(dict(source), network)
    except Exception:  # foreign code on a foreign file: the plain comparison then says what does not fit
        _log.debug("timm could not translate the weights", exc_info=True)
        return source
    return {str(name): tensor for name, tensor in translated.items() if isinstance(tensor, Tensor)}
