"""The network benchmark on asyncio: net.py echo|http|churn|tls protocol|streams"""
import asyncio
import os
import ssl
import sys

RESPONSE = (b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\n"
            b"Hello, World!")
READ = 256 * 1024
BACKLOG = 4096


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()


class Http(Echo):
    begun = b""  # a request whose end has not come

    def data_received(self, data: bytes) -> None:
        if self.begun:
            data = self.begun + data
        *requests, self.begun = data.split(b"\r\n\r\n")
        if requests:
            self.transport.write(RESPONSE * len(requests))


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(READ):
        writer.write(data)
        await writer.drain()


async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(RESPONSE)
        await writer.drain()


def server_context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(os.environ["BENCH_NET_CERTIFICATE"], os.environ["BENCH_NET_KEY"])
    return context


async def serve(mode: str, variant: str) -> None:
    options = {"host": "127.0.0.1", "port": 0, "backlog": BACKLOG}
    if mode == "tls":
        options["ssl"] = server_context()
    if variant == "protocol":
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Http if mode == "http" else Echo, **options)
    else:
        answer = http if mode == "http" else echo

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await answer(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass  # the client has gone
            finally:
                writer.close()

        server = await asyncio.start_server(connected, **options)
    print("PORT", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    # Once malloc has freed so much, it no longer maps memory anew for each read of 256 KiB.
    bytearray(2**20)
    asyncio.run(serve(*sys.argv[1:]))
