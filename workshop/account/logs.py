"""CloudWatch log groups. A service that writes one makes it if it is missing, without tags."""
from workshop.account import calls, ownership

RETENTION_DAYS = 7
# In front of a log group's name stands the service that writes it.
LAMBDA, SAGEMAKER = "/aws/lambda/", "/aws/sagemaker/Endpoints/"
SERVICES = (LAMBDA, SAGEMAKER, "/aws/apigateway/", "")


def find(group):
    """The log group of this whole name as CloudWatch describes it, or None."""
    return next((one for one in calls.pages("logs", "describe_log_groups", "logGroups",
                                            logGroupNamePrefix=group)
                 if one["logGroupName"] == group), None)


def ensure(group, owned=False, days=RETENTION_DAYS):
    """Find or make a log group, so that no line in it stays for more than so many days.

    owned: whether what writes it is the owner's, so that a group without tags is, too.
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


def tags(group):
    return calls.tags("logs", resourceArn=group["arn"].removesuffix(":*"))


def delete(group, owned=False):
    """Delete a log group with its lines."""
    ownership.delete(removals(group, owned))


def removals(group, owned=False):
    if found := find(group):
        yield ownership.Removal(f"log group {group}", ownership.tags() if owned else tags(found),
                                lambda: remove(group))


def remove(group):
    calls.client("logs").delete_log_group(logGroupName=group)


def listed(meant, functions, endpoints):
    """Groups with the tag; and those that a service made for a function or endpoint of ours."""
    ours = {service + name for service, things in ((LAMBDA, functions), (SAGEMAKER, endpoints))
            for name, _, found, *_ in things() if ownership.is_ours(found)}
    for one in calls.pages("logs", "describe_log_groups", "logGroups"):
        name, arn = one["logGroupName"], one["arn"].removesuffix(":*")
        if meant(_bare(name)) or meant(name, arn):
            yield name, arn, ownership.tags() if name in ours else tags(one)
