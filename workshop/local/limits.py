"""What Lambda and SageMaker Serverless allow, once for the local cloud and what is measured.

Sources are AWS's pages: "Lambda quotas", "Configure memory", and the API reference of the call or
data type named behind a limit.
"""
MB = 2 ** 20

# Lambda
MEMORY = (128, 10_240)              # MB
TIMEOUT = (1, 900)                  # seconds
STORAGE = (512, 10_240)             # MB of /tmp (EphemeralStorage); the first is the default
REQUEST = 6 * MB                    # bytes, RequestResponse (Invoke)
EVENT = 1 * MB                      # bytes, Event, asynchronous (Invoke)
ZIP_REQUEST = 69_905_067            # bytes of a request with code in it; its zip: 50 MB in base64
VARIABLES = 4 * 1024                # bytes of all names and values of environment variables
PROCESSES = FILES = 1024            # of an execution environment; threads count
VCPU_MEMORY = 1769                  # MB that buy one vCPU
SANDBOX = "993:990"                 # user and group that Lambda runs a function as

# SageMaker Serverless
ENDPOINT_MEMORY = range(1024, 6144 + 1, 1024)   # MB (ProductionVariantServerlessConfig)
ENDPOINT_REQUEST = 4 * MB           # bytes of a request's or an answer's body (InvokeEndpoint)
ENDPOINT_START = 180                # seconds to download the model and answer /ping
ENDPOINT_ANSWER = 60                # seconds for an answer ("Invoke a serverless endpoint")
