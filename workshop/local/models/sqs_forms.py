"""SQS's requests as forms (`Action=…`), which clients before 2023 send: the names in them.

botocore's model has only the names of the newer requests, in JSON. A form writes the singular and a
number, `AttributeName.1=All`, where JSON has the list `AttributeNames`; and the keys of a map as
`Attribute.1.Name` and `.Value`. Source: examples in the API reference of each action, 2012-11-05.
"""
import re

# In a form → the parameter.
LISTS = {
    "AWSAccountId": "AWSAccountIds", "ActionName": "Actions", "AttributeName": "AttributeNames",
    "MessageAttributeName": "MessageAttributeNames",
    "MessageSystemAttributeName": "MessageSystemAttributeNames", "TagKey": "TagKeys",
    "StringListValue": "StringListValues", "BinaryListValue": "BinaryListValues",
    "SendMessageBatchRequestEntry": "Entries", "DeleteMessageBatchRequestEntry": "Entries",
    "ChangeMessageVisibilityBatchRequestEntry": "Entries"}
# In a form → the parameter, and what its entries call their key.
MAPS = {"Attribute": ("Attributes", "Name"), "MessageAttribute": ("MessageAttributes", "Name"),
        "MessageSystemAttribute": ("MessageSystemAttributes", "Name"), "Tag": ("Tags", "Key")}


def renamed(fields: dict[str, str], action: str, path: str) -> dict[str, str]:
    """A form's fields under the names that other services' forms would give them.

    action: the operation. path: of the request, which names the queue where no field does.
    """
    found = {_name(name, action): text for name, text in fields.items()}
    if path.strip("/"):
        found.setdefault("QueueUrl", path)
    return found


def _name(name: str, action: str) -> str:
    parts = name.split(".")
    for at, part in enumerate(parts[:-1]):
        if not re.fullmatch(r"\d+", parts[at + 1]):
            continue
        parts[at] = LISTS.get(part, part)
        if part in MAPS:
            parts[at], key = MAPS[part]
            parts[at + 2:at + 3] = [{key: "key", "Value": "value"}.get(one, one)
                                    for one in parts[at + 2:at + 3]]
    if parts[0] == "Tags" and action == "CreateQueue":      # here alone the model has a small t
        parts[0] = "tags"
    return ".".join(parts)
