"""python -m resift_training COMMAND …"""

import argparse
import json
import sys
import time

from . import clicks, compact, engine, evaluate, folder, lists, losses, mine, score, start, train


def shares(text):
    """--share: a JSON object of numbers that are not negative."""
    value = json.loads(text)
    if not isinstance(value, dict) or not all(isinstance(v, (int, float)) and v >= 0 for v in value.values()):
        raise ValueError(text)
    return value


def parser():
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m resift_training", description="trains small cross-encoders for resift")
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, run, text):
        p = sub.add_parser(name, help=text, description=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        p.set_defaults(act=run)
        return p

    def out(p, text):
        p.add_argument("--out", required=True, help=text)

    def computing(p, batch, tokens=256):
        p.add_argument("--device", default="", help="cpu, cuda or cuda:N; empty: cuda if there is one")
        p.add_argument("--threads", type=int, default=0, help="CPU threads; 0: as PyTorch has it")
        p.add_argument("--batch-tokens", type=int, default=batch, help="tokens of a batch, with its padding")
        p.add_argument("--max-tokens", type=int, default=tokens, help="tokens of a pair; longer passages are cut")

    def asking(p):
        p.add_argument("--engine", required=True, help="address of an Elasticsearch or OpenSearch; may hold user:password@")
        p.add_argument("--index", default="resift-training", help="index to make there, and to delete again")
        p.add_argument("--header", action="append", default=[], help='for every request: "Authorization: ApiKey …"')

    p = command("start", start.run, "a student before its training: a head on an encoder, or some layers of a teacher")
    p.add_argument("model", help="folder: a BERT as Hugging Face has it, or a model directory of resift in fp32")
    out(p, "folder to write")
    p.add_argument("--layers", default="", help="layers to keep, such as 0,2,4,6,8,11; empty: all")

    p = command("mine", mine.run, "lists with hard negatives by BM25 of the user's engine")
    p.add_argument("passages", help='JSONL of passages: strings, or {"title", "text"}')
    p.add_argument("--queries", help='JSONL of queries: strings, or {"query", "passage": number of its own passage, "source"}')
    out(p, "folder of lists to write")
    asking(p)
    p.add_argument("--keep", action="store_true", help="keep the index")
    p.add_argument("--top", type=int, default=4, help="passages from the top of the order")
    p.add_argument("--sampled", type=int, default=12, help="passages sampled from the rest")
    p.add_argument("--depth", type=int, default=100, help="how far down the rest goes")
    p.add_argument("--synthetic", type=int, default=0, help="queries to make of title-like spans of passages")
    p.add_argument("--questions", type=float, default=0.0, help="share of those that ask, such as: what is …")
    p.add_argument("--seed", type=int, default=0, help="of all that is random")

    p = command("score", score.run, "the mean of the teachers' scores for each pair of a folder of lists; resumable")
    p.add_argument("lists", help="folder of lists")
    p.add_argument("--teacher", action="append", required=True, help="folder of a model; several are an ensemble")
    p.add_argument("--fp32", action="store_true", help="float32 on a GPU too, in place of float16")
    computing(p, 65536)

    p = command("train", train.run, "a student on scored lists; resumable")
    p.add_argument("model", help="folder of the student's start")
    p.add_argument("lists", nargs="+", help="folders of scored lists, or JSONL files with scores")
    out(p, "folder to write")
    p.add_argument("--share", dest="shares", type=shares, default={}, help='how much of each source an epoch takes: {"squad": 0.3, "pool": 6}')
    p.add_argument("--per-list", type=int, default=16, help="passages of a list in an epoch, chosen anew each time")
    p.add_argument("--loss", choices=sorted(losses.LOSSES), default="list", help="list: margins of all to all; pair: of the best to the others")
    p.add_argument("--epochs", type=int, default=1, help="passes over the lists")
    p.add_argument("--rate", type=float, default=1e-4, help="learning rate at its highest")
    p.add_argument("--embedding-rate", type=float, default=1.0, help="share of the rate for word embeddings")
    p.add_argument("--weight-decay", type=float, default=0.01, help="of AdamW")
    p.add_argument("--warmup", type=float, default=0.0, help="share of the work in which the rate rises")
    p.add_argument("--clip", type=float, default=1.0, help="largest norm of the gradient")
    p.add_argument("--seed", type=int, default=0, help="of all that is random")
    p.add_argument("--fp32", action="store_true", help="float32 everywhere, in place of bfloat16 where the device multiplies that")
    p.add_argument("--evaluate", action="append", default=[], help="folder of a set to measure on after each epoch (see evaluate)")
    p.add_argument("--depth", type=int, default=100, help="documents of its run to re-rank")
    p.add_argument("--relevant", type=int, default=1, help="least grade that MRR counts")
    p.add_argument("--save-every", type=float, default=300, help="seconds between checkpoints")
    p.add_argument("--say-every", type=float, default=30, help="seconds between lines")
    computing(p, 32768)

    p = command("evaluate", evaluate.run, "nDCG@10 and MRR@10 of a run before and after re-ranking")
    p.add_argument("model", help="folder of a model")
    p.add_argument("set", nargs="+", help="folder with corpus.jsonl, queries.tsv and qrels.txt")
    p.add_argument("--run", help="TREC run to re-rank; empty: the folder's run.trec")
    p.add_argument("--depth", type=int, default=100, help="documents of the run to re-rank")
    p.add_argument("--relevant", type=int, default=1, help="least grade that MRR counts")
    p.add_argument("--out", help="TREC run to write, of one set")
    computing(p, 8192, 512)

    p = command("bm25", evaluate.run_bm25, "a set's first stage, by the user's engine")
    p.add_argument("set", help="folder with corpus.jsonl and queries.tsv")
    out(p, "TREC run to write, such as run.trec in the set's folder")
    asking(p)
    p.add_argument("--depth", type=int, default=100, help="documents a query")

    p = command("clicks", clicks.run, "lists from a log of searches and clicks, corrected for position")
    p.add_argument("--queries", required=True, help="JSONL of ubi_queries")
    p.add_argument("--events", required=True, help="JSONL of ubi_events")
    p.add_argument("--corpus", required=True, help='JSONL of {"id", "title", "text"}')
    out(p, "folder of lists to write, with scores")
    p.add_argument("--seen", default="power:1", help="chance that a rank is looked at: power:EXPONENT, or estimate")
    p.add_argument("--weight", type=float, default=clicks.WEIGHT, help="of the prior, in full looks")

    p = command("compact", compact.run, "a model's weights stored once and small")
    p.add_argument("model", help="folder of a model")
    out(p, "folder to write")
    p.add_argument("--precision", choices=("words8", "int8"), default="words8", help="words8: int8 word embeddings, the rest float16; int8: all matrices")
    return top


def main(arguments=None):
    """Runs a command; what went wrong in the user's terms is one line and exit code 1."""
    options = parser().parse_args(arguments)
    begin = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - begin:7.1f}s  {text}", file=sys.stderr, flush=True)

    if getattr(options, "threads", 0):
        import torch

        torch.set_num_threads(options.threads)
    try:
        options.act(options, say)
    except (lists.ListsError, folder.FolderError, engine.EngineError, OSError, ValueError) as e:
        print(f"resift_training: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
