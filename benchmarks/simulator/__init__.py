"""A newsroom's day on simulated time: the day and its readers, Telegram's flood rule, and the delivery between them.

`python -m benchmarks.day` runs it and prints the tables; see there for what is modelled and what is not.
"""
