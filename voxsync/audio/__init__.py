"""Samples and their format: what is sent, and whether it is what it claims to be.

May import: errors, the standard library; numpy inside functions only (it is slow).
Threads: any; everything here is pure.
"""

from voxsync.audio.format import AudioFormat

__all__ = ["AudioFormat"]
