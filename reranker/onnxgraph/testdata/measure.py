"""Measures graphs of ms-marco-MiniLM-L-12-v2 on real pairs: speed, distance from the float64 reference, order, and what a batch changes.

    python measure.py SOURCE COLLECTION NAME=MODEL_DIRECTORY... [--scores FILE]

SOURCE is the folder of the packaged model, COLLECTION one with corpus.jsonl.gz, queries.tsv.gz and a TREC run run.BM25.trec.gz,
from which 5 queries with 50 passages each are taken. Speed is pairs per second of CPU time on one thread, so that it can be read
on a busy machine; pairs are sorted by length and batched up to a budget of padded tokens. FILE keeps the reference's scores.
"""
import argparse
import gzip
import json
import os
import time

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from tokenizers import Tokenizer

import reference

MICROSOFT = "com.microsoft"
BUDGETS = {"1 pair": 0, "512": 512, "4096": 4096}


def replaced(source, product):
    """The packaged graph with product(b, x, codes, scale) in place of each dynamically quantised product; ORT's fusions apply."""
    model = onnx.load(os.path.join(source, "model.onnx"))
    graph = model.graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    producer = {out: node for node in graph.node for out in node.output}
    consumer = {name: node for node in graph.node for name in node.input}
    made, gone = {}, set()
    for node in graph.node:
        if node.op_type != "MatMulInteger":
            continue
        cast = consumer[node.output[0]]
        scaled = consumer[cast.output[0]]
        scales = next(producer[i] for i in scaled.input if i != cast.output[0])
        weight = node.input[1].removesuffix("_quantized")
        b = Nodes(scaled.output[0])
        product(b, producer[node.input[0]].input[0], tensors[node.input[1]], tensors[weight + "_scale"])
        made[node.name] = b
        gone |= {producer[node.input[0]].name, cast.name, scaled.name, scales.name}
    nodes = []
    for node in graph.node:
        if node.name in made:
            nodes += made[node.name].nodes
            graph.initializer.extend(made[node.name].initializers)
        elif node.name not in gone:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return model.SerializeToString()


class Nodes:
    """Nodes that end in the tensor out."""

    def __init__(self, out):
        self.out, self.nodes, self.initializers = out, [], []

    def tensor(self, values):
        name = f"{self.out}/w{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def op(self, operator, *inputs, last=False, domain="", **attributes):
        name = self.out if last else f"{self.out}/n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name, domain=domain, **attributes))
        return name


def float32(b, x, codes, scale):
    b.op("MatMul", x, b.tensor(codes.astype(np.float32) * scale), last=True)


def nbits(block, level):
    def product(b, x, codes, scale):
        (rows, cols), unsigned = codes.shape, (codes.astype(np.int16) + 128).astype(np.uint8)
        if cols == 1:
            return float32(b, x, codes, scale)
        blocks = b.tensor(np.ascontiguousarray(unsigned.T).reshape(cols, rows // block, block))
        scales = b.tensor(np.full((cols, rows // block), scale, np.float32))
        sizes = dict(K=rows, N=cols, bits=8, block_size=block, accuracy_level=level)
        b.op("MatMulNBits", x, blocks, scales, last=True, domain=MICROSOFT, **sizes)

    return product


def row16(b, x, codes, scale):
    """Activations as two int8 digits per row, so 16 bits, in two int8 products."""
    one, middle, step = b.tensor(np.float32(1)), b.tensor(np.uint8(128)), b.tensor(np.float32(1 / 254))
    largest = b.op("ReduceMax", b.op("Abs", x), axes=[-1], keepdims=1)
    row = b.op("Max", b.op("Mul", largest, b.tensor(np.float32(1 / 127))), b.tensor(np.float32(1e-30)))
    unit, weight = b.op("Div", x, row), b.tensor(codes)
    high = b.op("QuantizeLinear", unit, one, middle)
    low = b.op("QuantizeLinear", b.op("Sub", unit, b.op("DequantizeLinear", high, one, middle)), step, middle)
    fused = dict(domain=MICROSOFT)
    coarse = b.op("MatMulIntegerToFloat", high, weight, one, b.tensor(np.float32(scale)), middle, **fused)
    fine = b.op("MatMulIntegerToFloat", low, weight, one, b.tensor(np.float32(scale / 254)), middle, **fused)
    b.op("Mul", b.op("Add", coarse, fine), row, last=True)


def read_pairs(source, collection, queries=5, depth=50):
    def lines(name):
        return gzip.open(os.path.join(collection, name), "rt", encoding="utf-8")

    texts = {d["id"]: d["text"] for d in map(json.loads, lines("corpus.jsonl.gz"))}
    questions = dict(line.rstrip("\n").split("\t") for line in lines("queries.tsv.gz"))
    run = {}
    for line in lines("run.BM25.trec.gz"):
        query, _, document, *_ = line.split()
        run.setdefault(query, []).append(document)
    chosen = sorted(run)[:: len(run) // queries][:queries]
    pairs = [(query, document) for query in chosen for document in run[query][:depth]]
    tokenizer = Tokenizer.from_file(os.path.join(source, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512, strategy="only_second")
    encoded = tokenizer.encode_batch([(questions[q], texts[d]) for q, d in pairs])
    return [q for q, _ in pairs], [(e.ids, e.type_ids) for e in encoded]


def batches(pairs, budget):
    batch = []
    for i in sorted(range(len(pairs)), key=lambda i: -len(pairs[i][0])):
        if batch and (len(batch) + 1) * len(pairs[batch[0]][0]) > budget:
            yield batch
            batch = []
        batch.append(i)
    yield batch


def scores(session, pairs, budget):
    """All scores, and the CPU seconds they took."""
    kind = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}[session.get_inputs()[0].type]
    out, spent = np.empty(len(pairs)), 0
    for batch in batches(pairs, budget):
        shape = (len(batch), len(pairs[batch[0]][0]))
        inputs = {name: np.zeros(shape, kind) for name in ("input_ids", "attention_mask", "token_type_ids")}
        for row, i in enumerate(batch):
            tokens = len(pairs[i][0])
            inputs["input_ids"][row, :tokens], inputs["token_type_ids"][row, :tokens] = pairs[i]
            inputs["attention_mask"][row, :tokens] = 1
        start = time.process_time()
        out[batch] = session.run(None, inputs)[0].ravel()
        spent += time.process_time() - start
    return out, spent


def order(queries, got, want):
    """How many queries keep their top 10, and the largest reference difference of a swapped pair."""
    kept, gap = 0, 0.0
    for query in set(queries):
        at = [i for i, q in enumerate(queries) if q == query]
        by_got, by_want = sorted(at, key=lambda i: -got[i]), sorted(at, key=lambda i: -want[i])
        kept += by_got[:10] == by_want[:10]
        ranked = want[by_got]
        gap = max(gap, np.triu(ranked[None, :] - ranked[:, None]).max())
    return kept, gap


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("collection")
    parser.add_argument("model", nargs="+")
    parser.add_argument("--scores")
    a = parser.parse_args()
    queries, pairs = read_pairs(a.source, a.collection)
    if a.scores and os.path.exists(a.scores):
        want = np.load(a.scores)
    else:
        w = reference.weights(os.path.join(a.source, "model.onnx"))
        want = np.array([reference.score(w, ids, types, 12) for ids, types in pairs])
        if a.scores:
            np.save(a.scores, want)
    graphs = {"packaged, int8 by tensor": lambda: os.path.join(a.source, "model.onnx")}
    for model in a.model:
        name, folder = model.split("=", 1)
        graphs[name] = lambda folder=folder: os.path.join(folder, "model.onnx")
    products = {
        "float32, ORT's own fusions": float32,
        "MatMulNBits 32, level 4 (int8)": nbits(32, 4),
        "MatMulNBits 128, level 4 (int8)": nbits(128, 4),
        "MatMulNBits 32, level 1 (float32)": nbits(32, 1),
        "two int8 digits by row": row16,
    }
    graphs |= {name: (lambda product=product: replaced(a.source, product)) for name, product in products.items()}
    tokens = [len(ids) for ids, _ in pairs]
    print(f"{len(pairs)} pairs, {np.mean(tokens):.0f} tokens on average, {max(tokens)} at most")
    print(f"{'graph':34}" + "".join(f"{b:>8}" for b in BUDGETS) + f"{'max err':>10}{'mean err':>10}{'top 10':>8}{'swapped':>9}{'batch':>10}")
    for name, load in graphs.items():
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        session = onnxruntime.InferenceSession(load(), options)
        got, speeds = {}, ""
        for label, budget in BUDGETS.items():
            got[label], spent = scores(session, pairs, budget)
            speeds += f"{len(pairs) / spent:8.1f}"
        error = abs(got["512"] - want)
        kept, gap = order(queries, got["512"], want)
        moved = max(abs(other - got["1 pair"]).max() for other in got.values())
        print(f"{name:34}{speeds}{error.max():10.5f}{error.mean():10.5f}{kept:>6}/{len(set(queries))}{gap:9.5f}{moved:10.6f}", flush=True)


main()
