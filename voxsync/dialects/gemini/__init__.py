"""gemini: what is said in a Live session, both ways, and the addresses of the service.

May import: dialects.base, errors, redact, audio, the standard library; numpy lazily.
Threads: requests are written by the caller's; the codec is the I/O thread's.
"""
