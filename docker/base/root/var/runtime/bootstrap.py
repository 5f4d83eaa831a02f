"""Runs awslambdaric, with the import paths that AWS's Python runtime has.

The function's folder comes first, then the layers' folders. As on AWS, a PYTHONPATH that the
function configures takes the place of the layers' folders.
"""
import os
import site
import sys

import awslambdaric.__main__

TASK = os.environ["LAMBDA_TASK_ROOT"]
LAYERS = ["/opt/python/lib/python3.13/site-packages", "/opt/python"]

folders = [TASK, *([] if "PYTHONPATH" in os.environ else LAYERS)]
sys.path[:0] = folders
for folder in folders:
    site.addsitedir(folder)     # a package may come with a .pth file
os.environ.setdefault("PYTHONPATH", os.environ["LAMBDA_RUNTIME_DIR"])   # for child processes
awslambdaric.__main__.main([TASK, os.environ["_HANDLER"]])
