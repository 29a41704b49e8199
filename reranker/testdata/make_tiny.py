"""Makes testdata/tiny: a cross-encoder of two BERT layers with random weights, and the scores that NumPy gives it; and
testdata/graphs: graphs of a few nodes, most of them no cross-encoder.

    python3 -m venv /tmp/tiny && /tmp/tiny/bin/pip install -r requirements.txt && /tmp/tiny/bin/python make_tiny.py

The model knows nothing; it is there so that tests run a real graph through ONNX Runtime in milliseconds. The golden
scores come from a forward pass written here in NumPy, one pair at a time and without padding, on ids from Hugging
Face's tokenizers: neither the graph nor the Go code takes part in them.
"""

import hashlib
import json
import math
import pathlib
import string

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

LAYERS, WIDTH, HEADS, INNER, POSITIONS = 2, 32, 4, 128, 128
OUT = pathlib.Path(__file__).parent / "tiny"
rng = np.random.default_rng(20261124)

WORDS = """the of and to in is for a that with as on by it are from be this at or an which was not can have has how what
why when where who does do use used using between search engine query index document text word rank score model token
river mountain water city train bread coffee music paper light stone garden winter summer storm ocean forest bridge
software compiler memory processor network protocol packet router kernel thread cache disk file byte string number""".split()
PIECES = "ing ed er est ly s es ion al ment ness able un re pre able ic ous".split()

QUERIES = ["how does a search engine rank a document", "train to the city", "", "coffee"]
PASSAGES = [
    "The engine ranks documents by the score of a model.",
    "A river runs from the mountain to the ocean, under the stone bridge.",
    "bread",
    "",
    "Unreachable networking: the router (kernel thread) dropped 1024 packets!",
    "winter storm " * 90,
    "Ça coûte 3 €, naïve café",
    "a train in the city; a train to the city; trains",
]


def vocabulary():
    chars = string.ascii_lowercase + string.digits + string.punctuation
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens += list(chars) + ["##" + c for c in string.ascii_lowercase + string.digits]
    tokens += WORDS + ["##" + p for p in PIECES]
    return {t: i for i, t in enumerate(dict.fromkeys(tokens))}


def tokenizer(vocab):
    t = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    return t


def weights(vocab_size):
    def normal(*shape, scale):
        return rng.normal(0, scale, shape).astype(np.float32)

    w = {
        "embeddings.word": normal(vocab_size, WIDTH, scale=1),
        "embeddings.position": normal(POSITIONS, WIDTH, scale=0.3),
        "embeddings.type": normal(2, WIDTH, scale=0.3),
        "pooler.weight": normal(WIDTH, WIDTH, scale=0.3),
        "pooler.bias": normal(WIDTH, scale=0.1),
        "classifier.weight": normal(WIDTH, 1, scale=1.5),
        "classifier.bias": normal(1, scale=0.1),
    }
    norms = ["embeddings.norm"]
    for i in range(LAYERS):
        for name, (rows, columns) in {
            "query": (WIDTH, WIDTH), "key": (WIDTH, WIDTH), "value": (WIDTH, WIDTH), "out": (WIDTH, WIDTH),
            "inner": (WIDTH, INNER), "outer": (INNER, WIDTH),
        }.items():
            w[f"layer.{i}.{name}.weight"] = normal(rows, columns, scale=2 / math.sqrt(rows))
            w[f"layer.{i}.{name}.bias"] = normal(columns, scale=0.1)
        norms += [f"layer.{i}.norm1", f"layer.{i}.norm2"]
    for name in norms:
        w[name + ".weight"] = 1 + normal(WIDTH, scale=0.1)
        w[name + ".bias"] = normal(WIDTH, scale=0.1)
    return w


class Graph:
    """Collects nodes; each method returns the name of its output."""

    def __init__(self, w):
        self.nodes, self.constants, self.w = [], {}, w

    def constant(self, value, dtype):
        array = np.asarray(value, dtype)
        name = f"constant.{array.dtype}.{'_'.join(map(str, array.ravel()))}.{array.ndim}"
        self.constants[name] = array
        return name

    def op(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def linear(self, x, name):
        return self.op("Add", self.op("MatMul", x, name + ".weight"), name + ".bias")

    def norm(self, x, name):
        return self.op("LayerNormalization", x, name + ".weight", name + ".bias", axis=-1, epsilon=1e-12)

    def heads(self, x):
        shape = self.constant([0, 0, HEADS, WIDTH // HEADS], np.int64)
        return self.op("Transpose", self.op("Reshape", x, shape), perm=[0, 2, 1, 3])

    def gelu(self, x):
        erf = self.op("Erf", self.op("Div", x, self.constant(math.sqrt(2), np.float32)))
        half = self.op("Mul", x, self.constant(0.5, np.float32))
        return self.op("Mul", half, self.op("Add", erf, self.constant(1, np.float32)))

    def layer(self, x, mask, i):
        p = f"layer.{i}."
        query, key, value = (self.heads(self.linear(x, p + n)) for n in ("query", "key", "value"))
        scores = self.op("MatMul", query, self.op("Transpose", key, perm=[0, 1, 3, 2]))
        scores = self.op("Div", scores, self.constant(math.sqrt(WIDTH // HEADS), np.float32))
        context = self.op("MatMul", self.op("Softmax", self.op("Add", scores, mask), axis=-1), value)
        context = self.op("Reshape", self.op("Transpose", context, perm=[0, 2, 1, 3]), self.constant([0, 0, WIDTH], np.int64))
        x = self.norm(self.op("Add", x, self.linear(context, p + "out")), p + "norm1")
        inner = self.gelu(self.linear(x, p + "inner"))
        return self.norm(self.op("Add", x, self.linear(inner, p + "outer")), p + "norm2")

    def model(self):
        width = self.op("Gather", self.op("Shape", "input_ids"), self.constant(1, np.int64), axis=0)
        positions = self.op("Range", self.constant(0, np.int64), width, self.constant(1, np.int64))
        x = self.op("Add", self.op("Gather", "embeddings.word", "input_ids"), self.op("Gather", "embeddings.type", "token_type_ids"))
        x = self.norm(self.op("Add", x, self.op("Gather", "embeddings.position", positions)), "embeddings.norm")
        mask = self.op("Cast", self.op("Unsqueeze", "attention_mask", self.constant([1, 2], np.int64)), to=TensorProto.FLOAT)
        mask = self.op("Mul", self.op("Sub", self.constant(1, np.float32), mask), self.constant(-10000, np.float32))
        for i in range(LAYERS):
            x = self.layer(x, mask, i)
        first = self.op("Gather", x, self.constant(0, np.int64), axis=1)
        logits = self.linear(self.op("Tanh", self.linear(first, "pooler")), "classifier")
        self.nodes.append(helper.make_node("Identity", [logits], ["logits"]))
        inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["pairs", "tokens"])
                  for n in ("input_ids", "attention_mask", "token_type_ids")]
        output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["pairs", 1])
        arrays = [numpy_helper.from_array(a, n) for n, a in {**self.w, **self.constants}.items()]
        graph = helper.make_graph(self.nodes, "tiny", inputs, [output], arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


erf = np.vectorize(math.erf)


def forward(w, ids, types):
    """The logit of one pair, in float64."""
    w = {n: a.astype(np.float64) for n, a in w.items()}
    linear = lambda x, n: x @ w[n + ".weight"] + w[n + ".bias"]

    def norm(x, n):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12) * w[n + ".weight"] + w[n + ".bias"]

    x = w["embeddings.word"][ids] + w["embeddings.type"][types] + w["embeddings.position"][: len(ids)]
    x = norm(x, "embeddings.norm")
    for i in range(LAYERS):
        p = f"layer.{i}."
        split = lambda a: a.reshape(len(ids), HEADS, -1).transpose(1, 0, 2)
        query, key, value = (split(linear(x, p + n)) for n in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(WIDTH // HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        context = (scores / scores.sum(-1, keepdims=True)) @ value
        x = norm(x + linear(context.transpose(1, 0, 2).reshape(len(ids), WIDTH), p + "out"), p + "norm1")
        inner = linear(x, p + "inner")
        x = norm(x + linear(inner * 0.5 * (1 + erf(inner / math.sqrt(2))), p + "outer"), p + "norm2")
    return linear(np.tanh(linear(x[0], "pooler")), "classifier").item()


def small_graphs():
    """Graphs that score a pair by the sum of its ids over 1,000, and ones that are something else."""
    ids, mask = ("input_ids", ["pairs", "tokens"]), ("attention_mask", ["pairs", "tokens"])
    one = numpy_helper.from_array(np.array([1], np.int64), "one")
    thousand = numpy_helper.from_array(np.array(1000, np.float32), "thousand")

    def save(name, nodes, inputs, output, kind=TensorProto.INT64, constants=(one, thousand)):
        inputs = [helper.make_tensor_value_info(n, kind, shape) for n, shape in inputs]
        output = helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])
        graph = helper.make_graph(nodes, name, inputs, [output], list(constants))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, OUT.parent / "graphs" / (name + ".onnx"))

    def score(keepdims):
        return [
            helper.make_node("Mul", ["input_ids", "attention_mask"], ["real"]),
            helper.make_node("Cast", ["real"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["floats", "one"], ["sum"], keepdims=keepdims),
            helper.make_node("Div", ["sum", "thousand"], ["score"]),
        ]

    save("flat_int32", score(0), [ids, mask], ("score", ["pairs"]), kind=TensorProto.INT32)
    save("no_mask", [
        helper.make_node("Cast", ["input_ids"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["floats", "one"], ["score"], keepdims=1),
    ], [ids], ("score", ["pairs", 1]), constants=[one])
    save("extra_input", score(1) + [helper.make_node("Identity", ["pixel_values"], ["unused"])],
         [ids, mask, ("pixel_values", ["pairs", "tokens"])], ("score", ["pairs", 1]))
    save("embedding", score(1) + [helper.make_node("Concat", ["score", "score", "score"], ["embedding"], axis=1)],
         [ids, mask], ("embedding", ["pairs", 3]))
    # Declares [pairs, n] with n unknown, and gives three.
    save("hidden_embedding", score(1) + [helper.make_node("Concat", ["score", "score", "score"], ["embedding"], axis=1)],
         [ids, mask], ("embedding", ["pairs", "n"]))
    # One scale for the whole batch, as dynamic quantisation of activations has it: rounds by the largest sum in the batch.
    save("quantised", score(1) + [
        helper.make_node("DynamicQuantizeLinear", ["score"], ["q", "scale", "zero"]),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["rounded"]),
    ], [ids, mask], ("rounded", ["pairs", 1]))


def main():
    (OUT.parent / "graphs").mkdir(exist_ok=True)
    small_graphs()
    OUT.mkdir(exist_ok=True)
    vocab = vocabulary()
    tok = tokenizer(vocab)
    tok.save(str(OUT / "tokenizer.json"))
    w = weights(len(vocab))
    onnx.save(Graph(w).model(), OUT / "model.onnx")
    tok.enable_truncation(POSITIONS, strategy="only_second")
    golden = []
    for query in QUERIES:
        encodings = [tok.encode(query, passage) for passage in PASSAGES]
        golden.append({
            "query": query,
            "passages": PASSAGES,
            "ids": [e.ids for e in encodings],
            "scores": [round(forward(w, e.ids, e.type_ids), 6) for e in encodings],
        })
    (OUT / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    description = {
        "architecture": "BertForSequenceClassification",
        "inputs": {n: n for n in ("input_ids", "attention_mask", "token_type_ids")},
        "output": "logits",
        "max_tokens": POSITIONS,
        "precision": "fp32",
        "layout": "padded",
        "files": {n: hashlib.sha256((OUT / n).read_bytes()).hexdigest() for n in ("model.onnx", "tokenizer.json")},
        "source": "random weights, reranker/testdata/make_tiny.py",
        "license": "Apache-2.0",
    }
    (OUT / "resift.json").write_text(json.dumps(description, indent=2) + "\n")


if __name__ == "__main__":
    main()
