"""Wrong answers to the exercises of lesson 08, each with words of the diagnosis it must get."""

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
