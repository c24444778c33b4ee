"""The verifier's own states: one pass over a finished text, or over several."""

from collections.abc import Sequence

from torch import Tensor
from transformers import PreTrainedModel

from .. import models


def recompute(
    model: PreTrainedModel, prompt: Sequence[int] | Tensor, output: Sequence[int] | Tensor
) -> Tensor:
    """The states from which `model` would have produced each token of `output`.

    Args:
        model: In evaluation mode.
        prompt: Token ids, as they were given to the provider's model; never text, which may be cut
            into other tokens.
        output: Token ids that the provider says were produced.

    Returns:
        One row for each token of `output`, in the model's dtype and on its device: row j belongs to
        position len(prompt) - 1 + j, whose state the head sees when it produces token j.

    Raises:
        InputError: An empty prompt or output, or an id outside the vocabulary ("out_of_range");
            more tokens than the model has positions ("too_large").
    """
    keeper = models.Keeper(models.HEAD_INPUT)
    models.recompute(model, prompt, output, observers=[keeper])
    return keeper.sequences[0].rows[0]


def recompute_together(
    model: PreTrainedModel,
    answers: Sequence[tuple[Sequence[int] | Tensor, Sequence[int] | Tensor]],
) -> list[Tensor]:
    """The states of several answers, each a prompt and an output, in one pass.

    The shorter ones are padded. Numbers differ from those of `recompute` by rounding.

    Raises:
        InputError: As `recompute`.
    """
    keeper = models.Keeper(models.HEAD_INPUT)
    models.recompute_together(model, answers, observers=[keeper])
    return [one.rows[0] for one in keeper.sequences]
