"""The command `voxsync`: thin programs over the public doors.

Here live the subcommands and what they share; it may import everything, and nothing
imports it. Threads: the main one waits and is the one that Ctrl-C reaches; a sender
thread per recording (or microphone); results come on the session's events thread;
devices and links have threads of their own.
"""
