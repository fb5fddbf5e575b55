"""``deploybench serve``: answer requests with an artifact, by the server that is handed over beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.serving.server.settings import Settings, add_flags
from ...exporters.serving.server_folder import SERVER, write_server
from .common import add_command

if TYPE_CHECKING:
    import argparse

_ABOUT = """
POST /predict takes and gives what Text Embeddings Inference does:
  curl localhost:8080/predict -d '{"inputs": "a text"}'
Several texts are [["a text"], ["another"]], a pair is ["a text", "another"]. /health,
/info and /metrics (Prometheus) are there as well. Waiting texts of like length are
computed together. SIGTERM ends it once the running requests are answered."""


def add(commands: Any) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "serve",
        "answer requests with the artifact of recommend --copy-to, until SIGTERM",
        ["deploybench serve best", "deploybench serve best --port 9000 --instances 2 --max-batch 1"],
    )
    command.description = f"{command.description}\n{_ABOUT}"
    command.set_defaults(execute=_serve, needs=("serve",))
    command.add_argument("folder", metavar="DIR", type=Path, help="an artifact; its own server is run where it has one")
    add_flags(command, without=("artifact",))


def _serve(parsed: argparse.Namespace) -> int:
    artifact = parsed.folder.resolve()
    with tempfile.TemporaryDirectory() as made:
        folder = artifact
        if not (artifact / SERVER).is_dir():
            folder = Path(made)
            write_server(artifact, folder)
        flags = [
            f"--{name.replace('_', '-')}={value}" if not isinstance(value, bool) else f"--{name.replace('_', '-')}"
            for name in Settings.__slots__
            if name != "artifact" and (value := getattr(parsed, name)) is not False
        ]
        command = [sys.executable, "-m", SERVER, f"--artifact={artifact}", *flags]
        with subprocess.Popen(command, cwd=folder) as server:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda asked, _: server.send_signal(asked))
            return server.wait()
