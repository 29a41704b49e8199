"""Lists from clicks: what a search's users took of what they were shown, corrected for where it stood.

Queries and events have the shape of OpenSearch's User Behavior Insights (ubi_queries, ubi_events), a JSON object a line:

    {"query_id": "…", "user_query": "…", "query_response_object_ids": ["…", …]}           what was shown, best first
    {"query_id": "…", "action_name": "click", "object_id": "…", "position": 3}            position from 1

The nested form, event_attributes.object.object_id and event_attributes.position.ordinal, is read as well. Other actions are ignored.

A result far down is clicked less because it is seen less. A click at rank r therefore weighs 1/seen(r), where seen(r) is the
chance that a user looks there: the position-based model. The estimate of a document's appeal for a query is

    (clicks + weight · prior) / (Σ seen(r) over its showings + weight · 1)

and its logit is the target of training.
"""

import collections
import math
import pathlib

import numpy as np

from . import lists
from .evaluate import text_of

WEIGHT = 1.0  # of the prior, in full looks
BOUNDS = (0.01, 0.99)  # of an appeal, so that its logit is finite
RANKS = 1000  # most results of a search that count


class Showing:
    """One search: its text, the documents shown by rank, the ranks (from 0) that were clicked."""

    __slots__ = ("text", "documents", "clicked")

    def __init__(self, text, documents):
        self.text, self.documents, self.clicked = text, documents, set()


def read(queries, events):
    """The Showings of two files, and how many click events belong to none of them."""
    shown = {}
    for row in lists.rows(queries):
        if row.get("user_query") and row.get("query_response_object_ids"):
            shown[row["query_id"]] = Showing(" ".join(row["user_query"].split()), [str(d) for d in row["query_response_object_ids"]][:RANKS])
    strays = 0
    for row in lists.rows(events):
        if row.get("action_name") != "click":
            continue
        about = row.get("event_attributes") or {}
        document = row.get("object_id", (about.get("object") or {}).get("object_id"))
        position = row.get("position", (about.get("position") or {}).get("ordinal"))
        s = shown.get(row.get("query_id"))
        if s is None or document is None or str(document) not in s.documents:
            strays += 1
            continue
        rank = s.documents.index(str(document))
        # The position decides where a document was shown twice; one that contradicts the list is not believed.
        if isinstance(position, int) and 1 <= position <= len(s.documents) and s.documents[position - 1] == str(document):
            rank = position - 1
        s.clicked.add(rank)
    return list(shown.values()), strays


def power(exponent, ranks):
    """seen(r) = 1 / (r+1)^exponent for ranks from 0."""
    return 1 / np.arange(1, ranks + 1, dtype=np.float64) ** exponent


def estimate(showings, ranks, rounds=50):
    """seen(r) by expectation maximisation of the position-based model, P(click) = seen(r) · appeal(query, document), seen(0) = 1.
    It can only tell ranks apart by documents that stood at several for the same query: logs of an experiment, or of an index that
    changed. Without such, use power."""
    at, of, hit, number = [], [], [], {}
    for s in showings:
        for r, d in enumerate(s.documents[:ranks]):
            at.append(r)
            of.append(number.setdefault((s.text, d), len(number)))
            hit.append(r in s.clicked)
    at, of, hit = np.array(at), np.array(of), np.array(hit, np.float64)
    places = np.bincount(of[np.unique(of * ranks + at, return_index=True)[1]], minlength=len(number))
    if (places > 1).sum() < 20:
        raise lists.ListsError("too few documents were shown at several ranks for the same query: name --seen power:EXPONENT")
    seen, appeal = power(1, ranks), np.full(len(number), 0.2)
    for _ in range(rounds):
        both = seen[at] * appeal[of]
        looked = np.where(hit, 1, seen[at] * (1 - appeal[of]) / np.maximum(1 - both, 1e-9))  # P(seen | click or none)
        liked = np.where(hit, 1, appeal[of] * (1 - seen[at]) / np.maximum(1 - both, 1e-9))
        seen = (np.bincount(at, looked, ranks) + 1e-6) / (np.bincount(at, minlength=ranks) + 1e-6)
        appeal = (np.bincount(of, liked, len(number)) + 0.2) / (np.bincount(of, minlength=len(number)) + 1)
        seen = seen / seen[0]
    return np.clip(seen, 0.01, 1)


def appeals(showings, seen, weight=WEIGHT):
    """{query text: {document: appeal}}, and the prior: clicks a full look over the whole log."""
    clicks, looks = collections.Counter(), collections.Counter()
    for s in showings:
        # Below the last click nobody need have looked; showings without a click count in full.
        for r, d in enumerate(s.documents[: len(seen)]):
            looks[s.text, d] += seen[r]
            clicks[s.text, d] += r in s.clicked
    prior = sum(clicks.values()) / max(sum(looks.values()), 1e-9)
    out = collections.defaultdict(dict)
    for (text, d), n in looks.items():
        out[text][d] = min(max((clicks[text, d] + weight * prior) / (n + weight), BOUNDS[0]), BOUNDS[1])
    return out, prior


def make(showings, seen, documents, weight=WEIGHT):
    """Lists of the queries that had a click, with logits of appeal as scores; documents are {id: text}, and those that are not
    there are left out."""
    found, prior = appeals(showings, seen, weight)
    clicked = {s.text for s in showings if s.clicked}
    place, queries, groups, scores, lost = {}, [], [], [], 0
    for text in sorted(clicked):
        many = {d: a for d, a in found[text].items() if d in documents}
        lost += len(found[text]) - len(many)
        if len(many) < 2:
            continue
        groups.append((len(queries), [place.setdefault(d, len(place)) for d in many], "clicks"))
        queries.append(text)
        scores += [math.log(a / (1 - a)) for a in many.values()]
    return lists.make(queries, [documents[d] for d in place], groups, np.array(scores, np.float32)), lost, prior


def run(options, say):
    """The command: OUT gets the lists of a log."""
    showings, strays = read(options.queries, options.events)
    ranks = max((len(s.documents) for s in showings), default=0)
    clicks = sum(len(s.clicked) for s in showings)
    if not clicks:
        raise lists.ListsError(f"{options.events} has no click on what {options.queries} shows")
    kind, _, exponent = options.seen.partition(":")
    if kind not in ("power", "estimate"):
        raise lists.ListsError(f"--seen {options.seen}: want power:EXPONENT or estimate")
    seen = estimate(showings, ranks) if kind == "estimate" else power(float(exponent or 1), ranks)
    say(f"{len(showings)} searches, {clicks} clicks, {strays} clicks on what was not shown; seen at ranks 1, 2, 3, 5, 10: "
        + ", ".join(f"{seen[r]:.2f}" for r in (0, 1, 2, 4, 9) if r < ranks))
    documents = {str(row["id"]): text_of(row) for row in lists.rows(options.corpus)}
    made, lost, prior = make(showings, seen, documents, options.weight)
    lists.write(options.out, made)
    say(f"{pathlib.Path(options.out)}: {len(made.q)} lists, {len(made.p)} pairs, {lost} left out whose text the corpus has not; {prior:.3f} clicks a look")
