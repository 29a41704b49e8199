"""A re-ranking service as one writes it at home, for resift's benchmark: tokenizers, then ONNX Runtime, in batches of
similar length.

    score.py MODEL_DIR THREADS BATCH

Each line of standard input is a list of requests, [[query, [passage, ...]], ...]; an empty line repeats the last list.
Each is answered by one line, {"seconds": wall, "cpu": of this process, "pairs": n, "tokens": n, "scores": [[...], ...]}.
The first line written, once the model is loaded, is the versions of what is used.
"""

import json
import resource
import sys
import time

import numpy
import onnxruntime
import tokenizers

MAX_TOKENS = 512


class Scorer:
    def __init__(self, folder, threads, batch):
        self.tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name: numpy.int32 if i.type == "tensor(int32)" else numpy.int64 for i in self.session.get_inputs()}
        self.batch = batch
        self.tokens = 0

    def score(self, query, passages):
        """The logits of the passages, [len(passages)]: longest pairs first, each batch padded to its own longest."""
        pairs = self.tokenizer.encode_batch([(query, p) for p in passages])
        order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i].ids))
        scores = numpy.empty(len(pairs), numpy.float32)
        for at in range(0, len(order), self.batch):
            rows = order[at : at + self.batch]
            scores[rows] = self.session.run(None, self.feed([pairs[i] for i in rows]))[0].reshape(-1)
        self.tokens += sum(len(p.ids) for p in pairs)
        return scores

    def feed(self, pairs):
        """The inputs of one run, each [len(pairs), longest]."""
        shape = (len(pairs), len(pairs[0].ids))
        feed = {name: numpy.zeros(shape, kind) for name, kind in self.inputs.items()}
        for row, pair in enumerate(pairs):
            n = len(pair.ids)
            feed["input_ids"][row, :n] = pair.ids
            feed["attention_mask"][row, :n] = 1
            if "token_type_ids" in feed:
                feed["token_type_ids"][row, :n] = pair.type_ids
        return feed


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    folder, threads, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    scorer = Scorer(folder, threads, batch)
    print(f"onnxruntime {onnxruntime.__version__}, tokenizers {tokenizers.__version__}, Python {sys.version.split()[0]}", flush=True)
    requests = []
    for line in sys.stdin:
        requests = json.loads(line) if line.strip() else requests
        scorer.tokens = 0
        begun, used = time.perf_counter(), cpu()
        scores = [scorer.score(query, passages) for query, passages in requests]
        seconds, used = time.perf_counter() - begun, cpu() - used
        answer = {"seconds": seconds, "cpu": used, "pairs": sum(map(len, scores)), "tokens": scorer.tokens, "scores": [s.tolist() for s in scores]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
