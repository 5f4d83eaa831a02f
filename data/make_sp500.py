"""Make data/sp500.csv from the table that ships in the PyPI package arch.

    .venv/bin/pip download --no-deps --only-binary=:all: --dest build/sp500 arch==8.0.0
    .venv/bin/python data/make_sp500.py build/sp500/arch-8.0.0-*.whl

The wheel is read, not installed: the package needs more packages than a table does.
"""
import gzip
import sys
import zipfile
from pathlib import Path

import pandas as pd

TABLE = "arch/data/sp500/sp500.csv.gz"
PRICES = ["open", "high", "low", "close"]


def make_sp500(wheel):
    """Return the table of the wheel (a path): one trading day a row, oldest first.

    Columns: date (text, YYYY-MM-DD), open, high, low, close (index points, two decimals) and
    volume (shares, a whole number).
    """
    with zipfile.ZipFile(wheel) as archive, gzip.open(archive.open(TABLE)) as file:
        table = pd.read_csv(file)
    if not (table["Close"] == table["Adj Close"]).all():
        raise ValueError("the adjusted close is not the close: an index pays no dividends")
    table = table.drop(columns="Adj Close").rename(columns=str.lower)
    table["date"] = pd.to_datetime(table["date"], format="%m/%d/%Y").dt.strftime("%Y-%m-%d")
    table[PRICES] = table[PRICES].round(2)  # 1229.22998 is how 32 bits hold 1229.23
    return table.astype({"volume": "int64"})


if __name__ == "__main__":
    path = Path(__file__).with_name("sp500.csv")
    make_sp500(sys.argv[1]).to_csv(path, index=False, lineterminator="\n", float_format="%.2f")
    print(f"wrote {path}")
