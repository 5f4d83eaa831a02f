"""What the workshop makes in an account: one module for each kind of thing, each with five verbs.

find(name)      the thing as its service describes it, or None
ensure(name, …) the same thing after every call: found, made or updated
tags(thing)     its tags (dict of str), of what `find` or a listing gave
delete(name)    the thing and all that hangs on it; what is gone already is passed over
listed(meant)   what the inventory lists: (name, id, tags), or (name, id, tags, why it is kept)

`ensure` and `delete` raise ownership.NotOursError, and change nothing, when the thing lacks the
owner's tags, ValueError when its name is not the owner's; names are whole, as `ownership.name`
makes them. `removals(name)` gives what `delete` would take away; `remove` takes it away unasked.
meant(name, arn) says whether a listing is about a thing. Nothing here imports from the workshop's
top level.
"""
