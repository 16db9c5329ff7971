"""The local services: what a voice service does, on this machine, faults included.

Three of them, each a door of its own with files of its name: `mimi.MimiService`,
`voximplant.VoxEngine` and `gemini.GeminiService`. What they have in common:

- who comes and goes: `service` (not `voximplant`, which is no server but a session);
- one thread for a session where order matters: `thread`;
- faults: a menu (`faults`; `voximplant_faults`, `gemini_faults`), and what each does to
  one connection (`act`, `acts`; `voximplant_acts`, `gemini_acts`);
- ears: `recogniser`, with `phrases` and `dictation`, and `activity`, which only hears
  that somebody speaks;
- voices: `voice`;
- what tests ask for afterwards: `record`, `gemini_record`, `voximplant_log`.

May import: every room below, and the doors of the services; not cli.
Threads: connections have those of `server`. Besides, a `MimiService` has one for all
its sessions (`voxsync-idle`), a `GeminiService` one for each session
(`voxsync-gemini-...`), a `VoxEngine` one for all that happens in it
(`voxsync-voxengine`). `DictationRecogniser` has a child process for each stream; the
voices of flite and espeak-ng are a program that runs once for each sentence.
"""
