# A rung of lesson 14's ladder: packages as pip installs them, and no care for size or start.
# Same contract as ./Dockerfile, which is the one to use.
ARG BASE_IMAGE=public.ecr.aws/lambda/python:3.13
FROM ${BASE_IMAGE}
LABEL workshop=lambda-onnx
ENV ORT_DISABLE_TELEMETRY=1

COPY requirements.txt ./
RUN pip install --no-cache-dir --root-user-action=ignore --target . -r requirements.txt
COPY . ./

CMD ["lambda_function.lambda_handler"]
