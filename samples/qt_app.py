"""Talk with a speech service in a Qt window, and read along..

What is simulated runs in this program. Real services take the token of its field, or of
MIMI_TOKEN or GEMINI_API_KEY. Return connects, Escape disconnects. Wear headphones.
Needs PySide6, the extras `audio` and `demo`, and, for the simulated Live, flite.
"""

import os
from contextlib import ExitStack, suppress
from threading import Thread
from typing import Any

from PySide6 import QtGui, QtWidgets

import voxsync
from voxsync.media import Microphone, Speaker
from voxsync.mimi import NictOptions, Transcript
from voxsync.server import Listener
from voxsync.simulators import gemini, mimi, phrases, voice

MIMI, LIVE, ECHO = "mimi: writes what you say", "Live: a model answers", "Echo"
TOKENS = {MIMI: "MIMI_TOKEN", LIVE: "GEMINI_API_KEY", ECHO: ""}
URLS = "wss://service.mimi.fd.ai/", "wss://generativelanguage.googleapis.com"
SIMULATED, DEFAULT = "simulated, in this program", "the system's default"
STATES = "Connecting", "Connected", "Disconnecting", "Disconnecting"  # by ReadyState


def simulate(service: str) -> Any:
    if service == ECHO:
        (listener := Listener()).connection.connect(echo)
        return listener
    ears = phrases.PhraseRecogniser()  # it knows voxsync/simulators/data/phrases.txt
    if service == MIMI:
        return mimi.MimiService(recogniser=ears)
    return gemini.GeminiService(recogniser=ears, voice=voice.FliteVoice())


def echo(listener: Listener, session: Any) -> None:
    session.on_message = lambda event: session.send_binary(event.data)


def make_session(service: str, url: str, token: str | None, **options: Any) -> Any:
    if service == ECHO:
        return voxsync.PlainSession(url, audio=voxsync.AudioFormat(), **options)
    if service == MIMI:
        nict = NictOptions(progressive=True, temporary_interval=500)
        options |= {"process": "nict-asr", "language": "en", "nict": nict}
        return voxsync.MimiSession(token, url=url, **options)
    config: Any = {"input_audio_transcription": {}, "output_audio_transcription": {}}
    options |= {"api_key": token, "base_url": url, "config": config}
    return voxsync.LiveGenerativeModel("gemini-3.8-live", **options).session()


class Window(QtWidgets.QWidget):
    """Its thread runs the listeners and never waits; what may wait runs on another."""

    def __init__(self) -> None:
        super().__init__(windowTitle="voxsync", minimumWidth=480)
        self.dispatcher = voxsync.QtDispatcher(self)
        self.boxes = [QtWidgets.QComboBox(editable=at == 1) for at in range(4)]
        choices = list(TOKENS), [SIMULATED, *URLS], [DEFAULT], [DEFAULT]
        for box, choice in zip(self.boxes, choices, strict=True):
            box.addItems(choice)
        self.token = QtWidgets.QLineEdit(echoMode=QtWidgets.QLineEdit.EchoMode.Password)
        look: Any = {"maximum": 60, "textVisible": False, "maximumHeight": 8}
        self.meters = [QtWidgets.QProgressBar(**look) for _ in range(2)]
        self.state, self.trouble = QtWidgets.QLabel(), QtWidgets.QLabel(wordWrap=True)
        self.trouble.setStyleSheet("background: #b91c1c; color: white; padding: 8px")
        bar, form = QtWidgets.QDialogButtonBox(), QtWidgets.QFormLayout(self)
        keys = "&Connect", "S&top", "M&ute", "&Disconnect"
        self.buttons = [bar.addButton(key, bar.ButtonRole.ActionRole) for key in keys]
        self.buttons[0].clicked.connect(self._connect)
        self.buttons[1].clicked.connect(
            lambda: self.session.is_active and self.session.finish()
        )
        self.buttons[2].setCheckable(True)
        self.buttons[3].clicked.connect(self.hang_up)
        self.text = QtWidgets.QPlainTextEdit(readOnly=True, maximumBlockCount=1000)
        self.text.setPlaceholderText("What is said appears here.")
        self.grey = self.text.textCursor()  # has selected what may still change
        for label, widget in (
            ("&Service", self.boxes[0]), ("&Address", self.boxes[1]),
            ("T&oken", self.token), ("&Microphone", self.boxes[2]),
            ("", self.meters[0]), ("S&peaker", self.boxes[3]), ("", self.meters[1]),
            ("State", self.state), ("", bar), ("", self.trouble),
        ):  # fmt: skip
            form.addRow(label, widget)
        form.addRow(self.text)
        QtGui.QShortcut("Return", self, self.buttons[0].click)
        QtGui.QShortcut("Esc", self, self.buttons[3].click)
        self.session: Any = None
        self.units: list[Any] = []  # microphone and speaker
        self.found: list[voxsync.media.AudioDevice] = []
        self.error: BaseException | None = None
        self.work = Thread(target=self._find_devices, daemon=True)
        self.work.start()
        self.startTimer(40)

    def _find_devices(self) -> None:
        with suppress(voxsync.VoxsyncError):  # told when one is to be opened
            self.found = voxsync.audio_devices()

    def _connect(self) -> None:
        self.session, self.hung_up, self.error = None, False, None
        service, url = self.boxes[0].currentText(), self.boxes[1].currentText()
        token = self.token.text() or os.environ.get(TOKENS[service])
        args = service, url, token, *(box.currentData() for box in self.boxes[2:])
        self.work = Thread(target=self._talk, args=args, daemon=True)
        self.work.start()

    def _talk(self, service: str, url: str, token: str | None, *devices: Any) -> None:
        try:
            with ExitStack() as stack:
                mic, out = Microphone(devices[0]), Speaker(devices[1])
                self.units = [mic, out][: 1 if service == MIMI else 2]  # it only hears
                for unit in self.units:
                    stack.enter_context(unit).on_error = self._on_error
                if url == SIMULATED:
                    url = stack.enter_context(simulate(service)).url
                options = voxsync.SessionOptions(dispatcher=self.dispatcher)
                session = make_session(service, url, token, options=options)
                self.session, session.on_error = session, self._on_error
                self.transcript, self.said = Transcript("en"), dict[str, str]()
                if self.hung_up:
                    return
                stack.enter_context(session)  # connects
                if service == MIMI:
                    session.on_message = self._on_result
                    mic.send_media_to(session)
                else:
                    talk = voxsync.AudioConversation(
                        session, microphone=mic, speaker=out
                    )
                    talk.on_transcript = self._on_transcript
                    stack.enter_context(talk)
                session.wait_closed()
        except Exception as exc:  # noqa: BLE001 - whatever it is, the person is told
            self._on_error(voxsync.ErrorEvent(self, exc))

    def _on_result(self, event: voxsync.MessageEvent) -> None:
        old = len(self.transcript.final_text)
        self.transcript.add(event.data)
        text, new = self.transcript.text, len(self.transcript.final_text)
        self._write(text[old:new].strip() + "\n" * (new > old), text[new:].strip())

    def _on_transcript(self, event: Any) -> None:
        line = self.said.pop(event.speaker, f"{event.speaker}: ") + event.text
        if not event.is_final:
            self.said[event.speaker] = line
        self._write(f"{line.strip()}\n" * event.is_final, "\n".join(self.said.values()))

    def _on_error(self, event: voxsync.ErrorEvent) -> None:  # on any thread
        if not (self.hung_up or type(event.error) is voxsync.MediaError):  # a mere gap
            self.error = event.error

    def _write(self, settled: str, partial: str) -> None:
        self.grey.insertText(settled, QtGui.QTextCharFormat())
        start, style = self.grey.position(), QtGui.QTextCharFormat()
        style.setForeground(self.palette().placeholderText())
        self.grey.insertText(partial, style)
        self.grey.setPosition(start, QtGui.QTextCursor.MoveMode.KeepAnchor)
        self.text.verticalScrollBar().setValue(10**6)

    def hang_up(self) -> None:
        """End the session; returns at once."""
        self.hung_up = True
        if self.session:
            self.session.close(wait=False)

    def timerEvent(self, _: Any) -> None:
        """Show how it is, and what can be done."""
        busy, session = self.work.is_alive(), self.session
        state = STATES[session.ready_state] if session else "Starting"
        self.state.setText(state if busy else "Ready")
        self.trouble.setText(f"That did not work: {self.error}.")
        self.trouble.setVisible(self.error is not None)
        active = busy and session is not None and session.is_active
        usable = not busy, active, active, busy
        for button, can in zip(self.buttons, usable, strict=True):
            button.setEnabled(can)
        for meter, unit in zip(self.meters, [*self.units, None], strict=False):
            meter.setValue(max(0, 60 + round(unit.level.rms)) if unit else 0)
        for unit in self.units[:1]:
            unit.mute = self.buttons[2].isChecked()
        while self.found:
            device = self.found.pop(0)
            if device.max_input_channels:
                self.boxes[2].addItem(device.name, device.index)
            if device.max_output_channels:
                self.boxes[3].addItem(device.name, device.index)


if __name__ == "__main__":
    app = QtWidgets.QApplication()
    window = Window()
    window.show()
    app.exec()
    window.hang_up()
    window.work.join(1)  # a sound system that hangs is left to itself
