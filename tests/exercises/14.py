"""Wrong answers to the exercises of lesson 14, each with words of its diagnosis; and right ones."""

LIMITS = "low, high = np.quantile(ratios, [0.025, 0.975])\n"
ANSWER = "return np.median(ours) / np.median(theirs), low, high"
RATIOS = "ratios = np.median(ours[drawn], axis=1) / np.median(theirs[drawn], axis=1)\n"

COLD = 'rung["init_ms"] + rung["first_ms"]'
NONE = 'raise ValueError("none")'


def pick(condition, otherwise=NONE):
    return ("seen = cold_share > 1 - percent / 100\n"
            "for rung in rungs:\n"
            f"    cold = {COLD}\n"
            f"    if {condition}:\n"
            '        return rung["name"]\n' + otherwise)


def handler(body, before="model, explainer = load_model(), None\n"):
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return (before + "def handler(event, context):\n    nonlocal explainer\n" + lines
            + "return handler")


REFUSE = 'if "customer" not in event:\n    return {"statusCode": 400}\n'
MODEL = 'answer = {"churn_probability": model(event["customer"])}\n'
ONCE = "if explainer is None:\n    explainer = load_explainer()\n"
REASONS = 'answer["reasons"] = explainer(event["customer"])\n'


def when_asked(text):
    return 'if event.get("explain"):\n' + "".join(f"    {line}\n" for line in text.splitlines())


WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", "return np.median(ours) / np.median(theirs)", "return three numbers"),
    ("Exercise 1",
     "other = np.random.default_rng(1).integers(len(ours), size=(draws, len(ours)))\n"
     "ratios = np.median(ours[drawn], axis=1) / np.median(theirs[other], axis=1)\n"
     + LIMITS + ANSWER, "draw rounds, the same ones for both"),
    ("Exercise 1",
     "ratios = np.mean(ours[drawn], axis=1) / np.mean(theirs[drawn], axis=1)\n"
     + LIMITS + "return np.mean(ours) / np.mean(theirs), low, high", "take medians, not means"),
    ("Exercise 1", RATIOS + "low, high = ratios.min(), ratios.max()\n" + ANSWER,
     "end at the quantile 0.975"),
    ("Exercise 1", "low = high = np.median(ours) / np.median(theirs)\n" + ANSWER,
     "the starts differ, so low and high do"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", 'return min(rungs, key=lambda rung: rung["init_ms"])["name"]',
     "middle keeps 200 ms as well"),
    ("Exercise 2", pick('(rung["init_ms"] if seen else rung["warm_ms"]) <= limit_ms'),
     "the first answer comes after INIT"),
    ("Exercise 2", pick('max(cold, rung["warm_ms"]) <= limit_ms'),
     "the 99th percentile does not see them"),
    ("Exercise 2",
     "seen = cold_share > 0.01\nfor rung in rungs:\n"
     f'    if max({COLD} if seen else 0, rung["warm_ms"]) <= limit_ms:\n'
     f'        return rung["name"]\n{NONE}', "compare with 1 - percent / 100"),
    ("Exercise 2", pick("not seen or cold <= limit_ms"), "the limit is for them too"),
    ("Exercise 2", pick('(cold if seen else rung["warm_ms"]) <= limit_ms', 'return rung["name"]'),
     "raise ValueError, not 'lightest'"),
    ("Exercise 3", "...", "make_handler must return a function"),
    ("Exercise 3", handler(REFUSE + MODEL + when_asked(ONCE + REASONS) + "return answer").replace(
        "event, context", "event"), "two arguments, an event and a context"),
    ("Exercise 3",
     handler(REFUSE + "nonlocal model\nif model is None:\n    model = load_model()\n" + MODEL
             + when_asked(ONCE + REASONS) + "return answer", "model = explainer = None\n"),
     "load it when the handler is made"),
    ("Exercise 3",
     handler(REFUSE + MODEL + when_asked(REASONS) + "return answer",
             "model, explainer = load_model(), load_explainer()\n"),
     "loaded before any request needed it"),
    ("Exercise 3",
     handler(when_asked(ONCE) + REFUSE + MODEL + when_asked(REASONS) + "return answer"),
     "a refused request loaded the explainer"),
    ("Exercise 3", handler(REFUSE + MODEL + ONCE + when_asked(REASONS) + "return answer"),
     "an ordinary request loaded the explainer"),
    ("Exercise 3",
     handler(REFUSE + MODEL + when_asked("explainer = load_explainer()\n" + REASONS)
             + "return answer"), "keep what was loaded"),
    ("Exercise 3",
     handler(REFUSE + MODEL + when_asked(
         "try:\n    explainer = explainer or load_explainer()\n"
         "    answer[\"reasons\"] = explainer(event[\"customer\"])\n"
         "except MemoryError:\n    pass\n") + "return answer"),
     "the caller gets no error"),
    ("Exercise 3",
     handler(REFUSE + MODEL + when_asked(
         "if explainer is None:\n    explainer = lambda customer: None\n"
         "    explainer = load_explainer()\n"
         "if explainer(event[\"customer\"]):\n    answer[\"reasons\"] = ['contract']\n")
         + "return answer"),
     "the next request did not try again"),
]

RIGHT = [
    ("Exercise 1", """\
many = np.median(ours[drawn], axis=1) / np.median(theirs[drawn], axis=1)
low, high = np.percentile(many, [2.5, 97.5])
return [np.median(ours) / np.median(theirs), low, high]"""),
    ("Exercise 1", """\
many = sorted(np.median(ours[one]) / np.median(theirs[one]) for one in drawn)
low, high = np.quantile(many, 0.025), np.quantile(many, 0.975)
return np.median(ours) / np.median(theirs), low, high"""),
    ("Exercise 1", """\
def median(taken):
    return np.median(taken, axis=-1)

many = median(ours[drawn]) / median(theirs[drawn])
low, high = np.quantile(many, 0.025), np.quantile(many, 1 - 0.025)
return median(ours) / median(theirs), low, high"""),
    ("Exercise 2", """\
for rung in rungs:
    good = rung["warm_ms"] <= limit_ms
    if cold_share > (100 - percent) / 100:
        good = good and rung["init_ms"] + rung["first_ms"] <= limit_ms
    if good:
        return rung["name"]
raise ValueError("none")"""),
    ("Exercise 2", """\
seen = cold_share > 1 - percent / 100
good = [rung["name"] for rung in rungs if rung["warm_ms"] <= limit_ms
        and (not seen or rung["init_ms"] + rung["first_ms"] <= limit_ms)]
if not good:
    raise ValueError(limit_ms)
return good[0]"""),
    ("Exercise 2", """\
def slowest(rung):
    cold = rung["init_ms"] + rung["first_ms"]
    return max(cold, rung["warm_ms"]) if 100 * cold_share > 100 - percent else rung["warm_ms"]

try:
    return next(rung["name"] for rung in rungs if slowest(rung) <= limit_ms)
except StopIteration:
    raise ValueError("no rung is fast enough") from None"""),
    ("Exercise 3", """\
from functools import cache
model, explainer = load_model(), cache(load_explainer)

def handler(event, context):
    if not event.get("customer"):
        return {"statusCode": 400}
    answer = {"churn_probability": model(event["customer"])}
    if event.get("explain"):
        answer["reasons"] = explainer()(event["customer"])
    return answer

return handler"""),
    ("Exercise 3", """\
kept = {"model": load_model()}

def handler(event, context):
    if event.get("customer") is None:
        return {"statusCode": 400}
    answer = {"churn_probability": kept["model"](event["customer"])}
    if event.get("explain") is True:
        if "explainer" not in kept:
            kept["explainer"] = load_explainer()
        answer["reasons"] = kept["explainer"](event["customer"])
    return answer

return handler"""),
    ("Exercise 3", """\
class Handler:
    def __init__(self):
        self.model, self.explainer = load_model(), None

    def __call__(self, event, context):
        if "customer" not in event:
            return {"statusCode": 400}
        customer = event["customer"]
        answer = {"churn_probability": self.model(customer)}
        if event.get("explain"):
            self.explainer = self.explainer or load_explainer()
            answer |= {"reasons": self.explainer(customer)}
        return answer

return Handler()"""),
]
