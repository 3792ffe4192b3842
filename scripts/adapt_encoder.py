"""Let an encoder meet its domain: contrastive training on inserts, without their categories.

    python scripts/adapt_encoder.py my-inserts --output runs/adapted

Two windows of one insert, or the same section of two inserts of one ingredient, are told from all
others. Names are masked, or they alone would tell what belongs together. checkpoint/ is a
classifier without categories, which scripts/meta_train.py and scripts/finetune_lora.py train on
(--model); adapter/ is for peft.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer
from accelerate import PartialState
from rich.console import Console

import drugtext
from drugtext.encoder import DEFAULT_ENCODER, weights_sha256
from drugtext.errors import DrugTextError
from drugtext.masking import masked_insert
from drugtext.registry import content_sha256
from drugtext.training.bar import training_bar
from drugtext.training.contrast import ContrastPlan, adapt_encoder
from drugtext.training.data import substances_of
from drugtext.training.plan import LoopPlan

console = Console(stderr=True, markup=False)  # names of files hold brackets


def main(
    inserts: Annotated[list[Path], typer.Argument(help="Files or folders of inserts.")],
    output: Annotated[Path, typer.Option(help="Folder of states, run.json and adapter/.")],
    model: Annotated[str, typer.Option(help="Encoder to start from.")] = DEFAULT_ENCODER,
    steps: Annotated[int, typer.Option(min=1, help="Of the optimizer.")] = 200,
    pairs: Annotated[int, typer.Option(min=1, help="Of windows a step.")] = 48,
    learning_rate: Annotated[float, typer.Option(help="The highest.")] = 3e-4,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Train an adapter on inserts without categories and write it."""
    try:
        read = list(
            drugtext.read_inserts(
                inserts, on_error=lambda error: console.print(f"left out: {error}")
            )
        )
        classifier = drugtext.load(model)
        readable = []
        for insert in read:
            if refusal := classifier.refusal(insert):
                console.print(f"left out: {refusal}")
            else:
                readable.append(insert)
        contents = hashlib.sha256("".join(map(content_sha256, readable)).encode()).hexdigest()
        weights = weights_sha256(classifier.raw_encoder)
        with training_bar(console) as advance:
            adapter, progress = adapt_encoder(
                classifier,
                [masked_insert(insert) for insert in readable],
                substances_of(readable),
                ContrastPlan(LoopPlan(steps, learning_rate=learning_rate, seed=seed), pairs),
                output,
                told={"inserts": contents, "model": model, "weights": weights},
                advance=advance,
            )
        if PartialState().is_main_process:
            adapter.save(output / "adapter", classifier.model.config.encoder_name)
            classifier.with_adapter(adapter).save_pretrained(output / "checkpoint")
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    print(f"{output / 'checkpoint'}: loss {progress.losses[-1]:.3f} after {progress.step} steps")


if __name__ == "__main__":
    typer.run(main)
