"""What the newsroom does for readers besides sending: exchange rates, their own data."""
