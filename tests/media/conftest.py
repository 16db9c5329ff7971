"""What tests of this room get by name."""

from tests.media.fake_sound import quick, sound

__all__ = ["quick", "sound"]
