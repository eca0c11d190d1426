"""The life of the process that parses: `python -m bot.feeds.serve`. It loads what its work names and nothing else, for
it is a second process beside the watcher; `bot/feeds/worker.py` starts and kills it.
"""

from __future__ import annotations

import pickle
import struct
import sys
from typing import BinaryIO

from bot.domain.errors import FeedError

SIZE = struct.Struct(">Q")
"""What stands before each request and answer: its bytes."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request with (True, result) or (False, a FeedError's words), until the end."""
    while len(head := requests.read(SIZE.size)) == SIZE.size:
        work, text, options = pickle.loads(requests.read(*SIZE.unpack(head)))  # noqa: S301 (our own parent)
        try:
            answer = (True, work(text, **options))
        except FeedError as error:
            answer = (False, (error.kind, error.detail, error.feed))
        data = pickle.dumps(answer, protocol=5)
        answers.write(SIZE.pack(len(data)) + data)
        answers.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
