"""What the text function promises its callers.

A request is `{"text": "…"}` or `{"texts": ["…", …]}`, invoked directly or as the JSON body of
`POST /predict`. Each text is answered as if it came alone. What holds for every event is in web.py.
"""
import web

EXAMPLE = '{"text": "…"} or {"texts": ["…", "…"]}'
MOST_TEXTS = 32
MOST_CHARACTERS = 100_000       # of a request, all texts together: some 18,000 English words
KEYS = {"model": str, "version": str, "labels": list, "max_tokens": int, "positions": int,
        "tokenizer": dict, "inputs": list, "output": str}


def check_signature(signature, source):
    """Raise ValueError, naming the model file `source`, unless requests can be answered by it."""
    def ensure(condition, what):
        if not condition:
            raise ValueError(f"{source}: the model's signature {what}")

    ensure(isinstance(signature, dict), "is missing: export the model again, with its metadata")
    for key, kind in KEYS.items():
        ensure(type(signature.get(key)) is kind, f"has no {key!r}, or a wrong one")
    ensure(signature["labels"] and all(isinstance(one, str) for one in signature["labels"]),
           "names no labels")
    ensure(3 <= signature["max_tokens"] <= signature["positions"],
           f"says that {signature['max_tokens']} tokens are read: the model takes 3 to "
           f"{signature['positions']}")
    ensure(len(signature["inputs"]) == 2, "must name two inputs, token numbers and mask")
    ensure(signature["tokenizer"].get("kind") == "wordpiece uncased",
           "names another kind of tokenizer than 'wordpiece uncased', the one that is here")
    ensure(isinstance(signature["tokenizer"].get("sha256"), str),
           "does not name the SHA-256 of its tokenizer's file")


def read_texts(request):
    """Return the texts of a request, a list; raises CallerError unless all of it is valid."""
    if not isinstance(request, dict):
        raise web.refusal(400, "text", "is missing: the request is not an object", EXAMPLE)
    problems = web.check_unknown(request, ["text", "texts"])
    given = [name for name in ("text", "texts") if name in request]
    if len(given) != 1:
        message = "is beside a text" if given else "is missing"
        problems.append({"field": (given or ["text"])[-1], "message": message, "allowed": EXAMPLE})
    else:
        problems += check_field(given[0], request[given[0]])
    if problems:
        raise web.CallerError(400, "the request is not valid", problems)
    texts = request.get("texts", [request.get("text")])
    if sum(map(len, texts)) > MOST_CHARACTERS:
        raise web.refusal(413, given[0], "has too many characters",
                          {"maximum_characters": MOST_CHARACTERS})
    return texts


def check_field(name, value):
    """Return the problems of `text` or `texts`; a text is named by its place, texts[0]."""
    if name == "text":
        return check_text(name, value)
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_TEXTS:
        return [{"field": name, "message": "must be a list of texts",
                 "allowed": {"minimum_texts": 1, "maximum_texts": MOST_TEXTS}}]
    return [problem for i, text in enumerate(value) for problem in check_text(f"{name}[{i}]", text)]


def check_text(name, text):
    message = "must be a string" if not isinstance(text, str) else \
        "is empty" if not text.strip() else None
    return [{"field": name, "message": message, "allowed": EXAMPLE}] if message else []


def answer(request, results, signature):
    """Return the content of the answer. results: as `result` returns them, one for each text."""
    about = {"model": signature["model"], "model_version": signature["version"]}
    return {**results[0], **about} if "text" in request else {"results": results, **about}


def result(probabilities, count, signature):
    """Return what is said of one text; raises ValueError for what are no probabilities.

    probabilities: floats, one for each label. count: tokens that the text has. The model reads the
    first `tokens_read` of them; `truncated` says whether that leaves any out.
    """
    if not all(0 <= one <= 1 for one in probabilities) or abs(sum(probabilities) - 1) > 0.01:
        raise ValueError("the model answered something that are no probabilities")
    by_label = dict(zip(signature["labels"], probabilities, strict=True))
    read = min(count, signature["max_tokens"])
    return {"label": max(by_label, key=by_label.get), "probabilities": by_label, "tokens": count,
            "tokens_read": read, "truncated": read < count}
