"""VoxEngine's WebSocket: its names, its messages, its streams of audio in JSON.

May import: dialects.base, errors, redact, audio, the standard library; numpy and the
extra `opus` come with the first stream that needs them.
Threads: the codec is the I/O thread's, but for `statistics`.
"""

from voxsync.dialects.voximplant.codec import MediaStatistics, VoximplantDialect
from voxsync.dialects.voximplant.incoming import ReceivedStats
from voxsync.dialects.voximplant.outgoing import SentStats

__all__ = ["MediaStatistics", "ReceivedStats", "SentStats", "VoximplantDialect"]
