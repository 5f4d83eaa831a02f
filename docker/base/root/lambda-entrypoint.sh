#!/bin/sh
# Starts the runtime with the handler's name, as the entry point of AWS's image does.
if [ $# -ne 1 ]; then
  echo "entrypoint requires the handler name to be the first argument" 1>&2
  exit 142
fi
export _HANDLER="$1"

# Lambda runs functions as an unprivileged user; do the same where we start as root.
unprivileged=""
if [ "$(id -u)" = 0 ]; then
  unprivileged="setpriv --reuid=993 --regid=990 --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs"
  unset HOME
fi

# In AWS the Lambda service is there; elsewhere the emulator plays it on port 8080.
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
  exec $unprivileged /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap
fi
exec $unprivileged /var/runtime/bootstrap
