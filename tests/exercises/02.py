"""Wrong answers to the exercises of lesson 02, each with words of its diagnosis; and right ones."""

SHARES = ".groupby(train['paymentmethod'])"
WRONG = [
    ("Exercise 1", "...", "still None"),
    ("Exercise 1",
     f"by_payment = gone{SHARES}.mean()", "highest first"),
    ("Exercise 1",
     f"by_payment = gone{SHARES}.sum()", "mean instead of the sum"),
    ("Exercise 1",
     f"by_payment = gone{SHARES}.sum() / left.sum()",
     "Divide by the customers of each method"),
    ("Exercise 1",
     "by_payment = (customers['churn'] == 'yes').groupby(customers['paymentmethod']).mean()"
     ".sort_values(ascending=False)", "no others"),
    ("Exercise 2", "...", "did you forget `return`"),
    ("Exercise 2",
     "return np.argmin([cost(t, out_of_fold, left, missed, needless) for t in thresholds])",
     "argmin gives a position"),
    ("Exercise 2",
     "return float(thresholds[np.argmin([cost(t, out_of_fold, left) for t in thresholds])])",
     "hand missed and needless on"),
    ("Exercise 2",
     "return float(thresholds[np.argmin("
     "[cost(t, out_of_fold, left, needless, missed) for t in thresholds])])", "swapped"),
    ("Exercise 3", "...", "Fill recall and precision"),
    ("Exercise 3",
     "recall = matrix[1, 1] / matrix[:, 1].sum()\nprecision = matrix[1, 1] / matrix[1].sum()",
     "swapped"),
    ("Exercise 3",
     "recall = matrix[1, 1] / matrix.sum()\nprecision = matrix[1, 1] / matrix[:, 1].sum()",
     "not by all customers"),
    ("Exercise 3",
     "recall = matrix[1, 1] / matrix[1].sum()\nprecision = matrix.trace() / matrix.sum()",
     "column 1 holds"),
]

RIGHT = [
    ("Exercise 1", """\
by_payment = (train.assign(gone=gone).groupby("paymentmethod")["gone"].mean()
              .sort_values(ascending=False))"""),
    ("Exercise 1", """\
by_payment = gone.groupby(train["paymentmethod"]).agg("mean").round(3)
by_payment = by_payment.sort_values()[::-1]"""),
    ("Exercise 1", """\
shares = {way: gone[train["paymentmethod"] == way].mean()
          for way in train["paymentmethod"].unique()}
by_payment = pd.Series(shares).sort_values(ascending=False)"""),
    ("Exercise 2", """\
return min(thresholds, key=lambda t: cost(t, out_of_fold, left, missed, needless))"""),
    ("Exercise 2", """\
best, least = None, np.inf
for threshold in thresholds:
    dollars = cost(threshold, out_of_fold, left, missed=missed, needless=needless)
    if dollars < least:
        best, least = threshold, dollars
return best"""),
    ("Exercise 2", """\
costs = np.array([cost(t, out_of_fold, left, missed, needless) for t in thresholds])
return thresholds[costs.argmin()]"""),
    ("Exercise 3", """\
(_, needless_), (missed_, found_) = matrix
recall, precision = found_ / (found_ + missed_), found_ / (found_ + needless_)"""),
    ("Exercise 3", """\
recall = round(matrix[1, 1] / matrix[1, :].sum(), 2)
precision = round(matrix[1, 1] / matrix[:, 1].sum(), 2)"""),
    ("Exercise 3", """\
from sklearn.metrics import precision_score, recall_score
recall, precision = recall_score(left_test, offer), precision_score(left_test, offer)"""),
]
