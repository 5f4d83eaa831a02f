#!/usr/bin/env bash
# onnxmltools 1.16.0 imports the package `packaging`, and does not name it among what it needs: in an
# environment with nothing else, `pip install onnxmltools` succeeds and `import onnxmltools` fails.
#
# Why it surprises: nearly every environment has `packaging` for another package's sake (Jupyter,
# pytest, matplotlib …), so it fails where few things are installed: in an image or a job of its own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install onnxmltools==1.16.0 onnx==1.23.2 \
    skl2onnx==1.20.0 'protobuf<7'
if "$folder/venv/bin/python" -c 'import onnxmltools' 2> "$folder/error"; then
    echo "changed: it is imported without the package packaging"; exit 1
fi
tail -1 "$folder/error" | tee "$folder/last"
grep -q "No module named 'packaging'" "$folder/last"
"$folder/venv/bin/pip" -q --disable-pip-version-check install packaging
"$folder/venv/bin/python" -c 'import onnxmltools; print("with packaging:", onnxmltools.__version__)'
echo "as described"
