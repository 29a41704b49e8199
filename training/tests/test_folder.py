import json
import shutil
import subprocess

import numpy as np
import pytest
import torch
from conftest import ROOT, toy
from safetensors.torch import load_file, save_file

from resift_training import bert, compact, folder
from resift_training.score import scores
from resift_training.tokens import Pairs


def score(path, data, n=60):
    """Scores of the model in path for the first pairs of lists."""
    pairs = Pairs(path, data.queries, data.passages, 64)
    return scores(folder.read(path), pairs, data.pair_q[:n], data.p[:n], 300, False)


@pytest.fixture(scope="module")
def grown(start, tmp_path_factory):
    """The start with larger weights, so that scores differ from one another by more than rounding."""
    path = tmp_path_factory.mktemp("grown")
    model = folder.read(start)
    with torch.no_grad():
        for p in model.parameters():
            p += torch.randn(p.shape, generator=torch.Generator().manual_seed(p.numel())) * 0.3
    folder.write(path, model, start)
    return path


def test_company_and_padding_change_no_score(grown):
    data = toy()
    together = score(grown, data)
    pairs, model = Pairs(grown, data.queries, data.passages, 64), folder.read(grown)
    alone = np.concatenate([scores(model, pairs, data.pair_q[i : i + 1], data.p[i : i + 1], 1, False) for i in range(60)])
    assert np.abs(together - alone).max() < 1e-4 and together.std() > 0.05


def test_scores_are_those_of_transformers():
    path = ROOT / "reranker" / "checkpoint" / "testdata" / "bert"
    golden = [json.loads(line) for line in open(path / "golden.jsonl")]
    pairs = Pairs(path, [g["query"] for g in golden], [g["passage"] for g in golden], 64)
    n = np.arange(len(golden))
    got = scores(folder.read(path), pairs, n, n, 500, False)
    assert np.abs(got - [g["score"] for g in golden]).max() < 1e-5


def test_old_names_of_norms_are_understood(grown, tmp_path):
    shutil.copytree(grown, tmp_path, dirs_exist_ok=True)
    t = load_file(grown / "model.safetensors")
    old = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in t.items()}
    assert sum(k.endswith((".gamma", ".beta")) for k in old) == 10
    save_file(old, tmp_path / "model.safetensors")
    data = toy()
    assert (score(tmp_path, data) == score(grown, data)).all()


def test_an_encoder_gets_a_head_and_loses_its_other_one(grown, tmp_path):
    shutil.copytree(grown, tmp_path, dirs_exist_ok=True)
    t = {k: v for k, v in load_file(grown / "model.safetensors").items() if k.startswith("bert.") and "pooler" not in k}
    save_file(t | {"cls.predictions.bias": torch.zeros(3)}, tmp_path / "model.safetensors")
    a, b = folder.read(tmp_path), folder.read(tmp_path)
    assert torch.equal(a.classifier.weight, b.classifier.weight) and a.classifier.weight.std() > 0.01
    assert torch.equal(a.bert.encoder.layer[1].output.dense.weight, t["bert.encoder.layer.1.output.dense.weight"])
    del t["bert.encoder.layer.1.output.LayerNorm.weight"]
    save_file(t, tmp_path / "model.safetensors")
    with pytest.raises(folder.FolderError, match="encoder.layer.1.output.LayerNorm.weight"):
        folder.read(tmp_path)


def test_other_models_are_refused(grown, tmp_path):
    shutil.copytree(grown, tmp_path, dirs_exist_ok=True)
    config = json.loads((grown / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"model_type": "roberta"}))
    with pytest.raises(folder.FolderError, match="roberta"):
        folder.read(tmp_path)


def test_cut_keeps_the_layers_that_are_named():
    model = bert.fresh(bert.Shape(vocabulary=9, width=8, layers=4, heads=2, inner=16, positions=8))
    small = folder.cut(model, [3, 1])
    for to, of in enumerate([3, 1]):
        a, b = small.bert.encoder.layer[to].state_dict(), model.bert.encoder.layer[of].state_dict()
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    assert torch.equal(small.classifier.weight, model.classifier.weight) and small.shape.layers == 2
    with pytest.raises(folder.FolderError):
        folder.cut(model, [0, 4])


@pytest.mark.parametrize("precision", ["words8", "int8"])
def test_compact_weights_are_small_and_near(grown, tmp_path, options, silent, precision):
    o = options("compact", grown, "--out", tmp_path, "--precision", precision)
    o.act(o, silent)
    t, full = load_file(tmp_path / "model.safetensors"), load_file(grown / "model.safetensors")
    assert t[compact.WORDS].dtype == torch.int8 and t[compact.WORDS + "_scale"].shape == (len(full[compact.WORDS]),)
    for name, value in folder.expand(t).items():
        step = full[name].abs().amax(-1, keepdim=True) / 127 if t[name].dtype == torch.int8 else full[name].abs() * 2**-10
        assert ((value.float() - full[name]).abs() <= step / 2 + 1e-6).all(), name
    assert (tmp_path / "model.safetensors").stat().st_size < 0.75 * (grown / "model.safetensors").stat().st_size
    data = toy()
    assert np.corrcoef(score(tmp_path, data), score(grown, data))[0, 1] > 0.99


def test_a_row_of_zeros_has_a_scale():
    codes, scale = compact.codes(torch.tensor([[0.0, 0.0], [1.0, -2.54]]))
    assert codes.tolist() == [[0, 0], [50, -127]] and scale[0] == 1


# What the real binary makes of our folders: each must be taken, and give the scores that we compute.
@pytest.mark.parametrize("precision", ["", "words8", "int8"])
def test_resift_takes_the_folder(grown, tmp_path, resift, options, silent, precision):
    source = grown
    if precision:
        source = tmp_path / "compact"
        o = options("compact", grown, "--out", source, "--precision", precision)
        o.act(o, silent)
    made, data, n = tmp_path / "made", toy(), 40
    subprocess.run([resift, "model", "import", source, "-o", made, "--name", "toy"], check=True, capture_output=True)
    ours = score(source, data, n)
    with open(tmp_path / "reference.jsonl", "w") as f:
        for q, p, s in zip(data.pair_q, data.p, ours):
            f.write(json.dumps({"query": data.queries[q], "passage": data.passages[p], "score": float(s)}) + "\n")
    done = subprocess.run([resift, "model", "verify", made, "--reference", tmp_path / "reference.jsonl", "--device", "cpu"], capture_output=True, text=True)
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout + done.stderr
    # And back again: the graph that resift wrote is a teacher that we read, but for the last key's bias, of which no score knows.
    back, want = folder.read(made).state_dict(), folder.read(source).state_dict()
    assert not back.pop("bert.encoder.layer.1.attention.self.key.bias").any()
    for name, value in back.items():
        assert torch.equal(value, want[name]), name
    assert np.abs(score(made, data, n) - ours).max() < 1e-5


def test_a_graph_of_another_version_is_an_error(grown, tmp_path, resift):
    onnx = pytest.importorskip("onnx")
    made = tmp_path / "made"
    subprocess.run([resift, "model", "import", grown, "-o", made], check=True, capture_output=True)
    model = onnx.load(made / "model.onnx")
    value = next(t for t in model.graph.initializer if t.name == "layer.1.value.weight")
    heads, width, size = value.dims
    value.dims[:] = [width, heads * size]
    onnx.save(model, made / "model.onnx")
    with pytest.raises(folder.FolderError, match="import the model again"):
        folder.read(made)


def test_the_graph_that_resift_wrote_scores_as_we_do(grown, tmp_path, resift):
    onnxruntime = pytest.importorskip("onnxruntime")
    made, data = tmp_path / "made", toy()
    subprocess.run([resift, "model", "import", grown, "-o", made], check=True, capture_output=True)
    batch = Pairs(made, data.queries, data.passages, 64).batch(data.pair_q[:30], data.p[:30])
    session = onnxruntime.InferenceSession(str(made / "model.onnx"), providers=["CPUExecutionProvider"])
    feed = {"input_ids": batch.ids, "attention_mask": batch.mask, "token_type_ids": batch.types}
    theirs = session.run(None, {k: v.numpy().astype(np.int32) for k, v in feed.items()})[0][:, 0]
    assert np.abs(theirs - score(made, data, 30)).max() < 1e-4
