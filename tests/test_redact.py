"""No planted secret survives, and what is no secret stays readable."""

import string
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from voxsync.redact import MASK, Redactor, redact_headers, redact_url

SECRETS = st.text(string.ascii_letters + string.digits + "-._~+/", min_size=8)
ANY_SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=8
)
WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=7)
NAMES = st.sampled_from(
    [
        "Authorization",
        "Cookie",
        "X-API-Key",
        "x-auth-token",
        "Proxy-Authorization",
        "Set-Cookie",
        "X-Client-Secret",
        "session-id",
        "PASSWORD",
    ]
)


@given(SECRETS, WORDS, WORDS)
def test_query_values_are_masked(secret, host, name):
    """Every value, whatever its name: no list of secret names is complete."""
    shown = redact_url(f"wss://{host}/path?a=1&{name}={secret}&b")
    assert secret not in shown
    assert shown == f"wss://{host}/path?a={MASK}&{name}={MASK}&b"


@given(ANY_SECRETS, WORDS)
def test_user_information_is_masked(secret, host):
    """Name and password, quoted as a URL wants it."""
    shown = redact_url(f"wss://me:{quote(secret, safe='@:')}@{host}/p")
    assert shown == f"wss://{MASK}@{host}/p"


@pytest.mark.parametrize(
    "url",
    ["wss://example.org", "ws://example.org:80/a/b", "ws://h/@x", "not a url", ""],
)
def test_what_is_public_stays(url):
    """Scheme, host, port and path are what an error must name."""
    assert redact_url(url) == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://h:12093/request/abc/s3cret", f"wss://h:12093/request/{MASK}"),
        ("wss://h/request/abc/s3cret?a=b", f"wss://h/request/{MASK}?a={MASK}"),
        ("wss://h/hook/9f86d081884c7d659a2feaa0c55ad015/x", f"wss://h/hook/{MASK}/x"),
        ("wss://h/2f1b9c3e-7d5a-4e7b-9a38-1d2c3b4a5f60", f"wss://h/{MASK}"),
        ("wss://h/v1beta/gemini-live-2-5-flash-preview", ...),
        ("wss://h/ws/google.ai.v1beta.GenerativeService.BidiGenerateContent", ...),
        ("wss://h/12345678901234567890/calls", ...),
    ],
)
def test_secrets_in_paths(url, shown):
    """What gives access, or is too odd to be a name; names stay readable."""
    assert redact_url(url) == (url if shown is ... else shown)


def test_what_a_path_gave_away_is_masked_in_texts():
    """A service may repeat the path it was asked for."""
    redactor = Redactor("wss://h/request/session-77/tok3n-abcdef")
    assert redactor.text("no tok3n-abcdef here") == f"no {MASK} here"


def test_odd_queries():
    """Repeated, empty and semicolon-separated values, with a fragment behind them."""
    assert redact_url("ws://h/?a=secret;b=secret&c=&=secret#part") == (
        f"ws://h/?a={MASK};b={MASK}&c={MASK}&={MASK}#part"
    )


@given(NAMES, ANY_SECRETS)
def test_headers_that_smell_are_masked(name, secret):
    """Whatever is named like a credential, in any case."""
    assert redact_headers([(name, secret)]) == [(name, MASK)]


def test_other_headers_stay():
    """The handshake's own fields look secret and are public by design."""
    public = [("Host", "h"), ("Sec-WebSocket-Key", "abc"), ("X-Mimi-Process", "asr")]
    assert redact_headers(public) == public


@given(SECRETS, st.text(), st.text())
def test_a_redactor_masks_a_token_in_any_text(secret, before, after):
    """The token of `Bearer <token>` is found alone, and with its scheme."""
    redactor = Redactor("ws://h/", [("Authorization", f"Bearer {secret}")])
    for text in (f"{before}{secret}{after}", f"{before}Bearer {secret}{after}"):
        assert secret not in redactor.text(text).replace(MASK, "\0")


@given(SECRETS, st.binary(), st.binary())
def test_a_redactor_masks_a_token_in_any_bytes(secret, before, after):
    """Bytes of a body need not be text, and all others stay as they are."""
    assume(secret.encode() not in before + after)
    redactor = Redactor(f"ws://h/?key={secret}")
    shown = redactor.data(before + secret.encode() + after)
    assert secret.encode() not in shown.replace(MASK.encode(), b"\0")
    first, last = secret.encode()[:1], secret.encode()[-1:]
    if first not in before and last not in after:
        assert shown == before + MASK.encode() + after


@given(ANY_SECRETS)
def test_a_redactor_knows_both_spellings_of_a_query_value(secret):
    """A server may repeat what it was sent, quoted or not."""
    redactor = Redactor(f"ws://h/?key={quote(secret, safe='')}")
    assert redactor.text(f"<{secret}>") == f"<{MASK}>"
    assert redactor.text(f"<{quote(secret, safe='')}>") == f"<{MASK}>"


def test_a_redactor_knows_what_bytes_a_secret_is():
    """Beyond ASCII a body spells it in UTF-8, and a header in ISO 8859-1."""
    redactor = Redactor("ws://h/?key=pass%C3%A9word")
    for encoding in ("latin-1", "utf-8"):
        assert redactor.data("<pass\xe9word>".encode(encoding)) == b"<***>"


@given(SECRETS)
def test_a_redactor_knows_the_password_of_a_url(secret):
    """User information is a secret, too."""
    assume("/" not in secret)
    redactor = Redactor(f"ws://user-name:{secret}@h/")
    assert redactor.text(f"{secret} of user-name") == f"{MASK} of {MASK}"


def test_longer_secrets_go_first():
    """One secret within another leaves no tail."""
    redactor = Redactor("ws://h/?a=abcdef&b=abcdefghij")
    assert redactor.text("abcdefghij abcdef") == f"{MASK} {MASK}"


def test_settings_are_no_secrets():
    """Short values stay, or every text would be spoiled."""
    redactor = Redactor("ws://h/?rate=16000&lang=ja", [("X-Token", "no")])
    assert redactor.text("no ja 16000") == "no ja 16000"


def test_a_redactor_without_secrets():
    """There is nothing to mask."""
    redactor = Redactor("ws://h/", [("Host", "h")])
    assert redactor.text("text") == "text"
    assert redactor.data(b"\xff\x00") == b"\xff\x00"


def test_a_redactor_shows_nothing():
    """It knows the secrets, so its repr is mute."""
    assert repr(Redactor("ws://h/?k=secret-value")) == "<Redactor>"
