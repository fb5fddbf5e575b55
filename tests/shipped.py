"""The files below ``results/`` that the project ships: never a run that somebody who works with this copy has saved there."""

from pathlib import Path

from deploybench.bench.machine.git import git

ROOT = Path(__file__).parents[1]


def shipped(pattern, root=ROOT):
    """Those that match, sorted: what git knows, or all where this is no checkout, as of an archive that was unpacked."""
    known = _known_to_git(root)
    found = sorted(path for path in (root / "results").glob(pattern) if path.is_file())
    return [path for path in found if path in known] if known else found


def _known_to_git(root):
    """None of an archive, though it was unpacked within another checkout."""
    try:
        listed = git("-C", str(root), "ls-files", "-z", "results")
    except OSError:  # no git here
        return set()
    return {root / name for name in listed.stdout.split("\0") if name}
