"""A TCP forwarder, one file, standard library: LISTEN_PORT TARGET_HOST TARGET_PORT.

It runs inside a container (see desktop.ensure_forwarder) and listens on loopback only.
"""
import asyncio
import sys


async def copy(reader, writer):
    """Copy until the sender is done, then pass on that it is done."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:          # either side hung up: the other is closed below
        writer.close()


async def serve(listen_port, host, port):
    """Forward 127.0.0.1:listen_port to host:port until cancelled."""
    async def forward(reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection(host, port)
        except OSError as error:
            print(f"{host}:{port}: {error}", file=sys.stderr)
            writer.close()
            return
        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))
        writer.close()
        there_writer.close()

    server = await asyncio.start_server(forward, "127.0.0.1", listen_port)
    print(f"forwarding 127.0.0.1:{listen_port} to {host}:{port}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
