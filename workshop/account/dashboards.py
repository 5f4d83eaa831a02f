"""CloudWatch dashboards. One is ours by its tags only: anyone may write our name into its text."""
import json

from workshop.account import calls, ownership


def find(name):
    """Dashboard NAME with its DashboardArn and DashboardBody (str), or None."""
    return calls.if_there(calls.client("cloudwatch").get_dashboard, DashboardName=name)


def ensure(name, widgets):
    """Make or change dashboard NAME; widgets: list of dict, as a dashboard's body has them."""
    check(name)
    calls.client("cloudwatch").put_dashboard(
        DashboardName=name, DashboardBody=json.dumps({"widgets": widgets}), Tags=ownership.pairs())


tags = calls.tagger("cloudwatch", lambda one: {"ResourceARN": one["DashboardArn"]})
remove = calls.remover("cloudwatch", "delete_dashboards", lambda name: {"DashboardNames": [name]})
listed = calls.lister(tags, "cloudwatch", "list_dashboards", "DashboardEntries",
                      "DashboardName", "DashboardArn")
check, removals, delete = ownership.verbs("dashboard", find, tags, remove)
