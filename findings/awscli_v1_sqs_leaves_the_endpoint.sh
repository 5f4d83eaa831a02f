#!/usr/bin/env bash
# AWS CLI 1.46.3 (version 1, from PyPI): AWS_ENDPOINT_URL is honoured by `aws sns`, and not by
# `aws sqs`. For SQS (and for Health) a customisation of the CLI replaces the address by AWS's old
# one, https://REGION.queue.amazonaws.com or https://queue.amazonaws.com, unless --endpoint-url is
# given on the command line; that the variable names another endpoint is not looked at.
#
# Why it surprises: the variable is documented for all services, the other commands obey it, and so
# does boto3's own SQS client. Only the CLI's queue commands go to AWS, and they do not say so.
# AWS_ENDPOINT_URL_SQS does not help either.
#
# Nothing leaves this machine: HTTPS goes to a proxy port on which nobody listens.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install awscli==1.46.3 boto3==1.43.102
aws="$folder/venv/bin/aws"
"$aws" --version

cat > "$folder/server.py" <<'PY'
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        name = self.headers.get("X-Amz-Target") or body
        print("the endpoint was asked:", name.split("&")[0], flush=True)
        self.send_response(400)
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
"$folder/venv/bin/python" "$folder/server.py" > "$folder/asked" &
server=$!
until [ -s "$folder/asked" ]; do sleep 0.1; done
port=$(head -1 "$folder/asked")

export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=1
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true
export HTTPS_PROXY=http://127.0.0.1:9 NO_PROXY=127.0.0.1
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_ENDPOINT_URL_SQS="http://127.0.0.1:$port"

address() {  # the address that a command builds its request for
    "$aws" "$@" --debug 2>&1 | grep -o "'url': '[^']*'" | head -1
}
sns=$(address sns list-topics) || true
sqs=$(address sqs list-queues) || true
named=$(address sqs list-queues --endpoint-url "$AWS_ENDPOINT_URL") || true
boto=$("$folder/venv/bin/python" -c 'import botocore.session as s
print(s.get_session().create_client("sqs").meta.endpoint_url)')
echo "aws sns list-topics                    $sns"
echo "aws sqs list-queues                    $sqs"
echo "aws sqs list-queues --endpoint-url …   $named"
echo "botocore's SQS client                  $boto"
tail -n +2 "$folder/asked"

case "$sns" in *"127.0.0.1:$port"*) ;; *) echo "changed: sns"; exit 1 ;; esac
case "$sqs" in *queue.amazonaws.com*) ;; *) echo "changed: sqs obeys the variable now"; exit 1 ;; esac
case "$named" in *"127.0.0.1:$port"*) ;; *) echo "changed: --endpoint-url"; exit 1 ;; esac
[ "$boto" = "$AWS_ENDPOINT_URL" ] || { echo "changed: botocore"; exit 1; }
echo "as described"
