"""ECR repositories."""
import json

import boto3

import image_registry
from workshop.account import repositories


def test_five_verbs(name, five_verbs):
    ecr = boto3.client("ecr")

    def foreign():
        ecr.create_repository(repositoryName=name)
        return lambda: ecr.delete_repository(repositoryName=name)
    five_verbs(repositories, lambda: repositories.ensure(name), foreign)


def test_it_goes_with_its_images(name):
    repositories.ensure(name)
    digest = image_registry.store(boto3.client("ecr"), name, imageTag="v1")
    assert repositories.digest(name, "v1") == digest
    repositories.delete(name)
    assert repositories.find(name) is None


def test_only_the_owners_functions_may_pull(name):
    repositories.ensure(name)
    text = boto3.client("ecr").get_repository_policy(repositoryName=name)["policyText"]
    [statement] = json.loads(text)["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert set(statement["Action"]) == {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
    account = boto3.client("sts").get_caller_identity()["Account"]
    assert statement["Condition"] == {"StringLike": {
        "aws:sourceArn": f"arn:aws:lambda:us-east-1:{account}:function:workshop-test-*"}}
    repositories.delete(name)
