"""SNS topics."""
import boto3

from workshop.account import topics


def test_five_verbs(name, five_verbs):
    sns = boto3.client("sns")

    def foreign():
        arn = sns.create_topic(Name=name)["TopicArn"]
        return lambda: sns.delete_topic(TopicArn=arn)
    five_verbs(topics, lambda: topics.ensure(name), foreign)
