"""What a node of a traced network calls: one name for module, function and method, and its arguments by name."""

from __future__ import annotations

from typing import Any, Final

from torch import fx, nn

#: Order of the arguments after the input, for calls that give them by position.
_POOL: Final = ("kernel_size", "stride", "padding")
_ORDER: Final[dict[str, tuple[str, ...]]] = {
    "leakyrelu": ("negative_slope",),
    "elu": ("alpha",),
    "dropout": ("p", "training"),
    "dropout1d": ("p", "training"),
    "dropout2d": ("p", "training"),
    "dropout3d": ("p", "training"),
    "mean": ("dim", "keepdim"),
    "pad": ("pad", "mode", "value"),
    "transpose": ("dim0", "dim1"),
    "permute": ("dims",),
    "avgpool1d": (*_POOL, "ceil_mode", "count_include_pad"),
    "avgpool2d": (*_POOL, "ceil_mode", "count_include_pad", "divisor_override"),
    "avgpool3d": (*_POOL, "ceil_mode", "count_include_pad", "divisor_override"),
    "maxpool1d": (*_POOL, "dilation", "ceil_mode", "return_indices"),
    "maxpool2d": (*_POOL, "dilation", "ceil_mode", "return_indices"),
    "maxpool3d": (*_POOL, "dilation", "ceil_mode", "return_indices"),
}
_MODULE_SETTINGS: Final = (
    "negative_slope",
    "alpha",
    "training",
    "kernel_size",
    "stride",
    "padding",
    "dilation",
    "ceil_mode",
    "count_include_pad",
    "divisor_override",
    "return_indices",
)


def called_name(node: fx.Node, module: nn.Module | None) -> str:
    """The name in small letters without underscores: ``nn.MaxPool2d`` and ``F.max_pool2d`` are both ``maxpool2d``."""
    if module is not None:
        name = type(module).__name__
    else:
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    # `max_pool2d` is dispatched from a function of another name; `avg_pool2d` of PyTorch's core has the right one.
    return name.lower().replace("_", "").removeprefix("boolean")


def arguments_of(node: fx.Node, name: str, module: nn.Module | None) -> dict[str, Any]:
    """Its settings by name; those of a module are read from it."""
    if module is not None:
        return {setting: getattr(module, setting) for setting in _MODULE_SETTINGS if hasattr(module, setting)}
    given = list(node.args[1:])
    order = _ORDER.get(name, ())
    if name == "permute" and given and all(isinstance(each, int) for each in given):
        given = [tuple(given)]
    found = dict(zip(order, given, strict=False))
    if "training" in order:
        found.setdefault("training", True)
    return found | {key: value for key, value in node.kwargs.items() if key != "input"}
