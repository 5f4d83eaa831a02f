"""Wrong answers to the exercises of lesson 07, each with words of its diagnosis; and right ones."""

FIND = "row, column = np.unravel_index({0}.argmax(), {0}.shape)"
OFF = "off = matrix * (1 - np.eye(10, dtype=int))"
WRONG = [
    ("Exercise 1", "...", "still None"),
    ("Exercise 1", "second, dense = 32 * (3 * 3 + 1), 64 * 801", "3 × 3 weights for each of them"),
    ("Exercise 1", "second, dense = 32 * 3 * 3 * 16, 64 * 5 * 5 * 32", "also has a bias"),
    ("Exercise 1", "second, dense = 32 * (9 * 16 + 1), 64 * 800 + 1", "a bias of its own"),
    ("Exercise 1", "second, dense = 32 * (9 * 16 + 1), 64 * (28 * 28 + 1)", "not the picture"),
    ("Exercise 1", "second, dense = 16 * (9 * 32 + 1), 64 * 801", "second is off"),
    ("Exercise 1", "second, dense = 32 * (9 * 16 + 1), 64 * (11 * 11 * 32 + 1)", "dense is off"),
    ("Exercise 2", "...", "did you forget `return`"),
    ("Exercise 2", "return np.argmin(history['val_loss'])", "off by one"),
    ("Exercise 2", "return int(np.argmin(history['loss'])) + 1", "look at val_loss"),
    ("Exercise 2", "return int(np.argmax(history['val_accuracy'])) + 1", "val_accuracy is best"),
    ("Exercise 2", "return int(np.argmax(history['val_loss'])) + 1", "val_loss is largest"),
    ("Exercise 2", "return min(history['val_loss'])", "it should be 3"),
    ("Exercise 3", "...", "still None"),
    ("Exercise 3", f"{FIND.format('matrix')}\nmistake = CLASSES[row], CLASSES[column]",
     "diagonal holds the right answers"),
    ("Exercise 3", f"{OFF}\n{FIND.format('off')}\nmistake = CLASSES[column], CLASSES[row]",
     "swapped"),
    ("Exercise 3", f"{OFF}\n{FIND.format('off')}\nmistake = row, column", "two names from CLASSES"),
    ("Exercise 3", "mistake = 'trousers', 'boot'", "There is a mistake that happens"),
    ("Exercise 4", "...", "did you forget `return`"),
    ("Exercise 4", "if invert:\n    return 1 - read(path)", "for one of the two"),
    ("Exercise 4", "return read(path)", "nothing changes"),
    ("Exercise 4", "return 1 - read(path)", "With invert=False"),
    ("Exercise 4", "return 255 - read(path) if invert else read(path)", "between 0 and 1"),
    ("Exercise 4", "return (1 - read(path) if invert else read(path))[0]", "(1, 28, 28, 1)"),
    ("Exercise 4", "return read(path)[:, ::-1] if invert else read(path)", "0.2 become 0.8"),
]

RIGHT = [
    ("Exercise 1", 'second, dense = 16 * 3 * 3 * 32 + 32, 5 * 5 * 32 * 64 + 64'),
    ("Exercise 1", """\
second = 4640.0
dense = 51264.0"""),
    ("Exercise 1", """\
second, dense = (model.get_layer(name).count_params()
                 for name in ("patterns_of_patterns", "weigh_up"))"""),
    ("Exercise 2", 'return 1 + history["val_loss"].index(min(history["val_loss"]))'),
    ("Exercise 2", """\
losses = history["val_loss"]
return min(range(len(losses)), key=losses.__getitem__) + 1"""),
    ("Exercise 2", 'return np.argmin(np.array(history["val_loss"])) + 1'),
    ("Exercise 3", """\
most = 0
for row in range(10):
    for column in range(10):
        if row != column and matrix[row, column] > most:
            most = matrix[row, column]
            mistake = [CLASSES[row], CLASSES[column]]"""),
    ("Exercise 3", """\
wrong = matrix.copy()
np.fill_diagonal(wrong, -1)
mistake = np.array(CLASSES)[list(divmod(wrong.argmax(), 10))]"""),
    ("Exercise 3", """\
pairs = [(i, j) for i in range(10) for j in range(10) if i != j]
mistake = tuple(CLASSES[k] for k in max(pairs, key=lambda pair: matrix[pair]))"""),
    ("Exercise 4", """\
inputs = read(path)
if invert:
    inputs = 1 - inputs
return inputs"""),
    ("Exercise 4", 'return np.abs(read(path) - float(invert))'),
    ("Exercise 4", 'return np.where(invert, 1 - read(path), read(path))'),
]
