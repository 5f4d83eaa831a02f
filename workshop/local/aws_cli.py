"""A plugin of the AWS CLI, which our own configuration file names (workshop/machine/settings.py).

Version 1 of the CLI knows old addresses of SQS and goes there, whatever AWS_ENDPOINT_URL says:
`aws sqs` would send the local cloud's queues to AWS.
"""
import os

OLD_ADDRESSES = ("sqs", "health")       # awscli/customizations/overridesslcommonname.py


def awscli_initialize(event_hooks):
    """Called by the CLI when it starts."""
    event_hooks.register_first("before-building-argument-table-parser", keep_endpoint)


def keep_endpoint(parsed_globals, **_):
    """Name the endpoint as `--endpoint-url` does: what is named so, the CLI leaves alone."""
    if parsed_globals.command in OLD_ADDRESSES and parsed_globals.endpoint_url is None:
        parsed_globals.endpoint_url = os.environ.get("AWS_ENDPOINT_URL")
