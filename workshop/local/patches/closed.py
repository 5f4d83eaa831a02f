"""Addresses of MiniStack's own and of services that no lesson uses: closed.

Its setting SERVICES leaves out services, but not the addresses that it answers before it looks at
the service: those of Cognito, load balancers, CloudFront, SES, its own administration and so on.
"""
from workshop.local import services

# Steps of ministack.app that answer a request before a service does. Those that are not named here
# serve what the lessons use: CORS preflights, APIs, function URLs, the registry.
CLOSED = {
    "_handle_health_request", "_handle_ready_request", "_handle_unknown_localstack_request",
    "_handle_lambda_download_request", "_handle_transfer_sftp_ports_request",
    "_handle_iot_ca_request", "_handle_rds_ca_request", "_handle_elasticache_ca_request",
}
CLOSED_LATER = {        # those that are awaited
    "_handle_admin_reset", "_handle_admin_config_request", "_handle_cognito_get_request",
    "_handle_cognito_body_request", "_handle_ses_messages_request", "_handle_ses_v2_request",
    "_handle_sqs_messages_request", "_handle_sns_sms_messages_request",
    "_handle_s3_control_request", "_handle_rds_data_request",
    "_handle_cloudfront_dataplane_request", "_handle_s3_vhost_request", "_handle_alb_request",
}


def apply(port: int) -> None:
    """Let those steps answer nothing, so that the request goes on to its service."""
    from ministack import app
    from ministack.core import router
    # To know the name of a service that is not its own (SageMaker), MiniStack would load botocore's
    # models of all services of AWS: 450 MB, and seconds in which nobody is answered.
    router._KNOWN_AWS_SERVICE_NAMES = frozenset(services.SIGNED)
    for name in CLOSED:
        setattr(app, name, lambda *_, **__: None)
    for name in CLOSED_LATER:
        setattr(app, name, nothing)


async def nothing(*_, **__):
    """No answer."""
