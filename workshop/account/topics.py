"""SNS topics; alarms send their messages to them."""
from workshop.account import calls, ownership


def find(name):
    """ARN of topic NAME, or None."""
    account, region = calls.where()
    arn = f"arn:aws:sns:{region}:{account}:{name}"
    return arn if calls.if_there(calls.client("sns").get_topic_attributes, TopicArn=arn) else None


def ensure(name):
    """Find or make topic NAME and return its ARN."""
    return check(name) or calls.client("sns").create_topic(
        Name=name, Tags=ownership.pairs())["TopicArn"]


def tags(arn):
    return calls.tags("sns", ResourceArn=arn)


def remove(arn):
    calls.client("sns").delete_topic(TopicArn=arn)


def listed(meant):
    for one in calls.pages("sns", "list_topics", "Topics"):
        arn = one["TopicArn"]
        if meant(arn.rpartition(":")[2], arn):
            yield arn.rpartition(":")[2], arn, tags(arn)


check, removals, delete = ownership.verbs("topic", find, tags, remove)
