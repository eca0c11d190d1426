"""From a waiting post to a receipt per reader: rounds, pacing, sending, settling."""
