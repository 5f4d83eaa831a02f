"""Wrong answers to the exercises of lesson 02, each with words of the diagnosis it must get."""

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
