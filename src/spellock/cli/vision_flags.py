"""The vision-language model that a command's options name."""

from __future__ import annotations

import os
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


def asks_endpoint(args: AsksVision) -> bool:
    """Whether an endpoint is asked: one is named, or images may be uploaded and the environment names one.

    The environment alone asks nobody, so that a variable that is left over costs no refusal.
    """
    from spellock.prompts.endpoint import URL_VARIABLE

    named = args.endpoint is not None or args.vision_model is not None
    return named or (args.allow_upload and bool(os.environ.get(URL_VARIABLE)))


def vision_model(args: AsksVision) -> VisionModel | None:
    """The model to ask; None where nobody is.

    Raises:
        ConfigError: uploads are allowed, but to nobody; or the endpoint lacks an address or a model's name.
        ModelError: there is no such local model.
    """
    if args.local_model is not None:
        from spellock.prompts.local_model import LocalModel

        return LocalModel(source=args.local_model, device=args.device)
    from spellock.prompts.endpoint import URL_VARIABLE, endpoint_from

    if not asks_endpoint(args):
        if args.allow_upload:
            raise ConfigError(
                f"got --allow-upload and nobody to upload to; add --endpoint and --vision-model, or set {URL_VARIABLE}"
            )
        return None
    return endpoint_from(
        url=args.endpoint,
        model=args.vision_model,
        allow_upload=args.allow_upload,
        timeout=args.timeout,
        say=lambda sentence: print(sentence, file=sys.stderr, flush=True),
    )
