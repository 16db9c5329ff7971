"""A handle is where it was, and in no repr."""

import copy
import json
import pickle

import pytest

from voxsync.dialects.gemini.sealed import sealed

HANDLE = "h4ndl3-s3cr3t"


@pytest.mark.parametrize(
    "update", ["sessionResumptionUpdate", "session_resumption_update"]
)
@pytest.mark.parametrize("handle", ["newHandle", "new_handle"])
def test_a_handle_is_masked(update, handle):
    """However it is spelled; what is said besides is shown."""
    raw = {update: {handle: HANDLE, "resumable": True}, "more": 1}
    found = sealed(raw)
    assert repr(found) == (
        f"{{{update!r}: {{{handle!r}: '***', 'resumable': True}}, 'more': 1}}"
    )
    assert HANDLE not in f"{found} {found[update]} {found[update]!r}"


def test_it_is_the_same_object_otherwise():
    """Equal, read, written and copied as ever; the argument is not changed."""
    update = {"newHandle": HANDLE}
    raw = {"sessionResumptionUpdate": update}
    found = sealed(raw)
    assert found == raw
    assert found["sessionResumptionUpdate"]["newHandle"] == HANDLE
    assert json.loads(json.dumps(found)) == raw
    for copied in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert copied == raw
        assert HANDLE not in repr(copied)
    assert raw["sessionResumptionUpdate"] is update
    assert type(update) is dict


@pytest.mark.parametrize(
    "raw", [{}, {"serverContent": {}}, {"sessionResumptionUpdate": "none"}]
)
def test_without_a_handle_nothing_is_done(raw):
    """A message of audio comes 25 times a second."""
    assert sealed(raw) is raw


def test_no_handle_at_this_moment():
    """An empty one is no secret."""
    found = sealed({"sessionResumptionUpdate": {"newHandle": ""}})
    assert repr(found) == "{'sessionResumptionUpdate': {'newHandle': ''}}"
