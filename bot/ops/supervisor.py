"""Words for systemd (`Type=notify`): ready, still alive, stopping. Its protocol is one datagram each."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def tell(state: str) -> None:
    """Send `READY=1`, `WATCHDOG=1` or `STOPPING=1` to whoever set NOTIFY_SOCKET; nobody did: nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(state.encode(), address.replace("@", "\0", 1) if address.startswith("@") else address)
