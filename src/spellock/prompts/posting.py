"""Sending one JSON body to one address: what failed for the moment is tried again, every failure is one sentence."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Final

from spellock.errors import ModelError

_MAX_ANSWER: Final = 1_000_000
#: Answers that may be another one a little later; all other errors stay what they are.
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class PassingError(ModelError):
    """A failure that may be over a little later."""


@dataclass(frozen=True, kw_only=True)
class Posting:
    """How a body is sent.

    Attributes:
        timeout: seconds to wait for connection and answer.
        tries: how often the same body is sent at most.
        pause: seconds before the second try; each further one waits twice as long.
        key_variable: where the access key comes from, for the sentence that says that it is refused.
    """

    timeout: float
    tries: int
    pause: float
    key_variable: str

    def __call__(self, address: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The answer's body.

        Raises:
            ModelError: the host cannot be reached, refuses, redirects, is too slow or says too much, in all tries where
                that may pass.
        """
        host = urllib.parse.urlsplit(address).netloc
        request = urllib.request.Request(address, data=body, headers=dict(headers), method="POST")
        for number in range(1, self.tries + 1):
            try:
                return self._once(request, host)
            except PassingError as error:
                if number == self.tries:
                    times = "" if self.tries == 1 else f" (tried {self.tries} times)"
                    raise ModelError(f"{error}{times}") from None
            sleep(self.pause * 2 ** (number - 1))
        raise AssertionError("tries is above 0")

    def _once(self, request: urllib.request.Request, host: str) -> bytes:
        try:
            with urllib.request.build_opener(_NoRedirects()).open(request, timeout=self.timeout) as response:
                data = _read(response, until=monotonic() + self.timeout)
        except urllib.error.HTTPError as error:
            kind = PassingError if error.code in _PASSING else ModelError
            raise kind(f"{host} answered HTTP {error.code}: {self._meaning(error.code)}") from None
        except TimeoutError:
            raise PassingError(self._slow(host)) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise PassingError(self._slow(host)) from None
            raise PassingError(f"cannot reach {host}: {error.reason}; check the address and the network") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise PassingError(
                f"the connection to {host} broke ({type(error).__name__}); check the address and try again"
            ) from None
        if len(data) > _MAX_ANSWER:
            raise ModelError(f"{host} answered with more than {_MAX_ANSWER} bytes, expected a short text")
        return data

    def _slow(self, host: str) -> str:
        return f"{host} did not answer within {self.timeout:g} s; give a longer --timeout or another model"

    def _meaning(self, code: int) -> str:
        meanings = {
            400: "it does not understand the request; does the model take images?",
            401: f"it refuses the access key; check {self.key_variable}",
            403: f"it does not allow this; check {self.key_variable} and the account",
            404: "there is no such address or model; check --endpoint and --vision-model",
            413: "the images are too large for it; send fewer",
            429: "too many requests, or no credit; wait, or check the account",
        }
        if 300 <= code < 400:
            return "it points elsewhere, where nothing is sent unasked; give the final address"
        return meanings.get(code, "it failed; try again later" if code >= 500 else "it refuses the request")


def _read(response: http.client.HTTPResponse, *, until: float) -> bytes:
    """At most a byte more than an answer may have.

    Raises:
        TimeoutError: it is later than ``until``. The socket's own limit is for each piece of an answer alone, so that a
            host that sends a byte now and then would never reach it.
    """
    data = b""
    while len(data) <= _MAX_ANSWER and (piece := response.read1(_MAX_ANSWER + 1 - len(data))):
        data += piece
        if monotonic() > until:
            raise TimeoutError
    return data


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Images and access key go to the host that was named, and to no other."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """No redirect is followed; it ends as an HTTP error."""
