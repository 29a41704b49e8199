"""Makes the small tokenizer.json files beside it, but bert/, and pairs.json: what Hugging Face's own pair encoding with
the truncation only_second gives for them. Needs `pip install tokenizers==0.22.2`; run in this folder."""

import json
import os

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

TEXT = [
    "the quick brown fox jumps over the lazy dog", "a search engine ranks passages for a query",
    "cross encoders read the query and the passage together", "naïve café, straße, Привет мир, 日本語のテキスト, 한국어",
    "re-ranking, tokenizing and scoring: fast, small, exact!", "windows of long documents share some of their tokens",
]
SHORT = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]


def roberta(processor):
    """Byte-level BPE, as RoBERTa, GPT-2 and Llama 3 have it."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tok.train_from_iterator(TEXT, trainers.BpeTrainer(vocab_size=420, special_tokens=SHORT, initial_alphabet=alphabet))
    tok.post_processor = processor(tok)
    return tok


def xlmr():
    """Unigram over words that begin with ▁, as XLM-RoBERTa and BGE's multilingual rerankers have it."""
    tok = Tokenizer(models.Unigram())
    tok.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("  ", " ")])
    tok.pre_tokenizer = pre_tokenizers.Metaspace()
    tok.decoder = decoders.Metaspace()
    tok.train_from_iterator(TEXT, trainers.UnigramTrainer(vocab_size=180, special_tokens=SHORT, unk_token="<unk>"))
    tok.post_processor = template(tok, "<s> $A </s> </s> $B </s>", ["<s>", "</s>"])
    return tok


def template(tok, pair, tokens):
    special = [(t, tok.token_to_id(t)) for t in tokens]
    return processors.TemplateProcessing(single="$A", pair=pair, special_tokens=special)


def bert(processor):
    tok = Tokenizer.from_file("bert/tokenizer.json")
    tok.no_padding()
    tok.no_truncation()
    if processor:
        tok.post_processor = processor(tok)
    return tok


def ids(tok, *tokens):
    return [(t, tok.token_to_id(t)) for t in tokens]


TOKENIZERS = {
    "bert": bert(None),
    "bertprocessing": bert(lambda t: processors.BertProcessing(*ids(t, "[SEP]", "[CLS]"))),
    "mpnet": bert(lambda t: processors.RobertaProcessing(*ids(t, "[SEP]", "[CLS]"))),
    "roberta": roberta(lambda t: processors.RobertaProcessing(*ids(t, "</s>", "<s>"))),
    "llama": roberta(lambda t: processors.Sequence(
        [processors.ByteLevel(trim_offsets=False), template(t, "<s> $A <s>:1 $B:1", ["<s>"])])),
    "bare": roberta(lambda t: processors.ByteLevel(trim_offsets=True)),
    "xlmr": xlmr(),
}
PAIRS = [
    ("what is a cross encoder?", "cross encoders read the query and the passage together"),
    ("query", ""), ("", "a passage alone"), ("", ""), ("a", "b"),
    ("naïve café", "straße [MASK] <mask> Привет 日本語のテキスト 한국어 \ud83d\ude00"),
    ("a longer query than most of them are, really", "short"),
    ("spaces  and\ttabs", " leading, trailing "),
]

cases = []
for name, tok in TOKENIZERS.items():
    if name != "bert":
        os.makedirs(name, exist_ok=True)
        tok.save(f"{name}/tokenizer.json")
    for query, passage in PAIRS:
        query, passage = (s.encode("utf-16", "surrogatepass").decode("utf-16") for s in (query, passage))
        for most in (5, 8, 12, 20, 64):
            tok.enable_truncation(most, strategy="only_second")
            case = {"tokenizer": name, "query": query, "passage": passage, "max": most}
            try:
                e = tok.encode(query, passage)
                case |= {"ids": e.ids, "types": e.type_ids}
            except BaseException as refusal:
                case |= {"refused": str(refusal)}
            cases.append(case)
with open("pairs.json", "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")
