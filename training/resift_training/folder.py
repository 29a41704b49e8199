"""Folders with a model: read as Hugging Face or resift writes them, written as Hugging Face has them."""

import json
import pathlib
import re
import shutil

import torch
from safetensors.torch import load_file, save_file

from .bert import CrossEncoder, Shape, fresh

SCALE = "_scale"  # follows the name of an int8 matrix in the name of its scales, one a row (docs/models.md, compact weights)
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt")


class FolderError(Exception):
    """A folder that holds no model that is understood here."""


def read(path):
    """The CrossEncoder in path: a BertForSequenceClassification (compact weights too), or a model directory that `resift
    model import` wrote in fp32. A BERT without a classifier, such as a masked language model, gets a fresh head (seed 0)."""
    path = pathlib.Path(path)
    if (path / "resift.json").exists():
        return _read_resift(path)
    config = json.loads((path / "config.json").read_text())
    if config.get("model_type") != "bert" or config.get("hidden_act", "gelu") != "gelu":
        raise FolderError(f"{path}: model_type {config.get('model_type')}, hidden_act {config.get('hidden_act')}: want a BERT with GELU")
    tensors = expand(load_file(path / "model.safetensors"))
    shape = Shape(
        vocabulary=config["vocab_size"], width=config["hidden_size"], layers=config["num_hidden_layers"], heads=config["num_attention_heads"],
        inner=config["intermediate_size"], positions=config["max_position_embeddings"], types=config["type_vocab_size"],
        epsilon=config.get("layer_norm_eps", 1e-12),
    )
    model = fresh(shape)
    return _load(model, {current_name(k): v for k, v in tensors.items()}, path)


def current_name(name):
    """A parameter's present name: files of 2019 call a norm's weight gamma and its bias beta. Lost, they cost .03 nDCG."""
    return re.sub(r"\.beta$", ".bias", re.sub(r"\.gamma$", ".weight", name))


def _load(model, tensors, path):
    """Puts tensors into model. Only a head may be missing, and only other heads may be too many."""
    state = model.state_dict()
    head = {k for k in state if k.startswith(("bert.pooler.", "classifier."))}
    known = {k: v.float() for k, v in tensors.items() if not k.startswith("cls.") and not k.endswith("position_ids")}
    missing, unknown = state.keys() - known.keys() - head, known.keys() - state.keys()
    if missing or unknown:
        raise FolderError(f"{path}: missing tensors {sorted(missing)[:5]}, unknown tensors {sorted(unknown)[:5]}")
    model.load_state_dict(state | known)
    return model


def expand(tensors):
    """Tensors with int8 codes multiplied by the scales of their rows."""
    out = {}
    for name, t in tensors.items():
        if name.endswith(SCALE) and name.removesuffix(SCALE) in tensors:
            continue
        if t.dtype == torch.int8:
            t = t.float() * tensors[name + SCALE].float()[:, None]
        out[name] = t
    return out


def _read_resift(path):
    """The weights of the graph that `resift model import` writes in fp32 (reranker/onnxgraph/build.go). It keeps products as
    [in, out] where PyTorch wants [out, in], the pooler's too, and query, key and value side by side in all but the last layer. That has key
    and value by head, key as [heads, out, in] and value as [heads, in, out], and no bias of the key: it moves all of a row's logits alike."""
    import onnx
    from onnx import numpy_helper

    about = json.loads((path / "resift.json").read_text())
    if about["precision"] != "fp32" or about["architecture"] != "BertForSequenceClassification":
        raise FolderError(f"{path}: {about['architecture']} in {about['precision']}: want a BertForSequenceClassification in fp32")
    graph = onnx.load(str(path / "model.onnx")).graph
    w = {t.name: torch.from_numpy(numpy_helper.to_array(t).copy()) for t in graph.initializer}
    heads = {a.i for n in graph.node for a in n.attribute if a.name == "num_heads"}
    count = 1 + max(int(m[1]) for m in (re.match(r"layer\.(\d+)\.", name) for name in w) if m)
    value = w.get(f"layer.{count - 1}.value.weight", torch.empty(0))
    if len(heads) != 1 or value.dim() != 3:
        raise FolderError(f"{path}: model.onnx is not a graph as this version's resift model import writes it: import the model again")
    shape = Shape(
        vocabulary=len(w["embeddings.word"]), width=w["embeddings.word"].shape[1], layers=count, heads=heads.pop(),
        inner=w["layer.0.up.weight"].shape[1], positions=len(w["embeddings.position"]), types=len(w["embeddings.token_type"]),
    )
    t = {
        "bert.embeddings.word_embeddings.weight": w["embeddings.word"],
        "bert.embeddings.position_embeddings.weight": w["embeddings.position"],
        "bert.embeddings.token_type_embeddings.weight": w["embeddings.token_type"],
        "bert.embeddings.LayerNorm.weight": w["embeddings.norm.weight"],
        "bert.embeddings.LayerNorm.bias": w["embeddings.norm.bias"],
        "bert.pooler.dense.weight": w["pooler.weight"].T,
        "bert.pooler.dense.bias": w["pooler.bias"],
        "classifier.weight": w["classifier.weight"].T,
        "classifier.bias": w["classifier.bias"],
    }
    for i in range(count):
        theirs, ours = f"layer.{i}.", f"bert.encoder.layer.{i}."
        if i < count - 1:
            weights = [part.T for part in w[theirs + "qkv.weight"].chunk(3, dim=1)]
            biases = w[theirs + "qkv.bias"].chunk(3)
        else:
            query, key, value = (w[f"{theirs}{name}.weight"] for name in ("query", "key", "value"))
            weights = query.T, key.flatten(0, 1), value.transpose(1, 2).flatten(0, 1)
            biases = w[theirs + "query.bias"], torch.zeros(shape.width), w[theirs + "value.bias"]
        for name, weight, bias in zip(("query", "key", "value"), weights, biases):
            t[f"{ours}attention.self.{name}.weight"], t[f"{ours}attention.self.{name}.bias"] = weight, bias
        for name, weight, bias, norm in (
            ("attention.output", "attention.output.weight", "attention.norm.product.bias", "attention.norm"),
            ("intermediate", "up.weight", "up.bias", None),
            ("output", "down.weight", "norm.product.bias", "norm"),
        ):
            t[f"{ours}{name}.dense.weight"], t[f"{ours}{name}.dense.bias"] = w[theirs + weight].T, w[theirs + bias]
            if norm:
                t[f"{ours}{name}.LayerNorm.weight"], t[f"{ours}{name}.LayerNorm.bias"] = w[f"{theirs}{norm}.weight"], w[f"{theirs}{norm}.bias"]
    return _load(CrossEncoder(shape), t, path)


def cut(model, layers):
    """A model of some layers of another, in the order given, with its embeddings and head."""
    shape = Shape(**{**vars(model.shape), "layers": len(layers)})
    if min(layers) < 0 or max(layers) >= model.shape.layers:
        raise FolderError(f"layers {layers} of a model that has 0 to {model.shape.layers - 1}")
    state = {k: v for k, v in model.state_dict().items() if ".encoder.layer." not in k}
    for to, of in enumerate(layers):
        for k, v in model.bert.encoder.layer[of].state_dict().items():
            state[f"bert.encoder.layer.{to}.{k}"] = v
    out = CrossEncoder(shape)
    out.load_state_dict(state)
    return out


def write(path, model, tokenizer, tensors=None):
    """Writes model as a Hugging Face folder: configuration, weights (tensors, if they are to be stored in another form), and
    the tokenizer's and licence files of the folder tokenizer. Weights come last: where they are, all is."""
    path, tokenizer, s = pathlib.Path(path), pathlib.Path(tokenizer), model.shape
    path.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["BertForSequenceClassification"], "model_type": "bert", "vocab_size": s.vocabulary, "hidden_size": s.width,
        "num_hidden_layers": s.layers, "num_attention_heads": s.heads, "intermediate_size": s.inner, "max_position_embeddings": s.positions,
        "type_vocab_size": s.types, "layer_norm_eps": s.epsilon, "hidden_act": "gelu", "pad_token_id": 0, "id2label": {"0": "LABEL_0"},
        "label2id": {"LABEL_0": 0}, "position_embedding_type": "absolute", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
    }
    (path / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if path.resolve() != tokenizer.resolve():
        for f in tokenizer.iterdir():
            if f.name in TOKENIZER or f.name.startswith(("LICENSE", "NOTICE")):
                shutil.copyfile(f, path / f.name)
    tensors = tensors or {k: v.detach().float() for k, v in model.state_dict().items()}
    part = path / "model.safetensors.part"
    save_file({k: v.cpu().contiguous() for k, v in tensors.items()}, part, metadata={"format": "pt"})
    part.chmod(0o644)  # save_file makes it the owner's alone
    part.replace(path / "model.safetensors")
