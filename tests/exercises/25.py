"""Wrong answers to the exercises of lesson 25, each with words of its diagnosis; and right ones."""

CLOSE = "np.abs(found - expected) <= tolerance"
LAST = "rows[-20:]"

WRONG = [
    ("Exercise 1", "...", "is it still open"),
    ("Exercise 1", "LogisticRegression(max_iter=1000).fit(rows, labels)", "is return missing"),
    ("Exercise 1", "return LogisticRegression()", "is not fitted"),
    ("Exercise 1", "from sklearn.svm import LinearSVC\nreturn LinearSVC().fit(rows, labels)",
     "has no predict_proba"),
    ("Exercise 1", "from sklearn.dummy import DummyClassifier\n"
     "return DummyClassifier().fit(rows, labels)", "a model that learns"),
    ("Exercise 2", "...", "is it still open"),
    ("Exercise 2", "return np.flatnonzero((found - expected > tolerance).any(axis=1))",
     "take np.abs"),
    ("Exercise 2", "return np.flatnonzero((np.abs(found - expected) > tolerance).any(axis=1))",
     "no comparison with NaN is True"),
    ("Exercise 2", f"return np.flatnonzero(({CLOSE}).all(axis=1))", "equal rows do not differ"),
    ("Exercise 2", "return np.flatnonzero(~(np.abs(found - expected)[:, 0] <= tolerance))",
     "look at all values"),
    ("Exercise 2", "return np.flatnonzero(~(found == expected).all(axis=1))",
     "within the tolerance"),
    ("Exercise 3", "...", "is it still open"),
    ("Exercise 3", f"return all(row['status'] == 200 for row in {LAST})", "nobody can know yet"),
    ("Exercise 3", f"return len(rows) >= 20 and all(row['status'] == 200 for row in {LAST})",
     "comes from another version"),
    ("Exercise 3", "return len(rows) >= 20 and all(row['version'] == version and "
     f"row['status'] == 200 for row in {LAST})", "is wrong"),
    ("Exercise 3", "return len(rows) >= 20 and all(row['version'] == version and "
     "row['status'] == 200 and row['right'] for row in rows)", "look at the last 20"),
    ("Exercise 3", "return len(rows) >= 20 and rows[-1]['version'] == version and "
     "rows[-1]['status'] == 200 and rows[-1]['right']", "look at each of them"),
]

RIGHT = [
    ("Exercise 1", "from sklearn.ensemble import RandomForestClassifier\n"
     "return RandomForestClassifier(n_estimators=50, random_state=0).fit(rows, labels)"),
    ("Exercise 1", "model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5))\n"
     "model.fit(rows, labels)\nreturn model"),
    ("Exercise 1", "from sklearn.neighbors import KNeighborsClassifier\n"
     "return make_pipeline(StandardScaler(), KNeighborsClassifier(5)).fit(rows, labels)"),
    ("Exercise 2", "return [number for number, row in enumerate(np.abs(found - expected))\n"
     "        if not (row <= tolerance).all()]"),
    ("Exercise 2", "return np.flatnonzero(~np.isclose(found, expected, rtol=0, atol=tolerance)"
     ".all(axis=1))"),
    ("Exercise 2", "apart = np.nan_to_num(np.abs(found - expected), nan=np.inf).max(axis=1)\n"
     "return np.flatnonzero(apart > tolerance)"),
    ("Exercise 2", f"return np.where(~({CLOSE}).all(axis=1))[0].tolist()"),
    ("Exercise 3", "if len(rows) < 20:\n    return False\nfor row in rows[-20:]:\n"
     "    if row != {'version': version, 'status': 200, 'right': True}:\n        return False\n"
     "return True"),
    ("Exercise 3", "good = [row['version'] == version and row['status'] == 200 and row['right']\n"
     "        for row in rows[-20:]]\nreturn sum(good) == 20"),
    ("Exercise 3", "last = pd.DataFrame(rows[-20:])\nreturn bool(len(last) == 20 and "
     "(last['version'] == version).all()\n            and (last['status'] == 200).all() "
     "and last['right'].all())"),
]
