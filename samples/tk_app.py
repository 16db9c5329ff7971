"""Talk with a speech service in a window, and read along: `python samples/tk_app.py`.

Tokens of real services may also be in MIMI_TOKEN and GEMINI_API_KEY. Wear headphones.
Needs Tk (Debian: python3-tk), the extras `audio` and `demo`, and flite for Live.
"""

import os
import threading
import tkinter as tk
from contextlib import ExitStack, suppress
from tkinter import font, ttk
from tkinter.scrolledtext import ScrolledText
from typing import Any

import voxsync
from voxsync.media import Microphone, Speaker
from voxsync.mimi import NictOptions, Transcript
from voxsync.server import Listener
from voxsync.simulators import gemini, mimi, phrases, voice

MIMI, LIVE, ECHO = "mimi: writes what you say", "Live: a model answers", "Echo"
TOKENS = {MIMI: "MIMI_TOKEN", LIVE: "GEMINI_API_KEY", ECHO: ""}
URLS = "wss://service.mimi.fd.ai/", "wss://generativelanguage.googleapis.com"
SIMULATED, DEFAULT = "simulated, in this program", "the system's default"
PAPER, RED, GREY, AMBER, GREEN = "#f8fafc", "#b91c1c", "#94a3b8", "#b45309", "#15803d"
STATES = "Connecting", "Connected", "Disconnecting", "Disconnecting"  # by ReadyState


def echo(listener: Listener, session: Any) -> None:
    session.on_message = lambda event: session.send_binary(event.data)


def simulate(service: str) -> Any:
    if service == ECHO:
        listener = Listener()
        listener.connection.connect(echo)
        return listener
    ears = phrases.PhraseRecogniser()  # it knows voxsync/simulators/data/phrases.txt
    if service == MIMI:
        return mimi.MimiService(recogniser=ears)
    return gemini.GeminiService(recogniser=ears, voice=voice.FliteVoice())


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


class App(tk.Tk):
    """The window. Listeners run in its main loop; `talk`, which waits, on a thread."""

    def __init__(self) -> None:
        super().__init__(className="voxsync")
        self.dispatcher = voxsync.TkDispatcher(self)
        self.found: list[Any] = []  # devices
        self.minsize(600, 480)
        self.configure(padx=12, pady=12, background=PAPER)
        self.columnconfigure((0, 1), weight=1, uniform="half")
        self.rowconfigure(11, weight=1)
        ttk.Style().theme_use("clam")
        ttk.Style().configure(".", background=PAPER)
        ttk.Style().configure("Horizontal.TProgressbar", background=GREEN, thickness=8)
        font.nametofont("TkDefaultFont").configure(size=11)
        choices = list(TOKENS), [SIMULATED, *URLS], [DEFAULT], [DEFAULT]
        service, address, *devices = [ttk.Combobox(values=each) for each in choices]
        token, self.status, bar = ttk.Entry(show="•"), ttk.Label(), ttk.Frame()
        self.meters = [ttk.Progressbar(maximum=60) for _ in devices]
        self.boxes = service, address, *devices, token
        labels = "Service", "State", "Address", "Token", "Microphone", "Speaker"
        widgets = service, self.status, address, token, *devices, *self.meters, bar
        cells = zip((*labels, "", "", ""), widgets, strict=True)
        for at, (label, widget) in enumerate(cells):
            row, column = divmod(at, 2)
            ttk.Label(text=label).grid(row=2 * row, column=column, sticky="w", padx=6)
            widget.grid(row=2 * row + 1, column=column, sticky="ew", padx=6, pady=3)
        for box in (service, address, *devices):
            box.current(0)
        self.buttons: dict[str, ttk.Button] = {}
        for name, key, command in (
            ("Connect", "<Return>", self.connect),
            ("Stop", "<Alt-s>", lambda: self.session and self.session.finish()),
            ("Mute", "<Alt-m>", self.mute),
            ("Disconnect", "<Escape>", self.hang_up),
        ):
            button = self.buttons[name] = ttk.Button(bar, text=name, command=command)
            button.pack(side="left", padx=(0, 8))
            self.bind(key, f"{button} invoke")  # in Tcl's own words
        self.bind("<Destroy>", lambda _: self.hang_up())
        self.trouble = ttk.Label(foreground=RED, wraplength=560)
        self.text = ScrolledText(wrap="word", font="TkDefaultFont", padx=12, pady=12)
        self.text.grid(row=11, columnspan=2, sticky="nsew", padx=6, pady=6)
        self.text.tag_configure("grey", foreground=GREY)
        self.text.insert("end", "Press Connect, and speak.", "grey")
        self.start()
        self.look()

    def start(self, *choice: str | None) -> None:
        self.session: Any = None
        self.units, self.said = dict[str, Any](), dict[str, str]()
        self.hung_up, self.transcript = threading.Event(), Transcript("en")
        self.thread = threading.Thread(target=self.run, args=choice, daemon=True)
        self.thread.start()

    def connect(self) -> None:
        self.trouble.grid_remove()
        chosen = [box.get() for box in self.boxes]
        self.start(*(None if x in ("", SIMULATED, DEFAULT) else x for x in chosen))

    def run(self, *choice: Any) -> None:
        try:
            self.found = voxsync.audio_devices()
            with ExitStack() as stack:
                if choice:
                    self.talk(stack.enter_context, *choice)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the person is told
            self.dispatcher.dispatch(self.on_error, voxsync.ErrorEvent(self, exc))

    def talk(self, enter: Any, service: str, url: str | None, *more: Any) -> None:
        microphone, speaker, token = more
        self.units["microphone"] = enter(Microphone(microphone))
        self.units["speaker"] = enter(Speaker(speaker))
        url = url or enter(simulate(service)).url
        token = token or os.environ.get(TOKENS[service])
        options = voxsync.SessionOptions(dispatcher=self.dispatcher, close_timeout=1)
        session = self.session = make_session(service, url, token, options=options)
        session.on_error = self.on_error
        if self.hung_up.is_set():  # when there was no session to close yet
            return
        enter(session)  # connects
        if service == MIMI:
            session.on_message = self.on_result
            flow: Any = self.units["microphone"].send_media_to(session)
        else:
            flow = voxsync.AudioConversation(session, **self.units)
            flow.on_transcript = self.on_transcript
            flow.start()
        with suppress(voxsync.SessionClosed):
            flow.wait()
        session.wait_closed()

    def on_result(self, event: voxsync.MessageEvent) -> None:
        before = len(self.transcript.final_text)
        self.transcript.add(event.data)
        now = len(self.transcript.final_text)
        self.write(self.transcript.text[before:now], self.transcript.text[now:])

    def on_transcript(self, event: Any) -> None:
        line = self.said.pop(event.speaker, f"{event.speaker}: ") + event.text
        if not event.is_final:
            self.said[event.speaker] = line
        self.write(f"{line}\n" * event.is_final, "\n".join(self.said.values()))

    def on_error(self, event: Any) -> None:
        if not self.hung_up.is_set():
            self.trouble.configure(text=str(event.error))
            self.trouble.grid(row=10, columnspan=2, sticky="ew", padx=6)

    def write(self, final: str, partial: str) -> None:
        self.text.configure(state="normal")
        self.text.replace("grey.first", "end-1c", final, (), partial or " ", "grey")
        self.text.configure(state="disabled")
        self.text.see("end")

    def look(self) -> None:
        session, busy = self.session, self.thread.is_alive()
        active = busy and session is not None and session.is_active
        state = STATES[session.ready_state] if session else "Starting"
        self.status.configure(text=f"● {state if busy else 'Ready'}")
        self.status.configure(foreground=GREEN if active else AMBER if busy else GREY)
        usable = not busy, active, active, busy
        for button, on in zip(self.buttons.values(), usable, strict=True):
            button.state(["!disabled" if on else "disabled"])
        for meter, unit in zip(self.meters, self.units.values(), strict=False):
            meter["value"] = 60 + unit.level.rms
        for box, way in zip(self.boxes[2:4], ("input", "output"), strict=True):
            box["values"] = [DEFAULT, *(d.name for d in self.found if d.channels(way))]
        self.after(50, self.look)

    def mute(self) -> None:
        self.units["microphone"].mute = not self.units["microphone"].mute

    def hang_up(self) -> None:
        self.hung_up.set()
        if self.session is not None:
            self.session.close(wait=False)


if __name__ == "__main__":
    app = App()
    app.mainloop()
    app.thread.join(1)
