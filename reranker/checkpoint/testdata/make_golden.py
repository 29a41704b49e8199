"""Makes the checkpoints of this folder, random weights of two layers and width 32, and the scores that PyTorch and
Transformers give them:

    python3 make_golden.py [FOLDER]      FOLDER: where to write; without it, this folder

Needs torch, transformers, tokenizers and safetensors; nothing is downloaded. Each of cat, bert and distilbert gets

    config.json, vocab.txt or tokenizer.json
    model.safetensors, pytorch_model.bin     the same weights in different element types and spellings
    golden.jsonl                             {"query", "passage", "score"}: float64 logits, one pair at a time, unpadded

and views.bin holds tensors that share a storage, with offsets and strides. Weights are rounded to bfloat16 before scores
are computed, so that float32, float16 and bfloat16 files hold equal numbers.
"""

import collections
import json
import pathlib
import string
import sys

import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

LAYERS, WIDTH, HEADS, INNER, POSITIONS = 2, 32, 4, 64, 64
OUT = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent

WORDS = """the of and to in is for a that with as on by it are from be how what does do which search engine query document
rank score model river mountain city train bread coffee paper stone garden winter storm ocean bridge network router cache
disk""".split()
PIECES = "ing ed er est ly s es ion al".split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

QUERIES = ["how does a search engine rank a document", "train to the city", "coffee", "which storm is it"]
PASSAGES = [
    "The engine ranks documents by the score of a model.",
    "A river from the mountain to the ocean, under the stone bridge.",
    "bread",
    "Networking: the router (cache) dropped 1024 packets!",
    "winter storm " * 50,
    "Ça coûte 3 €, naïve café",
    "a train in the city; a train to the city; trains",
    "is it the garden, or is it the paper?",
]


def vocabulary():
    chars = string.ascii_lowercase + string.digits + string.punctuation
    tokens = SPECIAL + list(chars) + ["##" + c for c in string.ascii_lowercase + string.digits]
    return list(dict.fromkeys(tokens + WORDS + ["##" + p for p in PIECES]))


def tokenizer(tokens):
    vocab = {t: i for i, t in enumerate(tokens)}
    t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    t.add_special_tokens(SPECIAL)
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    return t


class Cat(torch.nn.Module):
    """The published definition of DistilBERT-Cat: the [CLS] vector of a DistilBERT, then one Linear."""

    def __init__(self, encoder):
        super().__init__()
        self.bert_model = encoder
        self._classification_layer = torch.nn.Linear(WIDTH, 1)

    def forward(self, **pair):
        return self._classification_layer(self.bert_model(**pair)[0][:, 0, :])


def randomize(model):
    """Weights that make scores differ from pair to pair, each exact in bfloat16 and in float16."""
    for name, p in model.named_parameters():
        norm = "norm" in name.lower() and name.endswith("weight")
        scale = 0.1 if norm or name.endswith("bias") else 0.6 if "embeddings" in name else 2 / p.shape[-1] ** 0.5
        values = torch.randn(p.shape) * scale + (1 if norm else 0)
        values[values.abs() < 2**-10] = 0
        p.data = values.bfloat16().float()
    return model.eval()


def distil_config(size):
    return transformers.DistilBertConfig(vocab_size=size, dim=WIDTH, n_layers=LAYERS, n_heads=HEADS, hidden_dim=INNER,
                                         max_position_embeddings=POSITIONS, num_labels=1, attn_implementation="eager")


def bert_config(size):
    return transformers.BertConfig(vocab_size=size, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                                   intermediate_size=INNER, max_position_embeddings=POSITIONS, num_labels=1,
                                   layer_norm_eps=1e-7, attn_implementation="eager")


def scores(model, tok, types):
    """The logit of each query with each passage, in float64."""
    model = model.double()
    tok.enable_truncation(POSITIONS, strategy="only_second")
    lines = []
    for query in QUERIES:
        for passage in PASSAGES:
            e = tok.encode(query, passage)
            pair = {"input_ids": torch.tensor([e.ids]), "attention_mask": torch.tensor([e.attention_mask])}
            if types:
                pair["token_type_ids"] = torch.tensor([e.type_ids])
            with torch.no_grad():
                out = model(**pair)
            logit = getattr(out, "logits", out)
            assert logit.shape == (1, 1)
            lines.append({"query": query, "passage": passage, "score": logit.item()})
    tok.no_truncation()
    return lines


def save(name, config, model, tok, *, tensors, pickled, types, tokenizer_json):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    state = model.state_dict()
    save_file({n: t.to(tensors).contiguous() for n, t in state.items()}, folder / "model.safetensors", {"format": "pt"})
    torch.save(pickled(state), folder / "pytorch_model.bin")
    if tokenizer_json:
        tok.save(str(folder / "tokenizer.json"))
    else:
        (folder / "vocab.txt").write_text("".join(t + "\n" for t in vocabulary()))
    lines = scores(model, tok, types)
    (folder / "golden.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    values = [line["score"] for line in lines]
    print(f"{name}: {len(values)} scores from {min(values):.3f} to {max(values):.3f}; {len(state)} tensors")


def old_names(state):
    """As checkpoints of 2019 have it: gamma and beta, and the buffer of positions."""
    old = collections.OrderedDict()
    for name, t in state.items():
        name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        old[name] = t
    old["bert.embeddings.position_ids"] = torch.arange(POSITIONS).expand((1, -1))
    return old


def views(path):
    numbers = torch.arange(24, dtype=torch.float32)
    table = numbers.view(4, 6)
    torch.save({
        "whole": table,
        "transposed": table.t(),
        "rows": table[1:3],
        "columns": table[:, 2:5],
        "parameter": torch.nn.Parameter(torch.tensor([1.5, -2.0])),
        "half": torch.tensor([0.5, 3.0], dtype=torch.float16),
        "scalar": torch.tensor(7.0),
    }, path)


def main():
    print("torch", torch.__version__, "transformers", transformers.__version__)
    torch.manual_seed(20261124)
    tokens = vocabulary()
    tok = tokenizer(tokens)

    cat = randomize(Cat(transformers.DistilBertModel(distil_config(len(tokens)))))
    # As published, but for n_heads: the published file states no size, and heads are of 64 there.
    config = {"architectures": ["BERT_Cat"], "bert_model": "distilbert-base-uncased", "model_type": "BERT_Cat",
              "trainable": True, "n_heads": HEADS}
    save("cat", config, cat, tok, tensors=torch.float16, types=False, tokenizer_json=False,
         pickled=lambda state: collections.OrderedDict(state))

    bert = randomize(transformers.BertForSequenceClassification(bert_config(len(tokens))))
    config = bert.config.to_dict() | {"architectures": ["BertForSequenceClassification"]}
    save("bert", config, bert, tok, tensors=torch.float32, types=True, tokenizer_json=True, pickled=old_names)

    distil = randomize(transformers.DistilBertForSequenceClassification(distil_config(len(tokens))))
    config = distil.config.to_dict() | {"architectures": ["DistilBertForSequenceClassification"]}
    save("distilbert", config, distil, tok, tensors=torch.bfloat16, types=False, tokenizer_json=False,
         pickled=lambda state: {n: t.half() for n, t in state.items()})

    views(OUT / "views.bin")


if __name__ == "__main__":
    main()
