"""Wrong answers to the exercises of lesson 17: (exercise, code, words of the diagnosis)."""


def looks(condition):
    """Code of exercise 1 with another condition."""
    return f'return [one["LogicalResourceId"] for one in changes if {condition}]'


def wide(condition, effect='one["Effect"] == "Allow" and '):
    """Code of exercise 2 with another condition."""
    return ('def listed(value):\n    return [value] if isinstance(value, str) else value\n'
            f'return [one for one in document["Statement"] if {effect}({condition})]')


STAR = '"*" in listed(one["Resource"])'
ACTION = 'any("*" in action for action in listed(one["Action"]))'


def trust(main="ref:refs/heads/main", release="ref:refs/heads/release/*", how="StringLike",
          aud='{f"{ISSUER}:aud": "sts.amazonaws.com"}', repository="shop/churn"):
    """Code of exercise 3 with something else in it."""
    return (f'main_only = {{"StringEquals": {{f"{{ISSUER}}:aud": "sts.amazonaws.com", '
            f'f"{{ISSUER}}:sub": "repo:{repository}:{main}"}}}}\n'
            f'releases = {{"StringEquals": {aud}}}\n'
            f'releases.setdefault("{how}", {{}})[f"{{ISSUER}}:sub"] = '
            f'"repo:{repository}:{release}"')


WRONG = [
    ("Exercise 1", "...", "still open"),
    ("Exercise 1", looks('one["Action"] == "Remove" or one["Replacement"] == "True"'),
     "has no `Replacement`"),
    ("Exercise 1", looks('one["Action"] == "Remove" or one.get("Replacement")'), "counts as true"),
    ("Exercise 1", looks('one.get("Replacement") in ("True", "Conditional")'),
     "look at Action too"),
    ("Exercise 1", looks('one["Action"] == "Remove" or one.get("Replacement") is True'),
     "Name is replaced"),
    ("Exercise 1", looks('one["Action"] == "Remove" or one.get("Replacement") == "True"'),
     "Conditional counts too"),
    ("Exercise 1", looks('one.get("Replacement") != "False"'), "New is only added"),
    ("Exercise 2", "...", "still open"),
    ("Exercise 2", wide(ACTION), "on every resource"),
    ("Exercise 2", wide(STAR), "every action of S3"),
    ("Exercise 2", wide('"*" in one["Resource"] or ' + ACTION), "make a list"),
    ("Exercise 2", wide('any("*" in name for name in listed(one["Resource"])) or ' + ACTION),
     "nothing else is every resource"),
    ("Exercise 2", wide(STAR + ' or "*" in listed(one["Action"]) or "s3:*" in '
                        'listed(one["Action"])'), "s3:Get* is a pattern"),
    ("Exercise 2", wide('one["Resource"] == "*" or ' + ACTION), "one of the resources"),
    ("Exercise 2", wide(STAR + " or " + ACTION, effect=""), "look at Effect"),
    ("Exercise 3", "...", "main_only is still empty"),
    ("Exercise 3", trust(main="*"), "StringEquals takes a * for a star"),
    ("Exercise 3", trust(main="*").replace('main_only = {"StringEquals"',
                                           'main_only = {"StringLike"'),
     "main_only: release/2 (repo:shop/churn"),
    ("Exercise 3", trust(release="*"), "releases: main ("),
    ("Exercise 3", trust(release="ref:refs/*release/*"), "a tag named as a branch"),
    ("Exercise 3", trust(repository="shop/*"), "StringLike for anything"),
    ("Exercise 3", trust(how="StringEquals"), "StringLike for anything"),
    ("Exercise 3", trust(aud="{}"), "a release's token for somebody else"),
    ("Exercise 3", trust().replace("repo:shop/churn:ref:refs/heads/release", "repo:*/churn:ref:"
                                   "refs/heads/release"), "a fork's release"),
    ("Exercise 3", trust().replace(":sub", ":subject"), "no claim is named"),
]
