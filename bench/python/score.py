"""A re-ranking service as one writes it at home, for resift's benchmark: tokenizers, then ONNX Runtime, in batches of
similar length.

    score.py MODEL_DIR THREADS usual|tuned

Usual: batches of 16 pairs, ONNX Runtime's default options. Tuned: batches of 512 tokens with their padding, threads that
sleep while they wait, no memory planned for each shape; what was found best for resift, with the threads in one session.

Each line of standard input is a list of requests, [[query, [passage, ...]], ...], and is answered by one line, {"seconds": wall, "cpu": of this process, "pairs": n, "tokens": n, "scores": [[...], ...]}.
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
    def __init__(self, folder, threads, tuned):
        self.tokenizer = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS, strategy="only_second")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        if tuned:
            options.enable_mem_pattern = False
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name: numpy.int32 if i.type == "tensor(int32)" else numpy.int64 for i in self.session.get_inputs()}
        self.tuned = tuned
        self.tokens = 0

    def score(self, query, passages):
        """The logits of the passages, [len(passages)]: longest pairs first, each batch padded to its own longest."""
        pairs = self.tokenizer.encode_batch([(query, p) for p in passages])
        order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i].ids))
        scores = numpy.empty(len(pairs), numpy.float32)
        at = 0
        while at < len(order):
            size = max(1, 512 // len(pairs[order[at]].ids)) if self.tuned else 16
            rows = order[at : at + size]
            at += size
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
    scorer = Scorer(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "tuned")
    print(f"onnxruntime {onnxruntime.__version__}, tokenizers {tokenizers.__version__}, Python {sys.version.split()[0]}", flush=True)
    for line in sys.stdin:
        requests = json.loads(line)
        scorer.tokens = 0
        begun, used = time.perf_counter(), cpu()
        scores = [scorer.score(query, passages) for query, passages in requests]
        seconds, used = time.perf_counter() - begun, cpu() - used
        answer = {"seconds": seconds, "cpu": used, "pairs": sum(map(len, scores)), "tokens": scorer.tokens, "scores": [s.tolist() for s in scores]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
