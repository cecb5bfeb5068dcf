"""The PyTorch device of an editor, checked when the editor is made and not in the middle of a run."""

from __future__ import annotations

import torch

from spellock.errors import EditorError


def pick_device(name: str) -> torch.device:
    """The device called ``name``, for example ``cpu``, ``cuda`` or ``cuda:1``.

    Raises:
        EditorError: there is no such device here.
    """
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise EditorError(f"device {name!r} cannot be used here, expected cpu or a GPU that PyTorch sees") from error
    return device
