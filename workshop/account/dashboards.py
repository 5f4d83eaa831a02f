"""CloudWatch dashboards. One is ours by its tags only: anyone may write our name into its text."""
import json

from workshop.account import calls, ownership


def find(name):
    """Dashboard NAME with its DashboardArn and DashboardBody, or None."""
    return calls.if_there(calls.client("cloudwatch").get_dashboard, DashboardName=name)


def ensure(name, widgets):
    """Make or change dashboard NAME; widgets: list of dict, as a dashboard's body has them."""
    check(name)
    calls.client("cloudwatch").put_dashboard(
        DashboardName=name, DashboardBody=json.dumps({"widgets": widgets}), Tags=ownership.pairs())


def tags(dashboard):
    return calls.tags("cloudwatch", ResourceARN=dashboard["DashboardArn"])


def remove(name):
    calls.client("cloudwatch").delete_dashboards(DashboardNames=[name])


def listed(meant):
    return calls.listed(meant, tags, "cloudwatch", "list_dashboards", "DashboardEntries",
                        "DashboardName", "DashboardArn")


check, removals, delete = ownership.verbs("dashboard", find, tags, remove)
