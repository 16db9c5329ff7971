"""One folder per service: what its messages are and what they mean.

May import: errors, redact, audio, the standard library; never each other.
Threads: none of its own; a dialect's state belongs to its session's I/O thread. What
users call to make requests is free of state and runs on their threads.
"""
