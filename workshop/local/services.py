"""The services of the local cloud: those that the lessons use, and no other.

MiniStack has about a hundred, some of which start containers with folders of this machine in them.
"""

# Name in a signature's scope → MiniStack's name of the service (ministack.app.SERVICE_REGISTRY).
# Both API Gateway services sign as `apigateway`; SageMaker is workshop/local/sagemaker's.
SIGNED = {
    "apigateway": "apigateway",
    "budgets": "budgets",
    "cloudformation": "cloudformation",
    "ecr": "ecr",
    "events": "events",
    "iam": "iam",
    "lambda": "lambda",
    "logs": "logs",
    "monitoring": "monitoring",
    "s3": "s3",
    "sagemaker": "sagemaker",
    "scheduler": "scheduler",
    "sns": "sns",
    "sqs": "sqs",
    "sts": "sts",
    "tagging": "tagging",
}

# What MiniStack itself is started with (its setting SERVICES).
MINISTACK = sorted(name for name in SIGNED.values() if name != "sagemaker")
