"""Trains a student on scored lists.

An epoch takes of each source as many lists as its share tells (0.3: a random third; 6: each six times) and of each list a random
choice of its passages, so that negatives are new every time. Whole lists of nearly equal length make a batch of a number of tokens. All of it follows from
the seed, the epoch and the place in it: a run that was stopped goes on from its checkpoint as if nothing had happened.
"""

import dataclasses
import hashlib
import json
import math
import os
import pathlib
import time

import numpy as np
import torch

from . import evaluate, folder, lists
from .losses import LOSSES
from .score import device_of
from .tokens import Pairs, by_tokens

POOL = 2000  # lists that are sorted by length together: equal lengths without equal company
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "65536")  # kernels for a CPU, one a shape: with its 1024 they were compiled anew all the time
# Tokens that are computed at once, by whether a CPU does: its caches hold few, and a GPU waits for Python at each block.
BLOCK = {True: 4096, False: 196608}


@dataclasses.dataclass
class Epoch:
    """What an epoch takes: list i is list order[i] of the data with the pairs pairs[start[i]:start[i+1]]; batches name lists i."""

    order: np.ndarray
    pairs: np.ndarray
    start: np.ndarray
    batches: list


def plan(data, lengths, shares, per_list, budget, seed, epoch):
    """The Epoch of a number, from lengths [pairs] in tokens and a budget of tokens for a batch."""
    chance = np.random.default_rng([seed, epoch])
    chosen = [np.zeros(0, np.int64)]
    for i, name in enumerate(data.names):
        members, share = np.flatnonzero(data.source == i), shares.get(name, 1.0)
        some = round(share % 1 * len(members))
        chosen += [members] * int(share) + [chance.choice(members, some, replace=False)]
    order = np.concatenate(chosen)
    if not len(order):
        raise lists.ListsError("--share leaves no list to train on")
    chance.shuffle(order)
    # Of each list the pairs with the lowest of random keys.
    sizes = data.start[order + 1] - data.start[order]
    first = np.cumsum(sizes) - sizes
    of = np.repeat(np.arange(len(order)), sizes)
    place = np.arange(len(of)) - first[of]
    shuffled = np.lexsort((chance.random(len(of)), of))
    pairs = (data.start[order][of] + place)[shuffled[place < per_list]]
    start = np.concatenate([[0], np.cumsum(np.minimum(sizes, per_list))])
    longest = np.maximum.reduceat(lengths[pairs], start[:-1])
    batches = []
    for at in range(0, len(order), POOL):
        batch, width, size = [], 0, 0
        for n in (at + np.argsort(longest[at : at + POOL], kind="stable")).tolist():
            width, more = max(width, longest[n]), start[n + 1] - start[n]
            if batch and width * (size + more) > budget:
                batches.append(batch)
                batch, width, size = [], longest[n], 0
            batch.append(n)
            size += more
        batches.append(batch)
    return Epoch(order, pairs, start, [batches[n] for n in chance.permutation(len(batches))])


@dataclasses.dataclass
class Order:
    """An Epoch as a device reads it, batch after batch: place int64 [pairs] names pairs of the data, of int64 [pairs] the list of
    each within its batch; batch n has the pairs bounds[n]:bounds[n+1], shortest first, and lists[n] lists. It is computed in
    blocks[n], each (begin, end, tokens of its longest pair): equal lengths, so little is padding."""

    place: torch.Tensor
    of: torch.Tensor
    bounds: list
    lists: list
    blocks: list


def lay_out(epoch, lengths, device):
    """The Order of an Epoch, from the lengths [pairs of the data] in tokens."""
    lists_of = np.array([len(b) for b in epoch.batches])
    members, begin = np.concatenate(epoch.batches), np.concatenate([[0], np.cumsum(lists_of)])
    sizes = epoch.start[members + 1] - epoch.start[members]
    first = np.cumsum(sizes) - sizes
    place = epoch.pairs[np.repeat(epoch.start[members] - first, sizes) + np.arange(sizes.sum())]
    of = np.repeat(np.arange(len(members)) - np.repeat(begin[:-1], lists_of), sizes)
    bounds = np.concatenate([first, [len(place)]])[begin]
    by_length = np.lexsort((lengths[place], np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))))
    place, of = place[by_length], of[by_length]
    blocks = [
        [(at + i, at + j, int(lengths[place[at + j - 1]])) for i, j in by_tokens(lengths[place[at:end]], BLOCK[device == "cpu"])]
        for at, end in zip(bounds[:-1].tolist(), bounds[1:].tolist())
    ]
    return Order(torch.as_tensor(place, device=device), torch.as_tensor(of, device=device), bounds.tolist(), lists_of.tolist(), blocks)


class Trainer:
    """A student on its way. Its state is in OUT/checkpoint.pt until the end."""

    def __init__(self, options, say):
        self.o, self.say = options, say
        self.device = device_of(options.device)
        self.data = lists.join([lists.read(p) for p in options.lists])
        if self.data.scores is None:
            raise lists.ListsError("the lists have no scores: run `score` first")
        if unknown := options.shares.keys() - set(self.data.names):
            raise lists.ListsError(f"--share names sources that are not there: {sorted(unknown)}; there are {self.data.names}")
        torch.manual_seed(options.seed)
        self.model = folder.read(options.model).to(self.device)
        self.pairs = Pairs(options.model, self.data.queries, self.data.passages, options.max_tokens, self.device)
        self.q, self.p, self.targets = (torch.as_tensor(x, device=self.device) for x in (self.data.pair_q, self.data.p, self.data.scores))
        self.lengths = self.pairs.lengths(self.q, self.p)
        words = self.model.bert.embeddings.word_embeddings.weight
        rest = [p for p in self.model.parameters() if p is not words]
        self.optimizer = torch.optim.AdamW(
            [{"params": rest, "factor": 1.0}, {"params": [words], "factor": options.embedding_rate}],
            lr=options.rate, weight_decay=options.weight_decay, fused=True,
        )
        self.loss = LOSSES[options.loss]
        self.epoch, self.place, self.history = 0, 0, []
        self.checkpoint = pathlib.Path(options.out, "checkpoint.pt")
        self.settings = {k: v for k, v in sorted(vars(options).items()) if k in RECORDED} | {
            "lists_sha256": lists.digest(self.data), "scores_sha256": hashlib.sha256(self.data.scores.tobytes()).hexdigest(),
            "start_sha256": hashlib.sha256(lists.find(pathlib.Path(options.model, START[pathlib.Path(options.model, "resift.json").exists()])).read_bytes()).hexdigest(),
        }
        # Sets are read once, before hours of training find one missing.
        self.sets = []
        for path in options.evaluate:
            s = evaluate.read_set(path, None, options.depth, options.relevant)
            self.sets.append((s, Pairs(options.model, s.queries, s.texts, options.max_tokens, self.device)))

    def rate(self, done):
        """The learning rate when a share done of all work is behind: linear warm-up, then linear decay to zero."""
        warmup = self.o.warmup
        return self.o.rate * (done / warmup if done < warmup else (1 - done) / (1 - warmup))

    def step(self, order, n, done):
        """One step on batch n of an order; returns the loss. All it needs is on the device already: a small model's step takes a
        GPU less time than one transfer that it waits for."""
        place, of = order.place[order.bounds[n] : order.bounds[n + 1]], order.of[order.bounds[n] : order.bounds[n + 1]]
        for g in self.optimizer.param_groups:
            g["lr"] = g["factor"] * self.rate(done)
        # bfloat16 has float32's range, so nothing needs scaling; the loss is in float32.
        with torch.autocast(self.device.split(":")[0], torch.bfloat16, enabled=not self.o.fp32 and has_bfloat16(self.device)):
            blocks = ((order.place[i:j], longest) for i, j, longest in order.blocks[n])
            student = torch.cat([self.model(self.pairs.batch(self.q[b], self.p[b], longest)) for b, longest in blocks])
        loss = self.loss(student, self.targets[place], of, order.lists[n])
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.o.clip)
        self.optimizer.step()
        return loss.detach()

    def save(self):
        part = self.checkpoint.with_suffix(".part")
        torch.save({
            "settings": self.settings, "epoch": self.epoch, "place": self.place, "history": self.history,
            "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
        }, part)
        part.replace(self.checkpoint)

    def restore(self):
        """Goes on from a checkpoint of the same settings; another's is an error, so that no result is of two recipes."""
        if not self.checkpoint.exists():
            return
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["settings"] != self.settings:
            differ = [k for k in self.settings if state["settings"].get(k) != self.settings[k]]
            raise lists.ListsError(f"{self.checkpoint} is of other settings ({', '.join(differ)}): remove it, or name another --out")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.place, self.history = state["epoch"], state["place"], state["history"]
        self.say(f"going on with epoch {self.epoch + 1}, batch {self.place + 1}")

    def measure(self):
        self.model.eval()
        out = {}
        for s, pairs in self.sets:
            order, _ = evaluate.rerank(self.model, pairs, s, self.o.batch_tokens)
            n, m = evaluate.measure(s, order)
            out[s.name] = {"ndcg@10": round(n, 4), "mrr@10": round(m, 4)}
            self.say(f"  {s.name}: nDCG@10 {n:.4f}, MRR@10 {m:.4f}")
        return out

    def run(self, stop_after=None):
        """Trains to the end, or until stop_after batches are done: then a checkpoint holds the rest."""
        o = self.o
        pathlib.Path(o.out).mkdir(parents=True, exist_ok=True)
        self.restore()
        if not self.history:
            self.history.append({"epoch": 0, "sets": self.measure()})
        left = stop_after
        while self.epoch < o.epochs:
            epoch = plan(self.data, self.lengths, o.shares, o.per_list, o.batch_tokens, o.seed, self.epoch)
            left = self.pass_over(epoch, left)
            if left == 0:
                self.save()
                return
        self.finish()

    def pass_over(self, epoch, left):
        """Trains on what is left of an epoch, but on no more than left batches where that is a number; returns what remains of it."""
        count = len(epoch.batches)
        self.say(f"epoch {self.epoch + 1}: {len(epoch.order)} lists, {len(epoch.pairs)} pairs, {count} batches")
        self.model.train()
        begin = saved = said = time.monotonic()
        order = lay_out(epoch, self.lengths, self.device)
        total, first = torch.zeros((), device=self.device), self.place
        for n in range(first, count):
            if left == 0:
                return 0
            total += self.step(order, n, (self.epoch + n / count) / self.o.epochs)
            self.place += 1
            left = left and left - 1
            now = time.monotonic()
            if now - said > self.o.say_every:
                said = now
                self.say(f"  batch {self.place} of {count}, loss {total.item() / (self.place - first):.4f}, {(order.bounds[n + 1] - order.bounds[first]) / (now - begin):.0f} pairs a second")
            if now - saved > self.o.save_every:
                saved = now
                self.save()
        loss = total.item() / max(count - first, 1)
        if not math.isfinite(loss):
            raise lists.ListsError("the loss is no longer a number: lower --rate")
        self.epoch, self.place = self.epoch + 1, 0
        self.say(f"epoch {self.epoch}: loss {loss:.4f}, {time.monotonic() - begin:.0f} s")
        self.history.append({"epoch": self.epoch, "loss": round(loss, 5), "pairs": len(epoch.pairs), "sets": self.measure()})
        self.save()
        return left

    def finish(self):
        folder.write(self.o.out, self.model.cpu(), self.o.model)
        about = {"settings": self.settings, "torch": torch.__version__, "history": self.history}
        pathlib.Path(self.o.out, "training.json").write_text(json.dumps(about, indent=2) + "\n")
        self.checkpoint.unlink(missing_ok=True)
        self.say(f"{self.o.out}: done")


def has_bfloat16(device):
    """Whether a device multiplies bfloat16 itself: emulated, it is slower than float32."""
    return device.startswith("cuda") or torch.ops.mkldnn._is_mkldnn_bf16_supported()


START = {True: "model.onnx", False: "model.safetensors"}  # the weights of a start, by whether resift wrote it

# Options that decide the result; training.json and checkpoints keep them.
RECORDED = ("shares", "per_list", "loss", "epochs", "rate", "embedding_rate", "weight_decay", "warmup", "clip", "batch_tokens", "max_tokens", "seed", "fp32")


def run(options, say):
    """The command: OUT gets the trained student."""
    Trainer(options, say).run()
