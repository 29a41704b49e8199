"""Writes tiny.onnx, a random BERT cross-encoder in the operators of a Transformers export, quantised by ONNX Runtime's own
dynamic quantiser, and tiny.json, pairs of token ids with their float64 scores.

    python tiny.py        (in this folder, with requirements.txt)
"""
import json
import os
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import reference

VOCABULARY, POSITIONS, WIDTH, INNER, HEADS, LAYERS = 50, 40, 32, 64, 4, 2
random = np.random.default_rng(7)
nodes, initializers = [], []


def tensor(name, values):
    initializers.append(numpy_helper.from_array(np.asarray(values), name))
    return name


def normal(name, *shape, scale=0.3, middle=0.0):
    return tensor(name, (middle + scale * random.standard_normal(shape)).astype(np.float32))


def constant(name, values):
    nodes.append(helper.make_node("Constant", [], [name], name, value=numpy_helper.from_array(np.asarray(values))))
    return name


def op(name, operator, *inputs, **attributes):
    nodes.append(helper.make_node(operator, list(inputs), [name + "_out"], name, **attributes))
    return name + "_out"


def linear(x, path):
    name = path.strip("/").replace("/", ".")
    shape = (INNER, WIDTH) if path.endswith("/output/dense") and "attention" not in path else (WIDTH, WIDTH)
    shape = (WIDTH, INNER) if "intermediate" in path else shape
    weight = normal("onnx::MatMul_" + name, *shape)
    return op(path + "/Add", "Add", normal(name + ".bias", shape[1]), op(path + "/MatMul", "MatMul", x, weight))


def gemm(x, path, out):
    name = path.strip("/").replace("/", ".")
    return op(path + "/Gemm", "Gemm", x, normal(name + ".weight", out, WIDTH), normal(name + ".bias", out), transB=1)


def norm(x, path):
    name = path.strip("/").replace("/", ".")
    centred = op(path + "/Sub", "Sub", x, op(path + "/ReduceMean", "ReduceMean", x, axes=[-1]))
    square = op(path + "/Pow", "Pow", centred, constant(path + "/two", np.float32(2)))
    variance = op(path + "/ReduceMean_1", "ReduceMean", square, axes=[-1])
    deviation = op(path + "/Sqrt", "Sqrt", op(path + "/Add", "Add", variance, constant(path + "/epsilon", np.float32(1e-12))))
    unit = op(path + "/Div", "Div", centred, deviation)
    scaled = op(path + "/Mul", "Mul", unit, normal(name + ".weight", WIDTH, scale=0.1, middle=1))
    return op(path + "/Add_1", "Add", scaled, normal(name + ".bias", WIDTH))


def heads(x, path, perm):
    size = op(path + "/Gather", "Gather", op(path + "/Shape", "Shape", x), constant(path + "/zero", np.int64(0)))
    first = op(path + "/Unsqueeze", "Unsqueeze", size, constant(path + "/axis", np.array([0])))
    sizes = [constant(f"{path}/{n}", np.array([n])) for n in (-1, HEADS, WIDTH // HEADS)]
    shape = op(path + "/Concat", "Concat", first, *sizes, axis=0)
    return op(path + "/Transpose", "Transpose", op(path + "/Reshape", "Reshape", x, shape), perm=perm)


def layer(x, at, mask):
    path = at + "/attention/self"
    query, key, value = (linear(x, f"{path}/{part}") for part in ("query", "key", "value"))
    product = op(path + "/MatMul", "MatMul", heads(query, path + "/q", [0, 2, 1, 3]), heads(key, path + "/k", [0, 2, 3, 1]))
    scaled = op(path + "/Div", "Div", product, constant(path + "/root", np.float32(np.sqrt(WIDTH // HEADS))))
    shares = op(path + "/Softmax", "Softmax", op(path + "/Add", "Add", scaled, mask), axis=-1)
    joined = op(path + "/MatMul_1", "MatMul", shares, heads(value, path + "/v", [0, 2, 1, 3]))
    joined = op(path + "/Transpose", "Transpose", joined, perm=[0, 2, 1, 3])
    joined = op(path + "/Reshape", "Reshape", joined, constant(path + "/shape", np.array([0, 0, WIDTH])))
    y = op(at + "/attention/output/Add", "Add", linear(joined, at + "/attention/output/dense"), x)
    x = norm(y, at + "/attention/output/LayerNorm")
    inner, act = linear(x, at + "/intermediate/dense"), at + "/intermediate/act"
    root = op(act + "/Div", "Div", inner, constant(act + "/root", np.float32(np.sqrt(2))))
    share = op(act + "/Add", "Add", op(act + "/Erf", "Erf", root), constant(act + "/one", np.float32(1)))
    inner = op(act + "/Mul_1", "Mul", op(act + "/Mul", "Mul", inner, share), constant(act + "/half", np.float32(0.5)))
    return norm(op(at + "/output/Add", "Add", linear(inner, at + "/output/dense"), x), at + "/output/LayerNorm")


def model():
    def table(kind, rows, index):
        weight = normal(f"bert.embeddings.{kind}_embeddings.weight", rows, WIDTH)
        return op(f"/bert/embeddings/{kind}/Gather", "Gather", weight, index)

    shape = op("/bert/Shape", "Shape", "input_ids")
    ends = [constant(f"/bert/{n}", np.array([n])) for n in (0, 1, 2)]
    length = op("/bert/length", "Slice", shape, ends[1], ends[2])
    every = constant("/bert/positions", np.arange(POSITIONS))
    positions = op("/bert/Slice", "Slice", every, ends[0], length)
    x = op("/bert/embeddings/Add", "Add", table("word", VOCABULARY, "input_ids"), table("token_type", 2, "token_type_ids"))
    x = norm(op("/bert/embeddings/Add_1", "Add", x, table("position", POSITIONS, positions)), "/bert/embeddings/LayerNorm")
    mask = op("/bert/Unsqueeze", "Unsqueeze", "attention_mask", constant("/bert/axes", np.array([1, 2])))
    mask = op("/bert/Cast", "Cast", mask, to=TensorProto.FLOAT)
    mask = op("/bert/Sub", "Sub", constant("/bert/one", np.float32(1)), mask)
    mask = op("/bert/Mul", "Mul", mask, constant("/bert/least", np.float32(-3e38)))
    for i in range(LAYERS):
        x = layer(x, f"/bert/encoder/layer.{i}", mask)
    first = op("/bert/pooler/Gather", "Gather", x, constant("/bert/pooler/zero", np.int64(0)), axis=1)
    pooled = op("/bert/pooler/Tanh", "Tanh", gemm(first, "/bert/pooler/dense", WIDTH))
    out = gemm(pooled, "/classifier", 1)
    nodes.append(helper.make_node("Identity", [out], ["logits"], "logits"))
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "s"]) for n in ("input_ids", "attention_mask", "token_type_ids")]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 1])
    graph = helper.make_graph(nodes, "tiny", inputs, [output], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7)


def main():
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "plain.onnx")
        onnx.save(model(), plain)
        quantize_dynamic(plain, "tiny.onnx", weight_type=QuantType.QInt8)
    w = reference.weights("tiny.onnx")
    pairs = []
    for tokens in (3, 5, 8, 13, 21, 40, 12, 7):
        ids, types = random.integers(0, VOCABULARY, tokens), (np.arange(tokens) >= tokens // 2).astype(int)
        pairs.append({"ids": ids.tolist(), "types": types.tolist(), "score": reference.score(w, ids, types, HEADS)})
    with open("tiny.json", "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(p) for p in pairs) + "\n]\n")


main()
