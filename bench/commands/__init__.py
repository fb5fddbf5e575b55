"""One file per command: its flags, one call into a room below, what it prints and its exit code."""

COMMANDS = (  # files of this folder, in the order of the help
    "run",
    "export",
    "score",
    "prepare",
    "train",
    "report",
    "recommend",
    "serve",
    "errors",
    "compare",
    "duel",
    "claims",
    "baseline",
    "architectures",
    "list",
)
