"""The figures that ``compare`` judges, with their origin and the saved file, as runs in an MLflow tracking store."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from ....exporters.errors import UserError, first_line
from ...runs.store import load_saved, saved_at
from .trackers import path_of, tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...runs.measurement import Figure
    from ...runs.store import Run

EXPERIMENT = "deploybench"  # unless MLFLOW_EXPERIMENT_NAME names another, as in MLflow itself
_BATCH = 1_000  # metrics of one request, the most that a server takes
_LONGEST = 250  # characters of a metric's name, likewise
_NO_NAME = re.compile(r"[^\w\-. :/]", re.ASCII)
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"  # MLflow's seven take minutes until a wrong address is an error


def log_runs(runs: Sequence[Run], uri: str) -> int:
    """Log each model's run as a run of its own, in SI units; gives the number of figures.

    Raises UserError where MLflow is missing, or its store cannot be written.
    """
    os.environ.setdefault(_RETRIES, "1")
    try:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else client.create_experiment(name)
        return sum(_log(client, experiment, run) for run in runs)
    except UserError:
        raise
    except ImportError as error:
        raise UserError(f"--mlflow: {first_line(error)}; install it with: pip install 'deploybench[mlflow]'") from error
    except Exception as error:  # of MLflow, of the network, of a database
        raise UserError(f"--mlflow: {uri}: {first_line(error)}; expected the address of a tracking store") from error


def _log(client: Any, experiment: str, run: Run) -> int:
    from mlflow.entities import Metric, Param

    at = round(1e3 * saved_at(run.path, load_saved(run.path)).timestamp())  # ms, as MLflow counts
    params = [Param(name, str(value)) for name, value in _origin(run).items()]
    named = [one for figure in tracked(run) for one in _named(figure)]
    metrics = [Metric(name, value, at, 0) for name, value in named]
    created = client.create_run(experiment, start_time=at, run_name=f"{run.checkpoint.name} {run.path.stem}")
    identifier = created.info.run_id
    client.log_batch(identifier, params=params)
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(identifier, metrics=metrics[start : start + _BATCH])
    client.log_artifact(identifier, str(run.path))
    client.set_terminated(identifier, end_time=at)
    return len(metrics)


def _origin(run: Run) -> dict[str, Any]:
    """What the figures depend on: checkpoint, plan, machine and versions."""
    environment, checkpoint = run.environment, run.checkpoint
    return {
        "model": checkpoint.name,
        "checkpoint_sha256": checkpoint.sha256,
        "parameters": checkpoint.num_parameters,
        "profile": run.plan.profile,
        "threads": run.plan.threads,
        **{name: environment[name] for name in ("commit", "cpu", "cores", "system", "python") if name in environment},
        **(environment.get("versions") or {}),
    }


def _named(figure: Figure) -> list[tuple[str, float]]:
    """Value and ends of the interval: ``onnx-fp32/latency_seconds/8x128``, ``…/low`` and ``…/high``."""
    name = _NO_NAME.sub("_", "/".join(path_of(figure)))[:_LONGEST]
    ends = {name: figure.value, f"{name}/low": figure.low, f"{name}/high": figure.high}
    return [(end, float(value)) for end, value in ends.items() if value is not None]
