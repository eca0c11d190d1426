"""Newsdesk: from a newsroom's feed to a reader's phone. The story is told in `bot/app.py`."""

__version__ = "0.1.0"
