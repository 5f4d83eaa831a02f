"""put_log_events: events that are too old or too new are left out, and the answer says which."""
import json
import time

DAY = 86_400_000        # milliseconds
OLD, NEW = 14 * DAY, DAY // 12      # Source: API reference of PutLogEvents


def apply(port: int) -> None:
    """Wrap how MiniStack keeps events; it takes them all."""
    from ministack.services import cloudwatch_logs
    cloudwatch_logs._put_log_events = in_time(cloudwatch_logs._put_log_events)


def in_time(put_log_events):
    """Events of 14 days and of the next two hours are kept, or the group's retention if shorter."""
    def put(data):
        from ministack.services import cloudwatch_logs
        events, now = data.get("logEvents") or [], time.time() * 1000
        times = [event["timestamp"] for event in events]
        group = cloudwatch_logs._log_groups.get(data.get("logGroupName")) or {}
        days = group.get("retentionInDays")
        old = sum(one < now - OLD for one in times)
        expired = sum(one < now - days * DAY for one in times) if days else 0
        new = len(times) - sum(one > now + NEW for one in times)
        rejected = {key: at for key, at, there in (
            ("tooOldLogEventEndIndex", old, old), ("expiredLogEventEndIndex", expired, expired),
            ("tooNewLogEventStartIndex", new, new < len(times))) if there}
        answer = put_log_events({**data, "logEvents": events[max(old, expired):new]})
        if not rejected or answer[0] != 200:
            return answer
        body = {**json.loads(answer[2]), "rejectedLogEventsInfo": rejected}
        return answer[0], answer[1], json.dumps(body).encode()
    return put
