"""No planted secret survives, and what is no secret stays readable."""

import random
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
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.dBjftJeZ-cVPmB"
WORDS = st.text(string.ascii_lowercase, min_size=1, max_size=7)
NAMES = st.sampled_from(
    [
        "Authorization",
        "X-Firebase-AppCheck",
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
    assert shown == f"wss://{host}/path?a={MASK}&{name}={MASK}&{MASK}"


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
        (f"wss://h/hook/{JWT}/x", f"wss://h/hook/{MASK}/x"),
        (
            "wss://h/bots/bot4242:AAHdqTcvCH1vGWJxfSeofSAs0K5/x",
            f"wss://h/bots/{MASK}/x",
        ),
        ("wss://h/acme-service:9f86d081884c7d65", f"wss://h/{MASK}"),
        ("wss://h/user:1234-5678-9012-3456-abcd", f"wss://h/{MASK}"),
        ("wss://h/9f86d081884c7d659a2feaa0c55ad015.wav", f"wss://h/{MASK}"),
        ("wss://h/aB3dE6gH9jK2mN5p", f"wss://h/{MASK}"),
        ("wss://h/a;token=s3cr3t/b", f"wss://h/a;token={MASK}"),
        ("/hook/9f86d081884c7d659a2feaa0c55ad015?x", f"/hook/{MASK}?{MASK}"),
    ],
)
def test_secrets_in_paths(url, shown):
    """What gives access, or is too odd to be a name; names stay readable."""
    assert redact_url(url) == (url if shown is ... else shown)


def test_what_a_path_gave_away_is_masked_in_texts():
    """A service may repeat the path it was asked for."""
    redactor = Redactor("wss://h/request/session-77/tok3n-abcdef")
    assert redactor.text("no tok3n-abcdef here") == f"no {MASK} here"
    redactor = Redactor("wss://h/hook/robot-7:9f86d081884c7d659a2feaa0c55ad015/x")
    assert redactor.text("robot-7: 9f86d081884c7d659a2feaa0c55ad015!") == (
        f"robot-7: {MASK}!"
    )


def test_odd_queries():
    """Repeated, empty and semicolon-separated values, with a fragment behind them."""
    assert redact_url("ws://h/?a=secret;b=secret&c=&&=secret#part") == (
        f"ws://h/?a={MASK};b={MASK}&{MASK}&&={MASK}#{MASK}"
    )


@pytest.mark.parametrize(
    "query", ["sEcReTtOkEn", "sEcReTtOkEn=", "sEcReTtOkEn==", "sEcR?TtOkEn"]
)
def test_a_query_that_is_a_secret_itself(query):
    """Nothing says where a name would end: all of it goes, Base64's padding too."""
    url = f"wss://h/p?{query}"
    assert redact_url(url) == f"wss://h/p?{MASK}"
    assert Redactor(url).text(f"no {query.strip('=')} here") == (
        f"no {query.strip('=')} here".replace(query.strip("="), MASK)
    )


def test_a_name_that_is_a_secret():
    """It stands where a name should; fragments and users are quoted ones, maybe."""
    url = f"wss://a%20secret@h/?{JWT}=1#planted"
    assert redact_url(url) == f"wss://{MASK}@h/?{MASK}={MASK}#{MASK}"
    for secret in ("a%20secret", "a secret", JWT, "planted"):
        assert Redactor(url).text(f"<{secret}>") == f"<{MASK}>"


WORD = st.from_regex(r"[A-Z]?[a-z]{3,9}", fullmatch=True)
NAME = st.lists(WORD, min_size=1, max_size=4).map("".join)
NUMBER = st.integers(0, 999).map(str)
FILE = st.tuples(
    NAME,
    st.dates().map(str),
    st.sampled_from([".wav", ".json", ".html", ".mp3", ".raw", ".16khz.wav"]),
)
PART = st.one_of(
    NAME,
    st.lists(NAME, min_size=1, max_size=5).map(".".join),
    st.lists(NAME, min_size=1, max_size=5).map("-".join),
    st.lists(NUMBER, min_size=1, max_size=4).map(lambda n: "v" + ".".join(n)),
    st.tuples(NAME, NAME).map(":".join),
    FILE.map(lambda f: f"{f[0]}-{f[1]}{f[2]}"),
)


@given(st.lists(PART, max_size=5), st.integers(1, 65535))
def test_names_stay(parts, port):
    """Words, versions, names of files with their dates, in whatever number."""
    url = f"wss://ec2-12-34-56-78.a1b2c3d4e5f6a7b8c9.example.org:{port}/"
    assert redact_url(url + "/".join(parts)) == url + "/".join(parts)


@pytest.mark.parametrize(
    ("alphabet", "length", "found"),
    [
        (string.hexdigits[:16], 32, 0.99),
        (string.ascii_letters + string.digits + "-_", 32, 0.97),
        (string.ascii_letters + string.digits + "-_", 22, 0.93),
        (string.ascii_letters + string.digits, 16, 0.9),
    ],
)
@pytest.mark.parametrize("form", ["{}", "id:{}", "{}.wav", "{}:x", "a.{}.b"])
def test_random_tokens_are_found(alphabet, length, found, form):
    """Most of them: a few look like words, or like numbers, as the module says."""
    dice = random.Random(f"{length} {form}")
    tokens = ["".join(dice.choices(alphabet, k=length)) for _ in range(500)]
    shown = [redact_url(f"wss://h/{form.format(token)}") for token in tokens]
    assert shown.count(f"wss://h/{MASK}") >= found * len(tokens)


@given(st.text("aA1-_.:~%=+/?#&;@ \n\u3042") | st.text())
def test_any_text_can_be_shown(text):
    """It never fails; and what was masked stays as it is."""
    shown = redact_url(text)
    assert redact_url(shown) == shown


@pytest.mark.parametrize(
    "garbage", [*"a1/.:-%&=?@", "a1", "a.", "a1:", "/request/", "eyJ"]
)
@pytest.mark.parametrize(
    "around", ["ws://h/{}", "ws://{}", "{}", "ws://h/?{}", "/request/{} ", "a/{}!"]
)
def test_long_garbage(garbage, around):
    """It takes a moment, not minutes: time grows as the length does."""
    text = around.format(garbage * (200_000 // len(garbage)))
    assert len(redact_url(text)) <= 3 * len(text)


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
