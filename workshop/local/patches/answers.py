"""Answers in which MiniStack differs: entries and messages that fail alone, and what is listed."""
import contextvars
import json

from workshop.local.rules import events

# Whether the function that runs now was given a batch from a queue.
_of_a_queue = contextvars.ContextVar("of_a_queue", default=False)


def apply(port: int) -> None:
    """Wrap MiniStack's own functions."""
    from ministack.services import eventbridge, lambda_svc
    eventbridge._put_events = entry_by_entry(eventbridge._put_events)
    lambda_svc._list_functions = with_versions(lambda_svc._list_functions)
    lambda_svc._delete_alias = gone_already(lambda_svc._delete_alias)
    lambda_svc._create_esm = creating(lambda_svc._create_esm)
    lambda_svc._run_sqs_batch = a_batch(lambda_svc._run_sqs_batch)
    lambda_svc._create_function_url_config = of_alias(lambda_svc._create_function_url_config)
    lambda_svc._execute_function = whole_or_named(lambda_svc._execute_function)


def entry_by_entry(put_events):
    """PutEvents takes the entries that are right, and says of each other what is wrong."""
    def put(data, *arguments, **options):
        entries = data.get("Entries", [])
        faults = [events.fault_of_an_entry(one) for one in entries]
        if not any(faults):
            return put_events(data, *arguments, **options)
        good = [one for one, fault in zip(entries, faults) if not fault]
        status, headers, body = put_events({**data, "Entries": good}, *arguments, **options)
        taken = json.loads(body)
        rest = iter(taken["Entries"])
        taken["Entries"] = [{"ErrorCode": fault[0], "ErrorMessage": fault[1]} if fault
                            else next(rest) for fault in faults]
        taken["FailedEntryCount"] += sum(map(bool, faults))
        return status, headers, json.dumps(taken).encode()
    return put


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
