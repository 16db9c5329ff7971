"""The smallest useful script: send, wait for the answers, end."""

from __future__ import annotations

from voxsync.mimi import MimiSession
from voxsync.simulators.mimi import MimiService


def main() -> None:
    with (
        MimiService() as service,
        MimiSession(
            None, process="nict-asr", language="en", url=service.url
        ) as session,
    ):
        for _ in range(40):
            session.send_binary(bytes(1600))  # 50 ms; waits while the queue is full
        session.stop_recognition()
        for result in session.receive(timeout=30):
            print(result.text, result.is_final)


if __name__ == "__main__":
    main()
