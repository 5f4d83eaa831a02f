"""What AWS keeps, and what it refuses, when somebody cleans up.

MiniStack keeps no tags of dashboards, and deletes a rule of EventBridge with its targets.
"""


def apply(port: int) -> None:
    from ministack.services import cloudwatch, eventbridge
    cloudwatch._put_dashboard = keeping_tags(cloudwatch._put_dashboard)
    cloudwatch._validate_alarm_tag_arn = or_a_dashboard(cloudwatch._validate_alarm_tag_arn)
    cloudwatch.cloudformation_delete_dashboard = forgetting_tags(
        cloudwatch.cloudformation_delete_dashboard)
    eventbridge._delete_rule = without_targets(eventbridge._delete_rule)


def keeping_tags(put):
    """The tags that a new dashboard is given; a later change leaves them alone, as on AWS."""
    def put_and_keep(params, cbor_data, is_cbor, is_json=False):
        from ministack.services import cloudwatch
        name = (cbor_data or {}).get("DashboardName")
        is_new = name not in cloudwatch._dashboards
        answer = put(params, cbor_data, is_cbor, is_json)
        tags = cloudwatch._alarm_request_tags(params, cbor_data, is_cbor, is_json)
        if is_new and tags and name in cloudwatch._dashboards:
            arn = cloudwatch._dashboards[name]["DashboardArn"]
            cloudwatch._resource_tags[arn] = {tag["Key"]: tag["Value"] for tag in tags}
        return answer
    return put_and_keep


def or_a_dashboard(validate):
    """The calls for tags take the ARN of a dashboard as well as that of an alarm."""
    def validated(arn, is_json=False, is_cbor=False):
        from ministack.services import cloudwatch
        if any(one["DashboardArn"] == arn for one in cloudwatch._dashboards.values()):
            return None
        return validate(arn, is_json=is_json, is_cbor=is_cbor)
    return validated


def forgetting_tags(delete):
    """A dashboard's tags go with it."""
    def delete_both(name):
        from ministack.services import cloudwatch
        dashboard = cloudwatch._dashboards.get(name)
        if dashboard:
            cloudwatch._resource_tags.pop(dashboard["DashboardArn"], None)
        return delete(name)
    return delete_both


def without_targets(delete):
    """A rule can go only when it has no targets; the message is AWS's."""
    def delete_empty(data):
        from ministack.core.responses import error_response_json
        from ministack.services import eventbridge
        key = eventbridge._rule_key(data.get("Name"), data.get("EventBusName", "default"))
        if eventbridge._targets.get(key):
            return error_response_json("ValidationException",
                                       "Rule can't be deleted since it has targets.", 400)
        return delete(data)
    return delete_empty
