"""A network between two ends that can be held up: nothing is lost, all comes late."""

import contextlib
import socket
import threading


class Relay:
    """Passes TCP on to a port of this machine; `hold` stops it, both ways.

    Attributes:
        port: Where to connect.
    """

    def __init__(self, target):
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets = []
        self._threads = []
        self._spawn(self._accept)

    def hold(self):
        """From now on nothing comes through."""
        self._flowing.clear()

    def release(self):
        """All that waited comes through at once."""
        self._flowing.set()

    def close(self):
        self._flowing.set()
        self._listener.close()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
        for each in self._sockets:
            each.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _spawn(self, function, *args):
        thread = threading.Thread(target=function, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._target))
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets += [near, far]
        self._spawn(self._pump, near, far)
        self._spawn(self._pump, far, near)

    def _pump(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait(30)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
