"""A program whose own blinker signals are now fed by voxsync; it stays as it is."""

from __future__ import annotations

from typing import Any

import blinker

from voxsync.mimi import MimiSession
from voxsync.simulators.mimi import MimiService
from voxsync.simulators.recogniser import Hypothesis, ScriptedRecogniser

heard = blinker.signal("heard")
hung_up = blinker.signal("hung-up")
SAID = Hypothesis(text="good morning", is_final=True, start_ms=0, end_ms=500)


class Office:
    """Receivers that are methods; the sender tells which line it is."""

    def __init__(self) -> None:
        self.names: dict[object, str] = {}

    def on_heard(self, line: Any, event: Any) -> None:
        """A method of an object."""
        if event.message.is_final:
            print(f"{self.names[line]}: {event.message.text}")

    @classmethod
    def on_hung_up(cls, _: Any, **details: Any) -> None:
        """A method of a class, which takes what it does not know as well."""
        print(f"{cls.__name__} saw the end: {details['event'].code}")


def main() -> None:
    office = Office()
    heard.connect(office.on_heard)  # weakly: `office` has to live, and does
    hung_up.connect(Office.on_hung_up)  # classes do anyway
    with MimiService(recogniser=ScriptedRecogniser([(500, SAID)])) as service:
        for name in ("front desk", "warehouse"):
            line = MimiSession(None, language="en", url=service.url)
            office.names[line] = name
            line.signals.message.connect(heard.send)  # the new signal feeds the old
            line.signals.close.connect(hung_up.send)

            @line.signals.open.connect_via(line)  # strongly: nobody else holds it
            def _(line: Any, event: Any) -> None:
                print(f"{office.names[line]}: {event.type}")

            with line:
                line.send_binary(bytes(32000))  # a second of audio
                line.stop_recognition()
                line.wait_closed(10)


if __name__ == "__main__":
    main()
