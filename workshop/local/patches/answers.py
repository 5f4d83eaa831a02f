"""Answers in which MiniStack differs: entries and messages that fail alone, and what is listed."""
import contextvars
import json
import re

from botocore.utils import parse_timestamp

from workshop.local.rules import events

# SQS's answers that leave out what is empty: a key that is asked for then raises a KeyError.
WITHOUT_EMPTY = ("ListQueues", "ListQueueTags", "SendMessageBatch", "DeleteMessageBatch",
                 "ChangeMessageVisibilityBatch")
RECEIPT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")     # MiniStack's form of it
STATE = ("State", "StateReason", "StateReasonCode")
EVENT_INVOKE = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")
# Whether the function that runs now was given a batch from a queue.
_of_a_queue = contextvars.ContextVar("of_a_queue", default=False)
# The `Time` of the entry that is being put, as it was sent; None: now.
_when = contextvars.ContextVar("when", default=None)


def apply(port: int) -> None:
    """Wrap MiniStack's own functions."""
    from ministack.services import eventbridge, lambda_svc, sqs
    eventbridge._put_events = entry_by_entry(eventbridge._put_events)
    eventbridge._dispatch_event = at_its_time(eventbridge._dispatch_event)
    sqs._act_send_message = delayed(sqs._act_send_message)
    sqs._HANDLERS["DeleteMessage"] = forgiving(sqs._HANDLERS["DeleteMessage"])
    sqs._HANDLERS["DeleteMessageBatch"] = forgiving_batch(sqs._HANDLERS["DeleteMessageBatch"])
    lambda_svc.handle_request = updating(lambda_svc.handle_request)
    for action in WITHOUT_EMPTY:
        sqs._HANDLERS[action] = without_empty(sqs._HANDLERS[action])
    lambda_svc._list_functions = with_versions(lambda_svc._list_functions)
    lambda_svc._delete_alias = gone_already(lambda_svc._delete_alias)
    lambda_svc._create_esm = creating(lambda_svc._create_esm)
    lambda_svc._run_sqs_batch = a_batch(lambda_svc._run_sqs_batch)
    lambda_svc._create_function_url_config = of_alias(lambda_svc._create_function_url_config)
    lambda_svc._execute_function = whole_or_named(lambda_svc._execute_function)
    lambda_svc._update_code = active(lambda_svc._update_code)
    lambda_svc._update_config = active(lambda_svc._update_config)


def entry_by_entry(put_events):
    """PutEvents takes the entries that are right, each with its own time, and says of each other
    what is wrong."""
    from ministack.core.responses import json_response

    def put(data, *arguments, **options):
        answers = []
        for entry in data.get("Entries", []):
            fault = events.fault_of_an_entry(entry)
            if fault:
                answers.append({"ErrorCode": fault[0], "ErrorMessage": fault[1]})
                continue
            token = _when.set(entry.get("Time"))
            try:
                status, headers, body = put_events({**data, "Entries": [entry]}, *arguments,
                                                   **options)
            finally:
                _when.reset(token)
            answers += json.loads(body)["Entries"]
        failed = sum("ErrorCode" in one for one in answers)
        return json_response({"FailedEntryCount": failed, "Entries": answers})
    return put


def at_its_time(dispatch):
    """An event's `time` is that of its entry (MiniStack: now). Rules match it too."""
    def send(event, view=None):
        if _when.get() is None:
            return dispatch(event, view)
        event["Time"] = int(parse_timestamp(_when.get()).timestamp())
        return dispatch(event)
    return send


def without_empty(handle):
    """`QueueUrls`, `Tags`, `Successful` and `Failed` are only there with something in them."""
    def answer(data, url):
        return {key: value for key, value in handle(data, url).items() if value not in ([], {})}
    return answer


def is_used(handle: str, url: str) -> bool:
    """Whether this may be a receipt of a message that a standard queue no longer has."""
    return bool(RECEIPT.fullmatch(handle)) and not url.endswith(".fifo")


def forgiving(delete):
    """To delete a message again, or by an older receipt, is no error ("DeleteMessage")."""
    def act(data, url):
        from ministack.services import sqs
        try:
            return delete(data, url)
        except sqs._Err as error:
            if error.code == "ReceiptHandleIsInvalid" \
                    and is_used(data["ReceiptHandle"], data.get("QueueUrl", url)):
                return {}
            raise
    return act


def forgiving_batch(delete):
    """The same, entry by entry."""
    def act(data, url):
        answer = delete(data, url)
        handles = {one["Id"]: one["ReceiptHandle"] for one in data["Entries"]}
        used = [one for one in answer["Failed"]
                if is_used(handles[one["Id"]], data.get("QueueUrl", url))]
        return {"Successful": answer["Successful"] + [{"Id": one["Id"]} for one in used],
                "Failed": [one for one in answer["Failed"] if one not in used]}
    return act


def updating(handle):
    """UpdateFunctionEventInvokeConfig changes what is given, and leaves the rest."""
    async def answer(method, path, headers, body, query_params):
        if method != "POST" or not path.endswith("/event-invoke-config"):
            return await handle(method, path, headers, body, query_params)
        from ministack.services import lambda_svc
        name, qualifier = lambda_svc._resolve_request_scoped_name_and_qualifier(
            path.split("/")[-2])
        qualifier = lambda_svc._qualifier_from_path_or_query(qualifier, query_params)
        there = lambda_svc._event_invoke_config(lambda_svc._functions[name], qualifier)
        kept = {key: there[key] for key in EVENT_INVOKE if key in there}
        return await handle("PUT", path, headers, json.dumps(kept | json.loads(body)).encode(),
                            query_params)
    return answer


def active(update):
    """A function runs on while it is updated: `LastUpdateStatus` says so, and not `State`."""
    def act(name, data):
        from ministack.services import lambda_svc
        config = (lambda_svc._functions.get(name) or {}).get("config") or {}
        before = {key: config[key] for key in STATE if key in config}
        status, headers, body = update(name, data)
        if status == 200:
            config |= before
            body = json.dumps({**json.loads(body), **before}).encode()
        return status, headers, body
    return act


def delayed(send):
    """A message of a batch with a delay out of range fails alone (MiniStack: is taken)."""
    def act(data, url):
        from ministack.services import sqs
        delay = data.get("DelaySeconds")
        if delay is not None and not 0 <= int(delay) <= 900:
            raise sqs._Err("InvalidParameterValue", f"Value {delay} for parameter DelaySeconds is "
                           "invalid. Reason: DelaySeconds must be >= 0 and <= 900.")
        return send(data, url)
    return act


def with_versions(list_functions):
    """ListFunctions with FunctionVersion=ALL lists $LATEST and each version, by qualified ARN."""
    def listed(query):
        from ministack.core.responses import json_response
        from ministack.services import lambda_svc
        if lambda_svc._qp_first(query, "FunctionVersion") != "ALL":
            return list_functions(query)
        found = []
        for _, record in sorted(lambda_svc._functions.items()):
            config = record["config"]
            found.append({**config, "FunctionArn": f"{config['FunctionArn']}:$LATEST"})
            found += [{**one["config"], "FunctionArn": f"{config['FunctionArn']}:{version}"}
                      for version, one in record["versions"].items()]
        first = int(lambda_svc._qp_first(query, "Marker") or 0)
        after = first + int(lambda_svc._qp_first(query, "MaxItems", "50"))
        page = {"Functions": found[first:after]}
        if after < len(found):
            page["NextMarker"] = str(after)
        return json_response(page)
    return listed


def gone_already(delete_alias):
    """To delete an alias that is not there is no error."""
    def delete(function, alias):
        status, headers, body = delete_alias(function, alias)
        if status == 404 and b"Alias not found" in body:
            return 204, {}, b""
        return status, headers, body
    return delete


def of_alias(create_url):
    """The configuration of an alias's URL names the alias, here and wherever it is listed."""
    def create(function, data, qualifier):
        from ministack.core.responses import json_response
        from ministack.services import lambda_svc
        status, headers, body = create_url(function, data, qualifier)
        if status != 201 or not qualifier:
            return status, headers, body
        made = lambda_svc._function_urls[lambda_svc._url_config_key(function, qualifier)]
        made["FunctionArn"] += f":{qualifier}"
        return json_response(made, status=201)
    return create


def creating(create_mapping):
    """A mapping is being made when the call returns; asked again, it is there."""
    def create(data):
        status, headers, body = create_mapping(data)
        if status != 202:
            return status, headers, body
        return status, headers, json.dumps({**json.loads(body), "State": "Creating"}).encode()
    return create


# ---------------------------------------------------------------- batches from queues

def a_batch(run_batch):
    """Let what runs inside know that it was given a batch from a queue."""
    def run(mapping, *arguments):
        token = _of_a_queue.set("ReportBatchItemFailures" in mapping["FunctionResponseTypes"])
        try:
            return run_batch(mapping, *arguments)
        finally:
            _of_a_queue.reset(token)
    return run


def whole_or_named(execute):
    """A report of failures that names no message of the batch: the whole batch has failed.

    Source: "Implementing partial batch responses", Lambda Developer Guide.
    """
    def run(function, event, *arguments, **options):
        result = execute(function, event, *arguments, **options)
        if not _of_a_queue.get() or result.get("error"):
            return result
        ids = [one["messageId"] for one in event["Records"]]
        if any(one not in ids for one in _failures(result.get("body"))):
            every = [{"itemIdentifier": one} for one in ids]
            return {**result, "body": {"batchItemFailures": every}}
        return result
    return run


def _failures(body) -> list:
    """The ids in a report; None for an entry that names none. What is no report names nothing."""
    try:
        report = json.loads(body) if isinstance(body, str) else body
        entries = report.get("batchItemFailures") or []
    except (ValueError, AttributeError):
        return []
    return [one.get("itemIdentifier") if isinstance(one, dict) else None for one in entries]
