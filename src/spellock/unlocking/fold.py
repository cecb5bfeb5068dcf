"""Blockwise keys folded into a model's first layer, so that unlocking costs nothing (arXiv 2207.05366, 2308.07612).

A layer that cuts the image into patches computes z = W d (x' - m) + b of each patch, with mean m and d = 1/std. A
blockwise edit is x'_i = s_i x_j(i) + t_i on the values of a patch, so W, s, t and the order j can be made one. Blocks
that change places as wholes take their position embeddings along.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spellock.editors.blockwise import BlockwiseEditor, from_blocks, to_blocks
from spellock.editors.compose import ComposeEditor
from spellock.editors.registry import load_editor
from spellock.errors import ModelError
from spellock.key import Key
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class _Patchwise:
    """x'_i = sign_i x_source(i) + offset_i for each value of a patch, float64; patch i of x' is patch place_i of x."""

    source: Tensor
    sign: Tensor
    offset: Tensor
    place: Tensor

    def then(self, other: _Patchwise) -> _Patchwise:
        """This one, then ``other``."""
        return _Patchwise(
            source=self.source[other.source],
            sign=other.sign * self.sign[other.source],
            offset=other.sign * self.offset[other.source] + other.offset,
            place=self.place[other.place],
        )

    def inverse(self) -> _Patchwise:
        """What brings x back from x'."""
        back = self.source.argsort()
        return _Patchwise(
            source=back, sign=self.sign[back], offset=-(self.sign * self.offset)[back], place=self.place.argsort()
        )


def fold_key(model: PixelModel, key: Key) -> PixelModel:
    """A copy of a locked model that does with raw images what ``model`` does with images edited with ``key``.

    Whoever has the copy needs no key any more, so it is as secret as the key.

    Args:
        model: its first layer cuts patches (a convolution whose stride is its kernel, without padding) whose side is a
            multiple of the key's blocks. Keys that scramble blocks need a timm VisionTransformer with patches of the
            block's size.
        key: a blockwise key with gamma 1 and the model's own resolution, or a compose key of such parts; ``ffx`` is not
            linear and cannot be folded.

    Raises:
        ModelError: model and key do not suit each other.
        ConfigError, EditorError: the key is not valid.
    """
    return _folded(model, key, inverse=False)


def lock_by_folding(model: PixelModel, key: Key) -> PixelModel:
    """A copy that does with images edited with ``key`` what ``model`` does with raw ones: a lock without training.

    It is obfuscation only: where the weights of ``model`` are public, matching rows of the first layer gives the key.
    Arguments and errors are those of `fold_key`, of which this is the inverse.
    """
    return _folded(model, key, inverse=True)


def _folded(model: PixelModel, key: Key, *, inverse: bool) -> PixelModel:
    if key.resolution != model.input_size:
        raise ModelError(
            f"the key edits images of {key.resolution} px and the model sees {model.input_size} px, expected the same; "
            "make the key for the model's input size"
        )
    folded = copy.deepcopy(model)
    name, layer = _patch_layer(folded.network)
    side = int(layer.kernel_size[0])
    edit = _patchwise(key, side)
    if inverse:
        edit = edit.inverse()
    _fold_values(folded, name, layer, edit)
    if not torch.equal(edit.place, torch.arange(len(edit.place))):
        _fold_places(folded.network, edit.place)
    return folded


def _patch_layer(network: nn.Module) -> tuple[str, nn.Conv2d]:
    first = next(((name, one) for name, one in network.named_modules() if isinstance(one, nn.Conv2d)), None)
    kind = type(network).__name__
    if first is None:
        raise ModelError(f"{kind} has no convolution to fold a key into, expected a layer that cuts patches")
    layer = first[1]
    plain = layer.in_channels == 3 and layer.groups == 1 and layer.dilation == (1, 1) and layer.padding in ((0, 0), 0)
    if not plain or layer.kernel_size != layer.stride or layer.kernel_size[0] != layer.kernel_size[1]:
        raise ModelError(
            f"the first layer of {kind} has overlapping or padded windows, expected patches such as those of a ViT or "
            "ConvNeXt; predict with the key instead"
        )
    return first


def _patchwise(key: Key, side: int) -> _Patchwise:
    """The key's edit of patches of ``side`` pixels, values in the order channel, row, column."""
    editor = load_editor(key)
    parts = editor.parts if isinstance(editor, ComposeEditor) else [editor]
    across = key.resolution // side
    total: _Patchwise | None = None
    for part in parts:
        if not isinstance(part, BlockwiseEditor) or part.settings.method == "ffx":
            raise ModelError(
                "the key has an edit that is not linear in the pixels, expected blockwise shuffle, negative-positive "
                "or scramble; predict with the key instead"
            )
        if part.key.gamma != 1 or key.gamma != 1:
            raise ModelError(f"the key blends with gamma {min(part.key.gamma, key.gamma)}, expected 1 to fold it")
        edit = _of_part(part, side, across)
        total = edit if total is None else total.then(edit)
    assert total is not None
    return total


def _of_part(part: BlockwiseEditor, side: int, across: int) -> _Patchwise:
    block, method = part.settings.block, part.settings.method
    count = 3 * side * side
    same = torch.arange(count)
    source, sign, offset = same, torch.ones(count).double(), torch.zeros(count).double()
    place = torch.arange(across * across)
    if method == "scramble":
        if block != side:
            raise ModelError(f"the key scrambles blocks of {block} px, expected the model's patches of {side} px")
        return _Patchwise(source=source, sign=sign, offset=offset, place=part.order)
    if side % block:
        raise ModelError(
            f"the key's blocks of {block} px do not divide the model's patches of {side} px; use a divisor"
        )
    blocks = to_blocks(same.view(1, 3, side, side), block)
    if method == "shuffle":
        source = from_blocks(blocks[..., part.order], block).flatten()
    else:
        chosen = from_blocks(part.chosen.expand_as(blocks), block).flatten()
        sign, offset = torch.where(chosen, -1.0, 1.0).double(), chosen.double()
    return _Patchwise(source=source, sign=sign, offset=offset, place=place)


def _fold_values(model: PixelModel, name: str, layer: nn.Conv2d, edit: _Patchwise) -> None:
    """W'_j = W_i d_i s_i / d_j and b' = b + sum_i W_i d_i (s_i m_j + t_i - m_i), with j = source(i), in float64."""
    values = layer.kernel_size[0] * layer.kernel_size[1]
    mean, std = (torch.tensor(part, dtype=torch.float64).repeat_interleave(values) for part in model.mean_std)
    old = layer.weight.detach().double().cpu().flatten(1) / std
    new = torch.empty_like(old)
    new[:, edit.source] = old * edit.sign * std[edit.source]
    added = old @ (edit.sign * mean[edit.source] + edit.offset - mean)
    layer.weight.data.copy_(new.view_as(layer.weight))
    if layer.bias is not None:
        layer.bias.data.copy_(layer.bias.detach().double().cpu() + added)
    elif bool((added.abs() > 1e-12).any()):
        raise ModelError(
            f"the first layer {name} has no bias, which this key needs, expected one, or a model normalised with the "
            "same mean and std for all channels and mean 0.5 for negative-positive; add a bias of zeros"
        )


def _fold_places(network: nn.Module, place: Tensor) -> None:
    """The patch that the edit brings to place i is, in the raw image, at ``place[i]``: its position goes with it."""
    from timm.models.vision_transformer import VisionTransformer

    kind = type(network).__name__
    positions = getattr(network, "pos_embed", None)
    if not isinstance(network, VisionTransformer) or not isinstance(positions, Tensor):
        raise ModelError(
            f"{kind} has no position embedding for each patch, expected a timm VisionTransformer for keys that "
            "scramble blocks; predict with the key instead"
        )
    before = positions.shape[1] - len(place)
    if before not in (0, network.num_prefix_tokens):
        raise ModelError(f"{kind} has {positions.shape[1]} positions for {len(place)} blocks, expected one each")
    new = positions.detach().clone()
    new[:, before + place.to(new.device)] = positions.detach()[:, before:]
    positions.data.copy_(new)
