"""``deploybench serve``: answer requests with an artifact, by the server that is handed over beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exporters.serving.served import whole_artifact
from ...exporters.serving.server.settings import add_flags, flags_of, given_of
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
    command.add_argument(
        "artifact", metavar="DIR", type=Path, help="an artifact; its own server is run where it has one"
    )
    add_flags(command, artifact=False)


def _serve(parsed: argparse.Namespace) -> int:
    artifact = parsed.artifact.resolve()
    whole_artifact(artifact)
    with tempfile.TemporaryDirectory() as made:
        folder = artifact
        if not (folder / SERVER).is_dir():
            folder = Path(made)
            write_server(artifact, folder)
        flags = flags_of({**given_of(parsed), "artifact": artifact})
        with subprocess.Popen([sys.executable, "-m", SERVER, *flags], cwd=folder) as server:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda asked, _: server.send_signal(asked))
            return server.wait()
