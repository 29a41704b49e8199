"""A BERT cross-encoder whose parameters have the names of Transformers' BertForSequenceClassification with one label."""

import dataclasses

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Shape:
    """Sizes of a BERT. The pooler's activation is tanh, the inner one exact GELU, and there is no dropout."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    inner: int
    positions: int = 512
    types: int = 2
    epsilon: float = 1e-12


class Attention(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.self = nn.Module()
        for name in ("query", "key", "value"):
            setattr(self.self, name, nn.Linear(shape.width, shape.width))
        self.output = nn.Module()
        self.output.dense = nn.Linear(shape.width, shape.width)
        self.output.LayerNorm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.heads = shape.heads

    def forward(self, x, rows, mask):
        """Attends from rows [B,R,H], the first R of x [B,S,H], to all of x that mask [B,1,1,S] lets through: [B,R,H]."""

        def split(y):
            return y.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        y = attend(split(self.self.query(rows)), split(self.self.key(x)), split(self.self.value(x)), mask)
        return self.output.LayerNorm(self.output.dense(y.transpose(1, 2).flatten(2)) + rows)


# cuDNN's attention plans for each size: on an H200 a student of two layers began at 340 pairs a second with it, at 17,000 without.
torch.backends.cuda.enable_cudnn_sdp(False)


def attend(query, key, value, mask):
    """Attention of query [B,heads,R,D] to key and value [B,heads,S,D] where mask [B,1,1,S] lets it through: [B,heads,R,D]."""
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    # On a CPU the parts are faster than the fused function, whose bfloat16 gradient takes twice the time of its float32 one.
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
    return scores.masked_fill(~mask, torch.finfo(scores.dtype).min).softmax(-1) @ value


class Layer(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.attention = Attention(shape)
        self.intermediate = nn.Module()
        self.intermediate.dense = nn.Linear(shape.width, shape.inner)
        self.output = nn.Module()
        self.output.dense = nn.Linear(shape.inner, shape.width)
        self.output.LayerNorm = nn.LayerNorm(shape.width, eps=shape.epsilon)

    def forward(self, x, rows, mask):
        rows = self.attention(x, rows, mask)
        return self.output.LayerNorm(self.output.dense(F.gelu(self.intermediate.dense(rows))) + rows)


class CrossEncoder(nn.Module):
    """Scores pairs. Its state_dict() is what model.safetensors holds."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.bert = nn.Module()
        self.bert.embeddings = e = nn.Module()
        e.word_embeddings = nn.Embedding(shape.vocabulary, shape.width)
        e.position_embeddings = nn.Embedding(shape.positions, shape.width)
        e.token_type_embeddings = nn.Embedding(shape.types, shape.width)
        e.LayerNorm = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.bert.encoder = nn.Module()
        self.bert.encoder.layer = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.bert.pooler = nn.Module()
        self.bert.pooler.dense = nn.Linear(shape.width, shape.width)
        self.classifier = nn.Linear(shape.width, 1)

    def forward(self, batch):
        """The scores float32 [B] of a Batch (tokens.py)."""
        return self.logits(batch).float()

    def logits(self, batch):
        """The scores [B] in the model's own type. The last layer is computed for [CLS] alone, as resift's graphs do."""
        e = self.bert.embeddings
        positions = torch.arange(batch.ids.shape[1], device=batch.ids.device)
        x = e.word_embeddings(batch.ids) + e.position_embeddings(positions) + e.token_type_embeddings(batch.types)
        x = e.LayerNorm(x)
        mask = batch.mask[:, None, None, :]
        layers = self.bert.encoder.layer
        for layer in layers[:-1]:
            x = layer(x, x, mask)
        x = layers[-1](x, x[:, :1], mask)
        return self.classifier(torch.tanh(self.bert.pooler.dense(x[:, 0]))).squeeze(-1)


def fresh(shape, seed=0):
    """A model with BERT's random start: normal(0, 0.02), biases zero, norms one. Equal seeds give equal weights."""
    model, generator = CrossEncoder(shape), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                p.normal_(0, 0.02, generator=generator)
            elif not name.endswith("LayerNorm.weight"):
                p.zero_()
    return model
