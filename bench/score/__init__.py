"""Large files of texts, labelled by one variant."""

FLAGS = (
    "--checkpoint",
    "--calibration",
    "--train",
    "--text-columns",
    "--pair-columns",
    "--windows",
    "--pool",
    "--drop-bad-rows",
    "--allow-pickle",
    "--plugin",
    "--threads",
    "--work-dir",
)
"""Of a run, that a scoring takes as well."""
