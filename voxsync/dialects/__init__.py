"""One folder per service: what its messages are and what they mean.

May import: errors, redact, audio.format, the standard library; never each other.
Threads: none of its own; a dialect is held by its session's I/O thread alone.
"""
