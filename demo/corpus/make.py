#!/usr/bin/env python3
"""Make foldoc.jsonl.gz and LICENSE.FOLDOC from Debian's dict-foldoc package.

    ./fetch.sh /tmp/foldoc && ./make.py /tmp/foldoc

Reads usr/share/dictd/foldoc.{dict.dz,index} below the given directory and writes beside this file. Only the standard
library is used, and the same package gives the same bytes. README.md says what happens to an entry on its way.
"""

import gzip
import hashlib
import json
import re
import struct
import sys
import unicodedata
import zlib
from pathlib import Path

# RFC 2229 servers index with this alphabet, most significant digit first (dictd(8), "database format").
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

DATE = re.compile(r"\(?((?:19|20)\d\d(?:-\d\d){0,2})\)?\.?")
SUBJECT = re.compile(r"^((?:\d+\.\s+|/[^/\s]+/,?\s+)*)<([A-Za-z][A-Za-z0-9 ,/&-]*)>[ ,]*")
NOT_SUBJECTS = {"b", "eesh", "purl", "Tkil"}  # markup and people that open a paragraph in the same brackets
# A cross-reference starts and ends with something other than a space; braces of program text mostly do not.
REFERENCE = re.compile(r"(?<!\\)\{([^\s{};]|[^\s{};][^{};]*[^\s{};\\])\}")
BARE_URL = re.compile(r"\{\(((?:https?|ftp|mailto|news):[^\s{}()]*)\)\}")

# A title made of symbols alone, and the two that tell languages apart, are spelled out in the identifier.
ALWAYS = {"+": "plus", "#": "sharp"}
SYMBOLS = ALWAYS | {
    "!": "exclamation", '"': "quote", "$": "dollar", "%": "percent", "&": "ampersand", "'": "apostrophe",
    "(": "left-parenthesis", ")": "right-parenthesis", "*": "star", ",": "comma", "-": "minus", ".": "dot",
    "/": "slash", ":": "colon", ";": "semicolon", "<": "less", "=": "equals", ">": "greater", "?": "question",
    "@": "at", "[": "left-bracket", "\\": "backslash", "]": "right-bracket", "^": "caret", "_": "underscore",
    "`": "grave", "{": "left-brace", "|": "bar", "}": "right-brace", "~": "tilde",
}


def number(text):
    value = 0
    for digit in text:
        value = value * 64 + DIGITS.index(digit)
    return value


def entries(dictionary, index):
    """Returns the entries in the order of the file, each once however many headwords it has, and the dictionary's notice."""
    places, notice = set(), ""
    for line in index.decode().splitlines():
        headword, *place = line.split("\t")
        offset, length = map(number, place[:2])
        if headword == "00-database-info":
            notice = dictionary[offset:offset + length].decode()
        elif not headword.startswith("00-database-"):
            places.add((offset, length))
    return [dictionary[offset:offset + length].decode() for offset, length in sorted(places)], notice


def unlink(text):
    text = BARE_URL.sub(r"\1", text)
    text = REFERENCE.sub(r"\1", text)
    return re.sub(r"\\([{}])", r"\1", text)


def spaced(line):
    return re.sub(r" {3,}", " ", line.strip())


def indent(line):
    return len(line) - len(line.lstrip())


def paragraph(block, margin):
    """Joins wrapped lines by a space. Lines indented deeper than the margin (programs, tables) keep their breaks."""
    out = []
    joinable = False
    for line in block.split("\n"):
        line = line.rstrip().expandtabs(8)
        running = indent(line) <= margin
        if running and joinable:
            out[-1] += " " + spaced(line)
        elif running:
            out.append(spaced(line))
        else:
            out.append(line[margin + 1:])
        joinable = running
    return "\n".join(out)


def slug(title):
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    spelled = ALWAYS if re.search(r"[a-z0-9]", plain) else SYMBOLS
    words = "".join(f" {spelled[c]} " if c in spelled else c for c in plain)
    return re.sub(r"[^a-z0-9]+", "-", words).strip("-") or "entry"


def document(entry):
    head, _, body = entry.strip("\n").partition("\n\n")
    headwords = [re.sub(r"[{}]", "", line).strip() or line.strip() for line in head.split("\n") if line.strip()]
    margin = max(3, min((indent(line) for line in body.split("\n") if line.strip()), default=3))
    topics, updated, paragraphs = [], "", []
    for block in re.split(r"\n\s*\n", body):
        if not block.strip():
            continue
        text = unlink(paragraph(block, margin))
        if date := DATE.fullmatch(text.strip()):
            updated = max(updated, date.group(1))
            continue
        subject = SUBJECT.match(text)
        if subject and subject.group(2) not in NOT_SUBJECTS:
            names = [name.strip() for name in subject.group(2).split(",") if name.strip()]
            topics += [name for name in names if name not in topics]
            text = f"{subject.group(1)}({', '.join(names)}) {text[subject.end():]}"
        paragraphs.append(text)
    seen = " ".join([headwords[0], *paragraphs]).casefold()
    unsaid = [name for name in headwords[1:] if name.casefold() not in seen]
    if unsaid:
        paragraphs.append(f"Also: {', '.join(unsaid)}.")
    result = {"title": headwords[0], "text": "\n\n".join(paragraphs).strip("\n")}
    if topics:
        result["topics"] = topics
    if updated:
        result["updated"] = updated
    return result


def documents(texts):
    docs = [document(text) for text in texts]
    names = {}
    # A title that is its own slug gets it ("C" before "(c)"); the others that share it are numbered in file order.
    for i in sorted(range(len(docs)), key=lambda i: (docs[i]["title"].lower() != slug(docs[i]["title"]), i)):
        name = base = slug(docs[i]["title"])
        count = 1
        while name in names:
            count += 1
            name = f"{base}-{count}"
        names[name] = i
    places = {i: name for name, i in names.items()}
    return [{"id": places[i], **doc} for i, doc in enumerate(docs)]


def gzipped(content):
    """RFC 1952 with time 0 and system 255, written here because Python's own header differs between its versions."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    header = b"\x1f\x8b\x08\x00" + struct.pack("<I", 0) + b"\x02\xff"
    trailer = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return header + deflate.compress(content) + deflate.flush() + trailer


def licence(texts, notice):
    """The notice the dictionary opens with, and the licence that one of its entries holds, both word for word."""
    terms = next(text for text in texts if text.startswith("GNU Free Documentation License\n"))
    preface = Path(__file__).with_name("NOTICE.FOLDOC").read_text(encoding="utf-8")
    rule = "\n" + "-" * 72 + "\n\n"
    return preface + rule + notice.strip("\n") + "\n" + rule + terms.strip("\n") + "\n"


def main():
    source = Path(sys.argv[1] if len(sys.argv) > 1 else ".foldoc") / "usr/share/dictd"
    here = Path(__file__).parent
    # A dictzip file is a gzip file whose extra field a plain reader skips.
    dictionary = gzip.decompress((source / "foldoc.dict.dz").read_bytes())
    index = (source / "foldoc.index").read_bytes()
    texts, notice = entries(dictionary, index)
    docs = documents(texts)
    lines = "".join(json.dumps(doc, ensure_ascii=False, separators=(",", ":")) + "\n" for doc in docs).encode()
    packed = gzipped(lines)
    (here / "foldoc.jsonl.gz").write_bytes(packed)
    (here / "LICENSE.FOLDOC").write_text(licence(texts, notice), encoding="utf-8")
    print(f"{len(docs)} documents, {len(lines)} bytes, {len(packed)} bytes packed")
    print(f"sha256 {hashlib.sha256(packed).hexdigest()}  foldoc.jsonl.gz")
    print(f"sha256 {hashlib.sha256(lines).hexdigest()}  foldoc.jsonl")


if __name__ == "__main__":
    main()
