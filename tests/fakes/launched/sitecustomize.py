"""In each process of a launched training: notes which texts it trains on, and lets one process fail where it is asked to."""

import json
import os
from pathlib import Path

if {"NOTES", "RANK"} <= set(os.environ):
    from deploybench.exporters.training import fitting

    rank = os.environ["RANK"]
    trainer_class = fitting._trainer_class

    def noting(*given):
        class Noting(trainer_class(*given)):
            def training_step(self, model, inputs, *arguments):
                step = self.state.global_step
                if os.environ.get("FAILS") == f"{rank} at {step}":
                    raise MemoryError
                with Path(os.environ["NOTES"], f"{rank}.jsonl").open("a") as notes:
                    notes.write(json.dumps([step, inputs["input_ids"].tolist()]) + "\n")
                return super().training_step(model, inputs, *arguments)

        return Noting

    fitting._trainer_class = noting
