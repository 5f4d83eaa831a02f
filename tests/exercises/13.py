"""Wrong answers to the exercises of lesson 13, each with words of its diagnosis; and right ones."""

WRONG = [
    ("Exercise 1", "...", "did you forget `return`"),
    ("Exercise 1", "return np.abs(expected - found).max()", "Return three numbers"),
    ("Exercise 1", """\
difference = expected - found
return difference.sum(), 2, 1""", "take the absolute value"),
    ("Exercise 1", """\
difference = np.abs(expected - found)
return difference.max(), (difference > 1e-5).sum(), 1""", "You counted probabilities"),
    ("Exercise 1", """\
difference = np.abs(expected - found)
return difference.max(), (difference.max(axis=1) > 0.15).sum(), 1""", "two of the rows differ"),
    ("Exercise 1", """\
difference = np.abs(expected - found).max(axis=1)
return difference.max(), (difference > 1e-5).sum(), (difference > 1e-5).sum()""",
     "one row changes its most probable class"),
    ("Exercise 2", "...", "did you forget `return`"),
    ("Exercise 2", "return rows.astype(np.float32)", "Four columns for each customer"),
    ("Exercise 2", "return np.column_stack([rows, np.isnan(rows[:, 1])]).astype(np.float64)",
     "the file takes float32"),
    ("Exercise 2", "return np.column_stack([np.nan_to_num(rows), np.isnan(rows[:, 1])])"
     ".astype(np.float32)", "The gaps are filled already"),
    ("Exercise 2", "return np.column_stack([rows, ~np.isnan(rows[:, 1])]).astype(np.float32)",
     "the wrong way round"),
    ("Exercise 2", "return np.column_stack([rows, np.isnan(rows[:, 0])]).astype(np.float32)",
     "should be 1 where column 1 is NaN"),
    ("Exercise 3", "...", "did you forget `return`"),
    ("Exercise 3", "return (rows[:, 0] - START).astype(np.float32)", "Two columns"),
    ("Exercise 3", "return rows - np.array([START, 0])", "should be float32"),
    ("Exercise 3", "return (rows - START).astype(np.float32)", "tenure, the second column"),
    ("Exercise 3", "return (rows - np.array([rows[:, 0].min(), 0])).astype(np.float32)",
     "A row alone gets another answer"),
    ("Exercise 3", "return rows.astype(np.float32) - np.array([START, 0], np.float32)",
     "Some seconds are lost"),
]

RIGHT = [
    ("Exercise 1", """\
worst = np.max(np.abs(found - expected), axis=1)
return [worst.max(), int(np.sum(worst > 1e-5)),
        int(np.sum(np.argmax(found, 1) != np.argmax(expected, 1)))]"""),
    ("Exercise 1", """\
a, b = pd.DataFrame(expected), pd.DataFrame(found)
rows = (a - b).abs().max(axis=1)
return rows.max(), (rows > 1e-5).sum(), (a.idxmax(axis=1) != b.idxmax(axis=1)).sum()"""),
    ("Exercise 1", """\
rows = [max(abs(x - y) for x, y in zip(one, other)) for one, other in zip(expected, found)]
changed = [list(one).index(max(one)) != list(other).index(max(other))
           for one, other in zip(expected, found)]
return np.array([max(rows), sum(row > 1e-5 for row in rows), sum(changed)])"""),
    ("Exercise 2", """\
flag = np.isnan(rows[:, 1:2])
return np.hstack([rows, flag]).astype("float32")"""),
    ("Exercise 2", """\
return np.c_[rows, np.where(np.isnan(rows[:, 1]), 1, 0)].astype(np.float32)"""),
    ("Exercise 2", """\
frame = pd.DataFrame(rows)
frame["missing"] = frame[1].isna().astype("float32")
return frame.to_numpy(np.float32)"""),
    ("Exercise 3", """\
changed = rows.copy()
changed[:, 0] -= START
return changed.astype("float32")"""),
    ("Exercise 3", """\
return np.column_stack([rows[:, 0] - START, rows[:, 1]]).astype(np.float32)"""),
    ("Exercise 3", """\
exact = rows.astype(np.float64)
exact[:, 0] = exact[:, 0] - START
return exact.astype(np.float32)"""),
]
