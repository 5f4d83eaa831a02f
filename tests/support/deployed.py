"""A function in the local cloud, for the tests that ask it again and again."""
import base64
import contextlib
import json

from workshop import cloud
from workshop.machine import engine


class Function:
    """A function in the local cloud, and short words for what tests do with it."""

    def __init__(self, aws, name: str):
        self.client, self.logs, self.name = aws("lambda"), aws("logs"), name

    @property
    def arn(self) -> str:
        return self.client.get_function(FunctionName=self.name)["Configuration"]["FunctionArn"]

    def ask(self, qualifier="$LATEST", **event):
        """Invoke with the event; returns boto3's answer with `payload` and `log` decoded."""
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event),
                                    LogType="Tail", Qualifier=qualifier)
        answer["payload"] = json.loads(answer["Payload"].read())
        answer["log"] = base64.b64decode(answer["LogResult"]).decode()
        return answer

    def permit(self, service, source):
        """Let a service invoke it, for this source (an ARN)."""
        self.client.add_permission(FunctionName=self.name, StatementId=service.partition(".")[0],
                                   Principal=service, SourceArn=source,
                                   Action="lambda:InvokeFunction")

    def configure(self, **settings):
        self.client.update_function_configuration(FunctionName=self.name, **settings)
        self.client.get_waiter("function_updated_v2").wait(FunctionName=self.name)

    def containers(self) -> list[str]:
        """Ids of the containers that run this function."""
        command = ["ps", "-aq", "--filter", f"label=workshop.cloud={cloud.port()}",
                   "--filter", f"label=workshop.function={self.name}"]
        return engine.docker(*command).stdout.split()

    def delete(self):
        with contextlib.suppress(self.client.exceptions.ResourceNotFoundException):
            self.client.delete_function(FunctionName=self.name)
        with contextlib.suppress(self.logs.exceptions.ResourceNotFoundException):
            self.logs.delete_log_group(logGroupName=f"/aws/lambda/{self.name}")


def public_url(client, name, qualifier=None, **settings) -> str:
    """The address of a new function URL that is open to all, as its function's policy must say."""
    of = {"FunctionName": name, **({"Qualifier": qualifier} if qualifier else {})}
    client.add_permission(**of, StatementId="public-url", Action="lambda:InvokeFunctionUrl",
                          Principal="*", FunctionUrlAuthType="NONE")
    client.add_permission(**of, StatementId="public-invoke", Action="lambda:InvokeFunction",
                          Principal="*", InvokedViaFunctionUrl=True)
    return client.create_function_url_config(**of, AuthType="NONE", **settings)["FunctionUrl"]
