"""A clone of two tiny lessons, for tests of the tooling."""
HEADER = """# ---
# title: {title}
# workshop:
#   number: "{number}"
#   needs: []
#   reading: 3
#   exercises: 2
#   execution: 1
#   cost: "free"
#   products: [{products}]
# ---

"""
BODY = """# %% [markdown]
# # {title}
#
# Read [the next one](01_take_it.ipynb) and [the data](../data/README.md).
#
# <details><summary>Hint</summary>
#
# Add *one*.
#
# </details>
#
# ```mermaid
# flowchart LR
#     a["a table"] -->|train| b[(model)]
# ```

# %%
from pathlib import Path
# copy this comment as it stands
# !echo shell

# %% tags=["solution"]
print("only in the solved copy")

# %% Exercise 1
def more(x):
    # BEGIN SOLUTION
    y = x
    return y + 1
    # END SOLUTION

# %% Check 1 tags=["check"]
assert more(1) == 2, "add one"

# %% tags=["aws"]
if not more(0):
    pass
"""
MAKE = """
# %%
Path("../build").mkdir(exist_ok=True)
with open("../build/runs.txt", "a") as runs:
    print("run", file=runs)
Path("../build/product.txt").write_text("whole")
"""


def write_lesson(root, name, *, title="Make it", products="", body=BODY, more=""):
    """Writes the source of a lesson; returns its path."""
    folder = root / "solutions"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.py"
    header = HEADER.format(title=title, number=name[:2], products=products)
    path.write_text(header + body.replace("{title}", title) + more, encoding="utf-8")
    return path


def runs(root):
    """How often the lesson with MAKE has run."""
    path = root / "build" / "runs.txt"
    return len(path.read_text().split()) if path.exists() else 0
