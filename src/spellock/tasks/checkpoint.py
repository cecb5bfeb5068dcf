"""Models on disk: a folder with ``model.safetensors``, ``config.json`` and a card, ``README.md``.

Nothing here knows a key, and unknown settings are refused, so that a folder holds what it says and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from spellock.artefacts import new_folder, write_bytes, write_json
from spellock.errors import ModelError, StorageError
from spellock.tasks.architectures import create_network
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.detectors import create_detector, is_detector
from spellock.tasks.model_card import model_card
from spellock.tasks.model_config import FORMAT, VERSION, check_lock_class, read_config
from spellock.tasks.model_task import task_of_config
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.registry import list_tasks, make_task
from spellock.tasks.task import Task

Fill = Callable[[nn.Module, Path], object]


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model from a folder: the model in evaluation mode, its class names in logit order, its configuration."""

    model: PixelModel
    classes: tuple[str, ...]
    config: dict[str, Any]

    @property
    def task(self) -> Task:
        """What the model's outputs are.

        Raises:
            ModelError: this version has no such task.
        """
        return task_of_config(self.config)

    @property
    def says_lock_class(self) -> bool:
        """Whether the folder says which class is the lock class, or that there is none."""
        return "lock_class" in self.config

    @property
    def lock_class(self) -> int | None:
        """Number of the class that unauthorised inputs alone belong to; None where the model has none.

        Raises:
            ModelError: the folder does not say. None would then make a lock look better than it is.
        """
        if not self.says_lock_class:
            raise ModelError("the model's config.json does not say which class is the lock class; name it yourself")
        number: int | None = self.config["lock_class"]
        return number

    @property
    def group_classes(self) -> tuple[int, ...]:
        """Numbers of the classes that are groups of others, which a tier's key releases; usually none."""
        return tuple(self.config.get("group_classes", ()))


def tensors_of(network: nn.Module) -> dict[str, Tensor]:
    """A network's state on the CPU, contiguous and with nothing shared, as safetensors wants it."""
    return {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format).contiguous()
        for name, tensor in network.state_dict().items()
    }


def save_model(
    model: PixelModel,
    folder: Path,
    *,
    classes: Sequence[str],
    lock_class: int | Literal["unknown"] | None = "unknown",
    group_classes: Sequence[int] = (),
    task: str = "classification",
    card: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write ``model`` as a folder, complete or not at all.

    Args:
        classes: names in logit order, one per logit.
        lock_class: number of the class that unauthorised inputs alone belong to, None where there is none; "unknown"
            writes nothing about it.
        group_classes: numbers of the classes that are groups of others, which a tier's key releases.
        card: Markdown of the README; a short one is written where None.
        overwrite: replace a model folder that is there already, once the new one is complete.

    Raises:
        ModelError: the number of names is not the number of logits, or lock class or groups are none of them.
        StorageError: the folder exists, or cannot be written.
    """
    folder = Path(folder)
    if len(classes) != model.num_classes:
        raise ModelError(f"got {len(classes)} class names, expected {model.num_classes}: one for each logit")
    config: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "task": task,
        "architecture": model.architecture,
        "options": model.options,
        "classes": list(classes),
        "input_size": model.input_size,
        "mean": list(model.mean_std[0]),
        "std": list(model.mean_std[1]),
        "interpolation": model.interpolation,
    }
    if lock_class != "unknown":
        config["lock_class"] = lock_class
    if group_classes:
        config["group_classes"] = list(group_classes)
    check_lock_class(config, f"{folder}")
    if overwrite and folder.exists() and not (folder / "config.json").is_file():
        raise StorageError(f"{folder} is not a model folder, so it is not replaced; choose another place")
    with new_folder(folder, overwrite=overwrite) as temporary:
        write_bytes(temporary / "model.safetensors", save(tensors_of(model.network), metadata={"format": "pt"}))
        write_json(temporary / "config.json", config)
        write_bytes(temporary / "README.md", (card if card is not None else model_card(config)).encode())


def load_model(folder: Path, *, network: nn.Module | None = None, fill: Fill | None = None) -> LoadedModel:
    """Read a model folder; the model comes in evaluation mode on the CPU.

    Args:
        network: the module to load into, for a model that was made with `wrap` and so has no architecture's name.
        fill: puts the folder's weights into the network where they are not in ``model.safetensors``, as of encrypted
            ones; its errors come through.

    Raises:
        ModelError: the folder, its configuration or its weights are missing, damaged, too new, or do not fit.
    """
    folder = Path(folder)
    config = read_config(folder)
    classes = tuple(str(name) for name in config["classes"])
    model: PixelModel | None = None
    if network is None and is_detector(config["architecture"]):
        model = _detector(config, len(classes))
        network = model.network
    if network is None:
        if config["architecture"] is None:
            raise ModelError(f"{folder} holds a network from elsewhere; pass the same module as network=")
        network = create_network(
            config["architecture"], num_classes=len(classes), input_size=config["input_size"], options=config["options"]
        ).network
    if fill is None:
        _fill(network, folder, config)
    else:
        fill(network, folder)
    model = model or _around(network, config, len(classes))
    return LoadedModel(model=model.eval(), classes=classes, config=config)


def _fill(network: nn.Module, folder: Path, config: dict[str, Any]) -> None:
    """Load ``model.safetensors``."""
    path = folder / "model.safetensors"
    if not path.exists() and (encrypted := next(iter(sorted(folder.glob("*.safetensors.enc"))), None)):
        raise ModelError(
            f"the weights in {folder} are encrypted ({encrypted.name}); give `spellock predict` their key file with "
            "--decrypt-key, or decrypt the folder with `spellock weights decrypt`"
        )
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read {path}: {error}; the model folder is damaged or incomplete") from error
    except RuntimeError as error:
        raise ModelError(
            f"{path} does not fit its config.json ({config['architecture']}, {len(config['classes'])} classes); "
            "the folder mixes two models"
        ) from error


def _around(network: nn.Module, config: dict[str, Any], classes: int) -> PixelModel:
    """A model of what was loaded into a network."""
    settings = {name: config[name] for name in ("input_size", "mean", "std", "architecture", "options")}
    if config["task"] in list_tasks() and make_task(config["task"]).has_boxes:
        return DetectionModel(network, num_classes=classes, **settings)
    return PixelModel(network, interpolation=config["interpolation"], **settings)


def _detector(config: dict[str, Any], categories: int) -> PixelModel:
    settings = {name: config[name] for name in ("input_size", "mean", "std", "options")}
    return create_detector(config["architecture"], num_classes=categories, **settings)
