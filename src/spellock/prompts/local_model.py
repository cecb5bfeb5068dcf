"""A vision-language model on this machine: any image-text model of transformers, by hub id or folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from PIL import Image

from spellock.editors.quiet import quiet_libraries
from spellock.editors.weights_folder import is_hub_id, user_path
from spellock.errors import ModelError
from spellock.tasks.own_seed import own_seed

#: How later attempts are drawn. Stated here, since models bring settings of their own that are all but greedy.
_DRAWN: Final = {"do_sample": True, "temperature": 0.7, "top_p": 0.95, "top_k": 50}

#: (processor, model) of a name and a device.
Loader = Callable[[str, str], tuple[Any, Any]]


def load_image_text(name: str, device: str) -> tuple[Any, Any]:
    """Processor and model; safetensors only, and no code that comes with the weights."""
    import torch
    import transformers

    processor = transformers.AutoProcessor.from_pretrained(name)
    model = transformers.AutoModelForImageTextToText.from_pretrained(name, use_safetensors=True)
    return processor, torch.nn.Module.to(model, device).eval()


@dataclass(frozen=True, kw_only=True)
class LocalModel:
    """Answers without any image leaving the machine. Weights are loaded for the first question and then kept.

    Attributes:
        source: folder, or hub id ("owner/name"), which is downloaded unless HF_HUB_OFFLINE is set. What would lie in a
            folder that is here is a path, and the hub is never asked for it.
        device: PyTorch device.
        max_new_tokens: length of the answer.
        load: brings processor and model; another one is for tests.

    Raises:
        ModelError: there is no such folder.
    """

    source: str
    device: str = "cpu"
    max_new_tokens: int = 512
    load: Loader = field(default=load_image_text, repr=False)

    def __post_init__(self) -> None:
        if not self.source.strip():
            raise ModelError("the local model has no name, expected a hub id or a folder; give --local-model")
        if not os.path.isdir(user_path(self.source)) and not is_hub_id(self.source):
            raise ModelError(f"there is no model folder {self.source}; check the path, or give a hub id (owner/name)")

    @property
    def name(self) -> str:
        """See `VisionModel.name`."""
        return f"the model {self.source}"

    def answer(self, question: str, images: Sequence[Image.Image], *, attempt: int = 0) -> str:
        """See `VisionModel.answer`. The first attempt is greedy, later ones are drawn from the attempt's own seed: the
        same images get the same answers, and nonsense does not come twice for want of chance."""
        try:
            with quiet_libraries():
                return self._answer(question, images, attempt)
        except MemoryError:
            raise
        except Exception as error:
            # Whatever a library makes of strange weights, the user needs one sentence.
            raise ModelError(
                f"the image-text model {self.source} cannot be used ({type(error).__name__}: {str(error)[:160]}); it "
                "must be one that transformers loads with AutoModelForImageTextToText, with safetensors weights"
            ) from error

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        folder = user_path(self.source)
        return self.load(str(folder) if os.path.isdir(folder) else self.source, self.device)

    def _answer(self, question: str, images: Sequence[Image.Image], attempt: int) -> str:
        import torch

        processor, model = self._loaded
        content: list[dict[str, Any]] = [{"type": "image", "image": image} for image in images]
        messages = [{"role": "user", "content": [*content, {"type": "text", "text": question}]}]
        inputs = processor.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        ).to(self.device)
        how = _DRAWN if attempt else {"do_sample": False}
        with torch.inference_mode(), own_seed(attempt):
            tokens = model.generate(**inputs, max_new_tokens=self.max_new_tokens, **how)
        fresh = tokens[:, inputs["input_ids"].shape[1] :]
        text: str = processor.batch_decode(fresh, skip_special_tokens=True)[0]
        return text
