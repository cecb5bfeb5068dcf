"""The endpoint, against a server on this machine: what is sent, what is refused, and what every failure says."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spellock.errors import ConfigError, ModelError
from spellock.prompts.endpoint import Endpoint, endpoint_from


class Server:
    """Answers with what the test sets, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.body, self.headers, self.wait = 200, b"", dict[str, str](), 0.0
        self.drops = 0  # bytes that come one by one before the body
        self.failures: list[int] = []  # answers to the next questions, before `status`
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                outer.seen.append((self.path, dict(self.headers), json.loads(data)))
                time.sleep(outer.wait)
                self.send_response(outer.failures.pop(0) if outer.failures else outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                for _ in range(outer.drops):
                    self.wfile.write(b" ")
                    time.sleep(0.05)
                self.wfile.write(outer.body)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def says(self, text: object) -> None:
        self.body = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    one = Server()
    yield one
    one.http.shutdown()
    one.http.server_close()


def picture() -> Image.Image:
    """A photograph of 1000 x 700 px with metadata that must not leave."""
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (700, 1000, 3), dtype=np.uint8))
    image.info["comment"] = b"taken at home"
    return image


def test_images_are_sent_small_and_without_metadata_after_saying_so(server: Server) -> None:
    said: list[str] = []
    server.says("words")
    one = Endpoint(url=server.url, model="eye", access_key="token", allow_upload=True, say=said.append)
    assert one.answer("What is it?", [picture(), picture()]) == "words"
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer token"
    assert body["model"] == "eye"
    content = body["messages"][0]["content"]
    assert content[0] == {"type": "text", "text": "What is it?"}
    assert len(content) == 3
    data = base64.b64decode(content[1]["image_url"]["url"].removeprefix("data:image/jpeg;base64,"))
    assert b"taken" not in data
    assert Image.open(io.BytesIO(data)).size == (512, 358)
    assert said == [f"sending 2 images of at most 512 px to {one.host}"]


def test_nothing_is_sent_without_permission(server: Server) -> None:
    with pytest.raises(ConfigError, match=r"3 of your images would leave .*127\.0\.0\.1.*--allow-upload"):
        Endpoint(url=server.url, model="eye").answer("?", [picture()] * 3)
    assert server.seen == []


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "images"),
        (401, "SPELLOCK_API_KEY"),
        (404, "no such address"),
        (429, "too many"),
        (500, "try again"),
        (418, "refuses"),
    ],
)
def test_http_errors_are_one_sentence(status: int, says: str, server: Server) -> None:
    server.status, server.body = status, b"<html>a page with the token in it</html>"
    with pytest.raises(ModelError, match=f"HTTP {status}.*{says}") as caught:
        Endpoint(url=server.url, model="eye", access_key="token", allow_upload=True, pause=0).answer("?", [])
    assert "token" not in str(caught.value)
    passing = status in (429, 500)
    assert len(server.seen) == (3 if passing else 1), "what will not pass is not sent again"
    assert ("tried 3 times" in str(caught.value)) == passing


def test_a_host_that_recovers_is_asked_again(server: Server) -> None:
    server.says("a fox")
    server.failures = [503, 429]
    ask = Endpoint(url=server.url, model="eye", allow_upload=True, pause=0)
    assert ask.answer("?", []) == "a fox"
    assert [body for _, _, body in server.seen[1:]] == [server.seen[0][2]] * 2
    server.failures = [503]
    with pytest.raises(ModelError, match=r"HTTP 503: it failed; try again later$"):
        Endpoint(url=server.url, model="eye", allow_upload=True, tries=1).answer("?", [])


def test_pauses_double(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("spellock.prompts.posting.sleep", waited.append)
    server.status = 502
    with pytest.raises(ModelError, match="tried 4 times"):
        Endpoint(url=server.url, model="eye", allow_upload=True, tries=4, pause=0.5).answer("?", [])
    assert waited == [0.5, 1, 2]


def test_redirects_are_not_followed(server: Server) -> None:
    server.status, server.headers = 302, {"Location": f"{server.url}/elsewhere"}
    with pytest.raises(ModelError, match="points elsewhere"):
        Endpoint(url=server.url, model="eye", allow_upload=True).answer("?", [])
    assert len(server.seen) == 1


def test_a_slow_server_and_none_at_all(server: Server) -> None:
    server.wait = 2.0
    with pytest.raises(ModelError, match=r"did not answer within 0\.1 s"):
        Endpoint(url=server.url, model="eye", allow_upload=True, timeout=0.1, tries=2, pause=0).answer("?", [])
    with pytest.raises(ModelError, match=r"cannot reach 127\.0\.0\.1:9"):
        Endpoint(url="http://127.0.0.1:9/v1", model="eye", allow_upload=True, timeout=2, pause=0).answer("?", [])


def test_a_server_that_never_comes_to_an_end(server: Server) -> None:
    server.says("words")
    server.drops = 40
    started = time.monotonic()
    with pytest.raises(ModelError, match=r"did not answer within 0\.4 s"):
        Endpoint(url=server.url, model="eye", allow_upload=True, timeout=0.4, tries=1).answer("?", [])
    assert time.monotonic() - started < 1.5
    server.drops = 2
    assert Endpoint(url=server.url, model="eye", allow_upload=True, timeout=20).answer("?", []) == "words"


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b'{"choices": []}', b'{"choices": [{"message": 3}]}'])
def test_other_formats_are_named(body: bytes, server: Server) -> None:
    server.body = body
    with pytest.raises(ModelError, match="another format"):
        Endpoint(url=server.url, model="eye", allow_upload=True).answer("?", [])


def test_odd_answers(server: Server) -> None:
    ask = Endpoint(url=server.url, model="eye", allow_upload=True)
    server.body = json.dumps({"choices": [{"message": {"content": None, "refusal": "I would rather not."}}]}).encode()
    assert ask.answer("?", []) == "I would rather not."
    server.says([{"type": "text"}])
    with pytest.raises(ModelError, match="expected text"):
        ask.answer("?", [])
    server.body = b" " * 1_000_001
    with pytest.raises(ModelError, match="more than"):
        ask.answer("?", [])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"url": "ftp://host"}, "no http"),
        ({"url": "host/v1"}, "no http"),
        ({"url": "https://me:word@host/v1"}, "password"),
        ({"model": " "}, "no name"),
        ({"timeout": 0}, "timeout"),
        ({"tries": 0}, "0 tries"),
        ({"pause": -1.0}, "pause of"),
        ({"url": "http://example.org/v1", "access_key": "token"}, "unencrypted"),
    ],
)
def test_endpoints_that_cannot_be(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        Endpoint(**{"url": "https://host/v1", "model": "eye", **changes})
    assert "token" not in str(caught.value)
    assert "word@" not in str(caught.value)


def test_the_environment_fills_in_what_is_not_given() -> None:
    environment = {"SPELLOCK_ENDPOINT": "https://a/v1", "SPELLOCK_VISION_MODEL": "eye", "SPELLOCK_API_KEY": "token"}
    found = endpoint_from(environment, url="https://b/v1")
    assert (found.url, found.model, found.access_key) == ("https://b/v1", "eye", "token")
    assert "token" not in repr(found)
    with pytest.raises(ConfigError, match="--endpoint"):
        endpoint_from({})
    with pytest.raises(ConfigError, match="--vision-model"):
        endpoint_from({"SPELLOCK_ENDPOINT": "https://a/v1"})
