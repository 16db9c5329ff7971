import hashlib
import json
import socket
import threading

import pytest
from websockets.sync.client import connect

from tests.simulators.raw_client import ASR, BREAK, RawClient
from voxsync.dialects.mimi import parse_result
from voxsync.errors import InvalidState
from voxsync.simulators.mimi import CLOSE_CODES, MimiService

SECOND = bytes(32000)
PCM = "audio/x-pcm;bit=16;rate=16000;channels=1"
FULL_QUERY = (
    "/?process=nict-asr&input-language=ja&access-token=planted-token"
    "&nict-asr-options=response_format%3Dv2%3Bprogressive%3Dtrue"
    "&content-type=audio%2Fx-pcm%3Bbit%3D16%3Brate%3D48000%3Bchannels%3D1"
)
BARE_QUERY = (
    "/?process=nict-asr&input-language=ja&access-token=planted-token"
    "&nict-asr-options=response_format=v2;progressive=True"
    "&content-type=audio/x-pcm;bit=16;rate=48000"
)
BEARER = "Authorization: Bearer planted-token"


@pytest.fixture
def service():
    """One service that wants a token."""
    with MimiService(token="planted-token") as service:
        yield service


def speak(client, seconds=1):
    for _ in range(seconds):
        client.audio(SECOND)
    client.text(BREAK)
    return client.finish()


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/", [BEARER, *ASR, f"Content-Type: {PCM}"]),
        ("/any/path", [BEARER, *ASR, f"Content-Type: {PCM}"]),
        ("/any%2Fpath", [BEARER, *ASR, f"Content-Type: {PCM}"]),
        ("/", [BEARER, *ASR, f"X-Mimi-Content-Type: {PCM}"]),
        ("/", [BEARER, *ASR, f"Content-Type: {PCM.replace(';', '; ')}"]),
        ("/", [BEARER, *ASR, f"content-type: {PCM.replace(';', ' ; ')}"]),
        ("/", [BEARER, *ASR, f"CONTENT-TYPE: {PCM}"]),
        ("/", [BEARER.upper().replace("PLANTED-TOKEN", "planted-token"), *ASR]),
        ("/", [BEARER, "X-MIMI-PROCESS: asr", "X-MIMI-INPUT-LANGUAGE: ja"]),
        ("/", [BEARER, *ASR, "Content-Type: audio/x-pcm;bit=16;rate=16000"]),
        ("/", [BEARER, *ASR, "Content-Type: audio/x-pcm;bit=16;rate=44100"]),
        ("/", [BEARER, *ASR, "Content-Type: audio/x-pcm;rate=8000;channels=2"]),
        ("/", [BEARER, *ASR]),
        ("/", [BEARER, *ASR, "Sec-WebSocket-Extensions: permessage-deflate"]),
        ("/?process=asr&access-token=planted-token", []),
        ("/?process=asr", [BEARER]),
        (FULL_QUERY, []),
        (BARE_QUERY, []),
    ],
)
def test_what_official_clients_send_is_taken(service, target, headers):
    """Every way in which clients state their settings opens a session."""
    with RawClient(service, headers, target) as client:
        assert client.status == 101
        assert b"permessage" not in client.head
        messages, code, reason = speak(client)
    assert (code, reason) == (1000, "")
    assert messages[-1]["status"] == "recog-finished"
    assert [m["status"] for m in messages].count("recog-finished") == 1
    is_nict = "nict" in target
    assert messages[-1]["type"] == ("asr#nictlvcsr2" if is_nict else "asr#mimilvcsr")


@pytest.mark.parametrize(
    ("target", "headers", "body"),
    [
        ("/", ASR, "Invalid mimi API access token\n"),
        (
            "/",
            ["Authorization: Bearer other", *ASR],
            "Invalid mimi API access token\n",
        ),
        (
            "/",
            ["Authorization: Basic planted-token", *ASR],
            "Invalid mimi API access token\n",
        ),
        ("/?access-token=other", ASR, "Invalid mimi API access token\n"),
        ("/", [BEARER], "x-mimi-process must be one or more of asr, nict-asr\n"),
        ("/", [BEARER, "x-mimi-process: "], "x-mimi-process must be one or more of "),
        (
            "/",
            [BEARER, "x-mimi-process: ASR"],
            "x-mimi-process must be one or more of ",
        ),
        ("/", [BEARER, "x-mimi-process: asr,lid"], "x-mimi-process must be "),
    ],
)
def test_who_is_not_welcome_gets_401(service, target, headers, body):
    """A missing or wrong token or engine is refused with 401 and a text body."""
    with RawClient(service, headers, target) as client:
        assert client.status == 401
        assert client.body.decode().startswith(body)


def test_engines_on_offer_are_chosen():
    """An engine that is not in `processes` is unknown."""
    with MimiService(processes=["nict-asr"]) as service:
        with RawClient(service, ASR) as client:
            assert client.status == 401
        with RawClient(service, ["x-mimi-process: nict-asr"]) as client:
            assert speak(client)[1] == 1000
    with pytest.raises(ValueError, match="'lid'"):
        MimiService(processes=["asr", "lid"])


def test_unknown_rules_have_no_close_code():
    """A close code for a rule that does not exist is a ValueError."""
    with pytest.raises(ValueError, match=r"no rule \['boredom'\]; there are: unknown"):
        MimiService(close_codes={"boredom": 4100})
    assert CLOSE_CODES["idle"] == 4003


def test_a_revoked_token_opens_no_more_sessions():
    """`revoke` counts for new connections; sessions that are open go on."""
    with MimiService(token=["one-token", "two-token"]) as service:
        one = ["Authorization: Bearer one-token", *ASR]
        two = ["Authorization: Bearer two-token", *ASR]
        with RawClient(service, one) as client:
            service.revoke("one-token")
            assert speak(client)[1] == 1000
        assert status_of(service, one) == 401
        assert status_of(service, two) == 101
        service.revoke()
        assert status_of(service, two) == 401


def status_of(service, headers):
    with RawClient(service, headers) as client:
        return client.status


def test_a_callable_judges_tokens():
    """The service asks a callable about every token, on every connection."""
    asked = []

    def judge(token):
        asked.append(token)
        return token.startswith("good")

    with MimiService(token=judge) as service:
        assert status_of(service, [*ASR, "Authorization: Bearer good one"]) == 101
        assert status_of(service, [*ASR, "Authorization: Bearer bad"]) == 401
        assert status_of(service, ASR) == 401
    assert asked == ["good one", "bad"]


def test_an_independent_library_gets_its_results():
    """The websockets package, compression offered, talks with the service."""
    with (
        MimiService() as service,
        connect(
            service.url,
            additional_headers={"x-mimi-process": "asr", "Content-Type": PCM},
            proxy=None,
        ) as client,
    ):
        client.send(SECOND)
        client.send('{"command": "recog-break"}')
        messages = [parse_result(json.loads(m), "ja") for m in client]
        assert messages[-1].is_final
        assert messages[-1].text == "朝日が昇る"
        assert (client.close_code, client.close_reason) == (1000, "")


def test_the_record_tells_what_came():
    """Bytes, hash, frame sizes, texts, messages, headers; credentials are masked."""
    with MimiService(token="planted-token") as service:
        target = "/there?access-token=planted-token&process=nict-asr"
        with RawClient(service, [BEARER, *ASR], target) as client:
            client.audio(b"ab" * 100)
            client.audio(b"cd" * 200)
            client.text(BREAK)
            messages, *_ = client.finish()
        record = service.wait_record(1)
        assert service.records == [record]
        shown = repr(service) + repr(record) + repr(vars_of(record))
    assert record.number == 1
    assert (record.status, record.path) == (101, "/there")
    assert record.headers["authorization"] == "***"
    assert record.headers["x-mimi-process"] == "asr"
    assert record.query == {"access-token": "***", "process": "nict-asr"}
    assert record.audio_bytes == 600
    assert record.sha256 == hashlib.sha256(b"ab" * 100 + b"cd" * 200).hexdigest()
    assert list(record.frame_sizes) == [200, 400]
    assert list(record.texts) == [BREAK]
    assert len(record.messages) == len(messages) == 1
    assert messages[0]["session_id"] == record.session_id
    assert (record.close_code, record.close_reason) == (1000, "")
    assert list(record.breaches) == []
    assert "planted-token" not in shown


def vars_of(record):
    return {name: getattr(record, name) for name in record.__slots__}


def test_a_service_is_started_once_and_closed_often():
    """`start` again is an error; `close` again does nothing; `with` starts."""
    service = MimiService()
    assert "0 sessions" in repr(service)
    with service.start() as same:
        assert same is service
        with pytest.raises(InvalidState):
            service.start()
    service.close()
    assert "closed" in repr(service)


def test_a_service_that_was_never_started_can_be_closed():
    """`close` before `start` does nothing bad."""
    MimiService().close()


def test_a_port_in_use_is_an_error_that_leaves_nothing():
    """`start` on a taken port raises, and the service can still be closed."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        service = MimiService(port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            service.start()
        service.close()


def test_serve_forever_ends_with_close():
    """`serve_forever` starts the service and returns when it is closed."""
    service = MimiService()
    thread = threading.Thread(target=service.serve_forever)
    thread.start()
    while not service.port:
        thread.join(0.001)
    with RawClient(service, ASR) as client:
        assert speak(client)[1] == 1000
    service.close()
    thread.join(10)
    assert not thread.is_alive()


def test_closing_the_service_says_goodbye():
    """A session that is open when the service is closed gets 1001."""
    with MimiService() as service, RawClient(service, ASR) as client:
        client.send_frame(9)
        assert client.read_frame() == (0x8A, b"")  # the session is served
        closer = threading.Thread(target=service.close)
        closer.start()
        assert client.finish()[1] == 1001
        closer.join(10)
        assert service.wait_record(1).close_code == 1001


def test_waiting_for_a_connection_that_does_not_end_is_bounded():
    """`wait_record` gives up after its timeout."""
    with MimiService() as service, pytest.raises(TimeoutError, match="connection 1"):
        service.wait_record(1, timeout=0.01)
