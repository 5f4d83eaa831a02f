"""CloudWatch log groups. A service that writes one makes it if it is missing, without tags.

owned, in these verbs: whether what writes the group is the owner's, so that a group without tags
is, too.
"""
from workshop.account import calls, ownership

RETENTION_DAYS = 7
# In front of a log group's name stands the service that writes it.
LAMBDA, SAGEMAKER = "/aws/lambda/", "/aws/sagemaker/Endpoints/"
SERVICES = (LAMBDA, SAGEMAKER, "/aws/apigateway/", "")


def find(group):
    """The log group of this whole name as CloudWatch describes it (dict), or None."""
    return next((one for one in calls.pages("logs", "describe_log_groups", "logGroups",
                                            logGroupNamePrefix=group)
                 if one["logGroupName"] == group), None)


def ensure(group, owned=False, days=RETENTION_DAYS):
    """Find or make a log group (its name), so that no line in it stays for more than so many days.

    days: one of those that put_retention_policy takes.
    """
    ownership.check_name(_bare(group))
    logs, found = calls.client("logs"), find(group)
    if not found:
        logs.create_log_group(logGroupName=group, tags=ownership.tags())
    elif not owned:
        ownership.check(f"log group {group}", tags(found))
    logs.put_retention_policy(logGroupName=group, retentionInDays=days)


def _bare(group):
    """The name without its service."""
    return group.removeprefix(next(one for one in SERVICES if group.startswith(one)))


def delete(group, owned=False):
    """Delete a log group (its name) with its lines."""
    ownership.delete(removals(group, owned))


def removals(group, owned=False):
    """What `delete` takes away for this group."""
    if found := find(group):
        yield ownership.Removal(f"log group {group}", ownership.tags() if owned else tags(found),
                                lambda: remove(group))


def listed(meant, functions, endpoints):
    """What the inventory lists: groups that are meant, by tag or by name.

    functions, endpoints: listings; what a service made for one of ours is ours.
    """
    ours = {service + name for service, things in ((LAMBDA, functions), (SAGEMAKER, endpoints))
            for name, _, found, *_ in things() if ownership.is_ours(found)}
    for one in calls.pages("logs", "describe_log_groups", "logGroups"):
        name, arn = one["logGroupName"], one["arn"].removesuffix(":*")
        if meant(_bare(name)) or meant(name, arn):
            yield name, arn, ownership.tags() if name in ours else tags(one)


tags = calls.tagger("logs", lambda group: {"resourceArn": group["arn"].removesuffix(":*")})
remove = calls.remover("logs", "delete_log_group", lambda group: {"logGroupName": group})
