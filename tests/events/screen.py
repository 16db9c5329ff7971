"""A private X server without a screen, for tests that open real windows."""

import os
import subprocess

_OPTIONS = ["-screen", "0", "1280x1024x24", "-nolisten", "tcp", "-noreset"]


class Screen:
    """An Xvfb on a free display.

    with Screen() as screen:
        ...  # run programs with screen.environment
    """

    def __enter__(self):
        read, write = os.pipe()
        try:
            self._server = subprocess.Popen(
                ["Xvfb", "-displayfd", str(write), *_OPTIONS],
                pass_fds=[write],
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        finally:
            os.close(write)
        with os.fdopen(read) as numbers:  # until it is ready, or gone
            number = numbers.readline().strip()
        if not number:
            raise RuntimeError(f"no Xvfb: {self._stop()}")
        self.display = f":{number}"
        return self

    def __exit__(self, *exc):
        self._stop()

    def _stop(self):
        self._server.terminate()
        try:
            return self._server.communicate(timeout=10)[1].decode()
        except subprocess.TimeoutExpired:
            self._server.kill()
            return self._server.communicate()[1].decode()

    @property
    def environment(self):
        """For programs that are to use this screen, Tk's; Qt's need none."""
        return {
            **os.environ,
            "DISPLAY": self.display,
            "QT_QPA_PLATFORM": "offscreen",
        }
