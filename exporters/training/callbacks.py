"""What happens beside the training itself: states that can be gone on from, time that is counted, a bar for who waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from exporters.training.processes import process_count, total

if TYPE_CHECKING:
    from exporters.training.unfinished import Unfinished

_STATE_EVERY_S = 120.0  # at most so much is lost with a killed process
_STEPS_ALONE = 10  # between two questions of several processes, for which each waits
_LOSS_EVERY_S = 1.0  # it is read from the device for that


class Keeper(TrainerCallback):
    """Has a state written every few minutes, beside those at the ends of epochs, and marks each that is whole."""

    def __init__(self, unfinished: Unfinished) -> None:
        self._unfinished = unfinished
        self._last = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the Trainer's
        """Ask for a state where the last one is old; the loss so far is noted with it."""
        if process_count() > 1 and state.global_step % _STEPS_ALONE:
            return
        # All processes or none: each has its part in a state, and its own clock.
        if total(time.monotonic() - self._last > _STATE_EVERY_S):
            control.should_log = control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """It is whole now."""
        self._unfinished.keep(state.global_step, state.best_model_checkpoint)
        self._last = time.monotonic()


class Clock(TrainerCallback):
    """Notes with each logged loss how long its steps took, and how many tokens they computed, padding included."""

    def __init__(self) -> None:
        self.computed = 0
        self._begun: float | None = None

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Go on, after a validation or a state."""
        if self._begun is None:
            self._begun = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Put both down; reading the loss has waited for the device."""
        if self._begun is None or "loss" not in (logs or {}):
            return
        state.log_history[-1] |= {"seconds": time.perf_counter() - self._begun, "computed_tokens": total(self.computed)}
        self._begun, self.computed = None, 0


class ProgressBar(TrainerCallback):
    """One bar on standard error, with the loss and the time left; that of transformers prints to standard output as well."""

    def __init__(self) -> None:
        self.loss: Any = None  # of the last batch
        self._shown = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Open the bar, at the step that is gone on from."""
        from tqdm import tqdm

        self._bar = tqdm(total=state.max_steps, initial=state.global_step, desc="training", unit="step", leave=False)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Move it."""
        if self.loss is not None and time.monotonic() - self._shown > _LOSS_EVERY_S:
            self._bar.set_postfix_str(f"loss {float(self.loss):.3f}", refresh=False)
            self._shown = time.monotonic()
        self._bar.update(state.global_step - self._bar.n)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Remove it."""
        self._bar.close()
