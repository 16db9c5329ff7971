"""`voxsync talk`: a live conversation with a model."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxsync.cli import arguments
from voxsync.cli.exits import HELP, Exit, Usage, explain
from voxsync.cli.progress import LiveLine
from voxsync.cli.stats import add_option
from voxsync.session import SessionOptions

if TYPE_CHECKING:
    import argparse

    from voxsync.gemini import LiveGenerativeModel

__all__ = ["add_parser", "run"]

_MODEL = "gemini-3.8-live"
_VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")

_EPILOG = f"""\
Speak, and the model answers; cut in, and it falls silent. What was said is
printed on the standard output; how loud it is, and what is being said, is shown
on the error output when that is a terminal. Without headphones the model may
hear itself: --half-duplex closes the microphone while it speaks.

The key comes from the environment variable GEMINI_API_KEY or GOOGLE_API_KEY.
With --simulated everything happens in this process, without a key: there is a
recogniser of a few English phrases ("good morning", "what time is it", "tell me
a joke") and a synthetic voice. Nothing leaves the machine then.

With --input a file is what is said, and goes out faster than it plays; --output
is where the answer goes. With --text you type on the standard input.

Ctrl-C, or SIGTERM, lets the model finish and ends the conversation, with exit
code 0; a second one ends it at once, with 130. With --text it is 0 while you
type, and 130 within an answer. With --input it ends at once, with 130, and what
was heard is kept.

examples:
  voxsync talk --simulated
  voxsync talk --simulated --input question.wav --output answer.wav
  voxsync talk --voice Kore --system "You are a pirate. Be brief."
  voxsync talk --half-duplex --device usb --output-device usb
  voxsync talk --text --url ws://127.0.0.1:8080
  voxsync talk --simulated --stats

{HELP}"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line."""
    import argparse  # noqa: PLC0415 - at run time only here

    parser = commands.add_parser(
        "talk",
        help="talk with a Gemini model, by microphone and speaker",
        description="Talk with a Gemini model, by microphone and speaker.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", default=_MODEL, metavar="NAME", help="default: %(default)s")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="of another service, such as `simulate gemini`")
    where.add_argument(
        "--simulated", action="store_true", help="a service in this very process"
    )
    add("--voice", metavar="NAME", help="the model's: Puck, Kore, ...")
    add("--system", metavar="TEXT", help="what the model is to be or to do")
    add("--text", action="store_true", help="type and read instead")
    add(
        "--half-duplex",
        action="store_true",
        help="close the microphone while the model speaks",
    )
    add(
        "--device",
        type=arguments.device,
        metavar="INDEX|NAME",
        help="microphone, see `voxsync devices`; default: the system's",
    )
    add(
        "--output-device",
        type=arguments.device,
        metavar="INDEX|NAME",
        help="speaker, likewise",
    )
    add("--input", type=Path, metavar="FILE", help="what is said, in place of devices")
    add("--output", type=Path, metavar="FILE", help="of --input: the answer, as .wav")
    add("--force", action="store_true", help="overwrite --output if it exists")
    add_option(parser)
    parser.set_defaults(run=run, variable=_VARIABLES[0])


def run(args: argparse.Namespace) -> Exit:
    """Talk until one side ends it."""
    _check(args)
    key = None if args.simulated else _key_of_environment()
    if key is None and not args.simulated and args.url is None:
        raise Usage(
            f"set the environment variable {_VARIABLES[0]} to your key, or try "
            "--simulated, which needs none"
        )
    line = LiveLine(sys.stderr)
    with contextlib.ExitStack() as stack:
        stack.callback(line.clear)
        url: str | None = args.url
        if args.simulated:
            url = _simulated(stack, line, paced=not (args.text or args.input))
        return _talk(_model(args, url, key), args, line)


def _talk(model: LiveGenerativeModel, args: argparse.Namespace, line: LiveLine) -> Exit:
    # Each only where it is wanted: numpy is slow to import.
    if args.text:
        from voxsync.cli.talk_text import talk_text  # noqa: PLC0415

        return talk_text(model, line, stats=args.stats)
    if args.input is not None:
        from voxsync.cli.talk_file import talk_file  # noqa: PLC0415

        return talk_file(model, args.input, args.output, line, stats=args.stats)
    from voxsync.cli.talk_live import talk_live  # noqa: PLC0415

    return talk_live(
        model,
        line,
        device=args.device,
        output_device=args.output_device,
        half_duplex=args.half_duplex,
        stats=args.stats,
    )


def _check(args: argparse.Namespace) -> None:
    """Complain about what makes no sense, before anything is opened."""
    devices = args.device, args.output_device, args.half_duplex or None
    no_devices = "--input" if args.input is not None else "--text" if args.text else ""
    if no_devices and any(each is not None for each in devices):
        raise Usage(
            f"--device, --output-device and --half-duplex are of no use to {no_devices}"
        )
    if args.text and args.input is not None:
        raise Usage("--text and --input are two ways to speak: choose one")
    if args.output is not None:
        _check_output(args)


def _check_output(args: argparse.Namespace) -> None:
    path: Path = args.output
    if args.input is None:
        raise Usage("--output goes with --input")
    if path.suffix.lower() != ".wav":
        raise Usage(f"--output {path}: the name must end in .wav")
    if path.exists() and args.input.exists() and path.samefile(args.input):
        raise Usage("--input and --output are the same file")
    if path.exists() and not args.force:
        raise Usage(f"{path} exists; --force overwrites it")


def _key_of_environment() -> str | None:
    """The key, never taken from the command line that others can see.

    Raises:
        Usage: It cannot be sent in a header.
    """
    for name in _VARIABLES:
        key = os.environ.get(name, "").strip()
        if not (key.isascii() and key.isprintable()):
            raise Usage(f"{name} holds a line break or another character no key has")
        if key:
            return key
    return None


def _simulated(stack: contextlib.ExitStack, line: LiveLine, *, paced: bool) -> str:
    """Start a service of our own, and return its URL."""
    from voxsync.cli import partner  # noqa: PLC0415 - only if needed

    ears = partner.open_ears("phrases")
    voice = partner.open_voice("any", lambda words: line.say(f"voxsync: {words}"))
    from voxsync.simulators.gemini import GeminiService  # noqa: PLC0415 - needs an extra

    service = GeminiService(
        brain=partner.SmallTalk(), recogniser=ears, voice=voice, paced=paced
    )
    return stack.enter_context(service).url


def _model(
    args: argparse.Namespace, url: str | None, key: str | None
) -> LiveGenerativeModel:
    from voxsync.gemini import LiveGenerativeModel  # noqa: PLC0415 - numpy

    config: dict[str, Any] = {
        "response_modalities": ["AUDIO"],  # all that today's models have
        "input_audio_transcription": {},
        "output_audio_transcription": {},
    }
    if args.voice is not None:
        config["speech_config"] = {"voice_name": args.voice}
    if args.input is not None:  # a file does not wait until it was heard to end
        detection = {"automatic_activity_detection": {"disabled": True}}
        config["realtime_input_config"] = detection
    options = SessionOptions(
        proxy="" if args.simulated else None,
        # A microphone does not wait: this holds 10 s of its blocks, for as long as a
        # network may hang (write_timeout).
        send_queue=500,
    )
    try:
        return LiveGenerativeModel(
            args.model,
            api_key=key,
            base_url=url,
            config=config,
            system_instruction=args.system,
            options=options,
        )
    except ValueError as exc:
        raise Usage(explain(exc)) from exc
