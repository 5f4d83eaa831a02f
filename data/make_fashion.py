"""Make data/fashion.npz and data/garments/ from Debian's package dataset-fashion-mnist.

    apt-get download dataset-fashion-mnist
    dpkg-deb -x dataset-fashion-mnist_*.deb build/fashion
    .venv/bin/python data/make_fashion.py build/fashion/usr/share/datasets/fashion-mnist

Without an argument it reads where the installed package has its files. Nothing is drawn at
random: the first images of each class are taken, in the order of the files.
"""
import gzip
import sys
from pathlib import Path

import numpy as np
from PIL import Image

DATA = Path(__file__).parent
INSTALLED = Path("/usr/share/datasets/fashion-mnist")
# In the order of the labels 0 to 9; the names are the dataset's, shortened to one word.
CLASSES = ["t-shirt", "trousers", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "boot"]
TRAIN_PER_CLASS, TEST_PER_CLASS = 1200, 200
# Sample requests: file name → position among the 10,000 test images. None of them is in
# fashion.npz, so to every model they are new.
GARMENTS = {"t-shirt.png": 2046, "trousers.png": 1992, "pullover.png": 1929, "dress.png": 2151,
            "boot.png": 2113, "sneaker.jpg": 2025, "bag-on-white.jpg": 2102}
SIDE = 280          # pixels; ten times the original


def read_idx(path: Path) -> np.ndarray:
    """Return the uint8 array in a gzipped idx file: magic 0x0000 08 n, n sizes, the bytes."""
    content = gzip.decompress(path.read_bytes())
    if content[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an idx file of bytes")
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_part(folder: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images (N, 28, 28) and labels (N,) of `part`, "train" or "t10k"."""
    return (read_idx(folder / f"{part}-images-idx3-ubyte.gz"),
            read_idx(folder / f"{part}-labels-idx1-ubyte.gz"))


def balanced(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Return the positions of the first `per_class` images of each class, in file order."""
    return np.sort(np.concatenate(
        [np.flatnonzero(labels == k)[:per_class] for k in range(len(CLASSES))]))


def make_fashion(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays of fashion.npz, from the idx files in `folder`."""
    arrays = {}
    for name, part, per_class in (("train", "train", TRAIN_PER_CLASS),
                                  ("test", "t10k", TEST_PER_CLASS)):
        images, labels = read_part(folder, part)
        chosen = balanced(labels, per_class)
        arrays |= {f"{name}_images": images[chosen], f"{name}_labels": labels[chosen]}
    return arrays | {"classes": np.array(CLASSES)}


def make_garment(name: str, image: np.ndarray) -> Image.Image:
    """Return `image`, (28, 28) uint8, enlarged as the sample request called `name`.

    A PNG has grey blocks of 10 × 10 pixels, so that shrinking it gives back the original exactly.
    A JPEG is what a photograph is: RGB, smooth, and compressed with losses. "-on-white" is black
    on white, as in a shop's catalogue; the data set itself is white on black.
    """
    picture = Image.fromarray(255 - image if "-on-white" in name else image)
    if name.endswith(".png"):
        return picture.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC).convert("RGB")


def main(folder: Path) -> None:
    np.savez_compressed(DATA / "fashion.npz", **make_fashion(folder))
    print(f"wrote {DATA / 'fashion.npz'}")
    images, _ = read_part(folder, "t10k")
    (DATA / "garments").mkdir(exist_ok=True)
    for name, position in GARMENTS.items():
        make_garment(name, images[position]).save(DATA / "garments" / name, optimize=True)
        print(f"wrote {DATA / 'garments' / name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else INSTALLED)
