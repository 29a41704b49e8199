"""Transformers on a GPU, for comparison: a checkpoint of DistilBERT-Cat's shape with random weights, 1,000 pairs, their scores
in fp32, and the time they take in fp16. Then, with resift:

    resift model import OUT/checkpoint -o OUT/model --precision fp16
    resift model verify OUT/model --reference OUT/reference.jsonl
    resift model bench OUT/model --mix

Needs torch, transformers, tokenizers and safetensors. gpu.py VOCAB OUT, where VOCAB is the vocab.txt of bert-base-uncased.
"""
import json
import math
import os
import random
import sys
import time

import torch
from safetensors.torch import save_file
from tokenizers import BertWordPieceTokenizer
from transformers import DistilBertConfig, DistilBertModel

WIDTH, INNER, LAYERS = 768, 3072, 6


class Cat(torch.nn.Module):
    """The published class: the first token's vector of the last layer, one linear output."""

    def __init__(self):
        super().__init__()
        self.bert_model = DistilBertModel(DistilBertConfig())
        self._classification_layer = torch.nn.Linear(WIDTH, 1)

    def forward(self, ids, mask):
        return self._classification_layer(self.bert_model(input_ids=ids, attention_mask=mask)[0][:, 0, :]).squeeze(-1)


def weights():
    torch.manual_seed(7)
    state = {}

    def linear(name, out, into):
        state[name + ".weight"] = torch.randn(out, into) * 0.02
        state[name + ".bias"] = torch.randn(out) * 0.02

    def norm(name):
        state[name + ".weight"] = 1 + torch.randn(WIDTH) * 0.02
        state[name + ".bias"] = torch.randn(WIDTH) * 0.02

    state["bert_model.embeddings.word_embeddings.weight"] = torch.randn(30522, WIDTH) * 0.02
    state["bert_model.embeddings.position_embeddings.weight"] = torch.randn(512, WIDTH) * 0.02
    norm("bert_model.embeddings.LayerNorm")
    for n in range(LAYERS):
        layer = f"bert_model.transformer.layer.{n}."
        for part in "qkv":
            linear(f"{layer}attention.{part}_lin", WIDTH, WIDTH)
        linear(layer + "attention.out_lin", WIDTH, WIDTH)
        norm(layer + "sa_layer_norm")
        linear(layer + "ffn.lin1", INNER, WIDTH)
        linear(layer + "ffn.lin2", WIDTH, INNER)
        norm(layer + "output_layer_norm")
    linear("_classification_layer", 1, WIDTH)
    return state


def write_checkpoint(folder, vocabulary):
    os.makedirs(folder, exist_ok=True)
    state = weights()
    save_file(state, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump({"architectures": ["BERT_Cat"], "model_type": "BERT_Cat", "bert_model": "distilbert-base-uncased"}, f)
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump({"do_lower_case": True, "model_max_length": 512, "tokenizer_class": "DistilBertTokenizer"}, f)
    with open(os.path.join(folder, "vocab.txt"), "w") as f:
        f.write(vocabulary)
    return state


def make_pairs(vocabulary):
    """Passage lengths as of web search: lognormal, median 72, sigma 0.38, from 15 to 200 tokens."""
    rng = random.Random(7)
    words = [w for w in vocabulary.split("\n") if w.isalpha() and w.isascii() and len(w) > 1][:8000]
    length = lambda: int(min(200, max(15, round(72 * math.exp(0.38 * rng.gauss(0, 1))))))
    return [("how does a search engine work on text", " ".join(rng.choice(words) for _ in range(length()))) for _ in range(1000)]


class Bench:
    def __init__(self, tokenizer, pairs):
        self.tokenizer, self.pairs = tokenizer, pairs
        self.lengths = [len(e.ids) for e in tokenizer.encode_batch(pairs)]
        tokenizer.enable_padding()

    def encode(self, order):
        encoded = self.tokenizer.encode_batch([self.pairs[i] for i in order])
        return torch.tensor([e.ids for e in encoded]), torch.tensor([e.attention_mask for e in encoded])

    def score(self, model, order, size, ready=None):
        scores = torch.empty(len(self.pairs))
        for at in range(0, len(order), size):
            ids, mask = ready[at] if ready else self.encode(order[at:at + size])
            with torch.inference_mode():
                scores[torch.tensor(order[at:at + size])] = model(ids.cuda(), mask.cuda()).float().cpu()
        return scores

    def time(self, name, model, order, size):
        prepared = {at: self.encode(order[at:at + size]) for at in range(0, len(order), size)}
        for what, ready in (("ids ready", prepared), ("from text", None)):
            took = []
            for turn in range(13):  # three to warm up
                torch.cuda.synchronize()
                begin = time.perf_counter()
                self.score(model, order, size, ready)
                torch.cuda.synchronize()
                took.append((time.perf_counter() - begin) * 1000)
            ms = sorted(took[3:])[5]
            print(f"Transformers fp16, {name}, {what}: {ms:.1f} ms for {len(self.pairs)} pairs, {len(self.pairs) / ms * 1000:.0f} pairs/s")


def main(vocab, out):
    vocabulary = open(vocab).read()
    folder = os.path.join(out, "checkpoint")
    model = Cat().eval()
    model.load_state_dict(write_checkpoint(folder, vocabulary), strict=False)
    model = model.cuda()
    tokenizer = BertWordPieceTokenizer(os.path.join(folder, "vocab.txt"), lowercase=True)
    tokenizer.enable_truncation(512, strategy="only_second")
    bench = Bench(tokenizer, make_pairs(vocabulary))
    print(f"{torch.cuda.get_device_name()}: {len(bench.pairs)} pairs, {sum(bench.lengths)} tokens, longest {max(bench.lengths)}")
    torch.backends.cuda.matmul.allow_tf32 = False
    arrival = list(range(len(bench.pairs)))
    with open(os.path.join(out, "reference.jsonl"), "w") as f:
        for (query, passage), score in zip(bench.pairs, bench.score(model, arrival, 100).tolist()):
            f.write(json.dumps({"query": query, "passage": passage, "score": score}) + "\n")
    model = model.half()
    bench.time("batches of 32 in arrival order", model, arrival, 32)
    bench.time("sorted, batches of 100", model, sorted(arrival, key=lambda i: -bench.lengths[i]), 100)


if __name__ == "__main__":
    main(*sys.argv[1:3])
