"""CloudWatch dashboards."""
import json

import boto3
import pytest

from workshop import inventory
from workshop.account import dashboards


def test_five_verbs(name, five_verbs):
    watch = boto3.client("cloudwatch")

    def foreign():
        watch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
        return lambda: watch.delete_dashboards(DashboardNames=[name])
    five_verbs(dashboards, lambda: dashboards.ensure(name, []), foreign)


@pytest.mark.parametrize("text", ["project=lambda-onnx-workshop owner=test", "workshop"])
def test_a_dashboard_is_ours_by_its_tags_whatever_its_text_says(name, text):
    watch = boto3.client("cloudwatch")
    watch.put_dashboard(DashboardName=name, DashboardBody=json.dumps({"widgets": [
        {"type": "text", "properties": {"markdown": text}}]}))
    assert {one.whose for one in inventory.find() if one.name == name} == {inventory.NOT_OURS}
    watch.delete_dashboards(DashboardNames=[name])
