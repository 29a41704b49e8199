"""A NumPy reference of a BERT cross-encoder in float64, and the weights of a dynamically quantised graph for it.

Written apart from the Go code, so that equal scores mean that both are right.
"""
import numpy as np
import onnx
from onnx import numpy_helper
from scipy.special import erf


def weights(path):
    """Name -> float64 array of a BertForSequenceClassification graph: (codes - zero point) * scale in float32.

    Weights of products are [in, out].
    """
    graph = onnx.load(path).graph
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    suffixes = ("_quantized", "_scale", "_zero_point")
    found = {name: values for name, values in tensors.items() if not name.endswith(suffixes)}

    def dequantized(base):
        codes = tensors[base + "_quantized"].astype(np.int32) - tensors[base + "_zero_point"].astype(np.int32)
        return codes.astype(np.float32) * tensors[base + "_scale"]

    for name in tensors:
        if name.startswith("bert.embeddings") and name.endswith("_quantized"):
            base = name.removesuffix("_quantized")
            found[base] = dequantized(base)
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            owner = node.name.removesuffix("_quant").removesuffix("MatMul").removesuffix("Gemm_").strip("/").replace("/", ".")
            found[owner + ".weight"] = dequantized(node.input[1].removesuffix("_quantized"))
    return {name: values.astype(np.float64) for name, values in found.items()}


def norm(x, weight, bias, epsilon=1e-12):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * weight + bias


def score(w, ids, types, heads):
    """The logit of one pair, alone and unpadded."""

    def linear(x, name):
        return x @ w[name + ".weight"] + w[name + ".bias"]

    def normed(x, name):
        return norm(x, w[name + ".weight"], w[name + ".bias"])

    tokens, table = len(ids), "bert.embeddings.{}_embeddings.weight".format
    x = w[table("word")][ids] + w[table("token_type")][types] + w[table("position")][:tokens]
    x = normed(x, "bert.embeddings.LayerNorm")
    width = x.shape[1]
    layer = 0
    while f"bert.encoder.layer.{layer}.output.dense.bias" in w:
        at = f"bert.encoder.layer.{layer}."
        query, key, value = (
            linear(x, at + "attention.self." + part).reshape(tokens, heads, width // heads).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        logits = query @ key.swapaxes(1, 2) / np.sqrt(width // heads)
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        attended = (shares @ value).swapaxes(0, 1).reshape(tokens, width)
        x = normed(x + linear(attended, at + "attention.output.dense"), at + "attention.output.LayerNorm")
        inner = linear(x, at + "intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / np.sqrt(2)))
        x = normed(x + linear(inner, at + "output.dense"), at + "output.LayerNorm")
        layer += 1
    return linear(np.tanh(linear(x[0], "bert.pooler.dense")), "classifier").item()
