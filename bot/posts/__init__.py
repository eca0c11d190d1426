"""From a story to the bytes that Telegram gets: pure functions only."""
