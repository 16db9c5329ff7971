"""`voxsync talk` by microphone and speaker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from voxsync.cli.exits import Exit, explain, plain
from voxsync.cli.meter import meter_text
from voxsync.cli.progress import clock_text
from voxsync.cli.script import Mover, Script
from voxsync.cli.stats import shown
from voxsync.cli.units import microphone_for, speaker_for
from voxsync.conversation import AudioConversation
from voxsync.errors import VoxsyncError

if TYPE_CHECKING:
    from voxsync.cli.progress import LiveLine
    from voxsync.events import ErrorEvent
    from voxsync.gemini import LiveGenerativeModel, LiveSession
    from voxsync.media import Microphone, Speaker

__all__ = ["talk_live"]

# What the service takes and gives: units adapt to it.
_HEARD_RATE = 16_000
_SPOKEN_RATE = 24_000
_TIMEOUT_S = 10.0
_LOOK_UP_S = 0.1
# 7 cells, with brackets and figure: there are two, and text behind them.
_METER_COLUMNS = 16


def talk_live(
    model: LiveGenerativeModel,
    line: LiveLine,
    *,
    device: int | str | None = None,
    output_device: int | str | None = None,
    half_duplex: bool = False,
    stats: bool = False,
) -> Exit:
    """Talk until Ctrl-C, or until the service ends it.

    Args:
        model: With whom.
        line: Where levels are shown.
        device: The microphone; None = the system's.
        output_device: The speaker, likewise.
        half_duplex: See `AudioConversation`.
        stats: Show the session's figures at the end.

    Raises:
        DeviceError, ConnectError, SessionClosed, ...: What it failed by.

    Thread: the main one.
    """
    # In this order: a device that cannot be opened costs no session.
    with (
        microphone_for(_HEARD_RATE, device, line) as microphone,
        speaker_for(_SPOKEN_RATE, output_device, line) as speaker,
    ):
        session = model.session({})  # so that it outlives a connection
        talk = _Talk(session, microphone, speaker, line, half_duplex=half_duplex)
        with (
            shown(
                session,
                line,
                wanted=stats,
                units=(microphone, speaker),
                receive_dropped=0,
            ),
            session.connect(_TIMEOUT_S),
        ):
            return talk.run()


class _Talk:
    """One conversation, followed by the main thread."""

    def __init__(
        self,
        session: LiveSession,
        microphone: Microphone,
        speaker: Speaker,
        line: LiveLine,
        *,
        half_duplex: bool,
    ) -> None:
        self._session = session
        self._line = line
        self._script = Script()
        self._mover = Mover(session, self._script, line)
        session.add_event_listener("message", self._script.heard)
        session.add_event_listener("error", self._tell)
        self._conversation = AudioConversation(
            session, microphone=microphone, speaker=speaker, half_duplex=half_duplex
        )
        self._conversation.add_event_listener("error", self._tell)
        self._name = plain(microphone.device.name)
        self._started = 0.0

    def run(self) -> Exit:
        self._started = time.monotonic()
        try:
            with self._conversation:
                self._follow()
        finally:
            self._line.clear()
            self._print(self._script.finish())
        return Exit.OK

    def _follow(self) -> None:
        """Until the end. Raises what it failed by."""
        script = self._script
        try:
            self._line.say(f"listening to {self._name}; Ctrl-C ends")
            while self._goes_on():
                if not script.answering:
                    self._mover.look()
        except KeyboardInterrupt:
            self._end()
        else:
            self._line.clear()
            self._conversation.wait()
            self._line.say("the service ended the conversation")

    def _end(self) -> None:
        """Let the model finish; then it is over when that was heard."""
        self._conversation.mute = True
        if self._script.answering:
            self._line.clear()
            self._line.say("ending with this answer; Ctrl-C again ends at once")
        while self._script.answering and self._goes_on():
            pass
        self._mover.wait()
        self._session.close(wait=False)
        while self._goes_on():
            pass
        self._conversation.wait()

    def _goes_on(self) -> bool:
        """Wait a little, and show how it is."""
        conversation = self._conversation
        if not conversation.is_active:
            return False
        try:
            conversation.wait(_LOOK_UP_S)
        except TimeoutError:
            pass  # or that is what it ended by: then it is not active
        except (VoxsyncError, OSError):
            return False  # to be raised by who waits again
        self._print(self._script.take())
        if self._line.live:
            levels = conversation.levels
            self._line.show(
                f"{clock_text(time.monotonic() - self._started)} "
                f"you {meter_text(levels.input, _METER_COLUMNS)} "
                f"model {meter_text(levels.output, _METER_COLUMNS)} ",
                self._script.pending,
            )
        return True

    def _print(self, lines: list[str]) -> None:
        for each in lines:
            self._line.clear()  # it may be the same terminal
            print(plain(each), flush=True)

    def _tell(self, event: ErrorEvent) -> None:
        """A listener: what does not end it. What does is raised."""
        if event.error is not self._conversation.error and not self._session.is_closed:
            self._line.say(f"voxsync: {explain(event.error)}")
