"""Wrong answers to the exercises of lesson 20, each with words of its diagnosis; and right ones."""


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

RIGHT = [
    ("Exercise 1", """\
names = []
for one in changes:
    if one["Action"] == "Remove":
        names.append(one["LogicalResourceId"])
    elif one.get("Replacement", "False") != "False":
        names.append(one["LogicalResourceId"])
return names"""),
    ("Exercise 1", """\
return {one["LogicalResourceId"] for one in changes
        if one.get("Replacement") in {"True", "Conditional"} or one["Action"] == "Remove"}"""),
    ("Exercise 1", """\
def harmless(one):
    return one["Action"] == "Add" or one.get("Replacement") == "False"

return tuple(one["LogicalResourceId"] for one in changes if not harmless(one))"""),
    ("Exercise 2", """\
wide = []
for one in document["Statement"]:
    actions = one["Action"] if isinstance(one["Action"], list) else [one["Action"]]
    resources = one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]]
    if one["Effect"] != "Deny" and ("*" in resources or "*" in "".join(actions)):
        wide.append(one)
return wide"""),
    ("Exercise 2", """\
def texts(value):
    return (value,) if type(value) is str else tuple(value)

return tuple(one for one in document["Statement"] if one["Effect"] == "Allow" and (
    any(resource == "*" for resource in texts(one["Resource"]))
    or any("*" in action for action in texts(one["Action"]))))"""),
    ("Exercise 2", """\
def is_wide(one):
    if one.get("Effect") != "Allow":
        return False
    actions, resources = one["Action"], one["Resource"]
    if not isinstance(actions, str):
        actions = " ".join(actions)
    return "*" in actions or resources == "*" or "*" in list(resources) * (
        not isinstance(resources, str))

return list(filter(is_wide, document["Statement"]))"""),
    ("Exercise 3", """\
AUD, SUB = f"{ISSUER}:aud", f"{ISSUER}:sub"
main_only = {"StringEquals": {AUD: ["sts.amazonaws.com"],
                              SUB: ["repo:shop/churn:ref:refs/heads/main"]}}
releases = {"StringEquals": {AUD: ["sts.amazonaws.com"]},
            "StringLike": {SUB: ["repo:shop/churn:ref:refs/heads/release/*"]}}"""),
    ("Exercise 3", """\
branch = "repo:shop/churn:ref:refs/heads/"
ours = {f"{ISSUER}:aud": "sts.amazonaws.com"}
main_only = {"StringEquals": ours | {f"{ISSUER}:sub": branch + "main"}}
releases = {"StringEquals": ours, "StringLike": {f"{ISSUER}:sub": branch + "release/*"}}"""),
    ("Exercise 3", """\
main_only["StringEquals"] = {ISSUER + ":aud": "sts.amazonaws.com"}
main_only["StringLike"] = {ISSUER + ":sub": "repo:shop/churn:ref:refs/heads/main"}
releases["StringLike"] = {ISSUER + ":sub": "repo:shop/churn:ref:refs/heads/release/*",
                          ISSUER + ":aud": "sts.amazonaws.com"}"""),
]
