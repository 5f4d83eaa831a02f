"""Wrong answers to the exercises of lesson 08, each with words of its diagnosis; and right ones."""

PICTURE = "picture = pixels[np.newaxis, :, :, np.newaxis]"
CHANGED = "changed = np.flatnonzero(before.argmax(axis=1) != after.argmax(axis=1))"
WRONG = [
    ("Exercise 1", "...", "did you forget `return`"),
    ("Exercise 1", "return (pixels * rule['scale']).astype(np.float32)",
     "one picture in front, one channel at the end"),
    ("Exercise 1",
     "return (pixels[np.newaxis, np.newaxis] * rule['scale']).astype(np.float32)",
     "The shape is (1, 1, 28, 28)"),
    ("Exercise 1", f"{PICTURE}\nreturn picture.astype(np.float32)",
     "multiply the pixels with rule['scale']"),
    ("Exercise 1", f"{PICTURE}\nreturn (picture / 255 * rule['scale']).astype(np.float32)",
     "was it scaled twice"),
    ("Exercise 1",
     f"{PICTURE}\nreturn (picture * rule['scale'] - rule['mean']) / rule['std']",
     "end with .astype(np.float32)"),
    ("Exercise 1",
     "picture = pixels.T[np.newaxis, :, :, np.newaxis]\n"
     "return (picture * rule['scale']).astype(np.float32)", "was it turned"),
    ("Exercise 1", f"{PICTURE}\nreturn (picture * rule['scale']).astype(np.float32)",
     "With mean 0.5 and std 0.25"),
    ("Exercise 2", "...", "did you forget `return`"),
    ("Exercise 2", "return sorted({node.op_type for node in model.graph.node})",
     "Our model is fine, but you found"),
    ("Exercise 2",
     "return [node.op_type for node in model.graph.node "
     "if not onnx.defs.has(node.op_type, node.domain)]", "Each only once"),
    ("Exercise 2", "return []", "one operation there is unknown"),
    ("Exercise 2",
     "return sorted({node.op_type for node in model.graph.node "
     "if not onnx.defs.has(node.op_type)})", "give onnx.defs.has the domain too"),
    ("Exercise 3", "...", "changed is still None"),
    ("Exercise 3", "changed = before.argmax(axis=1) != after.argmax(axis=1)",
     "np.flatnonzero(…) makes positions"),
    ("Exercise 3", "changed = np.flatnonzero(before.argmax(axis=1) == after.argmax(axis=1))",
     "use != instead of =="),
    ("Exercise 3", "changed = np.flatnonzero((before != after).any(axis=1))",
     "Probabilities differ everywhere"),
    ("Exercise 3", CHANGED, "Now the lead"),
    ("Exercise 3", f"{CHANGED}\nlead = before[changed].max()", "One number for each"),
    ("Exercise 3", f"{CHANGED}\nlead = before[changed].max(axis=1)", "take the second best off"),
    ("Exercise 3",
     f"{CHANGED}\nranked = np.sort(after[changed], axis=1)\n"
     "lead = ranked[:, -1] - ranked[:, -2]", "in before (32 bits)"),
]

RIGHT = [
    ("Exercise 1", """\
picture = pixels.reshape(1, 28, 28, 1).astype(np.float32)
mean, std = np.float32(rule["mean"]), np.float32(rule["std"])
return (picture * np.float32(rule["scale"]) - mean) / std"""),
    ("Exercise 1", """\
picture = np.expand_dims(pixels, (0, -1)) * rule["scale"]
return np.float32((picture - rule["mean"][0]) / rule["std"][0])"""),
    ("Exercise 1", """\
flat = (pixels * rule["scale"] - rule["mean"][0]) / rule["std"][0]
return flat[None, ..., None].astype("float32")"""),
    ("Exercise 2", """\
unknown = []
for node in model.graph.node:
    if not onnx.defs.has(node.op_type, node.domain) and node.op_type not in unknown:
        unknown.append(node.op_type)
return sorted(unknown)"""),
    ("Exercise 2", """\
return tuple(sorted(set(node.op_type for node in model.graph.node
                        if not onnx.defs.has(node.op_type, domain=node.domain))))"""),
    ("Exercise 2", """\
kinds = {(node.op_type, node.domain) for node in model.graph.node}
return sorted({name for name, domain in kinds if not onnx.defs.has(name, domain)})"""),
    ("Exercise 3", """\
was, is_ = before.argmax(axis=1), after.argmax(axis=1)
changed = [i for i in range(len(was)) if was[i] != is_[i]]
lead = [sorted(before[i])[-1] - sorted(before[i])[-2] for i in changed]"""),
    ("Exercise 3", """\
changed = np.where(np.argmax(before, 1) != np.argmax(after, 1))[0]
two = np.partition(before[changed], -2, axis=1)[:, -2:]
lead = np.round(two[:, 1] - two[:, 0], 3)"""),
    ("Exercise 3", """\
changed = tuple(np.flatnonzero(before.argmax(1) != after.argmax(1)).tolist())
lead = tuple(float(np.diff(np.sort(before[i])[-2:])[0]) for i in changed)"""),
]
