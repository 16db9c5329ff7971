"""A sound card that is busy or forbidden: what no sound server ever is."""

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parent / "card.c"
_APT = "apt-get install -y gcc portaudio19-dev (which brings libasound2-dev)"


class Card:
    """ALSA devices made by a plugin of ours, for child processes.

    Args:
        folder: For the plugin, its configuration and its locks.
        devices: Name of each to its limits: `{"mono": "channels 1"}`.
    """

    def __init__(self, folder, **devices):
        self._folder = Path(folder)
        assert shutil.which("gcc"), f"gcc is missing: {_APT}"
        library = self._folder / "libcard.so"
        done = subprocess.run(
            ["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-DPIC", "-O1",
             "-o", library, SOURCE, "-lasound"],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, f"{done.stderr}\n{_APT}"
        lines = [f'pcm_type.voxsync {{ lib "{library}" }}']
        # Without a "default", PortAudio aborts the process (an assertion of its list).
        for name, limits in {"default": "", **devices}.items():
            lines.append(
                f'pcm.{name} {{ type voxsync folder "{self._folder}" {limits} }}'
            )
        self._config = self._folder / "asoundrc"
        self._config.write_text("\n".join(lines) + "\n")

    @property
    def environment(self):
        """What makes a program see these devices and no others."""
        return {"ALSA_CONFIG_PATH": str(self._config)}

    def deny(self, denied=True):
        """Whether the user has no permission."""
        mark = self._folder / "denied"
        if denied:
            mark.touch()
        else:
            mark.unlink()
