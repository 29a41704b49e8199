"""Weights stored once and small (docs/models.md, compact weights)."""

import pathlib

import torch

from . import folder

WORDS = "bert.embeddings.word_embeddings.weight"


def codes(matrix):
    """int8 codes of a matrix [rows, columns] and its scales, float32 [rows]: the largest magnitude of a row is 127."""
    matrix = matrix.float()
    scale = matrix.abs().amax(dim=1) / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    return torch.round(matrix / scale[:, None]).to(torch.int8), scale


def compact(state, precision):
    """Tensors of a model in a precision: words8 is int8 word embeddings and float16 for the rest; int8 is int8 for every matrix
    but the head's, whose rounding would go into the score unaveraged."""
    if precision not in ("words8", "int8"):
        raise ValueError(f"precision {precision}: want words8 or int8")
    out = {}
    for name, t in state.items():
        head = name.startswith(("classifier.", "bert.pooler."))
        if t.dim() == 2 and (name == WORDS or precision == "int8" and not head):
            out[name], out[name + folder.SCALE] = codes(t)
        else:
            out[name] = t.half()
            if not torch.isfinite(out[name]).all():
                raise ValueError(f"{name} has numbers beyond float16")
    return out


def run(options, say):
    """The command: OUT gets the model of a folder in small."""
    model = folder.read(options.model)
    folder.write(options.out, model, options.model, compact(model.state_dict(), options.precision))
    say(f"{options.out}: {(pathlib.Path(options.out) / 'model.safetensors').stat().st_size / 1e6:.2f} MB in {options.precision}")
