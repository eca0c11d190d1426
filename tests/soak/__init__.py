"""Hours of a whole newsroom in virtual time, with everything that goes wrong in them: `python -m tests.soak --seed 1`.

Feeds publish, edit and break; readers come, choose, block and leave; editors send, correct and withdraw; Telegram, the
database, the clock and the bot itself fail. Beside the bot stands a book of what each reader's chat holds, written from
what the stand-in accepted. What must hold always is asserted when it happens; at the end all faults cease, the bot may
finish its work, and the book is compared with what was published. A seed decides everything: a failing one fails again.
"""
