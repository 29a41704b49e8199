#!/usr/bin/env bash
# Trains a model on 1,000 simulated clicks on the demo's corpus, and measures it on later searches and on the judged questions.
# clicks.sh URL [FOLDER]   URL: of a running engine, where the index resift-training-example is made and deleted again
source "$(dirname "${BASH_SOURCE[0]}")/../../build/common.sh"

url="${1:?clicks.sh URL [FOLDER]: the address of an engine is missing}"
folder="${2:-$cache/training-example}"
python="$("$root/training/setup.sh")"
teacher="$cache/models/ms-marco-MiniLM-L-12-v2"
[ -f "$teacher/resift.json" ] || fail "the teacher is not there: make training"
training() { (cd "$root/training" && "$python" -m resift_training "$@"); }

# The corpus and its 74 questions as a set, with a first stage by the engine.
set="$folder/foldoc"
mkdir -p "$set"
gzip -dc "$root/demo/corpus/foldoc.jsonl.gz" > "$set/corpus.jsonl"
cp "$root/demo/corpus/queries.tsv" "$root/demo/corpus/qrels.txt" "$set/"
training bm25 "$set" --engine "$url" --index resift-training-example --out "$set/run.trec"

step "1,000 clicks"
"$python" "$root/training/example/simulate.py" --engine "$url" --corpus "$set/corpus.jsonl" --out "$folder/log"
training clicks --queries "$folder/log/ubi_queries.jsonl" --events "$folder/log/ubi_events.jsonl" --corpus "$set/corpus.jsonl" --out "$folder/lists"

step "six of the teacher's twelve layers, before and after"
training start "$teacher" --layers 0,2,4,6,8,11 --out "$folder/start"
training evaluate "$folder/start" "$folder/log/held" "$set" --depth 20 --max-tokens 96
training train "$folder/start" "$folder/lists" --out "$folder/own" --rate 1e-4 --per-list 4 --max-tokens 96 --batch-tokens 4096 --fp32
training evaluate "$folder/own" "$folder/log/held" "$set" --depth 20 --max-tokens 96

rm -rf "$folder/model"
"$root/bin/resift" model import "$folder/own" -o "$folder/model" --name own
echo "bin/resift demo --model $folder/model"
