"""Callbacks of the Trainer: saved states, time and tokens, and a progress bar."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from .processes import process_count, total

if TYPE_CHECKING:
    from .unfinished import Unfinished

_STATE_EVERY_S = 120.0  # the most that a killed process loses
_SYNC_STEPS = 10  # steps between two synchronisations of the processes
_LOSS_EVERY_S = 1.0  # reading the loss waits for the device


class Keeper(TrainerCallback):
    """Saves a state every two minutes, in addition to those after each epoch, and marks each that is complete."""

    def __init__(self, unfinished: Unfinished) -> None:
        self._unfinished = unfinished
        self._last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the Trainer's
        """Request a state if the last one is old, and log the loss so far."""
        if process_count() > 1 and state.global_step % _SYNC_STEPS:
            return
        # All processes must agree: each writes its part of a state, but has its own clock.
        if total(time.monotonic() - self._last > _STATE_EVERY_S):
            control.should_log = control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Mark the state as complete."""
        self._unfinished.keep(state.global_step, state.best_model_checkpoint)
        self._last = time.monotonic()


class Clock(TrainerCallback):
    """Logs with each loss the time of its steps and the tokens computed, including padding."""

    def __init__(self) -> None:
        self.computed = 0
        self._begun: float | None = None

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start the clock, also after a validation or a saved state."""
        if self._begun is None:
            self._begun = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Log both; the device has finished, since its loss was read."""
        if self._begun is None or "loss" not in (logs or {}):
            return
        state.log_history[-1] |= {"seconds": time.perf_counter() - self._begun, "computed_tokens": total(self.computed)}
        self._begun, self.computed = None, 0


class ProgressBar(TrainerCallback):
    """Progress bar on standard error with the loss and the time left; that of transformers also prints to standard output."""

    def __init__(self) -> None:
        self.loss: Any = None  # of the last batch
        self._shown = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Open the bar at the step that training resumes from."""
        from tqdm import tqdm

        self._bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", unit="step", leave=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Update the bar."""
        if self.loss is not None and time.monotonic() - self._shown > _LOSS_EVERY_S:
            self._bar.set_postfix_str(f"loss {float(self.loss):.3f}", refresh=False)
            self._shown = time.monotonic()
        self._bar.update(state.global_step - self._bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Close the bar."""
        self._bar.close()
