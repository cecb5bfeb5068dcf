"""The vision-language model that a command's options name."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from spellock.errors import ConfigError

if TYPE_CHECKING:
    from spellock.vision import VisionModel


class AsksVision(Protocol):
    """Options of a command that may ask one."""

    @property
    def endpoint(self) -> str | None: ...
    @property
    def vision_model(self) -> str | None: ...
    @property
    def allow_upload(self) -> bool: ...
    @property
    def local_model(self) -> str | None: ...
    @property
    def timeout(self) -> float: ...
    @property
    def device(self) -> str: ...


def vision_model(args: AsksVision) -> VisionModel | None:
    if args.local_model is not None:
        from spellock.prompts.local_model import LocalModel

        return LocalModel(source=args.local_model, device=args.device)
    if args.endpoint is None and args.vision_model is None:
        if args.allow_upload:
            raise ConfigError("got --allow-upload and nobody to upload to; add --endpoint or --vision-model")
        return None
    from spellock.prompts.endpoint import endpoint_from

    return endpoint_from(
        url=args.endpoint,
        model=args.vision_model,
        allow_upload=args.allow_upload,
        timeout=args.timeout,
        say=lambda sentence: print(sentence, file=sys.stderr, flush=True),
    )
