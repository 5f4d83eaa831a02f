"""One way to serve the text model, in a process of its own: `… text_process.py '{JSON}'`.

workshop/measure/text.py starts it. It gets ready as RUNGS says, prints a line, and then answers
each line of standard input, {"text": "…", "times": 5}, with {"ms": [...], "great": probability}.
Nothing that a rung does not need is imported.
"""
import json
import os
import sys
import time

MOST = 256      # tokens that every rung reads


def head_of(paths):
    """The trained head: a function of the average vector, (1, 384), to the probability of great."""
    import torch
    torch.set_num_threads(1)
    state = torch.load(paths["head"], weights_only=True)
    return lambda mean: (mean @ state["weight"].T + state["bias"]).softmax(-1)[0, 1].item()


def pipeline(paths):
    """transformers' pipeline: as most examples on the web begin."""
    import torch
    from transformers import pipeline
    head = head_of(paths)
    extract = pipeline("feature-extraction", model=paths["folder"], tokenizer=paths["folder"],
                       tokenize_kwargs={"truncation": True, "max_length": MOST},
                       return_tensors=True)

    def ask(text):
        with torch.inference_mode():
            return head(extract(text).mean(1))
    return ask


def automodel(paths):
    """transformers without its pipeline."""
    import torch
    from transformers import AutoModel, AutoTokenizer
    head, model = head_of(paths), AutoModel.from_pretrained(paths["folder"]).eval()
    tokenizer = AutoTokenizer.from_pretrained(paths["folder"])

    def ask(text):
        with torch.inference_mode():
            given = tokenizer(text, truncation=True, max_length=MOST, return_tensors="pt")
            return head(model(**given).last_hidden_state.mean(1))
    return ask


def pytorch(paths):
    """PyTorch alone, with the encoder and the tokenizer of the workshop."""
    import torch
    sys.path[:0] = [paths["root"], paths["function"]]
    import wordpiece
    from workshop import minilm
    head, model, tokenizer = head_of(paths), minilm.Encoder(paths["layers"]), own(wordpiece, paths)
    model.load_state_dict(torch.load(paths["encoder"], weights_only=True))
    model.eval()

    def ask(text):
        with torch.inference_mode():
            ids = torch.tensor([tokenizer.encode(text, MOST)[0]])
            return head(model(ids, torch.ones_like(ids)).mean(1))
    return ask


def own(wordpiece, paths):
    with open(paths["vocabulary"], "rb") as file:
        return wordpiece.WordPiece(file.read().decode())


def session(path):
    """A function of token numbers that asks an ONNX file; settings as in lambda/text."""
    import numpy as np
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    made = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def ask(numbers):
        ids = np.array([numbers], np.int64)
        rows, = made.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return float(rows[0, 1])
    return ask


def autotokenizer_float(paths):
    from transformers import AutoTokenizer
    ask, tokenizer = session(paths["float"]), AutoTokenizer.from_pretrained(paths["folder"])
    return lambda text: ask(tokenizer(text, truncation=True, max_length=MOST)["input_ids"])


def tokenizers(file):
    """ONNX Runtime and the package tokenizers, with this file of the model."""
    def load(paths):
        from tokenizers import Tokenizer
        made = Tokenizer.from_file(os.path.join(paths["folder"], "tokenizer.json"))
        made.no_padding()
        made.enable_truncation(MOST)
        ask = session(paths[file])
        return lambda text: ask(made.encode(text).ids)
    return load


def function(paths):
    """The function lambda/text itself, handler included."""
    os.environ |= {"MODEL_PATH": paths["8 bits"], "VOCABULARY_PATH": paths["vocabulary"]}
    sys.path.insert(0, paths["function"])
    from lambda_function import lambda_handler
    return lambda text: lambda_handler({"text": text}, None)["probabilities"]["great"]


def words(paths):
    """TF-IDF and logistic regression by ONNX Runtime."""
    import numpy as np
    import onnxruntime as ort
    made = ort.InferenceSession(paths["words"], providers=["CPUExecutionProvider"])
    return lambda text: float(made.run(None, {"text": np.array([[text]])})[1][0, 1])


RUNGS = {"empty": lambda paths: lambda text: None, "pipeline": pipeline, "automodel": automodel,
         "pytorch": pytorch, "autotokenizer-float": autotokenizer_float,
         "tokenizers-float": tokenizers("float"), "tokenizers-8bits": tokenizers("8 bits"),
         "function": function, "words": words}


def main(rung, paths):
    if hasattr(os, "sched_setaffinity"):        # one processor, the last, as workshop.measure takes
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    answers = os.fdopen(os.dup(1), "w")         # what a package or handler prints goes elsewhere
    os.dup2(2, 1)
    ask = RUNGS[rung](paths)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        given, milliseconds = json.loads(line), []
        for _ in range(given["times"]):
            began = time.perf_counter_ns()
            great = ask(given["text"])
            milliseconds.append((time.perf_counter_ns() - began) / 1e6)
        print(json.dumps({"ms": milliseconds, "great": great}), file=answers, flush=True)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    sys.path[:0] = given["path"]
    main(given["rung"], given["paths"])
