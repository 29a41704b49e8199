"""Scores lists with teachers. What is done is on disk: a run that was stopped goes on where it was."""

import json
import pathlib
import time

import numpy as np
import torch

from . import folder, lists
from .tokens import Pairs, by_tokens

RESERVED = 0.5  # share of a GPU's free memory that is taken at once
CHUNK = 1 << 16  # pairs that are sorted by length, scored and written together


def scores(model, pairs, q, p, budget, half):
    """The scores float32 [N] of the pairs of query indexes q and passage indexes p, in float16 (half) or as the model is."""
    lengths = pairs.lengths(q, p)
    order = np.argsort(lengths, kind="stable")
    out = np.empty(len(q), np.float32)
    model.eval()
    with torch.inference_mode(), torch.autocast(pairs.device.split(":")[0], torch.float16, enabled=half):
        for begin, end in by_tokens(lengths[order], budget):
            part = order[begin:end]
            out[part] = model(pairs.batch(q[part], p[part], int(lengths[part[-1]]))).cpu().numpy()
    return out


def device_of(name):
    """The device of --device: cuda if there is one, where nothing is said. Of a GPU memory is taken for batches of ever new sizes."""
    device = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        torch.empty(int(free * RESERVED), dtype=torch.uint8, device=device)  # PyTorch keeps it, and divides it among tensors
    return device


class Progress:
    """The scores of all teachers, float32 [teachers, pairs] with NaN where there is none yet, and what they belong to."""

    def __init__(self, out, teachers, data, settings):
        self.file, about = pathlib.Path(out, "scores.part.npy"), pathlib.Path(out, "scores.part.json")
        wanted = {"teachers": teachers, "lists": lists.digest(data), **settings}
        shape = (len(teachers), len(data.p))
        if about.exists() and json.loads(about.read_text()) == wanted:
            self.scores = np.lib.format.open_memmap(self.file, "r+")
            return
        self.scores = np.lib.format.open_memmap(self.file, "w+", np.float32, shape)
        self.scores[:] = np.nan
        self.scores.flush()
        about.write_text(json.dumps(wanted))

    def finish(self):
        """The mean over the teachers; the parts are removed with remove."""
        return np.mean(self.scores, axis=0, dtype=np.float64).astype(np.float32)

    def remove(self):
        del self.scores
        self.file.unlink()
        self.file.with_suffix(".json").unlink()


def run(options, say):
    """The command: scores.npy of a folder of lists gets the mean of the teachers' scores."""
    data = lists.read(options.lists)
    device = device_of(options.device)
    half = device.startswith("cuda") and not options.fp32
    q = data.pair_q
    progress = Progress(options.lists, options.teacher, data, {"max_tokens": options.max_tokens, "half": half})
    for i, teacher in enumerate(options.teacher):
        todo = np.flatnonzero(np.isnan(progress.scores[i]))
        say(f"{teacher}: {len(todo)} of {len(data.p)} pairs to score on {device}")
        if not len(todo):
            continue
        model = folder.read(teacher).to(device)
        pairs = Pairs(teacher, data.queries, data.passages, options.max_tokens, device)
        begin = time.monotonic()
        for at in range(0, len(todo), CHUNK):
            part = todo[at : at + CHUNK]
            progress.scores[i, part] = scores(model, pairs, q[part], data.p[part], options.batch_tokens, half)
            progress.scores.flush()
            done = at + len(part)
            say(f"{done} pairs, {done / (time.monotonic() - begin):.0f} a second")
    data.scores = progress.finish()
    np.save(pathlib.Path(options.lists, "scores.npy"), data.scores)
    progress.remove()
    say(f"scores of {len(data.p)} pairs: mean {data.scores.mean():.2f}, deviation {data.scores.std():.2f}")
