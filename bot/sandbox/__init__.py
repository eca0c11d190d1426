"""The embedded Telegram stand-in: strict enough to test against, good enough to show (docs/stand-in.md)."""
