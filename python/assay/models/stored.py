"""A model's weights under the names and in the form in which its folder has them."""

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.core_model_loading import revert_weight_conversion
from transformers.modeling_utils import remove_tied_weights_from_state_dict


def stored_state(model: PreTrainedModel) -> dict[str, Tensor]:
    """What `save_pretrained` would write, without writing it.

    Loading renames weights of some models, and merges those of some; that is undone here. Tensors
    that are the model's own are not copied.
    """
    with torch.no_grad():
        state = model.state_dict()
        for name in model._keys_to_ignore_on_save or ():
            state.pop(name, None)
        held: dict[str, Tensor] = revert_weight_conversion(
            model, remove_tied_weights_from_state_dict(state, model)
        )
    return held
