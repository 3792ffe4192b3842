"""Meta-train an encoder's adapter in episodes, on a corpus that scripts/build_corpus.py wrote.

    python scripts/meta_train.py runs/corpus-atc --output runs/meta \
        --taxonomy ../shared/data/taxonomies/atc_en_zh.csv

Only the training split is read. A share of its categories is held out: few-shot accuracy on these
is watched, and the best weights are kept. A stopped training goes on where it was. checkpoint/ is a
classifier without categories, for `fit` or for scripts/finetune_lora.py --model; adapter/ is for
peft; head.safetensors is the head as it was trained along, one of `drugtext.episode_heads.HEADS`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from accelerate import PartialState
from datasets import load_dataset
from rich.console import Console
from safetensors.torch import save_model

import drugtext
from drugtext.encoder import DEFAULT_ENCODER, weights_sha256
from drugtext.episode_heads import HEADS
from drugtext.errors import DrugTextError
from drugtext.taxonomy import Taxonomy
from drugtext.training.bar import training_bar
from drugtext.training.data import LabelledInserts
from drugtext.training.meta import ATC_PLAN, meta_train

console = Console(stderr=True, markup=False)  # names of files hold brackets


def main(
    corpus: Annotated[Path, typer.Argument(help="Folder that build_corpus.py wrote.")],
    taxonomy: Annotated[Path, typer.Option(help="CSV of ATC codes and names.")],
    output: Annotated[Path, typer.Option(help="Folder of states, run.json and adapter/.")],
    model: Annotated[
        str, typer.Option(help="Encoder or checkpoint to start from; its adapter is trained on.")
    ] = DEFAULT_ENCODER,
    head: Annotated[str, typer.Option(help=" | ".join(HEADS))] = ATC_PLAN.head,
    steps: Annotated[int, typer.Option(min=1, help="Of the optimizer.")] = ATC_PLAN.loop.n_steps,
    patience: Annotated[
        int | None, typer.Option(help="Looks at the held-out ones without a gain that end it.")
    ] = None,
    episodes_a_step: Annotated[int, typer.Option(help="A multiple of the processes.")] = 1,
    hold_out_level: Annotated[int, typer.Option(help="Of the categories held out.")] = 3,
    hold_out: Annotated[float, typer.Option(help="Share of them.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
) -> None:
    """Meta-train an adapter and write it."""
    try:
        if head not in HEADS:
            raise typer.BadParameter(f"found head {head!r}; one of {', '.join(HEADS)} is needed.")
        file = corpus / "train.parquet"
        if not file.is_file():
            raise typer.BadParameter(f"{file}: there is none; scripts/build_corpus.py makes it.")
        rows = load_dataset("parquet", data_files=str(file), split="train")
        data = LabelledInserts.of_rows(rows.to_list(), Taxonomy.from_atc(taxonomy))
        train, held_out = data.parted_by_category(hold_out_level, hold_out, seed)
        classifier = drugtext.load(model)
        loop = replace(ATC_PLAN.loop, n_steps=steps, patience=patience, seed=seed)
        plan = replace(ATC_PLAN, head=head, loop=loop, episodes_a_step=episodes_a_step)
        with training_bar(console) as advance:
            trained = meta_train(
                classifier,
                train,
                plan,
                output,
                held_out=held_out,
                asked_levels=[n for n in plan.episodes.levels if n >= hold_out_level],
                told={
                    **{"corpus": str(corpus), "model": model, "inserts": train.sha256},
                    "weights": weights_sha256(classifier.model.encoder),
                },
                advance=advance,
            )
        if PartialState().is_main_process:
            trained.adapter.save(output / "adapter", classifier.model.config.encoder_name)
            classifier.with_adapter(trained.adapter).save_pretrained(output / "checkpoint")
            save_model(trained.head, str(output / "head.safetensors"))
    except DrugTextError as error:
        console.print(f"error: {error}", style="red")
        raise typer.Exit(2) from error
    progress = trained.progress
    best = progress.best_step
    print(
        f"{output / 'checkpoint'}: few-shot accuracy on {len(held_out.categories(hold_out_level))}"
        f" held-out categories {progress.scores[best] if best else float('nan'):.3f}, step {best}"
    )


if __name__ == "__main__":
    typer.run(main)
