"""The `voxsync` command: thin programs over the public API.

May import: everything; nothing imports it.
Threads: the main thread receives and shows, one thread sends.
"""
