"""Makes reranker/checkpoint/testdata/bert-words8 and bert-int8: testdata/bert in compact weights, with the scores that PyTorch
gives these in float64. Tests of resift's import hold its graphs against them:

    python make_golden.py
"""

import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "training"))

from resift_training import compact, folder  # noqa: E402
from resift_training.tokens import Pairs  # noqa: E402

TESTDATA = ROOT / "reranker" / "checkpoint" / "testdata"


def main():
    source = TESTDATA / "bert"
    pairs = [json.loads(line) for line in open(source / "golden.jsonl")]
    for precision in ("words8", "int8"):
        out = TESTDATA / f"bert-{precision}"
        model = folder.read(source)
        folder.write(out, model, source, compact.compact(model.state_dict(), precision))
        model = folder.read(out).double().eval()
        texts = Pairs(out, [p["query"] for p in pairs], [p["passage"] for p in pairs], 64)
        with open(out / "golden.jsonl", "w", encoding="utf-8") as f:
            for i, p in enumerate(pairs):
                logit = model.logits(texts.batch(np.array([i]), np.array([i]))).item()
                f.write(json.dumps({"query": p["query"], "passage": p["passage"], "score": logit}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
