"""A trace: every message on its line, no recording and no secret in it."""

import pytest

from voxsync.dialects.voximplant.trace import Tracer

TOKEN = "s3cr3t-t0k3n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        (
            '{"event":"media","media":{"tag":"a","payload":"AAAA"}}',
            '{"event":"media","media":{"tag":"a","payload":"(4 characters)"}}',
        ),
        (
            '{"media" : {"payload" : ""}}',
            '{"media" : {"payload" : "(0 characters)"}}',
        ),
        ('{"customEvent":1,"payload":"hello"}', '{"customEvent":1,"payload":"hello"}'),
        ("two\nlines\r", "two\\nlines\\r"),
        (f"my {TOKEN}", "my ***"),
        (f"head {TOKEN}-head", "head ***"),
    ],
)
def test_lines(text, line):
    """As the message was, but for what is not to be seen."""
    tracer = Tracer(
        f"ws://host/?token={TOKEN}", [("Authorization", f"Bearer {TOKEN}-head")]
    )
    assert tracer.line(text) == line
