"""Sessions with a model, and conversations that are stopped at the end."""

import contextlib

import pytest

from tests.conversation.model import Far, ModelSession
from tests.media.toys import Ear, Feed
from voxsync.conversation import AudioConversation
from voxsync.server import Listener
from voxsync.session import SessionOptions


@pytest.fixture
def far():
    """The service's end."""
    end = Far()
    listener = Listener()
    listener.connection.connect(end.connected, weak=False)
    with listener:
        end.url = listener.url
        yield end


@pytest.fixture
def make(far):
    """Makes sessions with the far end, connected, and ends them."""
    with contextlib.ExitStack() as stack:

        def make_(**options):
            session = ModelSession(far.url, SessionOptions(**options))
            stack.callback(session.cancel)
            return session.connect()

        yield make_


@pytest.fixture
def session(make):
    return make()


@pytest.fixture
def converse(make):
    """Makes conversations, not started; each has `mic` and `ear`."""
    with contextlib.ExitStack() as stack:

        def converse_(session=None, *, microphone=None, speaker=None, **more):
            conversation = AudioConversation(
                session or make(),
                microphone=microphone or Feed(),
                speaker=speaker or Ear(),
                **more,
            )
            stack.callback(conversation.stop)
            conversation.mic = conversation._flow._microphone
            conversation.ear = conversation._flow._speaker
            return conversation

        yield converse_
