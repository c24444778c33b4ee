"""A class for vLLM's `--middleware`, by which clients get the proofs of their answers.

`--middleware assay.vllm.Proofs` adds GET /assay/proofs/ID to a server, where ID is that of a
response; and where a request has the header `assay-proofs: include`, its response has them in the
field `assay`: of a stream the last chunk.
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from ..errors import one_line
from .answers import told, told_bytes
from .counting import count_unknown
from .serving import answers_to, is_collecting

PREFIX = "/assay/proofs/"
HEADER = b"assay-proofs"
INCLUDE = b"include"
FIELD = "assay"

_DONE = b"[DONE]"
_MOST_ID = 1024

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Proofs:
    """An ASGI application around that of the server.

    Args:
        app: The server's.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the server answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith(PREFIX):
            await _tell(scope, send)
        elif _is_asked_to_include(scope):
            await self._app(scope, receive, _Including(send))
        else:
            await self._app(scope, receive, send)


async def _tell(scope: Scope, send: Send) -> None:
    if scope["method"] not in ("GET", "HEAD"):
        await _reply(send, 405, _error("only GET"))
        return
    raw = scope.get("raw_path")
    path = raw.split(b"?")[0].decode("ascii", "replace") if raw else scope["path"]
    asked_as = unquote(path.partition(PREFIX)[2])
    try:
        found = await answers_to(asked_as) if 0 < len(asked_as) <= _MOST_ID else []
    except Exception as error:
        await _reply(send, 500, _error(f"the proofs could not be read: {one_line(error)}"))
        return
    if found:
        await _reply(send, 200, told_bytes(found, asked_as))
        return
    count_unknown()
    reason = "no answer of this id is known" if is_collecting() else "the engine makes no proofs"
    await _reply(send, 404, _error(reason))


def _error(reason: str) -> bytes:
    return json.dumps({"error": {"message": reason, "type": "assay"}}).encode()


async def _reply(send: Send, status: int, body: bytes) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_asked_to_include(scope: Scope) -> bool:
    return any(
        name.lower() == HEADER and value.strip().lower() == INCLUDE
        for name, value in scope["headers"]
    )


class _Including:
    """Sends a response on, with the field `assay` in it: in all of it, or in its last chunk."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: MutableMapping[str, Any] = {}
        self._streamed = False
        self._whole = False
        self._held = b""

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif message["type"] == "http.response.body" and (self._streamed or self._whole):
            self._held += message.get("body", b"")
            more = bool(message.get("more_body"))
            if self._whole and not more:
                await self._finish()
            elif self._streamed:
                await self._go_on(more)
        else:
            await self._send(message)

    async def _begin(self, message: MutableMapping[str, Any]) -> None:
        headers = {name.lower(): value for name, value in message["headers"]}
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip()
        good = message["status"] == 200 and b"content-encoding" not in headers
        self._streamed = good and kind == b"text/event-stream"
        self._whole = good and kind == b"application/json"
        if self._whole:
            self._start = message  # its length is not known yet
        else:
            await self._send(message)

    async def _finish(self) -> None:
        body = await _with_proofs(self._held)
        headers = [
            (name, str(len(body)).encode() if name.lower() == b"content-length" else value)
            for name, value in self._start["headers"]
        ]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def _go_on(self, more: bool) -> None:
        # The last event before the one that says that all is done is held back until that comes.
        *events, rest = self._held.replace(b"\r\n", b"\n").split(b"\n\n")
        if not more and rest:
            events, rest = [*events, rest], b""
        done = next((i for i, one in enumerate(events) if _data(one) == _DONE), None)
        if done is not None and done > 0:
            events[done - 1] = b"data: " + await _with_proofs(_data(events[done - 1]))
        held = [] if done is not None or not more else events[-1:]
        ready = events[: len(events) - len(held)]
        self._held = b"\n\n".join([*held, rest])
        body = b"".join(one + b"\n\n" for one in ready)
        if body or not more:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})


def _data(event: bytes) -> bytes:
    return event.partition(b"data:")[2].strip() if event.startswith(b"data:") else b""


async def _with_proofs(body: bytes) -> bytes:
    """The same JSON object with the field `assay`, if it is a response to a question."""
    try:
        response = json.loads(body)
        asked_as = response["id"]
        found = await answers_to(asked_as)
    except Exception:
        return body  # an answer goes its way whatever happens to proofs
    if not found:
        count_unknown()
    response[FIELD] = told(found, asked_as)
    return json.dumps(response, ensure_ascii=False, separators=(",", ":")).encode()
