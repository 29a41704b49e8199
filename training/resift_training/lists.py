"""Lists of a query and passages: what is scored and trained on.

A folder of lists has queries.jsonl and passages.jsonl (one JSON string a line; its number, from 0, names it) and groups.jsonl,
one list a line: {"q": query, "p": [passages], "source": "…"}. Each file may be compressed: .xz or .gz. scores.npy, float32, holds
a target for each pair in the order of groups.jsonl; `score` and `clicks` write it.

A single file FILE.jsonl with a list a line, {"query": "…", "passages": ["…"], "source": "…", "scores": [targets, if known]}, is read as well.
"""

import dataclasses
import gzip
import hashlib
import json
import lzma
import pathlib

import numpy as np

COMPRESSED = {".gz": gzip.open, ".xz": lzma.open}


class ListsError(Exception):
    """Lists that are damaged, or that lack what a command needs."""


@dataclasses.dataclass
class Lists:
    """Lists i: query q[i], passages p[start[i]:start[i+1]], source names[source[i]]; scores are those of p, or None."""

    queries: list
    passages: list
    q: np.ndarray  # int32 [lists]
    p: np.ndarray  # int32 [pairs]
    start: np.ndarray  # int64 [lists+1]
    names: list
    source: np.ndarray  # int16 [lists]
    scores: np.ndarray = None  # float32 [pairs]

    @property
    def pair_q(self):
        """The query of each pair, int32 [pairs]."""
        return np.repeat(self.q, np.diff(self.start))


def open_text(path):
    """Opens a text for reading: path itself, or path.gz or path.xz where it is compressed."""
    path = find(path)
    return COMPRESSED.get(path.suffix, open)(path, "rt", encoding="utf-8")


def find(path):
    """path, or the compressed file of that name."""
    path = pathlib.Path(path)
    for p in (path, *(path.with_name(path.name + end) for end in COMPRESSED)):
        if p.is_file():
            return p
    raise ListsError(f"{path} is not there, compressed or not")


def rows(path):
    """The JSON values of a file, one a line. A broken line is a ListsError with its number."""
    with open_text(path) as f:
        for number, line in enumerate(f, 1):
            try:
                yield json.loads(line)
            except ValueError as e:
                raise ListsError(f"{path}, line {number}: {e}") from e


def make(queries, passages, groups, scores=None):
    """Lists of groups (q, [p], source), whose indexes are checked."""
    names = {}
    q, p, sizes, source = [], [], [], []
    for number, (one, many, name) in enumerate(groups, 1):
        if not (0 <= one < len(queries)) or not many or min(many) < 0 or max(many) >= len(passages):
            raise ListsError(f"list {number}: query {one} of {len(queries)}, {len(many)} passages of {len(passages)}: an index is wrong")
        q.append(one)
        p.extend(many)
        sizes.append(len(many))
        source.append(names.setdefault(name, len(names)))
    if scores is not None and len(scores) != len(p):
        raise ListsError(f"{len(scores)} scores for {len(p)} pairs")
    return Lists(
        queries, passages, np.array(q, np.int32), np.array(p, np.int32), np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        list(names), np.array(source, np.int16), None if scores is None else np.asarray(scores, np.float32),
    )


def read(path):
    """The Lists of a folder or a single file."""
    path = pathlib.Path(path)
    if not path.is_dir():
        return _read_file(path)
    scores = np.load(path / "scores.npy") if (path / "scores.npy").exists() else None
    groups = ((g["q"], g["p"], g.get("source", path.name)) for g in rows(path / "groups.jsonl"))
    return make(list(rows(path / "queries.jsonl")), list(rows(path / "passages.jsonl")), groups, scores)


def _read_file(path):
    queries, passages, groups, scores = {}, {}, [], []
    for number, row in enumerate(rows(path), 1):
        many = row["passages"]
        given = row.get("scores", [None] * len(many))
        if len(given) != len(many):
            raise ListsError(f"{path}, line {number}: {len(given)} scores for {len(many)} passages")
        q = queries.setdefault(row["query"], len(queries))
        groups.append((q, [passages.setdefault(p, len(passages)) for p in many], row.get("source", path.stem)))
        scores.extend(given)
    if any(s is None for s in scores):
        scores = None
    return make(list(queries), list(passages), groups, scores)


def write(path, lists):
    """Writes a folder of lists."""
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    for name, texts in (("queries", lists.queries), ("passages", lists.passages)):
        with open(path / f"{name}.jsonl", "w", encoding="utf-8") as f:
            f.writelines(json.dumps(t, ensure_ascii=False) + "\n" for t in texts)
    with open(path / "groups.jsonl", "w", encoding="utf-8") as f:
        for i, q in enumerate(lists.q):
            p = lists.p[lists.start[i] : lists.start[i + 1]].tolist()
            f.write(json.dumps({"q": int(q), "p": p, "source": lists.names[lists.source[i]]}) + "\n")
    if lists.scores is not None:
        np.save(path / "scores.npy", lists.scores)


def join(many):
    """Several Lists as one. Texts are not compared: a passage that two have is there twice."""
    if len(many) == 1:
        return many[0]
    if any(x.scores is None for x in many) and not all(x.scores is None for x in many):
        raise ListsError("some of the lists have scores and some have none")
    names = list(dict.fromkeys(n for x in many for n in x.names))
    q_at = np.cumsum([0] + [len(x.queries) for x in many])
    p_at = np.cumsum([0] + [len(x.passages) for x in many])
    pair_at = np.cumsum([0] + [len(x.p) for x in many])
    return Lists(
        sum((x.queries for x in many), []), sum((x.passages for x in many), []),
        np.concatenate([x.q + at for x, at in zip(many, q_at)]).astype(np.int32),
        np.concatenate([x.p + at for x, at in zip(many, p_at)]).astype(np.int32),
        np.concatenate([[0], *(x.start[1:] + at for x, at in zip(many, pair_at))]).astype(np.int64), names,
        np.concatenate([np.array([names.index(n) for n in x.names], np.int16)[x.source] for x in many]),
        None if many[0].scores is None else np.concatenate([x.scores for x in many]),
    )


def digest(lists):
    """The hex sha256 of queries, passages and pairs: what scores belong to."""
    h = hashlib.sha256()
    for texts in (lists.queries, lists.passages):
        h.update(json.dumps(texts).encode())
    for array in (lists.q, lists.p, lists.start):
        h.update(np.ascontiguousarray(array).tobytes())
    return h.hexdigest()
