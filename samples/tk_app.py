"""Talk with a speech service in a window, and read along: `python samples/tk_app.py`.

Return connects, Escape disconnects, Alt and a letter presses a button. Wear headphones.
Needs Tk (Debian: python3-tk), the extras `audio` and `demo`, and flite for Live.
"""

import os
import threading
import tkinter as tk
from contextlib import ExitStack, suppress
from tkinter import ttk
from tkinter.scrolledtext import ScrolledText
from typing import Any

import voxsync
from voxsync.media import Microphone, Speaker
from voxsync.mimi import NictOptions, Transcript
from voxsync.server import Listener
from voxsync.simulators import gemini, mimi, phrases, voice

MIMI, LIVE, ECHO = "mimi: writes what you say", "Live: a model answers", "Echo"
TOKENS = {MIMI: "MIMI_TOKEN", LIVE: "GEMINI_API_KEY", ECHO: ""}  # or its field
URLS = "wss://service.mimi.fd.ai/", "wss://generativelanguage.googleapis.com"
SIMULATED, DEFAULT = "simulated, in this program", "the system's default"
STATES = "Connecting", "Connected", "Disconnecting", "Disconnecting"  # by ReadyState


def echo(listener: Listener, session: Any) -> None:
    session.on_message = lambda event: session.send_binary(event.data)


def simulate(service: str) -> Any:
    if service == ECHO:
        (listener := Listener()).connection.connect(echo)
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
        self.geometry("680x600")
        self.configure(padx=12, pady=12, background="white")
        self.columnconfigure((0, 1), weight=1, uniform="half")
        self.rowconfigure(11, weight=1)
        ttk.Style().theme_use("clam")
        ttk.Style().configure(".", background="white", bordercolor="gray75")
        ttk.Style().configure("TProgressbar", background="green4", troughcolor="gray92")
        ttk.Style().map("TButton", background=[("disabled", "white"), ("", "gray92")])
        choices = list(TOKENS), [SIMULATED, *URLS], [DEFAULT], [DEFAULT]
        boxes = [ttk.Combobox(values=each) for each in choices]
        for box in boxes:
            box.current(0)
        token, self.status, bar = ttk.Entry(show="•"), ttk.Label(), ttk.Frame()
        self.boxes = *boxes, token
        self.meters = ttk.Progressbar(maximum=60), ttk.Progressbar(maximum=60)
        labels = "Service", "Address", "Microphone", "Speaker", "", "", "Token", "State"
        widgets = *boxes, *self.meters, token, self.status
        for at, (label, widget) in enumerate(zip(labels, widgets, strict=True)):
            row, col = divmod(at, 2)
            if label:
                ttk.Label(text=label).grid(row=2 * row, column=col, sticky="w", padx=6)
            widget.grid(row=2 * row + 1, column=col, sticky="ew", padx=6, pady=3)
        bar.grid(row=8, columnspan=2, sticky="w", padx=6, pady=12)
        acts = {"Connect": self.connect, "Stop": self.stop, "Disconnect": self.hang_up}
        self.buttons = [ttk.Button(bar, text=name, command=acts[name]) for name in acts]
        self.mute = ttk.Checkbutton(bar, text="Mute")
        self.setvar(str(self.mute), "0")  # else it is neither on nor off
        for button in (*self.buttons, self.mute):
            button.pack(side="left", padx=(0, 8))
            button["underline"] = 0
            self.bind(f"<Alt-{button['text'][0].lower()}>", f"{button} invoke")  # Tcl
        self.bind("<Return>", f"{self.buttons[0]} invoke")
        self.bind("<Escape>", f"{self.buttons[2]} invoke")
        self.bind("<Destroy>", lambda _: self.hang_up())
        self.trouble = ttk.Label(foreground="red4", background="misty rose", padding=8)
        self.text = ScrolledText(wrap="word", font="TkTextFont", padx=12, pady=12)
        self.text.grid(row=11, columnspan=2, sticky="nsew", padx=6, pady=6)
        self.text.tag_configure("grey", foreground="gray60")
        self.text.insert("end", "Press Connect, and speak.", "grey")
        self.start(lambda _: None)  # but the list of devices
        self.look()

    def start(self, *work: Any) -> None:
        self.session: Any = None
        self.units, self.said = dict[str, Any](), dict[str, str]()
        self.meters[1]["value"] = 0  # mimi plays nothing
        self.hung_up, self.transcript = threading.Event(), Transcript("en")
        self.thread = threading.Thread(target=self.run, args=work, daemon=True)
        self.thread.start()

    def connect(self) -> None:
        self.trouble.grid_remove()
        texts = [box.get() for box in self.boxes]
        chosen = [None if each in ("", SIMULATED, DEFAULT) else each for each in texts]
        self.start(self.talk, *chosen)

    def run(self, work: Any, *choice: Any) -> None:
        try:
            self.found = voxsync.audio_devices()
            with ExitStack() as stack:
                work(stack.enter_context, *choice)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the person is told
            self.dispatcher.dispatch(self.on_error, voxsync.ErrorEvent(self, exc))

    def talk(self, enter: Any, service: str, url: str | None, *more: Any) -> None:
        microphone, speaker, token = more
        self.units["microphone"] = enter(Microphone(microphone))
        self.units |= {} if service == MIMI else {"speaker": enter(Speaker(speaker))}
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
            self.units["microphone"].send_media_to(session)
        else:
            conversation = voxsync.AudioConversation(session, **self.units)
            conversation.on_transcript = self.on_transcript
            enter(conversation)
        session.wait_closed()

    def on_result(self, event: voxsync.MessageEvent) -> None:
        before = len(self.transcript.final_text)
        self.transcript.add(event.data)
        now = len(self.transcript.final_text)
        self.write(self.transcript.text[before:now], self.transcript.text[now:])

    def on_transcript(self, event: Any) -> None:
        line = self.said.pop(event.speaker, f"{event.speaker}: ") + event.text
        self.said |= {} if event.is_final else {event.speaker: line}
        self.write(f"{line}\n" * event.is_final, "\n".join(self.said.values()))

    def on_error(self, event: Any) -> None:
        if event.error is not None and not self.hung_up.is_set():
            self.trouble.configure(text=str(event.error), wraplength=540)
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
        self.status.configure(foreground="green4" if active else "gray40")
        for button, on in zip(self.buttons, (not busy, active, busy), strict=True):
            button.state(["!disabled" if on else "disabled"])
        for meter, unit in zip(self.meters, [*self.units.values()], strict=False):
            meter["value"] = max(0, 60 + unit.level.rms)
            self.on_error(unit)  # if it has one: its device is gone
        if "microphone" in self.units:
            self.units["microphone"].mute = self.mute.instate(["selected"])
        for box, way in zip(self.boxes[2:4], ("input", "output"), strict=True):
            box["values"] = [DEFAULT, *(d.name for d in self.found if d.channels(way))]
        self.after(50, self.look)

    def stop(self) -> None:
        with suppress(voxsync.SessionClosed):  # it may be over already
            self.session.finish()

    def hang_up(self) -> None:
        self.hung_up.set()
        if self.session is not None:
            self.session.close(wait=False)


if __name__ == "__main__":
    app = App()
    app.mainloop()
    app.thread.join(1)
