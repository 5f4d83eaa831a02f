"""Each patch of MiniStack: the function it leans on is unchanged, and AWS's behaviour holds."""
import base64
import io
import json
import math
import re
import subprocess
import sys
import time
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from types import SimpleNamespace

import pytest
import requests
from botocore.exceptions import ClientError

from deployed import public_url
from waiting import until
from workshop import cloud
from workshop.local import limits
from workshop.local.patches import containers, gateway, granted, invoke, names, reports, stacks
from workshop.machine import base_image, engine, paths

# MiniStack's private functions that a patch replaces, wraps or calls: SHA-256 of the source (first
# 12 digits). When MiniStack changes, read what changed, adapt the patch, then change the digest.
LEANS_ON = {
    "services.lambda_svc._event_invoke_config": "aeeb62079ef2",
    "services.sqs._act_delete_message_batch": "877517c32f0f",
    "services.sqs._act_delete_message": "8d700665e3d6",
    "services.lambda_svc._create_function": "e307eecdf0d8",
    "services.lambda_svc._update_code": "0998d118b422",
    "services.lambda_svc._update_config": "6999cb0695da",
    "services.lambda_svc._schedule_state_transition": "f072b21e2fd9",
    "services.lambda_svc._unzipped_size": "6d4a9f3384d8",
    "services.sqs._receive_messages_for_esm": "f230dbcd4974",
    "services.sqs._collect_msgs": "308a6eb1b3d4",
    "services.sqs._build_send_sys_attrs": "d5f662692aea",
    "services.sqs._ensure_msg_fields": "9a82c238b3d6",
    "services.apigateway._create_api": "de00441a615d",
    "services.apigateway._create_authorizer": "acfa0e4818fe",
    "services.apigateway._create_integration": "970005e3a99e",
    "services.apigateway._create_route": "9fffc0fee702",
    "services.apigateway._create_stage": "3090b5b56949",
    "services.apigateway._get_stage_variables": "0cf2b6df2ef8",
    "services.apigateway._invoke_http_proxy": "e5219269adb0",
    "services.apigateway._update_integration": "9fe937d47d75",
    "services.apigateway._v2_request_body_is_text": "507d7acaf07f",
    "services.apigateway_v1._gateway_error_response": "c0a3f091df36",
    "services.apigateway_v1._handle_execute_in_scope": "60ed5805557f",
    "services.apigateway_v1._invoke_http_proxy_v1": "794bf003ceed",
    "services.apigateway_v1.rest_api_policy_for_arn": "b0196588ff80",
    "services.lambda_svc._create_function_url_config": "e821147c5bd8",
    "services.lambda_svc._get_function": "4d089b87a939",
    "services.lambda_svc._url_config_key": "d8dbe2770327",
    "services.cloudformation.engine._apply_transforms": "d3f0e05e08db",
    "services.cloudformation.engine._transform_parameters": "71639a086e76",
    "services.cloudformation.provisioners._apigw_stage_create": "eb1c734cddf7",
    "services.cloudformation.provisioners._apigw_stage_update": "6d98ef2a9198",
    "services.cloudformation.provisioners._apigw_v2_api_delete": "3fb69e8a5745",
    "services.cloudformation.provisioners._apigw_v2_integration_props": "d1635361889b",
    "services.cloudformation.provisioners._zip_inline": "d7aa3672d8e1",
    "services.s3._public_access_blocked": "9b257ff3524e",
    "core.concurrency.run_reentrant": "bd6c9a9940ab",
    "services.sqs._act_send_message_batch": "2cab381a76df",
    "services.cloudwatch._get_metric_statistics": "332ec61708c8",
    "services.cloudwatch._put_metric_data": "e46b3314d311",
    "services.eventbridge._dispatch_event": "d1bfe064f602",
    "services.lambda_svc._run_sqs_batch": "f9bf630aabf3",
    "services.lambda_svc._create_esm": "d351521bb6cd",
    "services.lambda_svc._delete_alias": "425784b53106",
    "services.lambda_svc._list_functions": "187d9ae64736",
    "app._stop_docker_containers": "1b1e554c50c8",
    "app._parse_execute_api_url": "13d571174968",
    "app._resolve_stage_and_path": "e44464f6865c",
    "app._parse_lambda_url": "f94e5f2c5a14",
    "app._handle_lifespan": "0daf4cf135cf",
    "core.router._is_aws_service_name": "12b437d02561",
    "core.container_reaper.own_labels": "130862f676d8",
    "services.lambda_svc._account_region_from_function_config": "701ed919ed48",
    "services.lambda_svc._classify_function_error": "88afeaa2a000",
    "services.lambda_svc._effective_func_record_for_qualifier": "9347cb8fd2dc",
    "services.lambda_svc._emit_lambda_logs": "111efbf06968",
    "services.lambda_svc._emit_lambda_metrics": "3b6689d77cf6",
    "services.lambda_svc._execute_function": "3ceb16d6480a",
    "services.lambda_svc._execute_function_dispatch": "f62cd259213e",
    "services.lambda_svc._execute_function_docker": "65dec13da735",
    "services.lambda_svc._execute_function_with_config_scope": "26a9d5f64e17",
    "services.lambda_svc._execution_record_for_config": "632acaa44892",
    "services.lambda_svc._get_docker_client": "cd3539770346",
    "services.lambda_svc._get_func_record_for_ref": "492b4efe8f90",
    "services.lambda_svc._get_func_record_for_ref_in_scope": "e15d66d84246",
    "services.lambda_svc._invoke": "ab193779e5c2",
    "services.lambda_svc._invoke_rie": "4d070e5f282e",
    "services.lambda_svc._kill_pool_entry": "61799dc65f7c",
    "services.lambda_svc._pool_acquire": "f668b3529668",
    "services.lambda_svc._pool_evict_idle": "47b58242f021",
    "services.lambda_svc._pool_kill_function": "1c57fa17bc02",
    "services.lambda_svc._pool_register": "395ab7551359",
    "services.lambda_svc._pool_release": "af96c9a35f4e",
    "services.lambda_svc._pool_remove": "6221fcb3f499",
    "services.lambda_svc._put_event_invoke_config": "e53a9f8cbd9c",
    "services.lambda_svc._qp_first": "8faa9310780b",
    "services.lambda_svc._resolve_name": "3262a9612eed",
    "services.lambda_svc._resolve_layer_zip": "447d3c3ec42c",
    "services.lambda_svc._runtime_env_vars": "ddc6960ee0e4",
    "services.lambda_svc._spawn_lambda_container": "28ebf8d8884f",
    "services.lambda_svc._throttle_response": "647221d5b077",
    "services.lambda_svc._warm_pool_key": "f50dc04cd439",
    "services.lambda_svc.handle_request": "f2255bfe6f90",
    "services.lambda_svc.invoke_async_with_retry": "289fe4d3cbd4",
    "services.lambda_svc.lambda_execute_result_to_api_proxy_response": "36f0ed215e85",
    "services.apigateway._extract_lambda_ref_from_integration_uri": "9454805a7592",
    "services.apigateway._handle_execute_in_scope": "aa60b8b0dfaa",
    "services.apigateway._invoke_lambda_proxy": "fbe5024fcd36",
    "services.apigateway._match_route": "c47ed1dc647e",
    "services.apigateway_v1._lambda_proxy_response": "3a5b91b76870",
    "services.apigateway_v1._create_deployment": "cf248c888e1f",
    "services.apigateway_v1._delete_rest_api": "090487fcbfe3",
    "services.apigateway_v1._execute_in_scope": "2ae72b7d5eb6",
    "services.apigateway_v1._match_greedy_fallback": "6ac79d39cdb9",
    "services.apigateway_v1._match_resource_tree": "f07f88e8b49c",
    "services.cloudwatch_logs._put_log_events": "acd4fda33a38",
    "services.cloudformation.engine._parse_template": "3accea2c0e11",
    "services.cloudformation.provisioners._lambda_create": "8b2cf80e961d",
    "services.cloudformation.provisioners._lambda_update": "4855410e37d7",
    "services.cloudformation.provisioners._lambda_delete": "7fdca63daf17",
    "services.cloudformation.provisioners._apigw_v2_api_create": "0002e18b4198",
    "services.cloudformation.provisioners._apigw_v2_api_update": "d12d60c12ed7",
    "services.cloudformation.provisioners._apigw_v2_stage_props": "471b3f01003c",
    "services.cloudformation.provisioners._apigw_v2_stage_create": "3b67b090432f",
    "services.cloudformation.provisioners._apigw_v2_stage_update": "5a82245316ab",
    "services.eventbridge._delete_rule": "d9465abcda0e",
    "services.eventbridge._rule_key": "b580a78d885d",
    "services.eventbridge._dispatch_to_lambda": "1f95adbaed3a",
    "services.eventbridge._invoke_target": "550e304af080",
    "services.eventbridge._put_events": "ebcda0f38061",
    "services.ecr._find_image": "2f2a20563833",
    "services.cloudwatch.record_metric": "7f777bfbe523",
    "services.cloudwatch._calc_stats": "889e1bfc89dc",
    "services.cloudwatch._dims_from_list": "ebc530b8a5dc",
    "services.cloudwatch._dims_key": "a304eb3ef986",
    "services.cloudwatch._dispatch_alarm_actions": "fcf47c0d1e6e",
    "services.cloudwatch._evaluate_alarm": "a0b0acd3d432",
    "services.cloudwatch._evaluate_all_alarms": "f83f88e57f1c",
    "services.cloudwatch._evaluate_parent_alarms": "24a65a9e43d5",
    "services.cloudwatch._evict_old_metrics": "cf47bc1522ad",
    "services.cloudwatch._put_metric_alarm": "953a67ff4bb1",
    "services.cloudwatch._record_history": "c5890b06e5c8",
    "services.cloudwatch._stat_value": "cfaad9598233",
    "services.cloudwatch._alarm_request_tags": "55bbd5c2da13",
    "services.cloudwatch._put_dashboard": "bc4cfcd9afab",
    "services.cloudwatch._validate_alarm_tag_arn": "b6932ee98c52",
    "services.cloudwatch.cloudformation_delete_dashboard": "7f85a8794c69",
    "services.cloudwatch._store_datum": "e0194e701d56",
    "services.cloudwatch_logs._append_log_events": "e47cae7a15a4",
    "services.cloudwatch_logs._compile_filter_pattern": "2568f38b5614",
    "services.cloudwatch_logs._fanout_to_subscription_filters": "cb898244bb9f",
    "services.cloudwatch_logs._make_group_arn": "3d349158bb56",
    "services.s3._deliver_event_to_lambda": "0bdd18b38925",
    "services.s3._error": "7a708a97c4bd",
    "services.s3._get_object_data": "8735d1f5e331",
    "services.s3._parse_bucket_key": "06e19cc5df12",
    "services.s3.handle_request": "0856144f19e7",
    "services.sns._fanout": "984cdd91d64a",
    "services.sqs._act_send_message": "3abd766508c8",
    "services.sqs._queue_url": "dc997b82b8d6",
    "core.responses.new_uuid": "1a88ffd41fb7",
    "app._is_ecr_registry_path": "4a808fbbe36c",
    "app._routing_params": "00e89d22c926",
    "core.iam_actions._auth_failure": "ec1fb5de0bbd",
    "core.iam_actions.access_denied_response": "3cc2e315f91f",
    "core.iam_evaluator.is_root_access_key": "e6ae3b633355",
    "core.iam_evaluator.resolve_credential": "32276bd395ef",
    "core.responses.fix_error_content_type": "e291bd57037d",
    "core.router.detect_service": "fd156fac4b5d",
    "core.sigv4.parse_header_signature": "cd41d461d959",
    "core.sigv4.parse_query_signature": "abe21631f159",
    "core.sigv4.request_time_failure": "0185b7962a6c",
    "services.apigateway_v1._authorize_request_v1": "46b3fe37fe98",
    "services.apigateway_v1.authentication_error_response": "594bdc4d9750",
    "services.ecr._get_authorization_token": "92111f2ea183",
    "services.ecr._delete_repository": "b857eb9bcb4f",
    "services.ecr._ensure_repo_exists": "542ae11d8531",
    "services.ecr._parse_v2_path": "170c890b495b",
    "services.ecr._query_first": "6138d6fec988",
    "services.ecr._registry_error": "7c2549fcb215",
    "services.ecr._registry_ok": "87d2cc658a99",
    "services.ecr._v2_complete_blob_upload": "64eca8dc4be9",
    "services.ecr._v2_get_blob": "826dac087cb2",
    "services.ecr._v2_patch_blob_upload": "a4dbd282a715",
    "services.ecr._v2_start_blob_upload": "06f3ddabc12c",
    "services.lambda_svc.handle_function_url_request": "c9d31efac5f1",
    "services.lambda_svc.resolve_function_url": "514d2a316d1f",
    "services.sts.register_session": "a84ec986ec01",
    "core.iam_evaluator._action_matches": "b826f2f3c2cb",
    "core.iam_evaluator._conditions_met": "15b4c24a03e3",
    "core.iam_evaluator._evaluate_single_condition": "42b8a823692c",
    "core.iam_evaluator._first_match": "dc96ef4846c7",
    "core.iam_evaluator._fnmatch_compile": "c95d90f11ae7",
    "core.iam_evaluator._gather_role_policies": "d83d1661b865",
    "core.iam_evaluator._permissions_boundary": "55c125bd0cf5",
    "core.iam_evaluator._resolve_condition_key": "15e26964cd38",
    "core.iam_evaluator._resource_matches": "b7886876ab63",
    "core.iam_evaluator._resource_policy": "dec265f9a903",
    "core.iam_actions.extract_iam_action": "ec476b92d969",
    "core.iam_evaluator.authenticate": "42c3660c401b",
    "core.iam_evaluator.request_caller_arn": "12240eb881e7",
    "core.iam_evaluator.combine_resource_policy": "3972f81213f8",
    "core.iam_evaluator.enforce": "cf64b1ee5b09",
    "core.iam_evaluator.check_credentials": "cfc351932584",
    "core.iam_evaluator.evaluate": "2a5dd6932d1a",
    "core.iam_evaluator.evaluate_resource_policy": "e49ce7161ad6",
    "core.iam_evaluator.evaluate_trust_policy": "4b50aa29ad29",
    "core.iam_evaluator.parse_policy_document": "622a4f98a3ec",
    "core.iam_evaluator.resolve_principal": "b6c6131e24bf",
    "services.apigateway._invoke_request_authorizer_lambda": "185d9afad9dc",
    "services.apigateway_v1._gw_error": "e4ae22a4fb6c",
    "services.apigateway_v1._invoke_authorizer_lambda": "5a7f4c427120",
    "services.apigateway_v1._invoke_lambda_custom_v1": "79d47dae9d00",
    "services.apigateway_v1._invoke_lambda_proxy_v1": "5651a96fa7ba",
    "services.lambda_svc._add_permission": "d0f846365868",
    "services.lambda_svc._iter_all_esms": "7db06c0627a5",
    "services.lambda_svc.function_policy_for_arn": "25326cb5e156",
    "services.s3._invalid_notification_config": "3e058068bfe2",
    "services.s3._validate_notification_configs": "780d0ff4d6e7",
    "services.sns._deliver_to_lambda": "aa6b8a8c312e",
    "services.sns.topic_policy_allows": "2c5001e5af7e",
    "services.sqs._queue_by_arn": "b4981875c818",
    "services.sqs.queue_policy_allows": "5de01aa09a4c",
    "services.tagging.resource_tags": "5d98719f044c",
    "services.iam._simulate_principal_policy": "8dbfeffbf145",
    "services.iam._simulate_custom_policy": "8e74157af0d6",
}

DIGEST = """
import hashlib, importlib, inspect, json, sys
digests = {}
for name in json.loads(sys.argv[1]):
    module, _, function = name.rpartition(".")
    source = inspect.getsource(getattr(importlib.import_module("ministack." + module), function))
    digests[name] = hashlib.sha256(source.encode()).hexdigest()[:12]
print(json.dumps(digests))
"""


def test_ministack_is_the_version_that_the_mends_are_written_for():
    pinned = re.search(r"ministack==(\S+)", (paths.ROOT / "environment.yml").read_text()).group(1)
    assert version("ministack") == pinned == "1.5.33"


def test_every_private_function_that_a_mend_leans_on_is_unchanged():
    done = subprocess.run([sys.executable, "-c", DIGEST, json.dumps(list(LEANS_ON))],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    now = json.loads(done.stdout.splitlines()[-1])
    assert now == LEANS_ON


# Names in answers

@pytest.mark.parametrize("said, meant", [
    ('"https://012345678912.dkr.ecr.us-east-1.amazonaws.com"', '"http://localhost:4599"'),
    ('"012345678912.dkr.ecr.eu-west-1.amazonaws.com/workshop-churn@sha256:ab"',
     '"localhost:4599/workshop-churn@sha256:ab"'),
    ('"http://ab12cd34.execute-api.localhost:4599"',
     '"http://localhost:4599/_aws/execute-api/ab12cd34"'),
    ('"https://ab12cd34ef.execute-api.us-east-1.amazonaws.com/prod"',
     '"http://localhost:4599/_aws/execute-api/ab12cd34ef/prod"'),
    (f'"https://{"a1" * 16}.lambda-url.us-east-1.on.aws/"',
     f'"http://localhost:4599/_aws/lambda-url/{"a1" * 16}/"'),
    ('"arn:aws:ecr:us-east-1:012345678912:repository/x"',
     '"arn:aws:ecr:us-east-1:012345678912:repository/x"'),
])
def test_public_names_become_addresses_of_this_machine(said, meant):
    assert names.rewrite(said.encode(), 4599).decode() == meant


def test_answers_of_functions_and_of_s3_are_never_rewritten():
    def signed(service):
        return {b"authorization": f"AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/{service}/"
                                  "aws4_request, SignedHeaders=host".encode()}
    assert names.hands_out_names("/2015-03-31/functions/f", signed("lambda"))
    assert not names.hands_out_names("/2015-03-31/functions/f/invocations", signed("lambda"))
    assert not names.hands_out_names("/bucket/key", signed("s3"))
    assert not names.hands_out_names("/_aws/execute-api/ab12cd34/predict", {})


def test_repository_and_image_names_are_addresses_that_docker_can_use(aws, probe, probe_image):
    repository = aws("ecr").describe_repositories(repositoryNames=["workshop-test-shared"])
    uri = repository["repositories"][0]["repositoryUri"]
    assert uri == f"localhost:{cloud.port()}/workshop-test-shared"
    code = probe.client.get_function(FunctionName=probe.name)["Code"]
    assert code["ImageUri"] == probe_image and code["ImageUri"].startswith(uri + "@sha256:")


# Execution environments

def test_an_environment_stays_warm_between_invokes(probe):
    first, second = probe.ask()["payload"], probe.ask()["payload"]
    assert first["started"] == second["started"] and first["stream"] == second["stream"]


@pytest.mark.parametrize("change, field, expected", [
    ({"Environment": {"Variables": {"COLOUR": "green"}}}, "colour", ["green"]),
    ({"MemorySize": 256}, "memory", ["256"]),
    ({"Timeout": 60}, "remaining", range(30_000, 60_001)),      # it was 3 s
])
def test_a_changed_configuration_starts_a_fresh_environment_and_the_old_goes(
        new_function, change, field, expected):
    function = new_function()
    before = function.ask()["payload"]
    old = function.containers()
    function.configure(**change)
    after = function.ask()["payload"]
    assert after["started"] > before["started"]
    assert after[field] in expected
    assert len(function.containers()) == 1 and function.containers() != old


def test_versions_of_one_image_have_their_own_environments(new_function):
    function = new_function(Environment={"Variables": {"COLOUR": "red"}})
    one = function.client.publish_version(FunctionName=function.name)["Version"]
    function.configure(Environment={"Variables": {"COLOUR": "blue"}})
    two = function.client.publish_version(FunctionName=function.name)["Version"]
    first = function.ask(one)["payload"]
    assert (first["version"], first["colour"]) == (one, "red")
    assert function.ask(two)["payload"]["colour"] == "blue"
    function.configure(Environment={"Variables": {"COLOUR": "green"}})
    assert function.ask()["payload"]["colour"] == "green"
    assert function.ask(one)["payload"]["started"] == first["started"], (
        "an update of $LATEST must leave a published version's environment alone")


def test_an_update_lets_the_invoke_that_has_begun_end(new_function):
    function = new_function(Timeout=30)
    function.ask()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(function.ask, sleep=6)
        time.sleep(2)       # it has begun, on a busy machine too
        function.configure(MemorySize=192)
        assert running.result().get("FunctionError") is None
    until(lambda: not function.containers(), "the environment is gone", 10)


def test_deleting_a_function_removes_its_environments(new_function):
    function = new_function()
    function.ask()
    assert len(function.containers()) == 1
    function.delete()
    assert function.containers() == []


def test_a_function_runs_as_lambda_runs_it(probe):
    payload = probe.ask()["payload"]
    assert f"{payload['user']}:{payload['group']}" == limits.SANDBOX
    assert probe.ask(write="/var/task/x")["payload"]["error"] == "Read-only file system"
    assert probe.ask(write="/home/x")["payload"]["error"] is not None
    assert probe.ask(write="/tmp/x")["payload"]["error"] is None
    assert payload["arn"] == probe.arn


def test_a_function_reaches_the_local_cloud(probe):
    assert probe.ask(get="/_workshop/health").get("payload") == {"status": 200}


def test_more_memory_than_the_function_has_ends_the_run(probe):
    answer = probe.ask(megabytes=200)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["payload"]["errorType"] == "Runtime.ExitError"
    assert "signal: killed" in answer["payload"]["errorMessage"]
    assert "Max Memory Used: 128 MB" in answer["log"]
    assert probe.ask().get("FunctionError") is None, "the next invoke starts the runtime again"


@pytest.mark.parametrize("memory, quota", [(128, 7235), (1769, 100_000), (3538, 200_000)])
def test_memory_buys_cpu_at_1769_mb_a_vcpu(memory, quota):
    assert containers.cpu_quota(memory) == quota
    assert containers.resources(memory)["cpu_quota"] == max(quota, containers.PERIOD)


def test_the_cpu_quota_holds_once_init_is_over(new_function):
    function = new_function(MemorySize=885, Timeout=30)  # half a vCPU
    function.ask()
    settings = json.loads(engine.docker("inspect", *function.containers()).stdout)[0]["HostConfig"]
    assert settings["CpuQuota"] == containers.cpu_quota(885) == 50_028
    assert settings["Memory"] == 885 * 1024 * 1024
    # 0.4 s of work on half a processor: a share of wall time, not a speed of this machine.
    assert function.ask(burn=0.4)["payload"]["elapsed"] > 0.6


def test_fifty_parallel_invokes_all_come_back_and_few_environments_start(new_function):
    function = new_function(Timeout=30)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda number: function.ask(number=number)["payload"], range(50)))
    assert sorted(answer["event"]["number"] for answer in answers) == list(range(50))
    assert len({answer["request_id"] for answer in answers}) == 50
    assert len(function.containers()) <= containers.ENVIRONMENTS


def test_a_zip_function_runs_in_the_workshops_base_image(new_function, probe_zip):
    function = new_function(Runtime="python3.13", Handler="lambda_function.lambda_handler",
                            Code={"ZipFile": probe_zip})
    assert function.ask()["payload"]["arn"] == function.arn
    [container] = function.containers()
    image = engine.docker("inspect", "--format", "{{.Config.Image}}", container).stdout.strip()
    assert image == base_image.get()
    assert function.ask(write="/var/task/x")["payload"]["error"] is not None


def test_layers_are_found_in_opt_and_the_last_one_wins(aws, new_function):
    def archive(files):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for name, text in files.items():
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o644 << 16  # as on AWS: 0600 would be "Permission denied"
                file.writestr(info, text)
        return buffer.getvalue()
    layers = []
    for number in (1, 2):
        layers.append(aws("lambda").publish_layer_version(
            LayerName=f"workshop-test-{number}", Content={"ZipFile": archive(
                {"python/shared.py": f"NUMBER = {number}",
                 f"python/only{number}.py": "HERE = True"})}))
    code = ("import shared, only1, only2\ndef lambda_handler(event, context):\n"
            "    return [shared.NUMBER, only1.HERE, only2.HERE]\n")
    function = new_function(Runtime="python3.13", Handler="handler.lambda_handler",
                            Code={"ZipFile": archive({"handler.py": code})},
                            Layers=[layer["LayerVersionArn"] for layer in layers])
    assert function.ask()["payload"] == [2, True, True]
    for layer in layers:
        aws("lambda").delete_layer_version(LayerName=layer["LayerArn"].rpartition(":")[2],
                                           VersionNumber=layer["Version"])


def test_an_image_of_the_wrong_architecture_fails_as_on_aws(new_function):
    other = {"x86_64": "arm64", "arm64": "x86_64"}[engine.architecture()]
    function = new_function(Architectures=[other])
    reply = function.client.invoke(FunctionName=function.name)
    error = json.loads(reply["Payload"].read())
    assert reply["FunctionError"] == "Unhandled"
    assert error["errorType"] == "Runtime.InvalidEntrypoint"
    assert "exec format error" in error["errorMessage"]


def test_reserved_concurrency_throttles(new_function):
    function = new_function(Timeout=30)
    function.client.put_function_concurrency(FunctionName=function.name,
                                             ReservedConcurrentExecutions=1)
    function.ask()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(function.ask, sleep=6)
        time.sleep(2)       # it has begun, on a busy machine too
        with pytest.raises(function.client.exceptions.TooManyRequestsException) as caught:
            function.ask()
        reason = caught.value.response["Reason"]
        assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert running.result().get("FunctionError") is None


# What AWS refuses at once

@pytest.mark.parametrize("settings, code, words", [
    ({"MemorySize": 20_000}, "ValidationException", "'memorySize'.*less than or equal to 10240"),
    ({"Timeout": 1000}, "ValidationException", "'timeout'.*less than or equal to 900"),
    ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException",
     "reserved keys.*AWS_REGION"),
    ({"Environment": {"Variables": {"AB": "x" * 4096}}}, "InvalidParameterValueException", "4KB"),
    ({"Runtime": "python9.9"}, "InvalidParameterValueException", "'runtime'"),
    ({"Role": "arn:aws:iam::012345678912:role/workshop-test-none"},
     "InvalidParameterValueException", "cannot be assumed by Lambda"),
    ({"Role": "workshop-test-role"}, "ValidationException", "'role'"),
])
def test_settings_that_aws_refuses_are_refused(aws, role, probe_zip, settings, code, words):
    client = aws("lambda")
    with pytest.raises(ClientError, match=words) as caught:
        client.create_function(**{
            "FunctionName": "workshop-test-refused", "Role": role, "Runtime": "python3.13",
            "Handler": "lambda_function.lambda_handler", "Code": {"ZipFile": probe_zip},
            **settings})
    assert caught.value.response["Error"]["Code"] == code


def test_a_role_that_does_not_trust_lambda_is_refused(aws, probe):
    trust = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ec2.amazonaws.com"}}]}
    iam = aws("iam")
    role = iam.create_role(RoleName="workshop-test-ec2", AssumeRolePolicyDocument=json.dumps(trust))
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        probe.client.update_function_configuration(FunctionName=probe.name,
                                                   Role=role["Role"]["Arn"])
    iam.delete_role(RoleName="workshop-test-ec2")


@pytest.mark.parametrize("change", [":v9", "@sha256:" + "0" * 64])
def test_an_image_that_is_not_in_the_registry_is_refused(aws, role, probe_image, change):
    uri = probe_image.partition("@")[0] + change
    with pytest.raises(ClientError, match=f"Source image {uri} does not exist"):
        aws("lambda").create_function(FunctionName="workshop-test-refused", Role=role,
                                      PackageType="Image", Code={"ImageUri": uri})


def test_an_image_index_is_refused_as_on_aws(aws, role, probe_image):
    media_type = "application/vnd.oci.image.index.v1+json"
    index = {"schemaVersion": 2, "mediaType": media_type, "manifests": []}
    aws("ecr").put_image(repositoryName="workshop-test-shared", imageTag="index",
                         imageManifest=json.dumps(index), imageManifestMediaType=media_type)
    with pytest.raises(ClientError, match="media type for the source image .* is not supported"):
        aws("lambda").create_function(
            FunctionName="workshop-test-refused", Role=role, PackageType="Image",
            Code={"ImageUri": probe_image.partition("@")[0] + ":index"})
    aws("ecr").batch_delete_image(repositoryName="workshop-test-shared",
                                  imageIds=[{"imageTag": "index"}])


def test_an_update_during_an_update_is_refused(new_function):
    function = new_function()
    function.client.update_function_configuration(FunctionName=function.name, Timeout=4)
    with pytest.raises(ClientError, match="An update is in progress for resource: arn:") as caught:
        function.client.update_function_configuration(FunctionName=function.name, Timeout=5)
    assert caught.value.response["Error"]["Code"] == "ResourceConflictException"
    function.client.get_waiter("function_updated_v2").wait(FunctionName=function.name)
    function.configure(Timeout=5)


def test_a_tag_is_looked_up_once(aws, new_function, probe_image):
    address, digest = probe_image.split("@")
    function = new_function(PackageType="Image", Code={"ImageUri": f"{address}:v1"},
                            Architectures=[engine.architecture()])
    ecr, name = aws("ecr"), address.split("/", 1)[1]
    manifest = ecr.batch_get_image(
        repositoryName=name, imageIds=[{"imageTag": "v1"}])["images"][0]["imageManifest"]
    other = json.dumps(json.loads(manifest), indent=1)       # same image, other bytes
    ecr.put_image(repositoryName=name, imageTag="v1", imageManifest=other)
    try:
        code = function.client.get_function(FunctionName=function.name)["Code"]
        assert code["ResolvedImageUri"] == probe_image
    finally:
        ecr.put_image(repositoryName=name, imageTag="v1", imageManifest=manifest)


def test_an_image_is_named_as_it_was_given(new_function, probe_image):
    address, digest = probe_image.split("@")
    function = new_function(PackageType="Image", Code={"ImageUri": f"{address}:v1"},
                            Architectures=[engine.architecture()])
    first = function.client.publish_version(FunctionName=function.name)["Version"]

    def named(**of):
        code = function.client.get_function(FunctionName=function.name, **of)["Code"]
        return code["ImageUri"], code["ResolvedImageUri"].partition("@")[2]
    assert named() == named(Qualifier=first) == (f"{address}:v1", digest)
    function.client.update_function_code(FunctionName=function.name, ImageUri=probe_image)
    assert named() == (probe_image, digest)


def test_the_url_of_an_alias_names_the_alias(probe):
    client, version = probe.client, probe.client.publish_version(FunctionName=probe.name)["Version"]
    name = {"FunctionName": probe.name}
    client.create_alias(**name, Name="live", FunctionVersion=version)
    made = client.create_function_url_config(**name, Qualifier="live", AuthType="AWS_IAM")
    listed = client.list_function_url_configs(**name)["FunctionUrlConfigs"]
    got = client.get_function_url_config(**name, Qualifier="live")
    client.delete_function_url_config(**name, Qualifier="live")
    client.delete_alias(**name, Name="live")
    assert [one["FunctionArn"] for one in (made, got, *listed)] == [f"{probe.arn}:live"] * 3


def test_a_zip_over_50_mb_is_refused(aws, role):
    client, large = aws("lambda"), {"ZipFile": bytes(50 * 1024 * 1024 + 1)}
    for call, settings in (
            (client.create_function, {"FunctionName": "workshop-test-refused", "Role": role,
                                      "Runtime": "python3.13", "Handler": "a.b", "Code": large}),
            (client.publish_layer_version, {"LayerName": "workshop-test-refused",
                                            "Content": large})):
        with pytest.raises(ClientError, match="must be smaller than 69905067 bytes") as caught:
            call(**settings)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_function_stays_a_zip_or_an_image(new_function, probe, probe_zip, probe_image):
    with pytest.raises(ClientError, match="Please provide ImageUri"):
        probe.client.update_function_code(FunctionName=probe.name, ZipFile=probe_zip)
    function = new_function(Runtime="python3.13", Handler="lambda_function.lambda_handler",
                            Code={"ZipFile": probe_zip})
    with pytest.raises(ClientError, match="Please don't provide ImageUri"):
        function.client.update_function_code(FunctionName=function.name, ImageUri=probe_image)


# Invoke

def test_an_alias_sends_its_weight_to_the_second_version(new_function):
    function = new_function(Environment={"Variables": {"COLOUR": "red"}})
    client, name = function.client, function.name
    client.publish_version(FunctionName=name)
    function.configure(Environment={"Variables": {"COLOUR": "blue"}})
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1",
                        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    answers = [function.ask("live") for _ in range(60)]
    seen = Counter(answer["payload"]["colour"] for answer in answers)
    assert min(seen["red"], seen["blue"]) >= 10, seen  # less happens once in 10 million runs
    for answer in answers:
        assert answer["ExecutedVersion"] == answer["payload"]["version"]
    url = public_url(client, name, "live")
    through_url = Counter(requests.get(url).json()["colour"] for _ in range(60))
    assert min(through_url["red"], through_url["blue"]) >= 10, through_url
    client.update_alias(FunctionName=name, Name="live",
                        RoutingConfig={"AdditionalVersionWeights": {}})
    assert {function.ask("live")["payload"]["colour"] for _ in range(10)} == {"red"}


def test_a_weight_is_a_share_of_the_requests():
    function = {"aliases": {"live": {"FunctionVersion": "1", "RoutingConfig": {
        "AdditionalVersionWeights": {"2": 0.1}}}, "plain": {"FunctionVersion": "1"}}}
    share = Counter(invoke.choose(function, "live") for _ in range(20_000))["2"] / 20_000
    assert 0.08 < share < 0.12
    assert invoke.choose(function, "plain") == "plain"
    assert invoke.choose(function, None) is None


@pytest.mark.parametrize("kind, limit", [("RequestResponse", 6 * 1024 ** 2), ("Event", 1024 ** 2)])
def test_a_payload_over_the_limit_is_refused(probe, kind, limit):
    def send(size):
        payload = b'{"x": "' + b"y" * (size - 9) + b'"}'
        return probe.client.invoke(FunctionName=probe.name, InvocationType=kind, Payload=payload)
    with pytest.raises(probe.client.exceptions.RequestTooLargeException) as caught:
        send(limit + 1)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert f"smaller than {limit} bytes" in str(caught.value)
    assert send(limit // 2)["StatusCode"] in (200, 202)


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
@pytest.mark.parametrize("payload", [
    rb'{"x": "\ud800"}', rb'{"\uDFFF": 1}', rb'["\ude00\ud83d"]', b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_a_payload_that_no_runtime_can_read_is_the_callers_mistake(probe, kind, payload):
    with pytest.raises(probe.client.exceptions.InvalidRequestContentException) as caught:
        probe.client.invoke(FunctionName=probe.name, InvocationType=kind, Payload=payload)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "Could not parse request body into json" in str(caught.value)


def test_a_whole_surrogate_pair_and_backslashes_are_read(probe):
    for payload in [rb'{"x": "\ud83d\ude00"}', rb'{"x": "\\ud800"}', b'{"x": "\xc3\xa9\\u00e9"}']:
        answer = probe.client.invoke(FunctionName=probe.name, Payload=payload)
        assert answer["StatusCode"] == 200


def test_an_exception_reaches_a_direct_caller_whole(probe):
    answer = probe.ask(**{"raise": "of no account"})
    assert answer["FunctionError"] == "Unhandled"
    assert answer["payload"]["errorType"] == "ValueError"
    assert answer["payload"]["errorMessage"] == "of no account"
    assert "lambda_handler" in answer["payload"]["stackTrace"][0]


def test_a_time_out_says_so_and_the_next_invoke_starts_afresh(new_function):
    function = new_function(Timeout=1)
    before = function.ask()["payload"]
    answer = function.ask(sleep=5)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["payload"]["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in answer["log"]
    assert "Billed Duration: 1000 ms" in answer["log"]
    assert function.ask()["payload"]["started"] > before["started"]


def test_a_crash_is_a_runtime_exit_error(probe):
    answer = probe.ask(exit=3)
    assert answer["payload"]["errorType"] == "Runtime.ExitError"
    assert "exit status 3" in answer["payload"]["errorMessage"]
    lines = answer["log"].splitlines()
    assert lines[0].startswith("START") and lines[-1].startswith("REPORT")


def test_a_function_that_cannot_be_imported_says_so(new_function, probe_zip):
    function = new_function(Runtime="python3.13", Handler="no_such_module.lambda_handler",
                            Code={"ZipFile": probe_zip})
    answer = function.ask()
    assert answer["payload"]["errorType"] == "Runtime.ImportModuleError"
    assert "no_such_module" in answer["payload"]["errorMessage"]


# Logs

REPORT = re.compile(r"^REPORT RequestId: (?P<id>[0-9a-f-]{36})\tDuration: (?P<took>[\d.]+) ms\t"
                    r"Billed Duration: (?P<billed>\d+) ms\tMemory Size: (?P<size>\d+) MB\t"
                    r"Max Memory Used: (?P<used>\d+) MB\t(Init Duration: (?P<init>[\d.]+) ms\t)?$")


def test_the_report_is_honest(new_function):
    function = new_function(MemorySize=256, Timeout=10)
    # Held for a while: an engine in a virtual machine tells its figures once a second.
    cold, warm, greedy = function.ask(), function.ask(), function.ask(megabytes=120, sleep=1.5)
    cold_report, warm_report, greedy_report = (
        REPORT.match(answer["log"].splitlines()[-1]) for answer in (cold, warm, greedy))
    assert cold_report["id"] == cold["payload"]["request_id"]
    assert float(cold_report["init"]) > float(cold_report["took"]), "INIT is not in the Duration"
    assert int(cold_report["billed"]) >= float(cold_report["init"])
    assert warm_report["init"] is None
    assert int(warm_report["billed"]) == math.ceil(float(warm_report["took"]))
    assert 1 < int(cold_report["used"]) < 100, "not the memory size"
    assert 120 <= int(greedy_report["used"]) <= 200
    assert cold_report["size"] == "256"


def test_the_log_has_awss_lines_and_nothing_of_the_emulators(aws, new_function):
    function = new_function()
    first, second = function.ask(), function.ask()
    assert [line.split()[0] for line in first["log"].splitlines()] == [
        "START", "imported", "asked", "END", "REPORT"]
    assert [line.split()[0] for line in second["log"].splitlines()] == [
        "START", "asked", "END", "REPORT"]
    group = f"/aws/lambda/{function.name}"
    streams = aws("logs").describe_log_streams(logGroupName=group)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == [first["payload"]["stream"]]
    events = aws("logs").get_log_events(logGroupName=group, startFromHead=True,
                                        logStreamName=streams[0]["logStreamName"])["events"]
    text = "".join(event["message"] for event in events)
    assert text == f"{first['log']}\n{second['log']}\n" and "(rapid)" not in text


def test_a_traceback_is_one_log_event(aws, probe):
    answer = probe.ask(**{"raise": "told in the log"})
    [line] = [line for line in answer["log"].split("\n") if "told in the log" in line]
    assert line.startswith("[ERROR] ValueError") and "Traceback" in line


def test_memory_is_found_for_both_versions_of_cgroups():
    folder, figures, kills = reports.cgroup("memory", "/docker/abc")
    assert str(folder) == "/sys/fs/cgroup/memory/docker/abc"
    assert figures == ("memory.max_usage_in_bytes",) and kills == "memory.oom_control"
    folder, figures, kills = reports.cgroup("", "/system.slice/docker-abc.scope")
    assert str(folder) == "/sys/fs/cgroup/system.slice/docker-abc.scope"
    assert figures[0] == "memory.peak" and kills == "memory.events"
    assert reports.cgroup("cpu,cpuacct", "/docker/abc")[0] is None
    version_2 = {"memory_stats": {"usage": 50, "stats": {"inactive_file": 20}}}
    version_1 = {"memory_stats": {"usage": 50, "max_usage": 70, "stats": {
        "total_inactive_file": 20}}}
    assert (reports.engine_figure(version_2), reports.engine_figure(version_1)) == (30, 50)


def test_a_kill_for_want_of_memory_is_read_from_the_kernels_count(tmp_path):
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
    (tmp_path / "memory.events").write_text("max 9\noom 2\noom_kill 0\noom_group_kill 3\n")
    assert reports.figure(tmp_path / "memory.oom_control", "oom_kill") == 1
    assert reports.figure(tmp_path / "memory.events", "oom_kill") == 0
    assert reports.figure(tmp_path / "memory.events", "absent") == 0


# HTTP callers

@pytest.fixture(scope="module")
def http_api(aws, probe):
    """An HTTP API in front of the probe, with stages $default and prod."""
    client = aws("apigatewayv2")
    api = client.create_api(Name="workshop-test", ProtocolType="HTTP", CorsConfiguration={
        "AllowOrigins": ["https://shop.example"], "AllowMethods": ["POST"],
        "AllowHeaders": ["content-type"]})
    integration = client.create_integration(
        ApiId=api["ApiId"], IntegrationType="AWS_PROXY", IntegrationUri=probe.arn,
        PayloadFormatVersion="2.0")
    client.create_route(ApiId=api["ApiId"], RouteKey="POST /predict",
                        Target=f"integrations/{integration['IntegrationId']}")
    probe.client.add_permission(
        FunctionName=probe.name, StatementId="api", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:012345678912:{api['ApiId']}/*")
    for stage in ("$default", "prod"):
        client.create_stage(ApiId=api["ApiId"], StageName=stage, AutoDeploy=True)
    yield {**api, "client": client, "integration": integration["IntegrationId"]}
    client.delete_api(ApiId=api["ApiId"])
    probe.client.remove_permission(FunctionName=probe.name, StatementId="api")


def test_an_http_apis_endpoint_resolves_and_carries_awss_event(http_api):
    endpoint = http_api["ApiEndpoint"]
    assert endpoint == f"http://localhost:{cloud.port()}/_aws/execute-api/{http_api['ApiId']}"
    answer = requests.post(f"{endpoint}/predict?a=1&a=2", json={"x": 1})
    event = answer.json()["event"]
    assert answer.status_code == 200
    assert event["version"] == "2.0" and event["routeKey"] == "POST /predict"
    assert event["rawPath"] == "/predict" and event["rawQueryString"] == "a=1&a=2"
    assert event["queryStringParameters"] == {"a": "1,2"}
    assert event["requestContext"]["stage"] == "$default"
    assert event["requestContext"]["http"]["method"] == "POST"
    assert json.loads(event["body"]) == {"x": 1} and event["isBase64Encoded"] is False
    assert "pathParameters" not in event


def test_an_event_lacks_what_awss_proxies_add(http_api):
    answer = requests.post(http_api["ApiEndpoint"] + "/predict", json={}).json()
    headers = answer["event"]["headers"]
    assert headers["host"].partition(":")[0] == "localhost"
    assert not [name for name in headers if name.startswith(("x-forwarded-", "x-amzn-trace"))]


def test_a_named_stage_is_part_of_the_path_that_the_function_sees(http_api):
    event = requests.post(http_api["ApiEndpoint"] + "/prod/predict", json={}).json()["event"]
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/prod/predict"
    assert event["requestContext"]["stage"] == "prod"


def test_a_body_that_is_not_text_arrives_in_base64(http_api):
    event = requests.post(http_api["ApiEndpoint"] + "/predict", data=b"\xff\x00",
                          headers={"Content-Type": "image/png"}).json()["event"]
    assert event["isBase64Encoded"] is True and base64.b64decode(event["body"]) == b"\xff\x00"


@pytest.mark.parametrize("method, path", [("GET", "/predict"), ("POST", "/predictions")])
def test_what_no_route_matches_is_not_found(http_api, method, path):
    answer = requests.request(method, http_api["ApiEndpoint"] + path)
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


@pytest.mark.parametrize("event", [{"raise": "secret"}, {"exit": 1}, {"sleep": 4}])
def test_a_failure_tells_an_http_caller_nothing(http_api, event):
    answer = requests.post(http_api["ApiEndpoint"] + "/predict", json=event)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


def test_cors_is_answered_by_the_api(http_api):
    answer = requests.options(http_api["ApiEndpoint"] + "/predict", headers={
        "Origin": "https://shop.example", "Access-Control-Request-Method": "POST"})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    other = requests.options(http_api["ApiEndpoint"] + "/predict", headers={
        "Origin": "https://other.example", "Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in other.headers


def test_throttling_settings_answer_429(http_api):
    client, api = http_api["client"], http_api["ApiId"]
    client.update_stage(ApiId=api, StageName="prod", DefaultRouteSettings={
        "ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.01})
    url = http_api["ApiEndpoint"] + "/prod/predict"
    answers = [requests.post(url, json={}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[-1].json() == {"message": "Too Many Requests"}
    assert requests.post(http_api["ApiEndpoint"] + "/predict", json={}).status_code == 200


def test_a_token_bucket_refills_at_its_rate(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(gateway.time, "monotonic", lambda: now[0])
    bucket = gateway.Bucket(rate=2, burst=3)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_an_api_without_its_function_is_an_internal_server_error(http_api):
    client, api = http_api["client"], http_api["ApiId"]
    gone = client.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", PayloadFormatVersion="2.0",
        IntegrationUri="arn:aws:lambda:us-east-1:012345678912:function:workshop-test-gone")
    client.create_route(ApiId=api, RouteKey="GET /gone",
                        Target=f"integrations/{gone['IntegrationId']}")
    answer = requests.get(http_api["ApiEndpoint"] + "/gone")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})


@pytest.mark.parametrize("answer, can_be_sent", [
    ({"statusCode": 200, "body": "text"}, True), ({"statusCode": 204}, True),
    ({"statusCode": "201", "body": ""}, True),
    ({"statusCode": 200, "body": {"a": 1}}, False), ({"statusCode": "no", "body": ""}, False),
    ({"statusCode": 0}, False), ({"statusCode": 200, "headers": "text"}, False),
])
def test_a_malformed_proxy_response_is_recognised(answer, can_be_sent):
    assert gateway.well_formed(answer) is can_be_sent


def test_a_function_url_resolves_and_hides_failures(probe):
    url = public_url(probe.client, probe.name)
    try:
        assert re.fullmatch(
            rf"http://localhost:{cloud.port()}/_aws/lambda-url/[a-z0-9]{{32}}/", url)
        assert probe.client.get_function_url_config(FunctionName=probe.name)["FunctionUrl"] == url
        event = requests.post(url + "predict", json={"x": 1}).json()["event"]
        assert (event["rawPath"], event["requestContext"]["stage"]) == ("/predict", "$default")
        assert event["requestContext"]["http"]["method"] == "POST"
        failed = requests.post(url + "predict", json={"raise": "secret"})
        assert failed.status_code == 502 and "secret" not in failed.text
        assert "Traceback" not in failed.text and "stackTrace" not in failed.text
        probe.client.update_function_url_config(FunctionName=probe.name, AuthType="AWS_IAM")
        refused = requests.post(url + "predict", json={})
        assert (refused.status_code, refused.json()) == (403, granted.URL_FORBIDDEN)
    finally:
        probe.client.delete_function_url_config(FunctionName=probe.name)


def test_a_rest_api_hides_failures(aws, probe):
    client = aws("apigateway")
    api = client.create_rest_api(name="workshop-test")
    try:
        resource = client.create_resource(restApiId=api["id"], parentId=api["rootResourceId"],
                                          pathPart="predict")["id"]
        there = {"restApiId": api["id"], "resourceId": resource, "httpMethod": "POST"}
        client.put_method(**there, authorizationType="NONE")
        client.put_integration(
            **there, type="AWS_PROXY", integrationHttpMethod="POST",
            uri="arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
                f"{probe.arn}/invocations")
        client.create_deployment(restApiId=api["id"], stageName="prod")
        probe.permit("apigateway.amazonaws.com", "arn:aws:execute-api:us-east-1:012345678912:"
                                                 f"{api['id']}/prod/POST/predict")
        url = f"http://localhost:{cloud.port()}/_aws/execute-api/{api['id']}/prod/predict"
        for event in ({"raise": "secret"}, {}):  # without statusCode, the probe's own is malformed
            answer = requests.post(url, json=event)
            assert answer.status_code == 502
            assert answer.json() == {"message": "Internal server error"}
    finally:
        client.delete_rest_api(restApiId=api["id"])
        probe.client.remove_permission(FunctionName=probe.name, StatementId="apigateway")


# Asynchronous invokes

@pytest.fixture
def told(aws, new_function):
    """A function whose two destinations are queues: (function, what a queue was told)."""
    sqs, function, urls = aws("sqs"), new_function(Timeout=20), {}
    for kind in ("OnSuccess", "OnFailure"):
        urls[kind] = sqs.create_queue(QueueName=f"workshop-test-{kind}")["QueueUrl"]
    function.client.put_function_event_invoke_config(
        FunctionName=function.name, MaximumRetryAttempts=1, DestinationConfig={
            kind: {"Destination": f"arn:aws:sqs:us-east-1:012345678912:workshop-test-{kind}"}
            for kind in urls})

    def take(kind):
        found = sqs.receive_message(QueueUrl=urls[kind], WaitTimeSeconds=20)
        message, = found.get("Messages", [])
        sqs.delete_message(QueueUrl=urls[kind], ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])
    yield function, take
    for url in urls.values():
        sqs.delete_queue(QueueUrl=url)


def invoke_later(function, **event):
    function.client.invoke(FunctionName=function.name, InvocationType="Event",
                           Payload=json.dumps(event))


def test_a_destination_is_told_of_success_and_of_failure(told):
    function, take = told
    invoke_later(function, colour="blue")
    record = take("OnSuccess")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["timestamp"])
    assert record["version"] == "1.0" and record["requestPayload"] == {"colour": "blue"}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    context = record["requestContext"]
    assert context["condition"] == "Success" and context["approximateInvokeCount"] == 1
    assert context["functionArn"] == f"{function.arn}:$LATEST"
    assert context["requestId"] == record["responsePayload"]["request_id"]
    invoke_later(function, **{"raise": "no"})
    record = take("OnFailure")
    context = record["requestContext"]
    assert context["condition"] == "RetriesExhausted" and context["approximateInvokeCount"] == 2
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "no"


def test_what_eventbridge_sends_is_tried_again_and_then_put_aside(aws, told):
    function, take = told
    events, rule = aws("events"), "workshop-test-rule"
    made = events.put_rule(Name=rule, EventPattern=json.dumps({"source": ["test"]}))
    function.permit("events.amazonaws.com", made["RuleArn"])
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": function.arn,
                                            "InputPath": "$.detail"}])
    events.put_events(Entries=[{"Source": "test", "DetailType": "x", "Detail": '{"raise": "no"}'}])
    record = take("OnFailure")
    assert record["requestPayload"] == {"raise": "no"}
    assert record["requestContext"]["approximateInvokeCount"] == 2
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)


def test_a_throttled_attempt_is_not_counted(told):
    function, take = told
    function.client.put_function_concurrency(FunctionName=function.name,
                                             ReservedConcurrentExecutions=0)
    invoke_later(function, colour="red")
    time.sleep(4)       # two attempts would have been spent
    function.client.delete_function_concurrency(FunctionName=function.name)
    record = take("OnSuccess")
    assert record["requestPayload"] == {"colour": "red"}
    assert record["requestContext"]["approximateInvokeCount"] == 1


# --- what AWS keeps and refuses at clean-up ----------------------------------------------------

def test_a_dashboard_keeps_the_tags_that_it_was_made_with(aws):
    watch, name = aws("cloudwatch"), "workshop-test-dashboard"
    for tags in ([{"Key": "project", "Value": "one"}], [{"Key": "project", "Value": "two"}]):
        watch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}', Tags=tags)
    arn = watch.get_dashboard(DashboardName=name)["DashboardArn"]
    assert watch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [
        {"Key": "project", "Value": "one"}]
    watch.delete_dashboards(DashboardNames=[name])
    with pytest.raises(ClientError, match="ResourceNotFound"):
        watch.list_tags_for_resource(ResourceARN=arn)
    watch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    assert watch.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    watch.delete_dashboards(DashboardNames=[name])


def test_a_rule_goes_only_without_its_targets(aws):
    events, name = aws("events"), "workshop-test-rule-with-target"
    events.put_rule(Name=name, ScheduleExpression="rate(1 day)")
    events.put_targets(Rule=name, Targets=[
        {"Id": "1", "Arn": "arn:aws:sqs:us-east-1:012345678912:none"}])
    with pytest.raises(ClientError, match="Rule can't be deleted since it has targets") as refused:
        events.delete_rule(Name=name)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    events.remove_targets(Rule=name, Ids=["1"])
    events.delete_rule(Name=name)


STRANGER = "999999999999"


@pytest.fixture
def filled(aws):
    """A bucket with one object, as arguments of a call."""
    s3, name = aws("s3"), "workshop-test-expected"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="file", Body=b"1")
    yield {"Bucket": name}
    s3.delete_object(Bucket=name, Key="file")
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("call, arguments", [
    ("get_object", {"Key": "file"}), ("put_object", {"Key": "file", "Body": b"2"}),
    ("head_object", {"Key": "file"}), ("list_objects_v2", {}), ("get_bucket_tagging", {}),
    ("delete_object", {"Key": "file"}), ("delete_bucket", {}),
    ("create_multipart_upload", {"Key": "large"})])
def test_a_bucket_of_another_account_than_expected_is_refused(aws, filled, call, arguments):
    s3 = aws("s3")
    with pytest.raises(ClientError) as refused:
        getattr(s3, call)(**filled, **arguments, ExpectedBucketOwner=STRANGER)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert s3.get_object(**filled, Key="file", ExpectedBucketOwner="012345678912")[
        "Body"].read() == b"1"


def test_a_copy_is_refused_when_its_source_has_another_owner(aws, filled):
    s3, source = aws("s3"), {**filled, "Key": "file"}
    with pytest.raises(ClientError, match="Access ?Denied"):
        s3.copy_object(**filled, Key="copy", CopySource=source,
                       ExpectedSourceBucketOwner=STRANGER)
    with pytest.raises(ClientError, match="404"):
        s3.head_object(**filled, Key="copy")


def test_a_bucket_that_is_not_there_stays_so_whoever_is_expected(aws):
    with pytest.raises(ClientError, match="NoSuchBucket"):
        aws("s3").list_objects_v2(Bucket="workshop-test-none", ExpectedBucketOwner=STRANGER)


def test_templates_that_are_translated_at_the_same_moment_have_their_own_parameters(monkeypatch):
    from samtranslator.translator import transform as sam

    def translated(template, provided, previous):
        time.sleep(0.02)
        return sam.transform(template, {}, None)

    monkeypatch.setattr(sam, "transform", lambda template, values, policies: values)
    apply = stacks.with_parameters(SimpleNamespace(
        _SAM_TRANSFORM="sam", declared_transforms=lambda template: ["sam"],
        _transform_parameters=lambda template, provided, previous: provided,
        _apply_transforms=translated))
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(apply, [{}] * 5, range(5))) == list(range(5))
