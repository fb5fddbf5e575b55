"""Whether a checkpoint can read texts by the windows that were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...exporters.checkpoints.tokenization import read_fast
from ...exporters.errors import UserError

if TYPE_CHECKING:
    from ...exporters.checkpoints.checkpoint import Checkpoint
    from ...exporters.checkpoints.inputs import Inputs
    from .options import Options


def refuse_windows(options: Options, checkpoint: Checkpoint, inputs: Inputs, *, labelled: bool) -> None:
    """Raise UserError for windows of pairs, for ones that the checkpoint cannot read or that leave tokens out.

    And for a run without a labelled set, which would measure nothing of them.
    """
    windows = options.windows
    if windows is None:
        return
    if inputs.pairs:
        raise UserError("--windows: the texts are pairs, expected single ones; leave --windows out")
    if options.scores_pairs is None and not labelled:
        raise UserError("--windows: no labelled set was given to measure them on; pass --external FILE as well")
    if inputs.max_length is not None and windows.length > inputs.max_length:
        raise UserError(
            f"--windows: windows of {windows.length} tokens asked, {checkpoint.name} takes at most {inputs.max_length}"
        )
    special = read_fast(inputs.tokenizer).num_special_tokens_to_add(is_pair=False)
    room = windows.length - special
    if windows.stride > room:
        asked = f"{windows.length}/{windows.stride}"
        rest = f"expected a stride of at most {room}" if room > 0 else f"expected windows of more than {special}"
        raise UserError(
            f"--windows: found {asked!r}, and {special} tokens of a window are special ones, so that tokens of the text are left "
            f"out; {rest}"
        )
