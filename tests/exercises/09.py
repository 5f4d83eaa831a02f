"""Wrong answers to the exercises of lesson 09, each with words of its diagnosis; and right ones."""

MOVED = "moved = trained.argmax(axis=1) != served.argmax(axis=1)\n"
CHANGE = "np.abs(trained - served).max()"

WRONG = [
    ("Exercise 1", "...", "is it still open?"),
    ("Exercise 1", f"{MOVED}return moved.mean()", "Return two figures"),
    ("Exercise 1", f"return (trained != served).any(axis=1).mean(), {CHANGE}",
     "Every picture counts as changed"),
    ("Exercise 1", f"{MOVED}return (~moved).mean(), {CHANGE}", "use != instead of =="),
    ("Exercise 1", f"{MOVED}return moved.sum(), {CHANGE}", "their sum is a count"),
    ("Exercise 1", f"{MOVED}return moved.mean(), (served - trained).max()", "take np.abs"),
    ("Exercise 1", f"{MOVED}return moved.mean(), (trained - served).max()", "take np.abs"),
    ("Exercise 1", f"{MOVED}return moved.mean(), {CHANGE.replace('max', 'mean')}",
     ".max() over pictures and classes"),
    ("Exercise 2", "...", "is it still open?"),
    ("Exercise 2", "return batch", "still in NHWC"),
    ("Exercise 2", 'return batch.T if layout == "NCHW" else batch', "not (3, 5, 4, 2)"),
    ("Exercise 2", 'return batch.transpose(0, 3, 2, 1) if layout == "NCHW" else batch',
     "Width and height have changed places"),
    ("Exercise 2", 'n, h, w, c = batch.shape\n'
     'return batch.reshape(n, c, h, w) if layout == "NCHW" else batch', "use transpose"),
    ("Exercise 2", 'return batch[..., ::-1].transpose(0, 3, 1, 2) if layout == "NCHW" else batch',
     "must keep its number"),
    ("Exercise 2", "return batch.transpose(0, 3, 1, 2)", "return it as it is"),
]

RIGHT = [
    ("Exercise 1", """\
changed = np.argmax(trained, 1) != np.argmax(served, 1)
return [np.mean(changed), np.max(np.abs(served - trained))]"""),
    ("Exercise 1", """\
share = sum(a.argmax() != b.argmax() for a, b in zip(trained, served)) / len(trained)
return share, max((served - trained).max(), (trained - served).max())"""),
    ("Exercise 1", """\
same = (trained.argmax(axis=1) == served.argmax(axis=1)).mean()
return np.array([1 - same, abs(trained - served).max()])"""),
    ("Exercise 2", """\
return np.moveaxis(batch, -1, 1) if layout == "NCHW" else batch"""),
    ("Exercise 2", """\
if layout == "NHWC":
    return batch.copy()
return batch.swapaxes(2, 3).swapaxes(1, 2)"""),
    ("Exercise 2", """\
return np.einsum(f"nhwc->{layout.lower()}", batch)"""),
    ("Exercise 2", """\
if layout == "NCHW":
    return [[picture[..., c].tolist() for c in range(picture.shape[-1])] for picture in batch]
return batch.tolist()"""),
]
