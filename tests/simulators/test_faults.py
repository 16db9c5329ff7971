import dataclasses

import pytest

from voxsync.errors import (
    ConnectError,
    HandshakeError,
    OpenTimeout,
    ProtocolError,
    SessionClosed,
)
from voxsync.mimi import MimiSession
from voxsync.session import SessionOptions
from voxsync.simulators.faults import FAULTS, Fault, fault
from voxsync.simulators.mimi import MimiService

SECOND = bytes(32000)
ALL = "朝日が昇る。鳥が鳴く。"
FIRST_SECOND = "朝日が昇る"
PATIENT = SessionOptions(max_message_size=2_000_000, close_timeout=2)
HASTY = dataclasses.replace(PATIENT, open_timeout=0.3)


def but(**options):
    """Options other than the usual ones."""
    return {"options": dataclasses.replace(PATIENT, **options)}


@dataclasses.dataclass
class Outcome:
    """What a client saw of one session."""

    events: list
    close: object
    raised: Exception | None
    final: str

    @property
    def order(self):
        """The events' types, repeated messages once."""
        types = [str(event.type) for event in self.events]
        return [
            each
            for at, each in enumerate(types)
            if not (each == "message" and at and types[at - 1] == "message")
        ]

    @property
    def errors(self):
        return [event.error for event in self.events if event.type == "error"]


def listen(service, **settings):
    """Make a session whose events are kept."""
    session = MimiSession(
        settings.pop("token", "planted-token"),
        url=service.url,
        **{"options": PATIENT} | settings,
    )
    events = []
    for name in ("created", "open", "message", "error", "close"):
        session.add_event_listener(name, events.append)
    return session, events


def whole(session):
    """Send three seconds of audio and the break."""
    for _ in range(30):
        session.send_binary(SECOND[:3200])
    session.stop_recognition()


def quiet(session):
    """Send some audio, and then nothing."""
    session.send_binary(SECOND)


def nothing(session):
    """Send nothing at all."""


def endless(session):
    """Send until that fails."""
    while True:
        session.send_binary(SECOND)


def run(service, act=whole, **settings):
    """Connect, act, wait for the end."""
    session, events = listen(service, **settings)
    raised = None
    try:
        session.connect()
        act(session)
    except (ConnectError, SessionClosed) as exc:
        raised = exc
    close = session.wait_closed(10)
    session._delivery.join(5)
    messages = [event for event in events if event.type == "message"]
    return Outcome(events, close, raised, messages[-1].text if messages else "")


def clean(order=("created", "open", "message", "close"), final=ALL):
    """Expect the session to end as if nothing had happened."""
    return {"order": list(order), "code": 1000, "error": None, "final": final}


def broken(code, text, **more):
    """Expect a failure: error, then close, with the text so far."""
    return {"code": code, "error": SessionClosed, "text": text, **more}


def unopened(error, **more):
    """Expect `connect` to raise."""
    order = ["created", "error", "close"]
    return {"order": order, "code": 1006, "error": error, **more}


WITH_ERROR = ("created", "open", "error", "message", "close")

TABLE = [
    # Before the session
    (fault("silent"), {"options": HASTY}, unopened(OpenTimeout)),
    (fault("delay", seconds=0.05), {}, clean()),
    (fault("delay", seconds=60), {"options": HASTY}, unopened(OpenTimeout)),
    (fault("hang_up"), {}, unopened(ConnectError)),
    (fault("reset"), {}, unopened(ConnectError)),
    *(
        (
            fault("status", status=status, body=f"body of {status}"),
            {},
            unopened(HandshakeError, status=status, body=f"body of {status}\n"),
        )
        for status in (400, 401, 403, 404, 429, 500, 503)
    ),
    (fault("no_answer"), {"options": HASTY}, unopened(OpenTimeout)),
    (fault("delay_answer", seconds=0.05), {}, clean()),
    (fault("delay_answer", seconds=60), {"options": HASTY}, unopened(OpenTimeout)),
    (fault("bad_accept"), {}, unopened(ConnectError)),
    (fault("not_http"), {}, unopened(ConnectError)),
    (
        fault("token_expiry", count=0),
        {},
        unopened(HandshakeError, status=401, body="Invalid mimi API access token\n"),
    ),
    # Ends
    *(
        (
            fault("close", code=code, reason="why", at=at, after_bytes=after),
            {},
            broken(code, text, reason="why"),
        )
        for code in (1001, 1011, 3000, 4003, 4999)
        for at, after, text in (
            ("open", 0, ""),
            ("audio", 32000, FIRST_SECOND),
            ("break", 0, ALL),
            ("final", 0, ALL),
        )
    ),
    (fault("close", code=1000, at="final"), {}, broken(1000, ALL)),
    (fault("close", code=1005, at="break"), {}, broken(1002, ALL)),
    (fault("close", code=1006, at="break"), {}, broken(1002, ALL)),
    (fault("close", code=999, at="break"), {}, broken(1002, ALL)),
    *(
        (fault(name, at=at, after_bytes=after), {}, broken(code, text))
        for name, code in (
            ("close_empty", 1005),
            ("close_short", 1002),
            ("fin", 1006),
            ("rst", 1006),
        )
        for at, after, text in (
            ("open", 0, ""),
            ("audio", 32000, FIRST_SECOND),
            ("break", 0, ALL),
            ("final", 0, ALL),
        )
    ),
    (
        fault("idle", seconds=0.4),
        {"act": quiet},
        broken(4003, FIRST_SECOND, reason="no traffic for 0.4 s"),
    ),
    (fault("idle", seconds=0.1), {"act": nothing}, broken(4003, "")),
    # Strange things
    (fault("ping"), {}, clean()),
    (fault("ping_payload", at="audio"), {}, clean()),
    (
        fault("no_pong"),
        {"act": nothing} | but(ping_interval=0.1, ping_timeout=0.1),
        broken(1006, ""),
    ),
    (fault("no_pong"), {}, clean()),
    (
        fault("stop_reading"),
        {"act": endless} | but(write_timeout=0.3),
        broken(1006, None),
    ),
    (fault("stall", at="audio", seconds=0.1), {}, clean()),
    (fault("binary"), {}, clean(WITH_ERROR)),
    (fault("empty_text"), {}, clean(WITH_ERROR)),
    (fault("malformed_json"), {}, clean(WITH_ERROR)),
    (fault("not_utf8"), {}, broken(1007, "")),
    (fault("unknown_status"), {}, clean()),
    (fault("unknown_type"), {}, clean()),
    (fault("huge_frame"), {}, broken(1009, "")),
    (fault("garbage", at="break"), {}, broken(1002, ALL)),
    (fault("burst", count=500, seconds=0), {}, clean()),
    (fault("burst", count=5, seconds=0.01), {}, clean()),
    (fault("huge_result"), {}, clean()),
    (fault("huge_result", count=3_000_000, at="break"), {}, broken(1009, ALL)),
    # Results
    (fault("no_final"), but(finish_timeout=0.5), broken(1006, ALL)),
    (fault("no_close"), but(linger_timeout=0.1), clean()),
    (fault("duplicate_final"), {}, clean()),
    (fault("empty_response"), {}, clean(final="")),
    (fault("unknown_keys"), {}, clean()),
    (fault("fragmented"), {}, clean()),
    (fault("latency", seconds=0.02), {}, clean()),
    (fault("bandwidth", rate=100_000), {}, clean()),
    (fault("drip"), {}, clean()),
]


@pytest.mark.parametrize(
    ("what", "how", "expected"),
    [
        pytest.param(*row, id=f"{row[0].name}-{row[0].at}-{n}")
        for n, row in enumerate(TABLE)
    ],
)
def test_every_fault_has_its_outcome(what, how, expected):
    """A client sees each fault as one `close`, with the right code, error and text."""
    with MimiService(faults=[what]) as service:
        outcome = run(service, **how)
    close = outcome.close
    got = outcome.order
    assert got.count("close") == 1
    assert got[0] == "created"
    assert got[-1] == "close"
    assert outcome.events[-1] is close
    assert close.code == expected["code"], close
    if "order" in expected:
        assert got == expected["order"]
    if "reason" in expected:
        assert close.reason == expected["reason"]
    error = expected["error"]
    if error is None:
        assert close.error is None
        assert outcome.raised is None
        assert outcome.final == expected["final"]
        for each in outcome.errors:
            assert isinstance(each, ProtocolError)
        return
    assert isinstance(close.error, error)
    assert outcome.events[-2].error is close.error
    if "status" in expected:
        assert close.error.status == expected["status"]
        assert close.error.body.decode() == expected["body"]
    if expected.get("text") is not None:
        assert got[:2] == ["created", "open"]
        assert close.error.text == expected["text"]


def test_the_table_has_every_fault():
    """No fault of the menu is without a test."""
    assert {row[0].name for row in TABLE} == set(FAULTS)


def test_an_unknown_fault_is_refused_with_the_menu():
    """A wrong name is a ValueError that lists the right ones."""
    for make in (fault, Fault):
        with pytest.raises(ValueError, match=r"no fault .crash.; there are: .*close, "):
            make("crash")


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "nowhere"},
        {"after_bytes": 10},
        {"at": "audio", "after_bytes": -1},
        {"code": 70000},
        {"reason": "x" * 124},
        {"status": 101},
        {"seconds": -1},
        {"count": -1},
        {"rate": 0},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong):
    """A setting out of its range is a ValueError at once."""
    with pytest.raises(ValueError, match=r"must|goes with|at most"):
        fault("close", **wrong)


def test_a_misspelt_setting_is_refused():
    """A setting that no fault has is a TypeError, also for its own defaults."""
    with pytest.raises(TypeError, match="no setting cod"):
        fault("close", cod=4003)
    assert fault("no_final").at == "final"
    assert fault("no_final", at="break").at == "break"


def test_a_fault_may_be_for_the_first_connections_only():
    """With `connections=1` the second client meets a service in order."""
    refused = fault("status", status=429, connections=1)
    with MimiService(faults=[refused]) as service:
        assert run(service).close.error.status == 429
        assert run(service).final == ALL
        assert [each.status for each in service.records] == [429, 101]
        assert [each.faults for each in service.records] == [("status",), ()]


def test_faults_add_up():
    """Several faults of one connection all happen."""
    both = [fault("unknown_keys"), fault("duplicate_final"), fault("drip")]
    with MimiService(faults=both) as service:
        outcome = run(service)
    assert outcome.final == ALL
    with MimiService(faults=[fault("fragmented"), fault("unknown_keys")]) as service:
        assert run(service).final == ALL
    finals = [e.raw for e in outcome.events if e.type == "message" and e.data.is_final]
    assert len(finals) == 2
    assert finals[0]["confidence"] == {"unheard": ["of", None]}
