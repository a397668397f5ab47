"""
Python's websockets as a peer, of either role. It takes commands on standard input and tells of
events on standard output, as tests/interop/peers.ts describes them, one JSON a line. Runs with
websockets 10 (Debian 12) and later ones.
"""

import asyncio
import hashlib
import json
import logging
import sys

import websockets

PING, PONG = 9, 10


def tell(event, **what):
    print(json.dumps({"event": event, **what}), flush=True)


class Frames(logging.Handler):
    """Tells of the Pings and Pongs that come: the library's log alone tells of each frame."""

    def emit(self, record):
        if record.msg != "< %s" or not hasattr(record.args[0], "opcode"):
            return
        frame = record.args[0]
        if frame.opcode in (PING, PONG):
            name = "ping" if frame.opcode == PING else "pong"
            tell(name, payload=bytes(frame.data).decode())


logger = logging.getLogger("peer")
logger.setLevel(logging.DEBUG)
logger.propagate = False
logger.addHandler(Frames())

# Its own Pings are those it is told to send, and messages may be of any size.
OPTIONS = {"ping_interval": None, "max_size": None, "compression": "deflate", "logger": logger}


def shown(message):
    data = message.encode() if isinstance(message, str) else message
    if len(data) > 1000:
        return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return message if isinstance(message, str) else data.hex()


def extensions_of(ws, head):
    """What the other side said of extensions in its request or its response."""
    # From websockets 14 on they are attributes with headers of their own.
    headers = getattr(ws, head + "_headers", None)
    if headers is None:
        headers = getattr(ws, head).headers
    return headers.get("Sec-WebSocket-Extensions", "")


class Peer:
    def __init__(self):
        self.ws = None
        self.server = None

    async def run(self, ws, head):
        self.ws = ws
        tell("open", protocol=ws.subprotocol or "", extensions=extensions_of(ws, head))
        try:
            async for message in ws:
                tell("message", **{"text" if isinstance(message, str) else "binary": shown(message)})
        except websockets.ConnectionClosed:
            pass
        tell("close", code=ws.close_code, reason=ws.close_reason or "")

    async def connect(self, url, protocols=None):
        try:
            ws = await websockets.connect(url, subprotocols=protocols, **OPTIONS)
        except websockets.InvalidHandshake as error:
            response = getattr(error, "response", error)
            return tell("refused", status=response.status_code)
        await self.run(ws, "response")

    async def listen(self, protocols):
        async def serve(ws, *_):
            await self.run(ws, "request")

        self.server = await websockets.serve(
            serve, "127.0.0.1", 0, subprotocols=protocols, **OPTIONS
        )
        tell("listening", port=self.server.sockets[0].getsockname()[1])

    async def send(self, text=None, binary=None, times=1, pieces=None):
        if pieces is not None:
            await self.ws.send(pieces)
        elif text is not None:
            await self.ws.send(text * times)
        else:
            await self.ws.send(bytes.fromhex(binary) * times)

    async def ping(self, payload):
        await self.ws.ping(payload)

    async def close(self, code=1000, reason=""):
        await self.ws.close(code, reason)


async def main():
    peer = Peer()
    loop = asyncio.get_running_loop()
    running = None
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        name = command.pop("do")
        coroutine = getattr(peer, name)(**command)
        if name == "connect":  # it lasts as long as the connection
            running = asyncio.create_task(coroutine)
        else:
            await coroutine
    if running is not None:
        running.cancel()


asyncio.run(main())
