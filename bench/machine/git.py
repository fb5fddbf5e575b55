"""Calls git."""

from __future__ import annotations

import os
import subprocess

_OF_A_HOOK = ("GIT_INDEX_FILE", "GIT_WORK_TREE")  # git sets them for its hooks; they would point to another worktree


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in the working folder; raises OSError if it cannot be started."""
    environment = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    command = ["git", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
