"""Texts as token ids, and pairs of them as batches."""

import dataclasses
import pathlib

import numpy as np
import torch
from tokenizers import Tokenizer

CLS, SEP = "[CLS]", "[SEP]"
STEP = 16  # batches are as wide as a multiple of this: GPU kernels want it, and a CPU's are compiled for each shape
MARKS = 3  # [CLS] query [SEP] passage [SEP]


@dataclasses.dataclass
class Batch:
    """Padded pairs: ids and types int64 [B,S], mask bool [B,S], true where there is a token."""

    ids: torch.Tensor
    types: torch.Tensor
    mask: torch.Tensor


class Texts:
    """Token ids of many texts, end to end: ids int32 [T], starts int64 [N+1], lengths int64 [N], all on the device."""

    def __init__(self, tokenizer, texts, device):
        ids, lengths = [], np.zeros(len(texts), np.int64)
        for at in range(0, len(texts), 8192):
            for i, e in enumerate(tokenizer.encode_batch(texts[at : at + 8192], add_special_tokens=False)):
                ids.append(np.array(e.ids, np.int32))
                lengths[at + i] = len(e.ids)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        # One id more, so that an index past the end of the last text reads something; it is masked.
        self.ids = torch.from_numpy(np.concatenate([*ids, np.zeros(1, np.int32)])).to(device)
        self.starts = torch.from_numpy(starts).to(device)
        self.lengths = torch.from_numpy(lengths).to(device)


class Pairs:
    """Makes batches of queries and passages by their indexes, truncated as resift does (reranker/tokenizer): the passage is cut;
    only where the query alone fills the pair, the passage gets what it needs of half."""

    def __init__(self, folder, queries, passages, max_tokens, device="cpu"):
        tokenizer = load_tokenizer(folder)
        self.cls, self.sep = tokenizer.token_to_id(CLS), tokenizer.token_to_id(SEP)
        self.max_tokens, self.device = max_tokens, device
        self.queries, self.passages = Texts(tokenizer, queries, device), Texts(tokenizer, passages, device)

    def parts(self, q, p):
        """How many tokens of query and passage the pairs of indexes q and p take, int64 [B] and [B] on the device."""
        room, query, passage = self.max_tokens - MARKS, self.queries.lengths[self.at(q)], self.passages.lengths[self.at(p)]
        passage = torch.minimum(passage, torch.where(query < room, room - query, room - room // 2))
        return torch.minimum(query, room - passage), passage

    def at(self, indexes):
        """Indexes, numpy or tensor, as a tensor on the device."""
        return torch.as_tensor(indexes, device=self.device).long()

    def lengths(self, q, p):
        """Tokens of the pairs, numpy int64 [B]."""
        return (sum(self.parts(q, p)) + MARKS).cpu().numpy()

    def batch(self, q, p, longest=None):
        """The Batch of indexes q and p [B], the longest of whose pairs has longest tokens. Where a caller gives that (it has
        the lengths of all pairs once), nothing here waits for a GPU."""
        if longest is None:
            longest = int(self.lengths(q, p).max())
        longest = min(longest + -longest % STEP, self.max_tokens)
        q, p = self.at(q), self.at(p)
        n, m = (x[:, None] for x in self.parts(q, p))
        at = torch.arange(longest, device=self.device)[None]

        def part(texts, i, begin, length):
            index = (texts.starts[i][:, None] + at - begin).clamp(0, len(texts.ids) - 1)
            return torch.where((at >= begin) & (at < begin + length), texts.ids[index], 0)

        ids = (part(self.queries, q, 1, n) + part(self.passages, p, n + 2, m)).long()
        ids += (at == 0) * self.cls + ((at == n + 1) | (at == n + m + 2)) * self.sep
        mask = at < n + m + MARKS
        return Batch(ids, ((at >= n + 2) & mask).long(), mask)


def load_tokenizer(folder):
    """The tokenizer of a folder, without the padding and truncation that its file may ask for."""
    t = Tokenizer.from_file(str(pathlib.Path(folder) / "tokenizer.json"))
    t.no_padding()
    t.no_truncation()
    return t


def by_tokens(lengths, budget):
    """Cuts the order of pairs 0…N-1, numpy lengths [N] sorted by the caller, into ranges whose padded size stays within budget
    tokens; a longer pair is a range of its own."""
    begin, longest = 0, 0
    for i, n in enumerate(lengths):
        longest = max(longest, int(n))
        if i > begin and longest * (i + 1 - begin) > budget:
            yield begin, i
            begin, longest = i, int(n)
    if len(lengths) > begin:
        yield begin, len(lengths)
