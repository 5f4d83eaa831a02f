"""Wrong answers to the exercises of lesson 12, each with words of its diagnosis; and right ones."""

GOOD = """\
good = ((table["AUC"] >= table.loc["float", "AUC"] - 0.005)
        & (alone | (table["by batch"] <= 0.01)))
"""
LOOP = """\
found, start = [], 0
while start < len(word):
    ends = {ends}
    for end in ends:
        piece = {piece}
        if piece in known:
            break
    else:
        return {unknown}
    found.append(piece)
    start = end
return found"""


def loop(ends="range(len(word), start, -1)", piece='("##" if start else "") + word[start:end]',
         unknown='["[UNK]"]'):
    return LOOP.format(ends=ends, piece=piece, unknown=unknown)


WRONG = [
    ("Exercise 1", "...", "did you forget `return`"),
    ("Exercise 1", "return vectors.mean(1)", "The padding counts"),
    ("Exercise 1", "return (vectors * mask.unsqueeze(-1)).sum(1)", "That is the sum"),
    ("Exercise 1", "return (vectors * mask.unsqueeze(-1)).mean(1)", "divide by the length"),
    ("Exercise 1", "return vectors.mean(2)", "take the sum over the tokens"),
    ("Exercise 1", "return vectors[:, 0]", "are expected"),
    ("Exercise 2", "...", "did you forget `return`"),
    ("Exercise 2", 'return table["time × float"].idxmin()', "0.010 below"),
    ("Exercise 2", 'return table[table["AUC"] >= table.loc["float", "AUC"] - 0.005]'
     '["time × float"].idxmin()', "move by 0.2"),
    ("Exercise 2", 'return table["AUC"].idxmax()', "a faster file does too"),
    ("Exercise 2", GOOD + 'return table[good]', "One name of a row"),
    ("Exercise 2", GOOD.replace("alone | ", "") + 'return table[good]["time × float"].idxmin()',
     "does not matter"),
    ("Exercise 2", GOOD + 'return table[good].drop(index="float")["time × float"].idxmin()',
     "Is it left out"),
    ("Exercise 3", "...", "did you forget `return`"),
    ("Exercise 3", loop(piece="word[start:end]"), "with ## in front"),
    ("Exercise 3", loop(ends="range(start + 1, len(word) + 1)"), "The longest piece comes first"),
    ("Exercise 3", loop(unknown='found + ["[UNK]"]'), "the whole word is"),
    ("Exercise 3", loop().replace("    start = end", "    start = end\n    if len(found) == 1 and "
                                  "word == 'aa':\n        return found"), "do not stop"),
]

RIGHT = [
    ("Exercise 1", """\
weights = mask.float().unsqueeze(-1)
return (vectors * weights).sum(dim=1) / weights.sum(dim=1)"""),
    ("Exercise 1", """\
return torch.stack([text[real.bool()].mean(0) for text, real in zip(vectors, mask)])"""),
    ("Exercise 1", """\
return torch.einsum("btw,bt->bw", vectors, mask.to(vectors.dtype)) / mask.sum(1)[:, None]"""),
    ("Exercise 2", GOOD + 'return table.loc[good, "time × float"].idxmin()'),
    ("Exercise 2", """\
least = table["AUC"]["float"] - 0.005
names = [name for name, row in table.iterrows()
         if row["AUC"] >= least and (alone or row["by batch"] <= 0.01)]
return min(names, key=lambda name: table["time × float"][name])"""),
    ("Exercise 2", """\
kept = table if alone else table.query("`by batch` <= 0.01")
kept = kept[kept["AUC"] >= table.at["float", "AUC"] - 0.005]
return kept.sort_values("time × float").index[0]"""),
    ("Exercise 3", loop()),
    ("Exercise 3", """\
def rest(word, mark):
    if not word:
        return []
    for end in range(len(word), 0, -1):
        if mark + word[:end] in known:
            more = rest(word[end:], "##")
            return None if more is None else [mark + word[:end], *more]
    return None
return rest(word, "") or ["[UNK]"]"""),
    ("Exercise 3", """\
found = ()
while word:
    piece = ("##" if found else "") + word
    cut = word
    while cut and (("##" if found else "") + cut) not in known:
        cut = cut[:-1]
    if not cut:
        return ["[UNK]"]
    found += (("##" if found else "") + cut,)
    word = word[len(cut):]
return found"""),
]
