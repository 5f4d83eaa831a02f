"""Wrong answers to the exercises of lesson 10, each with words of the diagnosis it must get."""

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
    ("Exercise 3", photos(classes="CLASSES"), "It knows 1,000 classes"),
    ("Exercise 3", photos(classes="sorted(NAMES)"), "order is that of the model"),
    ("Exercise 3", photos()[:-1] + ',\n    "training_data_sha256": '
     'signature["training_data_sha256"]}', "Leave it out"),
    ("Exercise 3", 'photo_signature = {"model": "photos", "version": "1"}', "input is missing"),
]
