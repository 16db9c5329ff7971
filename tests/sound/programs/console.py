"""A program with sound devices, steered by a test: see `tests/sound/program.py`.

Reads Python expressions or statements, one JSON string a line, and answers each with
one JSON line. Sound devices are a matter of the process, and what goes wrong with them
may be a crash or a hang: those are the parent's to see.
"""

import contextlib
import faulthandler
import io
import json
import sys
import threading
import time
import traceback

from tests.sound.gauge import Gauge

faulthandler.enable()

gauge = Gauge()

errors = []
_told = threading.Condition()


def watch(unit):
    """Note the unit's error events in `errors`; returns the unit."""

    def note(event):
        with _told:
            errors.append(
                {
                    "unit": unit.name,
                    "at": time.monotonic(),
                    "stalled": gauge.stalled,
                    **told(event.error),
                }
            )
            _told.notify_all()

    unit.addEventListener("error", note)
    return unit


def device_errors(count=0, timeout=5.0):
    """Wait for so many failures of devices; returns those there are.

    The under- and overflows of a busy machine are told as well, and are none.
    """

    def found():
        return [error for error in errors if error["type"] == "DeviceError"]

    with _told:
        _told.wait_for(lambda: len(found()) >= count, timeout)
        return found()


def told(error):
    """An exception as JSON."""
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "message": str(error),
        "code": getattr(error, "portaudio_code", None),
    }


def plain(value):
    try:
        json.dumps(value)
    except TypeError:
        return repr(value)
    return value


def main():
    names = globals()
    gauge.start()
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        code = json.loads(line)
        answer = {"value": None, "error": None}
        begin, stalled = time.monotonic(), gauge.stalled
        try:
            try:
                answer["value"] = plain(eval(compile(code, "<test>", "eval"), names))
            except SyntaxError:
                exec(compile(code, "<test>", "exec"), names)
        except Exception as exc:
            answer["error"] = told(exc)
            text = io.StringIO()
            with contextlib.redirect_stderr(text):
                traceback.print_exc()
            answer["traceback"] = text.getvalue()
        answer["begin"] = begin
        answer["seconds"] = time.monotonic() - begin
        answer["stalled"] = gauge.stalled - stalled
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
