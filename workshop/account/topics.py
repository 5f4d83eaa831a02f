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


def listed(meant):
    """What the inventory lists of the topics that are meant."""
    for one in calls.pages("sns", "list_topics", "Topics"):
        arn = one["TopicArn"]
        if meant(arn.rpartition(":")[2], arn):
            yield arn.rpartition(":")[2], arn, tags(arn)


tags = calls.tagger("sns", lambda arn: {"ResourceArn": arn})
remove = calls.remover("sns", "delete_topic", lambda arn: {"TopicArn": arn})
check, removals, delete = ownership.verbs("topic", find, tags, remove)
