"""Run Autobahn's WebSocket cases against both of our ends.

Role "client": wstest's fuzzing server, and PlainSessions that echo what it sends.
Role "server": wstest's fuzzing client, and a Listener whose sessions echo.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import fnmatch
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import urlencode

from voxsync import PlainSession, SessionClosed, SessionOptions, VoxsyncError
from voxsync.server import Listener

EXAMPLES = """\
examples:
  python tests/autobahn/run.py --wstest "$(tests/autobahn/setup.sh)"
  python tests/autobahn/run.py --wstest WSTEST --cases '6.*' '7.1.1' --role client
  python tests/autobahn/run.py --wstest WSTEST --out reports   # keeps the HTML

exit status: 0 all well, 1 a case failed or is missing, 2 wstest did not run
"""
# 12 and 13 are about compression, which is not offered.
CASES = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
AGENT = "voxsync"
GOOD = ("OK", "NON-STRICT", "INFORMATIONAL")
# How many cases of the fuzzing server are under way at a time: it is one thread, and
# some of its cases wait for a second.
AT_ONCE = 4
CASE_TIMEOUT = 120.0
# The suite wants to see our frames, not our patience.
OPTIONS = SessionOptions(ping_interval=None, idle_timeout=CASE_TIMEOUT)

Result = dict[str, dict[str, str]]


class NotRunError(Exception):
    """wstest could not be used."""


def main(argv: list[str] | None = None) -> int:
    """The program; returns its exit status."""
    parser = argparse.ArgumentParser(
        description="Autobahn's WebSocket cases against voxsync's client and server.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--wstest", required=True, help="the program of the suite")
    parser.add_argument(
        "--cases", nargs="+", default=CASES, help="patterns; default: %(default)s"
    )
    parser.add_argument(
        "--role", choices=["client", "server", "both"], default="both", help="which end"
    )
    parser.add_argument(
        "--out", type=pathlib.Path, help="keep wstest's reports in this directory"
    )
    args = parser.parse_args(argv)
    roles = {"client": run_client, "server": run_server}
    if args.role != "both":
        roles = {args.role: roles[args.role]}
    with contextlib.ExitStack() as stack:
        out = args.out
        if out is None:
            out = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        results = {}
        for role, run in roles.items():
            folder = out / role
            folder.mkdir(parents=True, exist_ok=True)
            started = time.monotonic()
            try:
                results[role] = run(args.wstest, args.cases, folder)
            except (NotRunError, OSError) as exc:
                print(f"{role}: wstest did not run: {exc}", file=sys.stderr)
                return 2
            seconds = time.monotonic() - started
            print(f"{role}: {len(results[role])} cases in {seconds:.0f} s")
            table(results[role])
    failures = [bad for role in results for bad in failed(role, results[role])]
    failures += missing(results, args.cases)
    for line in failures:
        print(line)
    return 1 if failures else 0


# Our ends


def echo_client(url: str) -> None:
    """One case of the fuzzing server: send back what comes until it closes."""
    session = PlainSession(url, options=OPTIONS)
    try:
        with session.connect():
            for message in session.receive(timeout=CASE_TIMEOUT):
                echo(session, message)
    except VoxsyncError:
        pass  # most cases break the rules, so many sessions end badly
    finally:
        session.cancel()
        session.wait_closed(10)


def echo(session: PlainSession, message: str | bytes) -> None:
    """Send the message back as what it was."""
    if isinstance(message, str):
        session.send_text(message)
    else:
        session.send_binary(message)


def serve_echo(listener: Listener) -> None:
    """Have every connection of the listener echoed, by event listeners."""

    def connected(_: Listener, session: PlainSession) -> None:
        def send_back(event) -> None:
            with contextlib.suppress(SessionClosed):  # the suite has seen enough
                echo(session, event.data)

        session.add_event_listener("message", send_back)

    listener.connection.connect(connected, weak=False)


# The two roles


def run_client(wstest: str, cases: list[str], folder: pathlib.Path) -> Result:
    """Run the fuzzing server's cases against PlainSession."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}"
    spec = {"url": url, "outdir": str(folder), "cases": cases}
    with started(wstest, "fuzzingserver", spec, folder) as process:
        wait_listening(port, process)
        count = int(ask(f"{url}/getCaseCount"))
        numbers = iter(range(1, count + 1))
        lock = threading.Lock()
        crashes: list[BaseException] = []

        def work() -> None:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None or crashes:
                    return
                query = urlencode({"case": number, "agent": AGENT})
                try:
                    echo_client(f"{url}/runCase?{query}")
                except BaseException as exc:
                    crashes.append(exc)

        threads = [threading.Thread(target=work) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if crashes:
            raise crashes[0]
        ask(f"{url}/updateReports?agent={AGENT}")
    return read_index(folder)


def run_server(wstest: str, cases: list[str], folder: pathlib.Path) -> Result:
    """Run the fuzzing client's cases against Listener."""
    listener = Listener(options=OPTIONS)
    serve_echo(listener)
    with listener:
        target = {"agent": AGENT, "url": listener.url, "options": {"version": 18}}
        spec = {"outdir": str(folder), "servers": [target], "cases": cases}
        with started(wstest, "fuzzingclient", spec, folder) as process:
            try:
                process.wait(600)
            except subprocess.TimeoutExpired:
                raise NotRunError("not over within 600 s") from None
    return read_index(folder)


def ask(url: str) -> str:
    """What the fuzzing server says to a question; "" if it just closes."""
    with PlainSession(url, options=OPTIONS) as session:
        said = [str(message) for message in session.receive(timeout=CASE_TIMEOUT)]
    return said[0] if said else ""


@contextlib.contextmanager
def started(wstest: str, mode: str, spec: dict, folder: pathlib.Path):
    """Run wstest in this mode; its output goes into a file beside the reports."""
    whole = {"exclude-cases": [], "exclude-agent-cases": {}, **spec}
    path = folder / f"{mode}.json"
    path.write_text(json.dumps(whole))
    (folder / "index.json").unlink(missing_ok=True)  # of an earlier run
    log = folder / f"{mode}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [wstest, "-m", mode, "-s", str(path), "--webport", "0"],
            stdout=output,
            stderr=output,
        )
        try:
            yield process
        except NotRunError as exc:
            raise NotRunError(f"{exc}; it said: {log.read_text()[-2000:]}") from None
        finally:
            process.terminate()
            process.wait(10)


def free_port() -> int:
    """A port of the loopback interface that nobody uses now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until wstest accepts connections; it tells nobody, so it is asked."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if process.poll() is not None:
            raise NotRunError(f"it ended with status {process.returncode}")
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)  # its end is the one thing that it does tell
    raise NotRunError("it does not listen")


# What came of it


def read_index(folder: pathlib.Path) -> Result:
    """Every case's verdicts, from the suite's own summary."""
    path = folder / "index.json"
    if not path.exists():
        raise NotRunError(f"it wrote no {path.name}")
    return dict(json.loads(path.read_text())[AGENT])


def by_number(case: str) -> list[int]:
    """Sort key: 2.10 after 2.9."""
    return [int(part) for part in case.split(".")]


def table(result: Result) -> None:
    """Print the counts per group."""
    groups: dict[str, collections.Counter[str]] = {}
    for case, verdict in result.items():
        group = groups.setdefault(case.split(".")[0], collections.Counter())
        group[verdict["behavior"]] += 1
    whole: collections.Counter[str] = sum(groups.values(), collections.Counter())
    for name, counts in [*sorted(groups.items(), key=lambda g: int(g[0])), ("", whole)]:
        words = ", ".join(f"{n} {what}" for what, n in counts.most_common())
        print(f"  {'all' if not name else 'group ' + name:9} {words}")


def failed(role: str, result: Result) -> list[str]:
    """A line for each case that is not good."""
    return [
        f"{role} {case}: behaviour {result[case]['behavior']}, "
        f"close {result[case]['behaviorClose']}"
        for case in sorted(result, key=by_number)
        if result[case]["behavior"] not in GOOD
        or result[case]["behaviorClose"] not in GOOD
    ]


def missing(results: dict[str, Result], patterns: list[str]) -> list[str]:
    """A line for what should have run and did not: that is no success either."""
    lines = [
        f"{role}: no case of {pattern!r} was run"
        for role, result in results.items()
        for pattern in patterns
        if not any(fnmatch.fnmatch(case, pattern) for case in result)
    ]
    if len(results) == 2 and len({frozenset(r) for r in results.values()}) != 1:
        lines.append("the two roles did not run the same cases")
    return lines


if __name__ == "__main__":
    sys.exit(main())
