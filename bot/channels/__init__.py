"""The newsroom's channels: what they get and when, pins and rates, what editors post there by hand."""
