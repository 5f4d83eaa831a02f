"""More calls that AWS refuses: things that are not there, limits, rules, by its documentation.

Most are siblings of the rows in `test_aws_answers.py`; MiniStack takes them, or says it otherwise.
"""
import json

import pytest

from calls import (
    ACCOUNT,
    ARN,
    NAME,
    NOW,
    QUEUE_ARN,
    REGION,
    TOPIC,
    TRUST,
    URI,
    Of,
    alarm,
    client,
    datum,
    known,
    like,
    milliseconds,
    new,
    policy,
    refused,
    schedule,
    statistics,
    target,
    trust,
)

NONE, NOT_THERE = f"{NAME}-none", f"{ARN}-none"
NO_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:nope"
NO_QUEUE = f"http://localhost/{ACCOUNT}/workshop-test-nope"
QUEUE, FIFO = Of("queue"), Of("fifo")
GONE, INVALID = "ResourceNotFoundException", "InvalidParameterValueException"
VALIDATION, VALUE = "ValidationException", "InvalidParameterValue"


def of(**more):
    return {"FunctionName": NAME, **more}


def redrive(**document):
    return ("sqs", "set_queue_attributes", {
        "QueueUrl": QUEUE, "Attributes": {"RedrivePolicy": json.dumps(document)}})


def template(body, **more):
    return ("cloudformation", "create_stack", {
        "StackName": f"{NAME}-new", "TemplateBody": json.dumps(body), **more})


def parameter(about, value):
    """A stack with one parameter and a value for it."""
    return template({"Parameters": {"P": about}, "Resources": {"A": TOPIC}},
                    Parameters=[{"ParameterKey": "P", "ParameterValue": value}])


# (service, call, parameters), error code, message (`…`: any text)
ROWS = [
    # Lambda
    (("lambda", "get_function", of(Qualifier="99")), GONE, f"Function not found: {ARN}:99"),
    (("lambda", "get_function", of(Qualifier="nope")), GONE, f"Function not found: {ARN}:nope"),
    (("lambda", "create_alias", of(Name="live", FunctionVersion="1")), "ResourceConflictException",
     f"Alias already exists: {ARN}:live"),
    (("lambda", "get_alias", of(Name="nope")), GONE, f"Cannot find alias arn: {ARN}:nope"),
    (("lambda", "delete_function", of(Qualifier="1")), "ResourceConflictException",
     "…referenced…"),
    (("lambda", "get_policy", of()), GONE, "The resource you requested does not exist."),
    (("lambda", "get_event_source_mapping", {"UUID": "12345678-1234-1234-1234-123456789012"}),
     GONE, "The resource you requested does not exist."),
    (("lambda", "update_event_source_mapping", {"UUID": "12345678-1234-1234-1234-123456789012",
     "BatchSize": 1}), GONE, "The resource you requested does not exist."),
    (("lambda", "delete_event_source_mapping", {"UUID": "12345678-1234-1234-1234-123456789012"}),
     GONE, "The resource you requested does not exist."),
    (("lambda", "create_event_source_mapping", {"FunctionName": NAME}), INVALID,
     "Unrecognized event source."),
    (("lambda", "get_function_event_invoke_config", of()), GONE,
     f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"),
    (("lambda", "delete_function_event_invoke_config", of()), GONE,
     f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"),
    (("lambda", "update_function_event_invoke_config", of(MaximumRetryAttempts=1)), GONE,
     f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig"),
    (("lambda", "put_function_event_invoke_config", {"FunctionName": NONE, "MaximumRetryAttempts":
     1}), GONE, "The function doesn't exist."),
    (("lambda", "put_function_event_invoke_config", of(Qualifier="99", MaximumRetryAttempts=1)),
     GONE, "The function doesn't exist."),
    (("lambda", "get_function_url_config", of()), GONE,
     "The resource you requested does not exist."),
    (("lambda", "delete_function_url_config", of()), GONE,
     "The resource you requested does not exist."),
    (("lambda", "update_function_url_config", of(AuthType="NONE")), GONE,
     "The resource you requested does not exist."),
    (("lambda", "create_function_url_config", {"FunctionName": NONE, "AuthType": "NONE"}), GONE,
     "Function does not exist"),
    (("lambda", "get_provisioned_concurrency_config", of(Qualifier="1")),
     "ProvisionedConcurrencyConfigNotFoundException",
     "No Provisioned Concurrency Config found for this function"),
    (("lambda", "get_provisioned_concurrency_config", of(Qualifier="$LATEST")), INVALID,
     "…function resource provided must be an alias or a published version…"),
    (("lambda", "put_provisioned_concurrency_config", of(Qualifier="1",
     ProvisionedConcurrentExecutions=2000)), INVALID,
     "…Specified ConcurrentExecutions for function is greater than account's unreserved "
     "concurrency…"),
    (("lambda", "create_function", new(Code={
        "ZipFile": b"PK\x05\x06" + bytes(18)})), INVALID,
     "Uploaded file must be a non-empty zip"),
    (("lambda", "create_function", new(Code={})), INVALID,
     "Please provide a source for function code."),
    (("lambda", "update_function_code", of()), INVALID,
     "…Please provide a source for function code.…"),
    (("lambda", "get_function", {"FunctionName": ARN + ":1", "Qualifier": "2"}), INVALID,
     "The derived qualifier from the function name does not match the specified qualifier."),
    (("lambda", "get_function", {"FunctionName": ARN.replace("us-east-1", "us-west-2")}), GONE,
     "Functions from 'us-west-2' are not reachable in this region…"),
    (("lambda", "create_function", new(SnapStart={"ApplyOn": "PublishedVersions"},
     Runtime="python3.11")), INVALID, "…is not supported for SnapStart enabled functions…"),
    (("lambda", "update_alias", of(Name="live", RevisionId="x", FunctionVersion="1")),
     "PreconditionFailedException",
     "…The Revision Id provided does not match the latest Revision Id…"),
    (("lambda", "publish_layer_version", {"LayerName": "l", "Content": {"S3Bucket": NAME, "S3Key":
     "nope"}}), INVALID, "…S3 Error Code: NoSuchKey…"),
    (("lambda", "publish_layer_version", {"LayerName": "l", "Content": {}}), INVALID, "…source…"),
    (("lambda", "create_function", new(ImageConfig={"Command": ["x"]})), INVALID, "…ImageConfig…"),
    (("lambda", "update_function_configuration", of(ImageConfig={"Command": ["x"]})), INVALID,
     "…ImageConfig…"),
    # SQS
    (("sqs", "send_message", {"QueueUrl": NO_QUEUE, "MessageBody": "x"}),
     "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
    (("sqs", "receive_message", {"QueueUrl": NO_QUEUE}), "AWS.SimpleQueueService.NonExistentQueue",
     "The specified queue does not exist."),
    (("sqs", "delete_queue", {"QueueUrl": NO_QUEUE}), "AWS.SimpleQueueService.NonExistentQueue",
     "The specified queue does not exist."),
    (("sqs", "send_message", {"QueueUrl": FIFO, "MessageBody": "a", "MessageGroupId": "g"}), VALUE,
     "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
     "provided explicitly"),
    (("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "a", "MessageDeduplicationId":
     "d"}), VALUE,
     "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include "
     "parameter that is not valid for this queue type."),
    (("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "a", "DelaySeconds": 901}), VALUE,
     "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and "
     "<= 900."),
    (("sqs", "receive_message", {"QueueUrl": QUEUE, "MaxNumberOfMessages": 11}), VALUE,
     "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, "
     "if provided."),
    (("sqs", "send_message_batch", {"QueueUrl": QUEUE, "Entries": [{"Id": str(i), "MessageBody":
     "x"} for i in range(11)]}), "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
     "Maximum number of entries per request are 10. You have sent 11."),
    (("sqs", "create_queue", {"QueueName": "x.fifo"}), VALUE,
     "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"),
    (("sqs", "create_queue", {"QueueName": "x", "Attributes": {"FifoQueue": "true"}}), VALUE,
     "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
     "underscores, must end with .fifo suffix and be 1 to 80 in length…"),
    (("sqs", "create_queue", {"QueueName": "x", "Attributes": {"ContentBasedDeduplication":
     "true"}}), "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."),
    (("sqs", "set_queue_attributes", {"QueueUrl": QUEUE, "Attributes": {"Policy": "nope"}}),
     "InvalidAttributeValue", "Invalid value for the parameter Policy."),
    (redrive(deadLetterTargetArn=QUEUE_ARN, maxReceiveCount=0), VALUE,
     "…Reason: Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both "
     "inclusive."),
    (redrive(deadLetterTargetArn=QUEUE_ARN), VALUE,
     "…Reason: Redrive policy does not contain mandatory attribute: maxReceiveCount."),
    (redrive(maxReceiveCount=1), VALUE,
     "…Reason: Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
    (("sqs", "set_queue_attributes", {"QueueUrl": QUEUE, "Attributes": {"RedrivePolicy": "nope"}}),
     VALUE,
     "Value nope for parameter RedrivePolicy is invalid. Reason: Redrive policy is not a valid "
     "JSON map."),
    (redrive(deadLetterTargetArn=QUEUE_ARN + ".fifo", maxReceiveCount=1), VALUE,
     "…Reason: Dead-letter queue must be same type of queue as the source."),
    (("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "a", "MessageAttributes": {"a":
     {"DataType": "Nope", "StringValue": "x"}}}), VALUE,
     "The message attribute 'a' has an invalid message attribute type, the set of supported "
     "type prefixes is Binary, Number, and String."),
    (("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "a", "MessageAttributes": {"a":
     {"DataType": "String", "StringValue": ""}}}), VALUE,
     "…attribute 'a' must contain non-empty…"),
    (("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "a", "MessageAttributes": {"a":
     {"DataType": "Number", "StringValue": "x"}}}), VALUE,
     "…Can't cast the value of message (user) attribute 'a' to a number.…"),
    (("sqs", "send_message", {"QueueUrl": QUEUE, "MessageBody": "a", "MessageAttributes": {f"a{i}":
     {"DataType": "String", "StringValue": "x"} for i in range(11)}}), VALUE,
     "Number of message attributes [11] exceeds the allowed maximum [10]."),
    (("sqs", "set_queue_attributes", {"QueueUrl": QUEUE, "Attributes": {"FifoQueue": "true"}}),
     "InvalidAttributeName", "Unknown Attribute FifoQueue."),
    (("sqs", "remove_permission", {"QueueUrl": QUEUE, "Label": "nope"}), VALUE,
     "Value nope for parameter Label is invalid. Reason: can't find label on existing policy."),
    (("sqs", "tag_queue", {"QueueUrl": QUEUE, "Tags": {f"k{number}": "v" for number in range(51)}}),
     VALUE, f"Too many tags added for queue {NAME}."),
    # SNS
    (("sns", "publish_batch", {"TopicArn": Of("topic"), "PublishBatchRequestEntries": [
        {"Id": "a b", "Message": "x"}]}), "InvalidBatchEntryId", "…"),
    (("sns", "publish_batch", {"TopicArn": Of("topic"), "PublishBatchRequestEntries": [
        {"Id": str(number), "Message": "x" * 140_000} for number in range(2)]}),
     "BatchRequestTooLong", "…"),
    (("sns", "publish", {"TopicArn": NO_TOPIC, "Message": "x"}), "NotFound",
     "Topic does not exist"),
    (("sns", "publish", {"Message": "x"}), "InvalidParameter",
     "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter"),
    (("sns", "publish", {"TopicArn": "nope", "Message": "x"}), "InvalidParameter",
     "Invalid parameter: TopicArn…"),
    (("sns", "subscribe", {"TopicArn": NO_TOPIC, "Protocol": "sqs", "Endpoint": QUEUE_ARN}),
     "NotFound", "Topic does not exist"),
    (("sns", "get_topic_attributes", {"TopicArn": NO_TOPIC}), "NotFound", "Topic does not exist"),
    (("sns", "set_topic_attributes", {"TopicArn": NO_TOPIC, "AttributeName": "DisplayName",
     "AttributeValue": "x"}), "NotFound", "Topic does not exist"),
    (("sns", "subscribe", {"TopicArn": Of("topic"), "Protocol": "sqs", "Endpoint": "nope"}),
     "InvalidParameter", "Invalid parameter: SQS endpoint ARN"),
    (("sns", "subscribe", {"TopicArn": Of("topic"), "Protocol": "lambda", "Endpoint": "nope"}),
     "InvalidParameter", "Invalid parameter: Lambda endpoint ARN"),
    (("sns", "subscribe", {"TopicArn": Of("topic"), "Protocol": "email", "Endpoint": "nope"}),
     "InvalidParameter", "Invalid parameter: Email address"),
    (("sns", "subscribe", {"TopicArn": Of("topic"), "Protocol": "http", "Endpoint":
     "https://x.y"}), "InvalidParameter",
     "Invalid parameter: Endpoint must match the specified protocol"),
    (("sns", "subscribe", {"TopicArn": Of("topic"), "Protocol": "sqs", "Endpoint": QUEUE_ARN +
     ".fifo"}), "InvalidParameter",
     "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be "
     "subscribed to standard SNS topics"),
    (("sns", "subscribe", {"TopicArn": Of("topic"), "Protocol": "sqs", "Endpoint": QUEUE_ARN,
     "Attributes": {"FilterPolicy": "nope"}}), "InvalidParameter",
     "…FilterPolicy: failed to parse JSON…"),
    (("sns", "subscribe", {"TopicArn": Of("topic"), "Protocol": "sqs", "Endpoint": QUEUE_ARN,
     "Attributes": {"Nope": "x"}}), "InvalidParameter", "Invalid parameter: AttributeName"),
    (("sns", "unsubscribe", {"SubscriptionArn": "nope"}), "InvalidParameter",
     "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
    (("sns", "get_subscription_attributes", {"SubscriptionArn": NO_TOPIC +
     ":12345678-1234-1234-1234-123456789012"}), "NotFound", "Subscription does not exist"),
    (("sns", "create_topic", {"Name": "x", "Attributes": {"FifoTopic": "true"}}),
     "InvalidParameter",
     "Invalid parameter: Fifo Topic names must end with .fifo and must be made up of only "
     "uppercase and lowercase ASCII letters, numbers, underscores, and hyphens, and must be "
     "between 1 and 256 characters long."),
    (("sns", "create_topic", {"Name": "x.fifo"}), "InvalidParameter",
     "Invalid parameter: Topic Name"),
    (("sns", "create_topic", {"Name": NAME + "-t", "Tags": [{"Key": "a", "Value": "other"}]}),
     "InvalidParameter",
     "Invalid parameter: Tags Reason: Topic already exists with different tags"),
    (("sns", "set_topic_attributes", {"TopicArn": Of("topic"), "AttributeName": "Nope",
     "AttributeValue": "x"}), "InvalidParameter", "Invalid parameter: AttributeName"),
    (("sns", "set_topic_attributes", {"TopicArn": Of("topic"), "AttributeName": "Policy",
     "AttributeValue": "nope"}), "InvalidParameter", "…Policy…"),
    (("sns", "publish_batch", {"TopicArn": Of("topic"), "PublishBatchRequestEntries": []}),
     "EmptyBatchRequest", "The batch request doesn't contain any entries."),
    (("sns", "publish_batch", {"TopicArn": Of("topic"), "PublishBatchRequestEntries": [{"Id": "a",
     "Message": "x"}] * 2}), "BatchEntryIdsNotDistinct",
     "Two or more batch entries in the request have the same Id."),
    (("sns", "publish_batch", {"TopicArn": Of("topic"), "PublishBatchRequestEntries": [{"Id":
     str(i), "Message": "x"} for i in range(11)]}), "TooManyEntriesInBatchRequest",
     "The batch request contains more entries than permissible."),
    (("sns", "publish", {"TopicArn": Of("topic"), "Message": "x", "MessageAttributes": {"a":
     {"DataType": "Nope", "StringValue": "x"}}}), VALUE,
     "…The message attribute 'a' has an invalid message attribute type, the set of supported "
     "type prefixes is Binary, Number, and String.…"),
    (("sns", "confirm_subscription", {"TopicArn": Of("topic"), "Token": "x"}), "InvalidParameter",
     "Invalid parameter: Token"),
    (("sns", "publish", {"TopicArn": Of("topic"), "Message": "x", "MessageDeduplicationId": "x"}),
     "InvalidParameter",
     "Invalid parameter: MessageDeduplicationId Reason: The request includes "
     "MessageDeduplicationId parameter that is not valid for this topic type"),
    # EventBridge
    (("events", "describe_rule", {"Name": "nope"}), GONE,
     "Rule nope does not exist on EventBus default."),
    (("events", "put_targets", {"Rule": "nope", "Targets": [{"Id": "a", "Arn": ARN}]}), GONE,
     "Rule nope does not exist on EventBus default."),
    (("events", "remove_targets", {"Rule": "nope", "Ids": ["a"]}), GONE,
     "Rule nope does not exist on EventBus default."),
    (("events", "list_targets_by_rule", {"Rule": "nope"}), GONE,
     "Rule nope does not exist on EventBus default."),
    (("events", "enable_rule", {"Name": "nope"}), GONE,
     "Rule nope does not exist on EventBus default."),
    (("events", "disable_rule", {"Name": "nope"}), GONE,
     "Rule nope does not exist on EventBus default."),
    (("events", "describe_event_bus", {"Name": "nobus"}), GONE,
     "Event bus nobus does not exist."),
    (("events", "create_event_bus", {"Name": "default"}), "ResourceAlreadyExistsException",
     "Event bus default already exists."),
    (("events", "create_event_bus", {"Name": "a/b"}), VALIDATION,
     "Event bus name must not contain '/'."),
    (("events", "delete_event_bus", {"Name": "default"}), VALIDATION,
     "Cannot delete event bus default."),
    (("events", "put_targets", target(Arn=QUEUE_ARN + ".fifo")), VALIDATION,
     "Parameter(s) SqsParameters must be specified for target: t1."),
    (("events", "list_tags_for_resource", {"ResourceARN":
     f"arn:aws:events:{REGION}:{ACCOUNT}:rule/nope"}), GONE,
     "Rule nope does not exist on EventBus default."),
    (("events", "tag_resource", {"ResourceARN": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/nope",
     "Tags": [{"Key": "a", "Value": "b"}]}), GONE,
     "Rule nope does not exist on EventBus default."),
    # EventBridge Scheduler
    (("scheduler", "get_schedule", {"Name": "nope"}), GONE, "Schedule nope does not exist."),
    (("scheduler", "delete_schedule", {"Name": "nope"}), GONE, "Schedule nope does not exist."),
    (("scheduler", "update_schedule", schedule("rate(5 minutes)", role=Of("srole"), Name="nope")),
     GONE, "Schedule nope does not exist."),
    (("scheduler", "create_schedule", schedule("rate(5 minutes)", role=Of("srole"), Name=NAME +
     "-s")), "ConflictException", f"Schedule {NAME}-s already exists."),
    (("scheduler", "create_schedule", schedule("at(2030-13-31T23:59:59)", role=Of("srole"))),
     VALIDATION, "Invalid Schedule Expression…"),
    # S3
    (("s3", "complete_multipart_upload", {"Bucket": Of("full"), "Key": "k", "UploadId": "nope",
     "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "x"}]}}), "NoSuchUpload",
     "The specified upload does not exist. The upload ID may be invalid, or the upload may "
     "have been aborted or completed."),
    (("s3", "abort_multipart_upload", {"Bucket": Of("full"), "Key": "k", "UploadId": "nope"}),
     "NoSuchUpload", "The specified upload does not exist…"),
    (("s3", "copy_object", {"Bucket": Of("full"), "Key": "k", "CopySource": f"{NAME}-full/k"}),
     "InvalidRequest",
     "This copy request is illegal because it is trying to copy an object to itself…"),
    (("s3", "put_bucket_lifecycle_configuration", {"Bucket": NAME, "LifecycleConfiguration":
     {"Rules": [{"ID": "a", "Status": "Enabled", "Expiration": {"Days": 1}}]}}), "MalformedXML",
     "The XML you provided was not well-formed or did not validate against our published schema"),
    (("s3", "put_bucket_lifecycle_configuration", {"Bucket": NAME, "LifecycleConfiguration":
     {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days":
     1}}] * 2}}), "InvalidArgument",
     "Rule ID must be unique. Found same ID for more than one rule"),
    (("s3", "put_bucket_lifecycle_configuration", {"Bucket": NAME, "LifecycleConfiguration":
     {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "a"}}]}}), "InvalidRequest",
     "At least one action needs to be specified in a rule"),
    (("s3", "list_objects_v2", {"Bucket": NAME, "MaxKeys": -1}), "InvalidArgument",
     "…maxKeys…"),
    (("s3", "put_object", {"Bucket": NAME, "Key": "k", "Body": b"x", "ContentMD5": "nope"}),
     "InvalidDigest", "The Content-MD5 you specified was invalid."),
    (("s3", "put_bucket_notification_configuration", {"Bucket": NAME, "NotificationConfiguration":
     {"QueueConfigurations": [{"QueueArn": QUEUE_ARN + "-nope", "Events":
     ["s3:ObjectCreated:*"]}]}}), "InvalidArgument",
     "Unable to validate the following destination configurations"),
    (("s3", "put_bucket_notification_configuration", {"Bucket": NAME, "NotificationConfiguration":
     {"QueueConfigurations": [{"QueueArn": "nope", "Events": ["s3:ObjectCreated:*"]}]}}),
     "InvalidArgument", "The ARN could not be parsed"),
    (("s3", "put_object", {"Bucket": NAME, "Key": "k", "Tagging": "a=1&a=2"}), "InvalidArgument",
     "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query "
     "parameters without tag name duplicates."),
    (("s3", "upload_part", {"Bucket": NAME, "Key": "k", "UploadId": "nope", "PartNumber": 1,
     "Body": b"x"}), "NoSuchUpload", "The specified upload does not exist…"),
    (("s3", "put_bucket_cors", {"Bucket": NAME, "CORSConfiguration": {"CORSRules":
     [{"AllowedMethods": ["NOPE"], "AllowedOrigins": ["*"]}]}}), "InvalidRequest",
     "Found unsupported HTTP method in CORS config. Unsupported method is NOPE"),
    (("s3", "put_bucket_policy", {"Bucket": NAME, "Policy": policy(Principal={"AWS": "nope"},
     Resource=f"arn:aws:s3:::{NAME}/*")}), "MalformedPolicy", "Invalid principal in policy"),
    (("s3", "put_bucket_policy", {"Bucket": NAME, "Policy": "nope"}), "MalformedPolicy",
     "Policies must be valid JSON and the first byte must be '{'"),
    # IAM
    (trust(Principal={"Service": "lamda.amazonaws.com"}), "MalformedPolicyDocument",
     'Invalid principal in policy: "SERVICE":"lamda.amazonaws.com"'),
    (("iam", "put_role_policy", {"RoleName": NAME, "PolicyName": "x", "PolicyDocument":
     policy(Sid="a b")}), "MalformedPolicyDocument",
     "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
     "expression [0-9A-Za-z]*"),
    (("iam", "get_role", {"RoleName": "nope"}), "NoSuchEntity",
     "The role with name nope cannot be found."),
    (("iam", "delete_role", {"RoleName": "nope"}), "NoSuchEntity",
     "The role with name nope cannot be found."),
    (("iam", "delete_role", {"RoleName": NAME}), "DeleteConflict",
     "Cannot delete entity, must delete policies first."),
    (("iam", "attach_role_policy", {"RoleName": "nope", "PolicyArn":
     "arn:aws:iam::aws:policy/ReadOnlyAccess"}), "NoSuchEntity",
     "The role with name nope cannot be found."),
    (("iam", "detach_role_policy", {"RoleName": NAME, "PolicyArn":
     "arn:aws:iam::aws:policy/ReadOnlyAccess"}), "NoSuchEntity",
     "Policy arn:aws:iam::aws:policy/ReadOnlyAccess was not found."),
    (("iam", "get_policy", {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/nope"}), "NoSuchEntity",
     f"Policy arn:aws:iam::{ACCOUNT}:policy/nope was not found."),
    (("iam", "delete_policy", {"PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/nope"}),
     "NoSuchEntity", f"Policy arn:aws:iam::{ACCOUNT}:policy/nope was not found."),
    (("iam", "create_policy", {"PolicyName": NAME + "-p", "PolicyDocument": policy()}),
     "EntityAlreadyExists",
     f"A policy called {NAME}-p already exists. Duplicate names are not allowed."),
    (("iam", "create_policy_version", {"PolicyArn": Of("policy"), "PolicyDocument": policy()}),
     "LimitExceeded",
     "A managed policy can have up to 5 versions. Before you create a new version, you must "
     "delete an existing version."),
    (("iam", "delete_policy", {"PolicyArn": Of("policy")}), "DeleteConflict",
     "This policy has more than one version. Before you delete a policy, you must delete the "
     "policy's versions. The default version is deleted with the policy."),
    (trust(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:role/nope-none"}), "MalformedPolicyDocument",
     f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:role/nope-none"'),
    (("iam", "update_assume_role_policy", {"RoleName": "nope", "PolicyDocument": TRUST}),
     "NoSuchEntity", "The role with name nope cannot be found."),
    (("iam", "list_attached_role_policies", {"RoleName": "nope"}), "NoSuchEntity",
     "The role with name nope cannot be found."),
    (("iam", "list_role_policies", {"RoleName": "nope"}), "NoSuchEntity",
     "The role with name nope cannot be found."),
    (("iam", "update_role", {"RoleName": "nope"}), "NoSuchEntity",
     "The role with name nope cannot be found."),
    # STS
    (("sts", "assume_role", {"RoleArn": Of("arole"), "RoleSessionName": "ss", "DurationSeconds":
     7200}), "ValidationError",
     "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
    (("sts", "assume_role", {"RoleArn": Of("arole"), "RoleSessionName": "ss", "Policy": "nope"}),
     "MalformedPolicyDocument", "…invalid Json…"),
    # CloudWatch
    (datum(Value=float("nan")), VALUE,
     "…The value NaN for parameter MetricData.member.1.Value is invalid.…"),
    (("cloudwatch", "put_metric_data", {"Namespace": "N", "MetricData": [{"MetricName": "m",
     "Value": 1, "Timestamp": NOW - 86400 * 30}]}), VALUE, "…Timestamp…"),
    (("cloudwatch", "put_dashboard", {"DashboardName": "nope", "DashboardBody": "nope"}),
     "InvalidParameterInput", "…"),
    (alarm(AlarmActions=["nope"]), "ValidationError", "…Invalid arn syntax: nope…"),
    (("cloudwatch", "get_metric_data", {"StartTime": NOW, "EndTime": NOW + 60, "MetricDataQueries":
     [{"Id": "A", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60,
     "Stat": "Sum"}}]}), "ValidationError", "…MetricDataQueries.member.1.Id…"),
    (("cloudwatch", "get_metric_data", {"StartTime": NOW, "EndTime": NOW + 60, "MetricDataQueries":
     [{"Id": "a", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 45,
     "Stat": "Sum"}}]}), "ValidationError", "…eriod…"),
    (("cloudwatch", "get_metric_data", {"StartTime": NOW, "EndTime": NOW + 60, "MetricDataQueries":
     [{"Id": "a", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60,
     "Stat": "Nope"}}]}), "ValidationError", "…tat…"),
    (statistics(Statistics=["Nope"]), "InvalidParameterValue",
     "The parameter Statistics.member.1 must be a value in the set [ …"),
    # Logs
    (("logs", "create_log_group", {"logGroupName": "aws/x"}), "InvalidParameterException",
     "Log groups starting with AWS/ are reserved for AWS."),
    (("logs", "create_log_group", {"logGroupName": NAME}), "ResourceAlreadyExistsException",
     "The specified log group already exists"),
    (("logs", "create_log_stream", {"logGroupName": NAME, "logStreamName": "s"}),
     "ResourceAlreadyExistsException", "The specified log stream already exists"),
    (("logs", "create_log_stream", {"logGroupName": "nope", "logStreamName": "s"}), GONE,
     "The specified log group does not exist."),
    (("logs", "delete_log_group", {"logGroupName": "nope"}), GONE,
     "The specified log group does not exist."),
    (("logs", "put_log_events", {"logGroupName": NAME, "logStreamName": "nope", "logEvents":
     [{"timestamp": milliseconds(), "message": "a"}]}), GONE,
     "The specified log stream does not exist."),
    (("logs", "put_log_events", {"logGroupName": "nope", "logStreamName": "nope", "logEvents":
     [{"timestamp": milliseconds(), "message": "a"}]}), GONE,
     "The specified log group does not exist."),
    (("logs", "filter_log_events", {"logGroupName": "nope"}), GONE,
     "The specified log group does not exist."),
    (("logs", "get_log_events", {"logGroupName": NAME, "logStreamName": "nope"}), GONE,
     "The specified log stream does not exist."),
    (("logs", "describe_log_streams", {"logGroupName": "nope"}), GONE,
     "The specified log group does not exist."),
    (("logs", "put_retention_policy", {"logGroupName": "nope", "retentionInDays": 1}), GONE,
     "The specified log group does not exist."),
    (("logs", "describe_log_streams", {"logGroupName": NAME, "orderBy": "LastEventTime",
     "logStreamNamePrefix": "s"}), "InvalidParameterException",
     "Cannot order by LastEventTime with a logStreamNamePrefix."),
    (("logs", "filter_log_events", {"logGroupName": NAME, "filterPattern": "{ $.a = "}),
     "InvalidParameterException", "…nvalid…"),
    (("logs", "start_query", {"logGroupName": NAME, "startTime": 1, "endTime": 2, "queryString":
     "nonsense !!"}), "MalformedQueryException", "…"),
    (("logs", "put_metric_filter", {"logGroupName": "nope", "filterName": "f", "filterPattern":
     "x", "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue":
     "1"}]}), GONE, "The specified log group does not exist."),
    (("logs", "delete_log_stream", {"logGroupName": NAME, "logStreamName": "nope"}), GONE,
     "The specified log stream does not exist."),
    (("logs", "put_subscription_filter", {"logGroupName": NAME, "filterName": "f",
     "filterPattern": "", "destinationArn": NOT_THERE}), "InvalidParameterException",
     "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission "
     "to execute your function."),
    (("logs", "delete_metric_filter", {"logGroupName": NAME, "filterName": "nope"}), GONE,
     "The specified metric filter does not exist."),
    # CloudFormation
    (("cloudformation", "get_template", {"StackName": "nope"}), "ValidationError",
     "Stack with id nope does not exist"),
    (("cloudformation", "describe_stack_resources", {"StackName": "nope"}), "ValidationError",
     "Stack with id nope does not exist"),
    (("cloudformation", "list_stack_resources", {"StackName": "nope"}), "ValidationError",
     "Stack with id nope does not exist"),
    (("cloudformation", "describe_stack_resource", {"StackName": NAME, "LogicalResourceId":
     "Nope"}), "ValidationError", f"Resource Nope does not exist for stack {NAME}"),
    (template({"Resources": {"A": {**TOPIC, "Properties": {"TopicName": {"Ref": "Missing"}}}}}),
     "ValidationError",
     "Template format error: Unresolved resource dependencies [Missing] in the Resources block "
     "of the template"),
    (template({"Resources": {"A": TOPIC}, "Outputs": {"O": {"Value": {"Ref": "Missing"}}}}),
     "ValidationError",
     "Template format error: Unresolved resource dependencies [Missing] in the Outputs block "
     "of the template"),
    (template({"Resources": {"A": {**TOPIC, "DependsOn": "Missing"}}}), "ValidationError",
     "Template format error: Unresolved resource dependencies [Missing] in the Resources block "
     "of the template"),
    (template({"Resources": {"A": {**TOPIC, "DependsOn": "B"}, "B": {**TOPIC, "DependsOn": "A"}}}),
     "ValidationError", "Circular dependency between resources: [A, B]"),
    (template({"Resources": {"A": {**TOPIC, "Properties": {"TopicName": {"Fn::GetAtt": ["Missing",
     "Arn"]}}}}}), "ValidationError",
     "Template error: instance of Fn::GetAtt references undefined resource Missing"),
    (template({"Resources": {"A": TOPIC}, "Outputs": {"O": {}}}), "ValidationError", "…Output…"),
    (template({"Parameters": {"P": {}}, "Resources": {"A": TOPIC}}), "ValidationError",
     "Template format error: Every Parameters object must contain a Type member."),
    (template({"Resources": {"A": {**TOPIC, "Condition": "Nope"}}}), "ValidationError",
     "Template format error: Unresolved condition dependency Nope in the Resources block of "
     "the template"),
    (template({"Resources": {"A": {**TOPIC, "Propertiess": {}}}}), "ValidationError",
     "Invalid template resource property 'Propertiess'"),
    (template({"Resources": {"A": {**TOPIC, "Properties": {"TopicName": {"Fn::FindInMap": ["M",
     "a", "b"]}}}}, "Mappings": {"M": {"x": {"y": "z"}}}}), "ValidationError",
     "Template error: Unable to get mapping for M::a::b"),
    (template({"Resources": {"A": {**TOPIC, "Properties": {"TopicName": {"Fn::Sub":
     "${Missing}"}}}}}), "ValidationError",
     "…Unresolved resource dependencies [Missing] in the Resources block of the template"),
    (parameter({"Type": "String", "AllowedValues": ["a"]}, "b"), "ValidationError",
     "Parameter 'P' must be one of AllowedValues"),
    (parameter({"Type": "String", "AllowedPattern": "[a-z]+"}, "B1"), "ValidationError",
     "Parameter 'P' must match pattern [a-z]+"),
    (parameter({"Type": "String", "MinLength": 3}, "a"), "ValidationError",
     "Parameter 'P' must contain at least 3 characters"),
    (parameter({"Type": "String", "MaxLength": 1}, "abc"), "ValidationError",
     "Parameter 'P' must contain at most 1 characters"),
    (parameter({"Type": "Number"}, "abc"), "ValidationError", "Parameter 'P' must be a number"),
    (parameter({"Type": "Number", "MinValue": 5}, "1"), "ValidationError",
     "Parameter 'P' must be a number not less than 5"),
    (parameter({"Type": "Number", "MaxValue": 5}, "9"), "ValidationError",
     "Parameter 'P' must be a number not greater than 5"),
    (("cloudformation", "create_stack", {"StackName": "nn"}), "ValidationError",
     "Either Template URL or Template Body must be specified."),
    (("cloudformation", "create_stack", {"StackName": "nn", "TemplateBody": "nope"}),
     "ValidationError", "Template format error: unsupported structure."),
    (("cloudformation", "delete_stack", {"StackName": "a b"}), "ValidationError",
     "1 validation error detected: Value 'a b' at 'stackName' failed to satisfy constraint…"),
    (("cloudformation", "describe_stacks", {"StackName": "a_b"}), "ValidationError",
     "1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint…"),
    # API Gateway, REST APIs
    (("apigateway", "create_rest_api", {"name": ""}), "BadRequestException", "…name…empty…"),
    (("apigateway", "delete_resource", {"restApiId": Of("rest api"), "resourceId": Of("root")}),
     "BadRequestException", "Root resource cannot be deleted"),
    (("apigateway", "get_rest_api", {"restApiId": "nope"}), "NotFoundException",
     f"Invalid API identifier specified {ACCOUNT}:nope"),
    (("apigateway", "get_resources", {"restApiId": "nope"}), "NotFoundException",
     f"Invalid API identifier specified {ACCOUNT}:nope"),
    (("apigateway", "delete_rest_api", {"restApiId": "nope"}), "NotFoundException",
     f"Invalid API identifier specified {ACCOUNT}:nope"),
    (("apigateway", "put_integration_response", {"restApiId": Of("rest api"), "resourceId":
     Of("root"), "httpMethod": "GET", "statusCode": "418"}), "NotFoundException",
     "Invalid Response status code specified"),
    (("apigateway", "get_stage", {"restApiId": Of("rest api"), "stageName": "nope"}),
     "NotFoundException", "Invalid stage identifier specified"),
    (("apigateway", "delete_stage", {"restApiId": Of("rest api"), "stageName": "nope"}),
     "NotFoundException", "Invalid stage identifier specified"),
    (("apigateway", "update_rest_api", {"restApiId": Of("rest api"), "patchOperations": [{"op":
     "replace", "path": "/nope", "value": "x"}]}), "BadRequestException",
     "Invalid patch path '/nope' specified for op 'replace'. …"),
    (("apigateway", "delete_method", {"restApiId": Of("rest api"), "resourceId": Of("root"),
     "httpMethod": "PUT"}), "NotFoundException", "Invalid Method identifier specified"),
    (("apigateway", "create_authorizer", {"restApiId": Of("rest api"), "name": "x", "type":
     "TOKEN"}), "BadRequestException", "…"),
    (("apigateway", "create_usage_plan", {"name": "x", "apiStages": [{"apiId": "nope", "stage":
     "x"}]}), "BadRequestException",
     f"Invalid API identifier specified {ACCOUNT}:nope"),
    # API Gateway, HTTP APIs
    (("apigatewayv2", "create_api", {"Name": "", "ProtocolType": "HTTP"}), "BadRequestException",
     "…Name…"),
    (("apigatewayv2", "create_api", {"Name": "x", "ProtocolType": "WEBSOCKET"}),
     "BadRequestException", "RouteSelectionExpression is a required parameter…"),
    (("apigatewayv2", "create_api", {"Name": "x", "ProtocolType": "HTTP",
     "RouteSelectionExpression": "$request.body.x"}), "BadRequestException",
     "RouteSelectionExpression must be ${request.method} ${request.path}…"),
    (("apigatewayv2", "create_route", {"ApiId": Of("http api"), "RouteKey": "GET /{x+}/y"}),
     "BadRequestException", "…greedy…"),
    (("apigatewayv2", "create_stage", {"ApiId": Of("http api"), "StageName": "logged",
     "AccessLogSettings": {"DestinationArn": "nope", "Format": "$context.requestId"}}),
     "BadRequestException", "Invalid ARN specified in the request"),
    (("apigatewayv2", "create_authorizer", {"ApiId": Of("http api"), "Name": "x", "AuthorizerType":
     "JWT", "IdentitySource": ["$request.header.Authorization"], "JwtConfiguration": {"Issuer":
     "http://nope", "Audience": ["x"]}}), "BadRequestException", "Invalid issuer: http://nope…"),
    (("apigatewayv2", "get_api", {"ApiId": "nope"}), "NotFoundException",
     "Invalid API identifier specified nope"),
    (("apigatewayv2", "delete_api", {"ApiId": "nope"}), "NotFoundException",
     "Invalid API identifier specified nope"),
    (("apigatewayv2", "get_routes", {"ApiId": "nope"}), "NotFoundException",
     "Invalid API identifier specified nope"),
    (("apigatewayv2", "create_route", {"ApiId": "nope", "RouteKey": "GET /"}), "NotFoundException",
     "Invalid API identifier specified nope"),
    (("apigatewayv2", "create_stage", {"ApiId": "nope", "StageName": "x"}), "NotFoundException",
     "Invalid API identifier specified nope"),
    (("apigatewayv2", "create_integration", {"ApiId": "nope", "IntegrationType": "AWS_PROXY",
     "PayloadFormatVersion": "2.0", "IntegrationUri": ARN}), "NotFoundException",
     "Invalid API identifier specified nope"),
    (("apigatewayv2", "get_route", {"ApiId": Of("http api"), "RouteId": "nope"}),
     "NotFoundException", "Invalid Route identifier specified…"),
    (("apigatewayv2", "get_integration", {"ApiId": Of("http api"), "IntegrationId": "nope"}),
     "NotFoundException", "Invalid Integration identifier specified…"),
    (("apigatewayv2", "get_stage", {"ApiId": Of("http api"), "StageName": "nope"}),
     "NotFoundException", "Invalid stage identifier specified…"),
    (("apigatewayv2", "delete_route", {"ApiId": Of("http api"), "RouteId": "nope"}),
     "NotFoundException", "Invalid Route identifier specified…"),
    (("apigatewayv2", "delete_integration", {"ApiId": Of("http api"), "IntegrationId": "nope"}),
     "NotFoundException", "Invalid Integration identifier specified…"),
    (("apigatewayv2", "delete_stage", {"ApiId": Of("http api"), "StageName": "nope"}),
     "NotFoundException", "Invalid stage identifier specified…"),
    (("apigatewayv2", "update_route", {"ApiId": Of("http api"), "RouteId": "nope", "RouteKey":
     "GET /z"}), "NotFoundException", "Invalid Route identifier specified…"),
    (("apigatewayv2", "get_authorizer", {"ApiId": Of("http api"), "AuthorizerId": "nope"}),
     "NotFoundException", "Invalid Authorizer identifier specified…"),
    (("apigatewayv2", "create_authorizer", {"ApiId": Of("http api"), "Name": "x", "AuthorizerType":
     "JWT", "IdentitySource": ["$request.header.Authorization"]}), "BadRequestException", "…"),
    (("apigatewayv2", "create_authorizer", {"ApiId": Of("http api"), "Name": "x", "AuthorizerType":
     "REQUEST", "IdentitySource": ["$request.header.Authorization"], "AuthorizerUri": URI}),
     "BadRequestException",
     "…AuthorizerPayloadFormatVersion is a required parameter for authorizer…"),
    (("apigatewayv2", "create_authorizer", {"ApiId": Of("http api"), "Name": "x", "AuthorizerType":
     "REQUEST", "IdentitySource": ["nope"], "AuthorizerUri": URI, "AuthorizerPayloadFormatVersion":
     "2.0"}), "BadRequestException", "…"),
    (("apigatewayv2", "create_integration", {"ApiId": Of("http api"), "IntegrationType":
     "HTTP_PROXY", "IntegrationUri": "nope", "IntegrationMethod": "GET", "PayloadFormatVersion":
     "1.0"}), "BadRequestException", "…"),
    (("apigatewayv2", "create_integration", {"ApiId": Of("http api"), "IntegrationType":
     "AWS_PROXY", "IntegrationUri": "nope", "PayloadFormatVersion": "2.0"}), "BadRequestException",
     "…"),
    (("apigatewayv2", "delete_deployment", {"ApiId": Of("http api"), "DeploymentId": "nope"}),
     "NotFoundException", "Invalid Deployment identifier specified…"),
    (("apigatewayv2", "get_deployment", {"ApiId": Of("http api"), "DeploymentId": "nope"}),
     "NotFoundException", "Invalid Deployment identifier specified…"),
    # ECR
    (("ecr", "create_repository", {"repositoryName": NAME}), "RepositoryAlreadyExistsException",
     f"The repository with name '{NAME}' already exists in the registry with id '{ACCOUNT}'"),
    (("ecr", "describe_repositories", {"repositoryNames": ["nope"]}),
     "RepositoryNotFoundException",
     f"The repository with name 'nope' does not exist in the registry with id '{ACCOUNT}'"),
    (("ecr", "delete_repository", {"repositoryName": "nope"}), "RepositoryNotFoundException",
     f"The repository with name 'nope' does not exist in the registry with id '{ACCOUNT}'"),
    (("ecr", "list_images", {"repositoryName": "nope"}), "RepositoryNotFoundException",
     f"The repository with name 'nope' does not exist in the registry with id '{ACCOUNT}'"),
    (("ecr", "describe_images", {"repositoryName": "nope"}), "RepositoryNotFoundException",
     f"The repository with name 'nope' does not exist in the registry with id '{ACCOUNT}'"),
    (("ecr", "batch_get_image", {"repositoryName": "nope", "imageIds": [{"imageTag": "x"}]}),
     "RepositoryNotFoundException",
     f"The repository with name 'nope' does not exist in the registry with id '{ACCOUNT}'"),
    (("ecr", "get_lifecycle_policy", {"repositoryName": NAME}), "LifecyclePolicyNotFoundException",
     f"Lifecycle policy does not exist for the repository with name '{NAME}' in the registry "
     f"with id '{ACCOUNT}'"),
    (("ecr", "get_repository_policy", {"repositoryName": NAME}),
     "RepositoryPolicyNotFoundException",
     f"Repository policy does not exist for the repository with name '{NAME}' in the registry "
     f"with id '{ACCOUNT}'"),
    (("ecr", "put_image", {"repositoryName": NAME, "imageManifest": "nope"}),
     "InvalidParameterException", "…"),
    # Budgets and the tagging API
    (("budgets", "create_budget", {"AccountId": ACCOUNT, "Budget": {"BudgetName": "x",
     "BudgetType": "COST", "TimeUnit": "MONTHLY"}}), "InvalidParameterException", "…"),
    (("budgets", "create_budget", {"AccountId": "123456789012", "Budget": {"BudgetName": "x",
     "BudgetType": "COST", "TimeUnit": "MONTHLY", "BudgetLimit": {"Amount": "5", "Unit": "USD"}}}),
     "AccessDeniedException", "…"),
    (("resourcegroupstaggingapi", "get_resources", {"PaginationToken": "nope"}),
     "PaginationTokenExpiredException", "…"),
]


def test_parts_of_an_upload_have_a_least_size_but_the_last(ask, wider):
    s3, upload = ask("s3"), {"Bucket": wider["full"], "Key": "parts"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    parts = [{"PartNumber": number, "ETag": s3.upload_part(
        **upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate((b"x" * (5 * 2**20 - 1), b"y"), 1)]
    code, message = refused("s3", "complete_multipart_upload", {
        **upload, "MultipartUpload": {"Parts": parts}})[1:]
    assert (code, message) == (
        "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
    parts[0]["ETag"] = s3.upload_part(**upload, PartNumber=1, Body=b"x" * 5 * 2**20)["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=wider["full"], Key="parts")["ContentLength"] == 5 * 2**20 + 1
    s3.delete_object(Bucket=wider["full"], Key="parts")


def test_a_child_of_a_greedy_path_is_refused(ask, world):
    gateway, api = ask("apigateway"), world["rest api"]
    proxy = gateway.create_resource(restApiId=api, parentId=world["root"],
                                    pathPart="{proxy+}")["id"]
    code, message = refused("apigateway", "create_resource", {
        "restApiId": api, "parentId": proxy, "pathPart": "x"})[1:]
    assert code == "BadRequestException" and "greedy" in message
    gateway.delete_resource(restApiId=api, resourceId=proxy)


@pytest.mark.parametrize("rate", ["rate(1 hours)", "rate(1 hour)", "rate(5 minute)"])
def test_scheduler_takes_a_rate_in_singular_and_plural(ask, roles, rate):
    scheduler = ask("scheduler")
    scheduler.create_schedule(**schedule(rate, roles["srole"], Name=f"{NAME}-rate"))
    scheduler.delete_schedule(Name=f"{NAME}-rate")


def test_a_message_can_be_deleted_twice_and_by_an_old_receipt(ask, queues):
    sqs, url = ask("sqs"), queues["short"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    handle = {"ReceiptHandle": message["ReceiptHandle"]}
    for _ in range(2):
        sqs.delete_message(QueueUrl=url, **handle)
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "a", **handle}])
    assert answer["Successful"] == [{"Id": "a"}] and "Failed" not in answer


def test_settings_of_asynchronous_invokes_are_updated_one_by_one(ask, functions):
    lambda_, name = ask("lambda"), {"FunctionName": f"{NAME}-poor"}
    lambda_.put_function_event_invoke_config(**name, MaximumRetryAttempts=1,
                                             MaximumEventAgeInSeconds=60)
    lambda_.update_function_event_invoke_config(**name, MaximumRetryAttempts=0)
    found = lambda_.get_function_event_invoke_config(**name)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (0, 60)


def test_what_is_empty_is_left_out_of_sqs_answers(ask, queues):
    sqs, url = ask("sqs"), queues["free"]
    good = {"Id": "a", "MessageBody": "x"}
    answers = [
        (sqs.list_queues(QueueNamePrefix="nobody-has-it"), set()),
        (sqs.list_queue_tags(QueueUrl=url), set()),
        (sqs.send_message_batch(QueueUrl=url, Entries=[good]), {"Successful"}),
        (sqs.send_message_batch(QueueUrl=url, Entries=[good, {
            "Id": "b", "MessageBody": "x", "DelaySeconds": 901}]), {"Successful", "Failed"}),
        (sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": "x"}]),
         {"Failed"})]
    assert [set(answer) - {"ResponseMetadata"} for answer, _ in answers] == [
        keys for _, keys in answers]


def trusting(principal):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]})


@pytest.fixture(scope="module")
def roles(local_cloud):
    """ARNs of a role for the Scheduler, of one for the account, of a policy with 5 versions."""
    iam = client("iam")
    trusts = {"srole": {"Service": "scheduler.amazonaws.com"},
              "arole": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    made = {name: iam.create_role(RoleName=f"{NAME}-{name}",
                                  AssumeRolePolicyDocument=trusting(who))["Role"]["Arn"]
            for name, who in trusts.items()}
    made["policy"] = iam.create_policy(PolicyName=f"{NAME}-p",
                                       PolicyDocument=policy())["Policy"]["Arn"]
    for _ in range(4):
        iam.create_policy_version(PolicyArn=made["policy"], PolicyDocument=policy())
    yield made
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=made["policy"], VersionId=f"v{number}")
    iam.delete_policy(PolicyArn=made["policy"])
    for name in trusts:
        iam.delete_role(RoleName=f"{NAME}-{name}")


@pytest.fixture(scope="module")
def wider(world, roles):
    """The world with a topic, a bucket with an object, a schedule, a budget, roles."""
    sns, s3, scheduler, budgets = map(client, ("sns", "s3", "scheduler", "budgets"))
    full = f"{NAME}-full"
    topic = sns.create_topic(Name=f"{NAME}-t", Tags=[{"Key": "a", "Value": "b"}])["TopicArn"]
    s3.create_bucket(Bucket=full)
    s3.put_object(Bucket=full, Key="k", Body=b"x")
    scheduler.create_schedule(**schedule("rate(5 minutes)", roles["srole"], Name=f"{NAME}-s"))
    budgets.create_budget(AccountId=ACCOUNT, Budget={
        "BudgetName": f"{NAME}-b", "BudgetType": "COST", "TimeUnit": "MONTHLY",
        "BudgetLimit": {"Amount": "5", "Unit": "USD"}})
    yield {**world, **roles, "topic": topic, "full": full}
    budgets.delete_budget(AccountId=ACCOUNT, BudgetName=f"{NAME}-b")
    scheduler.delete_schedule(Name=f"{NAME}-s")
    s3.delete_object(Bucket=full, Key="k")
    s3.delete_bucket(Bucket=full)
    sns.delete_topic(TopicArn=topic)


@pytest.mark.parametrize("asked, code, message", ROWS,
                         ids=[f"{row[0][1]}-{number}" for number, row in enumerate(ROWS)])
def test_a_call_is_refused_in_awss_words(wider, asked, code, message):
    service, call, parameters = asked
    found = refused(service, call, known(parameters, wider))
    assert found[1] == code, found
    assert like(message, found[2]), found
