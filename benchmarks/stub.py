"""A Bot API that answers each POST at once with a message id: for measuring clients. Prints its port."""

from __future__ import annotations

import asyncio
import itertools
import re

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_IDS = itertools.count(1)
_RESULT = (
    b'{"ok":true,"result":{"message_id":%d,"from":{"id":777000123,"is_bot":true,"first_name":"Newsdesk","username":'
    b'"newsdesk_bot"},"chat":{"id":1001,"first_name":"A","type":"private"},"date":1763874000,"text":"%b"}}'
)
_TEXT = b"x" * 300


class Stub(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as little of it as a client needs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        """Answer every complete request."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._data, 0, end)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < size:
                return
            self._data = self._data[size:]
            body = _RESULT % (next(_IDS), _TEXT)
            self._transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )


async def main() -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
