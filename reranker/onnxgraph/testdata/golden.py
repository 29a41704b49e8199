"""Writes golden.json: pairs of our own sentences with their token ids and their float64 scores by ms-marco-MiniLM-L-12-v2.

    python golden.py SOURCE     (the folder of the packaged model; in this folder, with requirements.txt)
"""
import json
import os
import sys

from tokenizers import Tokenizer

import reference

HEADS = 12
QUERIES = {
    "how do I reset a forgotten password": [
        "Open the sign-in page, choose 'Forgot password?', and follow the link in the mail that you get. It is good for an hour.",
        "Passwords must have at least twelve characters, one of them a digit.",
        "The garden gate sticks in wet weather; lift it a little while you push.",
        "",
    ],
    "what is a cross-encoder": [
        "A cross-encoder reads a query and a passage together and gives one number that tells how well the passage answers the query.",
        "An encoder wheel turns an angle into pulses that a counter adds up.",
        "Bi-encoders make a vector of each text by itself, so the vectors of documents can be kept in an index.",
    ],
    "boiling point of water at high altitude": [
        "Water boils at a lower temperature where the air is thin: about 93 degrees Celsius at 2,000 metres, and 71 on top of Mount Everest.",
        "At sea level water boils at 100 degrees Celsius.",
        "Altitude sickness begins with a headache. Drink a lot of water, climb slowly, and sleep lower than the highest point of the day.",
        "Wasser siedet in großer Höhe früher, weil der Luftdruck geringer ist.",
    ],
    "train from Lisbon to Porto how long": [
        "The fast train takes a little under three hours from Lisbon Oriente to Porto Campanhã; the slower one needs half an hour more.",
        "Porto is known for its bridges, its tiles and its wine, and it is well worth a weekend.",
        "The night bus leaves Lisbon at midnight and reaches Porto at half past three.",
    ],
    "日本 tea ceremony": [
        "In Japan the tea ceremony (茶道) is a practised way of preparing matcha for guests.",
        "Tea contains caffeine.",
    ],
    "why is the build slow": [
        "Most of the build's time goes to the linker. "
        + "Each package is compiled once and its result kept, but every change of a header that all of them include makes all results stale. " * 6
        + "Split the header, and keep the parts that change often out of it.",
        "The bridge was built in 1894, slower than planned, because the river rose twice that winter. " * 20,
        "x",
        "\U0001f6e0\ufe0f build: 3 min 20 s → 41 s after we cached the modules & split the tests",
    ],
}


def main(source):
    w = reference.weights(os.path.join(source, "model.onnx"))
    tokenizer = Tokenizer.from_file(os.path.join(source, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512, strategy="only_second")
    lines = []
    for query, passages in QUERIES.items():
        for passage in passages:
            pair = tokenizer.encode(query, passage)
            score = reference.score(w, pair.ids, pair.type_ids, HEADS)
            entry = {"query": query, "passage": passage, "ids": pair.ids, "types": pair.type_ids, "score": score}
            lines.append(json.dumps(entry, ensure_ascii=False))
    with open("golden.json", "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")


main(sys.argv[1])
