"""Names of the tables, apart from ``bench.report.tables``: the help names them, and does not wait for its imports."""

TABLES = (
    "summary",
    "batch",
    "timing",
    "instances",
    "roofline",
    "operators",
    "weights",
    "cold",
    "sequence",
    "memory",
    "accuracy",
    "fidelity",
    "invariance",
    "policies",
    "errors",
    "groups",
    "shift",
)
ON_DEMAND = ("timing", "operators", "errors", "groups", "shift")  # printed where ``--table`` names them
SHOWN = tuple(name for name in TABLES if name not in ON_DEMAND)
