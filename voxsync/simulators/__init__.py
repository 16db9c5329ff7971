"""The local services: what a voice service does, on this machine, faults included.

Here live the embedded mimi-compatible service, its fault menu and its recognisers.
It may import `server`, `dialects`, `audio` and `errors`; nothing below imports it.
Threads: a service's own, one per session; a recogniser stream knows only one of them.
"""
