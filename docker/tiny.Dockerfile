# The last rung of lesson 14's ladder: as ./Dockerfile, but for the entry point. There, the base
# image's client of the Runtime API would start; here, the function folder's own runtime.py does.
ARG BASE_IMAGE=public.ecr.aws/lambda/python:3.13
FROM ${BASE_IMAGE}
LABEL workshop=lambda-onnx
ENV ORT_DISABLE_TELEMETRY=1
# ONNX Runtime registers its operators in many small pieces of memory, 6 MB together. top_pad: the C
# library takes memory from the kernel in steps of 16 MB, in place of 128 KB. tcache_count: of each
# small size it keeps up to 1,000 freed pieces at hand, in place of 7.
ENV GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.malloc.top_pad=16777216:glibc.malloc.tcache_count=1000
# The loader looks for every library in each folder of this list first, and the base image's has
# nine. Python's own is all that is needed here.
ENV LD_LIBRARY_PATH=/var/lang/lib

COPY requirements.txt leave_out.txt ./
RUN pip install --no-cache-dir --no-compile --root-user-action=ignore \
        --target . -r requirements.txt \
    && rm -rf $(tr -d '\r' < leave_out.txt | grep -v '^#') \
    && python3 -m compileall -q --invalidation-mode unchecked-hash .
COPY . ./
RUN python3 -m compileall -q --invalidation-mode unchecked-hash .

# -I: no variable and no folder of the caller's changes what is imported; -S: no site-packages.
ENTRYPOINT ["python3", "-I", "-S", "/var/task/runtime.py"]
CMD ["lambda_function.lambda_handler"]
