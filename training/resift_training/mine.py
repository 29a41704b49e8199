"""New lists: hard negatives by BM25, for given queries and for made ones."""

import random
import re

from . import engine as engines
from . import lists
from .evaluate import text_of

STOP = frozenset("a an and are as at be but by for from has have if in into is it its no not of on or s such t that the their then there these they this to was were will with".split())
SPAN = (2, 6)  # words of a synthetic query
FORMS = (  # how a synthetic query asks, where it does
    "what is {}", "what is the {}", "what are {}", "what does {} mean", "define {}", "{} meaning", "who is {}", "where is {}", "when was {}",
    "why is {}", "how does {} work", "how to {}", "how many {}", "is {}", "does {}", "difference of {}", "types of {}", "{} causes",
)


def spans(passages, count, seed):
    """count pairs (query, index of its passage): spans of passages that read like titles. A span lies within a clause, neither
    begins nor ends with a stop word, and stands in the first half of its passage, where a text says what it is about."""
    chance = random.Random(seed)
    out, seen = [], set()
    for _ in range(20 * count):
        if len(out) == count:
            break
        i = chance.randrange(len(passages))
        clauses = [c.split() for c in re.split(r"[.,;:!?()\[\]\"\n]+", passages[i][: max(200, len(passages[i]) // 2)])]
        clauses = [c for c in clauses if len(c) >= SPAN[0]]
        if not clauses:
            continue
        words = chance.choice(clauses)
        size = min(chance.randint(*SPAN), len(words))
        at = chance.randint(0, len(words) - size)
        words = words[at : at + size]
        while words and words[0].lower() in STOP:
            words = words[1:]
        while words and words[-1].lower() in STOP:
            words = words[:-1]
        query = " ".join(words)
        if len(words) >= SPAN[0] and query.lower() not in seen:
            seen.add(query.lower())
            out.append((query, i))
    return out


def questions(made, share, seed):
    """made [(query, index)], of which a random share asks: a word's place in people's questions is one more thing to learn."""
    chance = random.Random(seed)
    return [(chance.choice(FORMS).format(q) if chance.random() < share else q, i) for q, i in made]


def choose(found, own, top, sampled, depth, chance):
    """A list's passages: its own, if it has one, then the first top of those found, then sampled ones of the rest up to depth."""
    found = [p for p in found[:depth] if p != own]
    rest = found[top:]
    return ([] if own is None else [own]) + found[:top] + chance.sample(rest, min(sampled, len(rest)))


def mine(engine, passages, queries, top, sampled, depth, synthetic, asking, seed, say):
    """The Lists of queries [(text, source, own passage or None)] and of synthetic made ones, a share asking of which are
    questions. Lists of one passage are left out: they teach nothing."""
    chance = random.Random(seed)
    made = questions(spans(passages, synthetic, seed), asking, seed)
    asked = list(queries) + [(q, "synthetic", i) for q, i in made]
    groups = []
    for n, hits in enumerate(engine.search([q for q, _, _ in asked], depth)):
        _, source, own = asked[n]
        many = choose([int(id) for id, _, _ in hits], own, top, sampled, depth, chance)
        if len(many) > 1:
            groups.append((n, many, source))
        if (n + 1) % 10000 == 0:
            say(f"{n + 1} of {len(asked)} queries")
    return lists.make([q for q, _, _ in asked], passages, groups)


def run(options, say):
    """The command: OUT gets lists for the queries of a folder or file, mined among its passages."""
    given = lists.rows(options.queries) if options.queries else []
    queries = []
    for row in given:
        row = {"query": row} if isinstance(row, str) else row
        queries.append((row["query"], row.get("source", "bm25"), row.get("passage")))
    passages = [p if isinstance(p, str) else text_of(p) for p in lists.rows(options.passages)]
    say(f"{len(passages)} passages, {len(queries)} queries, {options.synthetic} to make")
    engine = engines.of(options)
    engine.fill(passages)
    try:
        mined = mine(engine, passages, queries, options.top, options.sampled, options.depth, options.synthetic, options.questions, options.seed, say)
    finally:
        if not options.keep:
            engine.delete()
    lists.write(options.out, mined)
    say(f"{options.out}: {len(mined.q)} lists, {len(mined.p)} pairs")
