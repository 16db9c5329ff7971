"""Whom a listener lets in, and what is told of a check that fails."""

import pytest

from voxsync.server import IncomingRequest, Refusal
from voxsync.server.rules import Rules


def request(path="/", query=None, **headers):
    return IncomingRequest(path, query or {}, headers, ("192.0.2.1", 4711))


def status(refusal):
    return refusal and refusal.status


def test_without_rules():
    """Everybody is welcome."""
    rules = Rules()
    assert rules.judge(request("/x", origin="https://anywhere")) is None
    assert rules.ask(request()) is None


@pytest.mark.parametrize(
    ("paths", "path", "found"),
    [
        ("/a", "/a", None),
        ("/a", "/a/", 404),
        ("/a", "/A", 404),
        ("/a", "/", 404),
        (["/a", "/b"], "/b", None),
        ({"/a"}, "/b", 404),
    ],
)
def test_paths(paths, path, found):
    """Exactly this one, or one of these."""
    assert status(Rules(path=paths).judge(request(path))) == found


@pytest.mark.parametrize(
    ("origins", "origin", "found"),
    [
        ("https://a.example", "https://a.example", None),
        ("https://a.example/", "HTTPS://A.example", None),
        ("https://a.example", "http://a.example", 403),
        ("https://a.example", "https://a.example:8443", 403),
        ("https://a.example", "https://a.example, https://b.example", 403),
        ("https://a.example", "null", 403),
        (["https://a.example", "null"], "null", None),
        ((), "https://a.example", 403),
        ((), None, None),
        ("https://a.example", None, None),
    ],
)
def test_origins(origins, origin, found):
    """Scheme, host and port; who sends none is no browser and is let in."""
    headers = {} if origin is None else {"origin": origin}
    assert status(Rules(origins=origins).judge(request(**headers))) == found


@pytest.mark.parametrize("path", ["", "a", "/a?b", "/a#b", (), ["/", "b"]])
def test_paths_that_nobody_could_ask_for(path):
    """ValueError, before anybody has."""
    with pytest.raises(ValueError, match="path"):
        Rules(path=path)


@pytest.mark.parametrize("name", ["path", "origins"])
def test_only_strings(name):
    """TypeError that names the argument."""
    for value in ([None], 5, b"/x"):
        with pytest.raises(TypeError, match=name):
            Rules(**{name: value})


@pytest.mark.parametrize("answer", [None, Refusal(402)])
def test_the_check_has_the_last_word(answer):
    """Its answer is passed on as it is."""
    asked = []

    def check(request):
        asked.append(request)
        return answer

    asking = request()
    assert Rules(check=check).ask(asking) is answer
    assert asked == [asking]


@pytest.mark.parametrize("error", [KeyError, SystemExit])
def test_a_check_that_raises(error, caplog):
    """500, and a traceback in the log that holds none of the request's secrets."""

    def check(request):
        raise error(f"{request.query['t']} {request.headers['x-auth-token']} seen")

    asking = request("/voice", {"t": "planted-1 ä&"}, **{"x-auth-token": "planted-2"})
    assert status(Rules(check=check).ask(asking)) == 500
    assert "request for /voice failed" in caplog.text
    assert "Traceback" in caplog.text
    assert f"{error.__name__}" in caplog.text
    assert "seen" in caplog.text
    assert "planted" not in caplog.text


@pytest.mark.parametrize("answer", [True, False, 401, "no", (401, "no")])
def test_a_check_that_answers_something_else(answer, caplog):
    """500, and a TypeError that says what was expected and what came."""
    assert status(Rules(check=lambda request: answer).ask(request())) == 500
    assert "TypeError: a check must return None or a Refusal" in caplog.text
    assert f"not {type(answer).__name__}" in caplog.text
