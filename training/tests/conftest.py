"""A toy world on which a student can learn in seconds: passages of made-up words, of which some are good."""

import json
import os
import pathlib
import random
import sys

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from resift_training import __main__ as command, bert, folder, lists  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [a + b for a in "b d f g k l m n p r s t v z".split() for b in ("a", "e", "i", "o", "u")]
GOOD = WORDS[:10]

torch.set_num_threads(1)


def make_tokenizer(path):
    vocabulary = {t: i for i, t in enumerate(SPECIAL + WORDS + ["##" + w for w in WORDS])}
    t = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    t.add_special_tokens(SPECIAL)
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    t.enable_padding(length=40)  # as published files have it: readers must not obey
    t.enable_truncation(12)
    path.mkdir(parents=True, exist_ok=True)
    t.save(str(path / "tokenizer.json"))
    (path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 64}))
    return len(vocabulary)


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """The folder of an untrained student: 2 layers of width 32."""
    path = tmp_path_factory.mktemp("start")
    size = make_tokenizer(path)
    shape = bert.Shape(vocabulary=size, width=32, layers=2, heads=2, inner=64, positions=64)
    folder.write(path, bert.fresh(shape, 3), path)
    return path


def sentence(chance, least=3, most=14):
    return " ".join(chance.choice(WORDS) for _ in range(chance.randint(least, most)))


def toy(seed=1, queries=150, per_list=6):
    """Lists whose targets are two points for each good word of a passage."""
    chance = random.Random(seed)
    asked = [sentence(chance, 1, 3) for _ in range(queries)]
    passages = [sentence(chance) for _ in range(queries * per_list)]
    groups = [(i, list(range(i * per_list, (i + 1) * per_list)), "even" if i % 2 else "odd") for i in range(queries)]
    worth = np.array([2.0 * sum(w in GOOD for w in p.split()) - 4 for p in passages], np.float32)
    return lists.make(asked, passages, groups, worth)


@pytest.fixture(scope="session")
def toy_set(tmp_path_factory):
    """A set for evaluation: the grade of a document is the number of its good words."""
    path = tmp_path_factory.mktemp("set")
    data = toy(seed=2, queries=25, per_list=10)
    (path / "queries.tsv").write_text("".join(f"q{i}\t{q}\n" for i, q in enumerate(data.queries)))
    (path / "corpus.jsonl").write_text("".join(json.dumps({"id": f"d{i}", "title": "", "text": p}) + "\n" for i, p in enumerate(data.passages)))
    pairs = [(int(q), int(p)) for q, p in zip(data.pair_q, data.p)]
    (path / "qrels.txt").write_text("".join(f"q{q} 0 d{p} {int(data.scores[p] + 4) // 2}\n" for q, p in pairs))
    (path / "run.trec").write_text("".join(f"q{q} Q0 d{p} {p % 10 + 1} {10 - p % 10} toy\n" for q, p in pairs))
    return path


@pytest.fixture
def options():
    """Makes the options of a command as its command line would."""
    return lambda *words: command.parser().parse_args([str(w) for w in words])


@pytest.fixture
def silent():
    return lambda text: None


@pytest.fixture(scope="session")
def resift():
    """The path of the binary; tests of what it makes of our files are skipped where it was not built."""
    path = pathlib.Path(os.environ.get("RESIFT", ROOT / "bin" / "resift"))
    if not path.exists():
        pytest.skip("bin/resift is not there: make build")
    return path
