"""`assay layers demo`: a real model's layers scored, drawn, selected, and what changed ones do."""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from ..models import Loaded, encode_prompts, linear_layers, made_prompts
from ..plotting import draw, require_drawable
from ..progress import Bar
from ..stopping import say
from ..wording import count, duration
from . import model_verbs, pictures
from .damage import Bench, Change, answers, measure_all
from .random_runs import EMPTY
from .ranking import spearman
from .scores import Scores, read_scores
from .scoring import score_model, spectrum_of
from .selecting import Order, Selection, select

# Of the parameters, that each of three verifiers can check; the order is part of the story.
_SHARES = (0.02, 0.08, 0.04)
_TOKENS, _LENGTH = 256, 32


def tell(options: argparse.Namespace) -> int:
    """Tell the story; the files are left in the folder."""
    folder = options.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    require_drawable(folder / "scores.png")
    options.model = options.model or "smollm2"

    say("1. Which layers matter? Score each by the spectrum of its weights\n")
    started = time.monotonic()
    model = model_verbs.loaded(options)
    layers = linear_layers(model.model)
    path = folder / f"{model.source.name}_scores.json"
    loading = time.monotonic() - started
    started = time.monotonic()
    score_model(model, path)
    scores = read_scores(path)
    say(
        f"   model     {scores.model_name}, {len(layers)} linear layers, "
        f"{len(scores.blocks)} blocks"
    )
    say(f"   to check  {count(sum(scores.costs))} parameters")
    say(f"   scored    by {scores.metric_name}, in {duration(time.monotonic() - started)}; "
        f"loading took {duration(loading)}")  # fmt: skip
    by_block = [scores.values[block.start] for block in scores.blocks]
    ranked = sorted(range(len(by_block)), key=by_block.__getitem__, reverse=True)
    say(f"   blocks    worth most: {_listed(ranked[:4])}; worth least: {_listed(ranked[-4:])}")
    draw(pictures.of_scores(scores), folder / "scores.png")
    middle = layers[len(layers) // 2]
    spectrum = spectrum_of(middle.weight, middle.name)
    title = f"{scores.model_name}, {middle.name}: eigenvalues of W^T W"
    fit = spectrum.alpha, spectrum.xmin
    draw(pictures.of_spectrum(spectrum.eigenvalues, *fit, title), folder / "spectrum.png")
    say(f"   drawn     {folder / 'scores.png'}, {folder / 'spectrum.png'}\n")

    say("2. Three verifiers can check only so much: who checks what?\n")
    budgets = [int(share * sum(scores.costs)) for share in _SHARES]
    orders: tuple[Order, ...] = ("fixed", "free")
    found = {one: select(scores.values, scores.costs, budgets, order=one) for one in orders}
    for order, selected in found.items():
        share = selected.value / sum(scores.values)
        say(f"   {order:6}  {selected.value:8.4f}, {share:.2%} of what all layers are worth")
        for number, run in enumerate(selected.assignments):
            cost = scores.cost_of(run) / sum(scores.costs)
            say(f"           verifier {number}: {_run(run, scores)}, {cost:.1%} of the parameters")
    runs = {str(order): selected.assignments for order, selected in found.items()}
    draw(pictures.of_selection(runs, len(layers), scores.model_name), folder / "selection.png")
    gain = found["free"].value - found["fixed"].value
    say(f"   free order finds {gain:.4f} more; drawn: {folder / 'selection.png'}\n")

    say(f"3. Do scores foretell damage? Round {options.layers} layers to 4 bits, one at a time\n")
    _damage(options, model, scores, found["free"])
    say(
        """
What this shows: which layers a selection would check for these budgets, and what rounding some of
them does to this model's answers.

What it does not show: that the scores are right for what a provider might change. Ten layers tell
little about a correlation; `assay layers damage --layers all --scores FILE` measures all, with
intervals. And whoever knows the scores and the budgets knows the selection too."""
    )
    return 0


def _damage(
    options: argparse.Namespace, model: Loaded, scores: Scores, selected: Selection
) -> None:
    ids = answers(
        model.model,
        lambda number: encode_prompts(model.tokenizer, made_prompts(number)),
        tokens=_TOKENS,
        length=_LENGTH,
    )
    bench = Bench(model.model, ids)
    every = len(bench.layers)
    chosen = np.unique(np.linspace(0, every - 1, min(options.layers, every)).round().astype(int))
    groups = [(int(index),) for index in chosen]
    selected_layers = {
        index for run in selected.assignments if run != EMPTY for index in range(run[0], run[1] + 1)
    }
    say("   layer                     significance   KL (nats)   other token   selected")
    damage, significance = [], []
    with Bar.on_stderr("damage", quiet=False) as bar:
        measured = list(measure_all(bench, groups, Change(), bar))
    for (index,), one, _ in measured:
        damage.append(one.kl)
        significance.append(scores.values[index])
        mark = "yes" if index in selected_layers else ""
        say(
            f"   {scores.names[index]:24}  {scores.values[index]:12.4f}   {one.kl:9.2e}   "
            f"{one.changed_tokens:11.1%}   {mark}"
        )
    seconds = sum(took for _, _, took in measured)
    say(f"\n   {ids.numel()} tokens; {duration(seconds / len(measured))} for a layer")
    if len(damage) > 1:
        correlation = spearman(significance, damage)
        say(f"   rank correlation of significance and damage, of these alone: {correlation:+.2f}")
    title = f"{scores.model_name}: damage of {len(damage)} layers rounded to 4 bits"
    names = [scores.names[index] for (index,) in groups]
    picture = pictures.of_damage(damage, {"significance": significance}, names, title)
    draw(picture, options.output_dir / "damage.png")
    say(f"   drawn: {options.output_dir / 'damage.png'}")


def _listed(blocks: Sequence[int]) -> str:
    return ", ".join(map(str, blocks))


def _run(run: tuple[int, int], scores: Scores) -> str:
    if run == EMPTY:
        return "nothing"
    first, last = run
    return f"layers {first} to {last} ({scores.names[first]} .. {scores.names[last]})"
