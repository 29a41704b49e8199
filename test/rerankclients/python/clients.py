"""clients.py URL TOKEN INPUT: ranks INPUT's documents for its query with every client, and prints a line of JSON a client:
{"client", "results": [[index, score], ...], "error"}. INPUT is {"query", "documents"}; errors are the name of the class that
the client raises for a wrong token."""

import asyncio
import json
import os
import sys

# Before the libraries are imported: none of them may look for prices, encodings or news elsewhere.
os.environ.update(LITELLM_LOCAL_MODEL_COST_MAP="True", LITELLM_MODE="PRODUCTION", ANONYMIZED_TELEMETRY="False", DO_NOT_TRACK="1")

import cohere
import langchain_community.document_compressors.jina_rerank as langchain_jina
import litellm
from langchain_cohere import CohereRerank as LangChainCohere
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank as LlamaIndexCohere
from llama_index.postprocessor.jinaai_rerank import JinaRerank as LlamaIndexJina
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference as LlamaIndexTEI

litellm.telemetry = False
litellm.suppress_debug_info = True  # it goes to standard output
url, token, source = sys.argv[1:]
with open(source, encoding="utf-8") as f:
    given = json.load(f)
query, documents = given["query"], given["documents"]
all_of_them = len(documents)


def pairs(results):
    return [[r.index, r.relevance_score] for r in results]


def cohere_v1(key):
    return pairs(cohere.Client(api_key=key, base_url=url).rerank(model="any", query=query, documents=documents).results)


def cohere_v1_objects(key):
    objects = [{"title": "ignored", "text": d} for d in documents]
    answer = cohere.Client(api_key=key, base_url=url).rerank(
        model="any", query=query, documents=objects, rank_fields=["text"], return_documents=True, top_n=3)
    for r in answer.results:
        assert r.document.text == documents[r.index], r
    return pairs(answer.results)


def cohere_v2(key):
    answer = cohere.ClientV2(api_key=key, base_url=url).rerank(model="any", query=query, documents=documents, max_tokens_per_doc=4096)
    assert answer.id and answer.meta.api_version.version == "2", answer
    return pairs(answer.results)


def cohere_v2_async(key):
    async def run():
        async with cohere.AsyncClientV2(api_key=key, base_url=url) as client:
            return await client.rerank(model="any", query=query, documents=documents, top_n=2)

    return pairs(asyncio.run(run()).results)


def by_content(texts_and_scores):
    return [[documents.index(text), score] for text, score in texts_and_scores]


def langchain_documents():
    return [Document(page_content=d) for d in documents]


def langchain_cohere(key):
    reranker = LangChainCohere(cohere_api_key=key, base_url=url, model="any", top_n=all_of_them)
    found = reranker.compress_documents(langchain_documents(), query)
    return by_content((d.page_content, d.metadata["relevance_score"]) for d in found)


def langchain_jina_rerank(key):
    langchain_jina.JINA_API_URL = url + "/v1/rerank"
    reranker = langchain_jina.JinaRerank(jina_api_key=key, top_n=3)
    found = reranker.compress_documents(langchain_documents(), query)
    return by_content((d.page_content, d.metadata["relevance_score"]) for d in found)


def llama_index(reranker):
    nodes = [NodeWithScore(node=TextNode(text=d), score=0.0) for d in documents]
    return by_content((n.node.text, n.score) for n in reranker.postprocess_nodes(nodes, query_str=query))


def llama_index_cohere(key):
    return llama_index(LlamaIndexCohere(api_key=key, base_url=url, top_n=all_of_them))


def llama_index_jina(key):
    return llama_index(LlamaIndexJina(api_key=key, base_url=url + "/v1", top_n=2))


def llama_index_tei(key):
    return llama_index(LlamaIndexTEI(base_url=url, auth_token="Bearer " + key, top_n=all_of_them))


def by_litellm(provider):
    def run(key):
        answer = litellm.rerank(model=provider + "/any", query=query, documents=documents, top_n=all_of_them, api_base=url, api_key=key)
        return [[r["index"], r["relevance_score"]] for r in answer.results]

    return run


clients = {
    "cohere.Client": cohere_v1,
    "cohere.Client, objects": cohere_v1_objects,
    "cohere.ClientV2": cohere_v2,
    "cohere.AsyncClientV2": cohere_v2_async,
    "LangChain CohereRerank": langchain_cohere,
    "LangChain JinaRerank": langchain_jina_rerank,
    "LlamaIndex CohereRerank": llama_index_cohere,
    "LlamaIndex JinaRerank": llama_index_jina,
    "LlamaIndex TEI": llama_index_tei,
    "LiteLLM cohere": by_litellm("cohere"),
    "LiteLLM jina_ai": by_litellm("jina_ai"),
    "LiteLLM hosted_vllm": by_litellm("hosted_vllm"),
    "LiteLLM huggingface": by_litellm("huggingface"),
}

for name, run in clients.items():
    line = {"client": name, "results": run(token)}
    try:
        run("wrong")
        line["error"] = ""
    except Exception as e:  # which class it is, is what is tested
        line["error"] = type(e).__name__
    print(json.dumps(line), flush=True)
