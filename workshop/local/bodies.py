"""A request's body (ASGI): read piece by piece, and given once more to who reads it next."""


class DisconnectedError(Exception):
    """The caller went away before it had sent all of the body."""


async def parts(receive):
    """The pieces of a body, as they arrive (an asynchronous iterator of bytes).

    Raises:
        DisconnectedError: there will be no more of it.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        yield message.get("body", b"")
        more = message.get("more_body", False)


def repeating(body: bytes, receive):
    """A `receive` that gives the body, which was read already, once more."""
    rest = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again():
        return rest.pop() if rest else await receive()
    return receive_again
