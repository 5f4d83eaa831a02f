"""Wrong answers to the exercises of lesson 11, each with words of its diagnosis; and right ones."""

SAME = "same = a == b\n"
PHOTOS = """photo_signature = {{
    "model": {model}, "version": "1",
    "input": {{**signature["input"], "width": 224, "height": 224{input}}},
    "output": {{"name": "logits", "kind": {kind}}},
    "classes": {classes}}}"""


def photos(model='"photos"', input="", kind='"logits"', classes="NAMES"):
    return PHOTOS.format(model=model, input=input, kind=kind, classes=classes)


WRONG = [
    ("Exercise 1", "...", "still None"),
    ("Exercise 1", 'theirs["mean"], theirs["std"] = 127, 128', "lies far outside"),
    ("Exercise 1", 'theirs["mean"], theirs["std"] = 0.5, 0.5', "close is not equal"),
    ("Exercise 1", 'theirs["mean"], theirs["std"] = 127 / 255, 128', "scale of 0 to 1 as well"),
    ("Exercise 1", 'theirs["mean"], theirs["std"] = 127 / 255, 0.5', "The mean is right"),
    ("Exercise 1", 'theirs.update(scale=1 / 128, mean=127 / 128, std=1.0)', "scale is fixed"),
    ("Exercise 2", "...", "did you forget `return`"),
    ("Exercise 2", SAME + "return same.mean(), (a == truth)[same].mean()", "Three numbers"),
    ("Exercise 2", SAME + "return same.sum(), (a == truth)[same].mean(), "
     "(b == truth)[~same].mean()", "a number of pictures"),
    ("Exercise 2", SAME + "return same.mean(), ((a == truth) & same).mean(), "
     "(b == truth)[~same].mean()", "count among these only"),
    ("Exercise 2", SAME + "return same.mean(), (a == truth)[same].mean(), "
     "(a == truth)[~same].mean()", "the task asks for b"),
    ("Exercise 2", "same = a == truth\nreturn same.mean(), 1.0, (b == truth)[~same].mean()",
     "three of five pictures"),
    ("Exercise 3", "...", "still None"),
    ("Exercise 3", "photo_signature = signature", "calls itself 'fashion'"),
    ("Exercise 3", 'photo_signature = {**signature, "model": "photos", "version": "1"}',
     "takes 224 × 224 pixels, and gets 64 × 64"),
    ("Exercise 3", photos(input=', "layout": "NHWC"'), "channels first"),
    ("Exercise 3", photos(input=', "mean": [0.0]'), "mean is as for the garments"),
    ("Exercise 3", photos(kind='"probabilities"'), "to make probabilities of them"),
    ("Exercise 3", photos(classes="CLASSES"), "It has 1,000 classes"),
    ("Exercise 3", photos(classes="sorted(NAMES)"), "order is that of the model"),
    ("Exercise 3", photos()[:-1] + ',\n    "training_data_sha256": '
     'signature["training_data_sha256"]}', "Leave it out"),
    ("Exercise 3", 'photo_signature = {"model": "photos", "version": "1"}', "input is missing"),
]

RIGHT = [
    ("Exercise 1", 'theirs.update(mean=[127 / 255], std=[128 / 255])'),
    ("Exercise 1", """\
theirs = {"scale": 1 / 255, "mean": (127 / 255,) * 3, "std": (128 / 255,) * 3}"""),
    ("Exercise 1", """\
theirs["mean"], theirs["std"] = round(127 / 255, 4), round(128 / 255, 4)"""),
    ("Exercise 1", """\
theirs["mean"] = np.array([127 / 255])
theirs["std"] = np.array([128 / 255])"""),
    ("Exercise 2", """\
agree = np.equal(a, b)
return [np.mean(agree), np.mean(a[agree] == truth[agree]), np.mean(b[~agree] == truth[~agree])]"""),
    ("Exercise 2", """\
same = a == b
right = (b == truth)
return float(same.sum() / len(a)), right[same].mean(), right[np.logical_not(same)].mean()"""),
    ("Exercise 2", """\
pairs = list(zip(a, b, truth))
same = [(x, t) for x, y, t in pairs if x == y]
other = [(y, t) for x, y, t in pairs if x != y]
return (len(same) / len(pairs), sum(x == t for x, t in same) / len(same),
        sum(y == t for y, t in other) / len(other))"""),
    ("Exercise 3", """\
photo_signature = {**signature, "model": "photos", "version": "1", "classes": NAMES,
                   "output": {"name": "logits", "kind": "logits"},
                   "input": {**signature["input"], "width": 224, "height": 224}}
del photo_signature["training_data_sha256"]"""),
    ("Exercise 3", """\
import copy
photo_signature = copy.deepcopy(signature)
photo_signature.pop("training_data_sha256", None)
photo_signature["input"].update(width=224, height=224)
photo_signature |= {"model": "photos", "version": "1", "classes": list(NAMES),
                    "output": {"name": "logits", "kind": "logits"}}"""),
    ("Exercise 3", """\
photo_signature = dict(
    model="photos", version="1", classes=NAMES, output=dict(name="logits", kind="logits"),
    input=signature["input"] | {"height": 224, "width": 224})"""),
]
