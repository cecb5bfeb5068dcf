"""A vision-language model behind any OpenAI-compatible endpoint; images go there only when the owner said so."""

from __future__ import annotations

import base64
import io
import json
import os
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import Image

from spellock.errors import ConfigError, ModelError
from spellock.prompts.posting import Posting

#: Where settings come from when they are not given; the access key comes from nowhere else.
URL_VARIABLE: Final = "SPELLOCK_ENDPOINT"
MODEL_VARIABLE: Final = "SPELLOCK_VISION_MODEL"
KEY_VARIABLE: Final = "SPELLOCK_API_KEY"
_SIDE: Final = 512
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A chat endpoint, for example ``https://host/v1`` (``/chat/completions`` is appended).

    Attributes:
        url: base address, http or https.
        model: the model's name there.
        access_key: sent as bearer token; empty for none.
        allow_upload: without it nothing is sent, and asking is refused.
        timeout: seconds to wait for connection and answer, above 0.
        tries: how often a question is sent to a host that is down, busy or slow, 1 to 10.
        pause: seconds before the second try; each further one waits twice as long.
        say: told how many images go where, before they do.

    Raises:
        ConfigError: the address is no http address, the model has no name, or a number is out of range.
    """

    url: str
    model: str
    access_key: str = field(default="", repr=False)
    allow_upload: bool = False
    timeout: float = 60.0
    tries: int = 3
    pause: float = 1.0
    say: Callable[[str], None] = field(default=lambda sentence: None, repr=False)

    def __post_init__(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("the endpoint is no http or https address, expected for example https://host/v1")
        if parts.username or parts.password:
            raise ConfigError(f"the endpoint holds a user name or password; put the access key into {KEY_VARIABLE}")
        if not self.model.strip():
            raise ConfigError(f"the endpoint's model has no name; give --vision-model or {MODEL_VARIABLE}")
        if not self.timeout > 0:
            raise ConfigError(f"timeout is {self.timeout}, expected seconds above 0")
        if not 1 <= self.tries <= 10 or not self.pause >= 0:
            raise ConfigError(f"got {self.tries} tries and a pause of {self.pause} s, expected 1 to 10 and 0 or more")
        if self.access_key and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigError("the access key would go out unencrypted over http; use an https address")

    @property
    def host(self) -> str:
        """Host, and port where there is one."""
        return urllib.parse.urlsplit(self.url).netloc

    @property
    def name(self) -> str:
        """See `VisionModel.name`."""
        return f"the model {self.model} at {self.host}"

    def answer(self, question: str, images: Sequence[Image.Image], *, attempt: int = 0) -> str:
        """See `VisionModel.answer`; how answers vary is the host's affair, so ``attempt`` changes nothing.

        Images are sent as JPEG of at most 512 px a side, without their metadata.

        Raises:
            ConfigError: uploads were not allowed.
            ModelError: the endpoint cannot be reached, refuses, redirects, is too slow or answers in another format.
        """
        if not self.allow_upload:
            raise ConfigError(
                f"{len(images)} of your images would leave this machine for {self.host}; add --allow-upload if they may"
            )
        self.say(f"sending {len(images)} images of at most {_SIDE} px to {self.host}")
        content: list[dict[str, Any]] = [{"type": "text", "text": question}]
        content += [{"type": "image_url", "image_url": {"url": _data_uri(image)}} for image in images]
        body = {"model": self.model, "messages": [{"role": "user", "content": content}], "max_tokens": 1024}
        return _text_of(self._post(body), self.name)

    def _post(self, body: Mapping[str, Any]) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "spellock"}
        if self.access_key:
            headers["Authorization"] = f"Bearer {self.access_key}"
        post = Posting(timeout=self.timeout, tries=self.tries, pause=self.pause, key_variable=KEY_VARIABLE)
        return post(f"{self.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers)


def endpoint_from(
    environment: Mapping[str, str] = os.environ, *, url: str | None = None, model: str | None = None, **settings: Any
) -> Endpoint:
    """An endpoint with what is not given taken from the environment.

    Args:
        environment: ``SPELLOCK_ENDPOINT``, ``SPELLOCK_VISION_MODEL`` and ``SPELLOCK_API_KEY``.
        url, model: see `Endpoint`.
        settings: the other fields of `Endpoint`.

    Raises:
        ConfigError: there is no address or no model name, or see `Endpoint`.
    """
    address = url or environment.get(URL_VARIABLE, "")
    if not address:
        raise ConfigError(f"got no endpoint to ask, expected its address; give --endpoint or set {URL_VARIABLE}")
    return Endpoint(
        url=address,
        model=model or environment.get(MODEL_VARIABLE, ""),
        access_key=environment.get(KEY_VARIABLE, ""),
        **settings,
    )


def _data_uri(image: Image.Image) -> str:
    small = Image.fromarray(_pixels(image))  # a fresh image has no metadata
    small.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    small.save(data, format="JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _pixels(image: Image.Image) -> Any:
    import numpy as np

    return np.asarray(image.convert("RGB"))


def _text_of(data: bytes, name: str) -> str:
    """The text of a chat completion; a refusal is an answer without JSON, for whoever parses it to report."""
    try:
        message = json.loads(data)["choices"][0]["message"]
        text = message.get("content") or message.get("refusal") or ""
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise ModelError(f"{name} answered in another format than a chat completion; check the address") from None
    if not isinstance(text, str):
        raise ModelError(f"{name} answered with a {type(text).__name__}, expected text; use another model")
    return text
