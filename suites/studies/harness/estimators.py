"""Which estimator of a speed-up is narrow and covers the truth, from the slices that ``repeated`` recorded.

    python -m deploybench.suites.studies.harness.estimators minilm-covid minilm-covid-loaded

The truth of a row is the mean over all recorded runs of the estimator in question. Coverage: of the 95 % interval of one run.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ....bench.measure.controls import AGAIN, CONTROLS
from ....bench.runs.measurement import launch_ratios, slice_noise
from ....bench.statistics import LEVEL, paired_ratios
from ....exporters.variant import REFERENCE
from ..study import Answer, render_rows, run_study
from .repeated import read_slices, recorded_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    import pandas as pd

    Slices: TypeAlias = npt.NDArray[np.float64]  # logarithms (launch, block)

NARROW, CLOSE = 0.05, 0.02  # half a width of an interval; an A/A ratio


def middle(ratios: Slices) -> Slices:
    """The median over the blocks of each launch."""
    return np.asarray(np.median(ratios, axis=1))


def mean(ratios: Slices) -> Slices:
    """The mean over the blocks of each launch."""
    return np.asarray(ratios.mean(axis=1))


def low_quantile(ratios: Slices) -> Slices:
    """The first quartile of each launch."""
    return np.asarray(np.quantile(ratios, 0.25, axis=1))


def by_text(ratios: Slices) -> Slices:
    """The mean over texts of each one's median over launches, plus the median by which a launch departs from these."""
    text = np.median(ratios, axis=0, keepdims=True)
    return np.asarray(text.mean() + np.median(ratios - text, axis=1))


FORMS: dict[str, Callable[[Slices], Slices]] = {
    "median": middle,
    "mean": mean,
    "first quartile": low_quantile,
    "by text": by_text,
}
VALUES = {"median": "us", "least": "least", "CPU time": "cpu"}  # of the rounds of a slice, and its column
LESS = ("nothing", "half the control", "the control", "all other rows")


def tables(slices: pd.DataFrame, column: str) -> dict[int, dict[str, Slices]]:
    """Logarithms by run and row, of the blocks that every row has."""
    found: dict[int, dict[str, Slices]] = {}
    for run, of_run in slices.groupby("run"):
        logs = {
            str(row): np.log(of_row.pivot_table(index="launch", columns="block", values=column).to_numpy(np.float64))
            for row, of_row in of_run.groupby("row")
            if row not in CONTROLS or row == AGAIN
        }
        blocks = np.all([np.isfinite(one).all(axis=0) for one in logs.values()], axis=0)
        found[int(str(run))] = {row: one[:, blocks] for row, one in logs.items()}
    return found


def less(rows: Mapping[str, Slices], control: Mapping[str, Slices], what: str) -> dict[str, Slices]:
    """The rows, each slice less what slowed the machine then, as ``what`` estimates it."""
    if what == "nothing":
        return dict(rows)
    if what == "all other rows":
        departures = {row: one - np.median(one, axis=1, keepdims=True) for row, one in rows.items()}
        return {
            row: one - np.median([other for name, other in departures.items() if name != row], axis=0)
            for row, one in rows.items()
        }
    share = 0.5 if what == "half the control" else 1.0
    return {row: one - share * control[row] for row, one in rows.items()}


def judge(
    runs: Sequence[Mapping[str, Sequence[float]]], noises: Sequence[Mapping[str, float]] = ()
) -> dict[str, float]:
    """Width, coverage and A/A of an estimator, from the logarithm of the ratio to the reference of each launch of each row.

    ``noises``: of a slice, by row, for each run; with them, errors include the spread between runs.
    """
    names = [name for name in runs[0] if name != AGAIN]
    reach, middles, close = [], [], []
    for place, rows in enumerate(runs):
        *ratios, again = paired_ratios([list(rows[name]) for name in (*names, AGAIN)], [*names, AGAIN])
        if noises:
            ratios = [one.between_runs(noises[place][name]) for name, one in zip(names, ratios, strict=True)]
        reach.append([one.detectable(LEVEL) - 1 for one in ratios])
        middles.append([one.middle for one in ratios])
        close.append(abs(np.expm1(again.middle)) <= CLOSE)
    half, found = np.asarray(reach), np.asarray(middles)
    others = (found.sum(axis=0) - found) / (len(found) - 1)  # the truth as the other runs see it
    allowed = np.log1p(half) * np.sqrt(1 + 1 / (len(found) - 1))
    return {
        "half_width": float(np.median(half)),
        "all_rows_narrow": float((half <= NARROW).all(axis=1).mean()),
        "narrow": float((half <= NARROW).mean()),
        "coverage": float((abs(found - others) <= allowed).mean()),
        "between_runs": float(found.std(axis=0, ddof=1).mean()),
        "aa_close": float(np.mean(close)),
    }


def estimators(slices: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Every estimator by its name: value of a slice, form, and what it is less; and the one in use, by number of launches."""
    control = tables(slices, "beside")
    found = {}
    for value, column in VALUES.items():
        rows = tables(slices[slices[column] > 0], column)
        for what in LESS if value == "median" else LESS[:1]:
            runs = [
                less(rows[run], {name: control[run][name][:, : one.shape[1]] for name, one in rows[run].items()}, what)
                for run in rows
            ]
            for form, function in FORMS.items():
                found[f"{value}, {form}, less {what}"] = judge([_ratios(one, function) for one in runs])
    return {**{f"in use, {number} launches": in_use(slices, number) for number in _launches(slices)}, **found}


def in_use(slices: pd.DataFrame, launches: int) -> dict[str, float]:
    """The estimator of a run, of the first ``launches`` of each recorded one."""
    runs = recorded_runs(slices[slices["launch"] < launches])
    pairs = [{name: (run[REFERENCE], one) for name, one in run.items() if name != REFERENCE} for run in runs]
    ratios = [{name: launch_ratios(*pair) for name, pair in of_run.items()} for of_run in pairs]
    noises = [{name: slice_noise(*pair) for name, pair in of_run.items()} for of_run in pairs]
    return judge(ratios, noises)


def reference_over_control(slices: pd.DataFrame) -> dict[str, float]:
    """Standard deviations of the log ratio of the reference to the control: between runs, and as launches explain them."""
    found = [
        launch_ratios(replace(run[REFERENCE], values=run[REFERENCE].beside), run[REFERENCE])
        for run in recorded_runs(slices)
    ]
    errors = [np.var(one, ddof=1) / len(one) for one in found]
    return {
        "between_runs": float(np.std([np.mean(one) for one in found], ddof=1)),
        "of_launches": float(np.sqrt(np.mean(errors))),
    }


def _ratios(rows: Mapping[str, Slices], form: Callable[[Slices], Slices]) -> dict[str, list[float]]:
    return {name: form(one - rows[REFERENCE]).tolist() for name, one in rows.items() if name != REFERENCE}


def _launches(slices: pd.DataFrame) -> list[int]:
    """Numbers of launches that a quick run may stop at, up to those that were recorded."""
    most = int(slices["launch"].max()) + 1
    return sorted({most, *(number for number in (4, 6) if number < most)})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help="of recordings below results/studies")
    parsed = parser.parse_args(arguments)

    def answer() -> Answer:
        figures: dict[str, Any] = {}
        texts = []
        for name in parsed.names:
            slices = read_slices(name)
            found, reference = estimators(slices), reference_over_control(slices)
            figures[name] = {"estimators": found, "reference_over_control": reference}
            texts.append(_text(name, found, reference))
        return Answer("estimators", figures, "\n".join(texts))

    return run_study("estimators", answer)


def _text(name: str, found: Mapping[str, Mapping[str, float]], reference: Mapping[str, float]) -> str:
    heads = (name, "half width", "≤ 5 %", "all ≤ 5 %", "coverage", "sd of runs", "A/A ≤ 2 %")
    rows = [
        (
            one,
            f"{of['half_width']:.1%}",
            f"{of['narrow']:.0%}",
            f"{of['all_rows_narrow']:.0%}",
            f"{of['coverage']:.0%}",
            f"{of['between_runs']:.1%}",
            f"{of['aa_close']:.0%}",
        )
        for one, of in found.items()
    ]
    between, explained = reference["between_runs"], reference["of_launches"]
    note = f"{REFERENCE} over the control: sd of runs {between:.1%}, of which its launches explain {explained:.1%}"
    return render_rows(heads, rows, [note])


if __name__ == "__main__":
    sys.exit(main())
