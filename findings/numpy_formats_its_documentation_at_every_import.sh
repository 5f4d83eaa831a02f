#!/usr/bin/env bash
# NumPy 2.4.6, Python 3.11 to 3.13: `import numpy` calls `inspect.cleandoc` for each of the 370 texts
# of its documentation that it attaches to functions written in C (250,000 characters), at every
# start of every program. That is about a twentieth of the import's time, and the reason why it needs
# the module `inspect`, which brings `ast`, `dis` and `tokenize`. NumPy 2.3.5 attached the same texts
# as they were.
#
# Why it surprises: with `python -OO`, which is for programs that want no documentation, NumPy does
# not attach the texts to its classes, but formats them all the same.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/count.py" <<'PY'
import inspect
import sys
import time

calls, taken, cleandoc = 0, 0.0, inspect.cleandoc


def counting(text):
    global calls, taken
    calls, began = calls + 1, time.process_time()
    text = cleandoc(text)
    taken += time.process_time() - began
    return text


inspect.cleandoc = counting
began = time.process_time()
import numpy

whole = time.process_time() - began
print(f"NumPy {numpy.__version__}, Python {sys.version.split()[0]}, optimize "
      f"{sys.flags.optimize}: {calls} texts formatted, {taken / whole:.0%} of the import's time; "
      f"ndarray has documentation: {numpy.ndarray.__doc__ is not None}")
wanted = sys.argv[1] == "many"
if (calls > 300) != wanted:     # no assert: -OO leaves them out
    sys.exit("changed: another number of texts is formatted")
if (numpy.ndarray.__doc__ is None) != (sys.flags.optimize == 2):
    sys.exit("changed: -OO keeps other documentation")
PY
export OPENBLAS_NUM_THREADS=1
for requirement in numpy==2.3.5 numpy==2.4.6; do
  python3 -m venv "$folder/$requirement"
  "$folder/$requirement/bin/pip" -q --disable-pip-version-check install "$requirement"
done
"$folder/numpy==2.3.5/bin/python" "$folder/count.py" none
"$folder/numpy==2.4.6/bin/python" "$folder/count.py" many
"$folder/numpy==2.4.6/bin/python" -OO "$folder/count.py" many
echo "as described"
