"""nginx for tests/http/servers.py: in a folder of its own, on free ports, without being root."""
import os
import signal
import socket
import subprocess
import time

from clients import LIMIT, check, run

NUMBERED = "%015d\n"  # the lines of the files: what a byte is follows from where it is


def numbered(size: int) -> bytes:
    return "".join(NUMBERED % i for i in range((size + 15) // 16)).encode()[:size]


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Certificates:
    """A CA, and what it has signed: FOLDER/NAME.pem and FOLDER/NAME.key."""

    def __init__(self, folder: str):
        self.folder = folder
        self._openssl("req", "-x509", *self._new_key("ca"), "-out", self.path("ca.pem"),
                      "-days", "2", "-subj", "/CN=CA of a test")
        self._openssl("req", "-x509", *self._new_key("stranger"), "-out",
                      self.path("stranger.pem"), "-days", "2", "-subj", "/CN=A CA of nobody's")
        self.sign("localhost", "DNS:localhost,IP:127.0.0.1")
        self.sign("other", "DNS:other.example")
        self.sign("expired", "DNS:localhost,IP:127.0.0.1", days=-1)
        self.sign("client", "DNS:client")

    def path(self, name: str) -> str:
        return os.path.join(self.folder, name)

    def sign(self, name: str, for_whom: str, days: int = 2) -> None:
        extensions = self.path(name + ".cnf")
        with open(extensions, "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={for_whom}\n")
        self._openssl("req", *self._new_key(name), "-out", self.path(name + ".csr"),
                      "-subj", f"/CN={name}")
        self._openssl("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("ca.pem"),
                      "-CAkey", self.path("ca.key"), "-CAcreateserial", "-extfile", extensions,
                      "-days", str(days), "-out", self.path(name + ".pem"))

    def _new_key(self, name: str) -> list[str]:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                self.path(name + ".key")]

    @staticmethod
    def _openssl(*arguments: str) -> None:
        run("openssl", *arguments)


CONFIG = """
daemon off;
worker_processes 1;
%(user)s
pid %(folder)s/nginx.pid;
error_log %(folder)s/error.log notice;
events { worker_connections 512; }
http {
  access_log %(folder)s/access.log;
  client_body_temp_path %(folder)s/body;
  proxy_temp_path %(folder)s/proxy;
  fastcgi_temp_path %(folder)s/fastcgi;
  uwsgi_temp_path %(folder)s/uwsgi;
  scgi_temp_path %(folder)s/scgi;
  default_type application/octet-stream;
  keepalive_requests 10000;
  client_max_body_size 8m;
  root %(folder)s/www;
  add_header X-Connection $connection always;
  add_header X-Requests $connection_requests always;
  ssl_certificate %(folder)s/localhost.pem;
  ssl_certificate_key %(folder)s/localhost.key;
  server { listen 127.0.0.1:%(http)d; listen 127.0.0.2:%(http)d; include %(folder)s/locations.conf; }
  server { listen 127.0.0.1:%(brief)d; keepalive_timeout 1s; }
  server { listen 127.0.0.1:%(https)d ssl; include %(folder)s/locations.conf; }
  server { listen 127.0.0.1:%(http2)d ssl http2; include %(folder)s/locations.conf; }
  server {
    listen 127.0.0.1:%(other)d ssl;
    ssl_certificate %(folder)s/other.pem;
    ssl_certificate_key %(folder)s/other.key;
  }
  server {
    listen 127.0.0.1:%(expired)d ssl;
    ssl_certificate %(folder)s/expired.pem;
    ssl_certificate_key %(folder)s/expired.key;
  }
  server {
    listen 127.0.0.1:%(mutual)d ssl;
    ssl_client_certificate %(folder)s/ca.pem;
    ssl_verify_client on;
    location / { return 200 $ssl_client_s_dn; }
  }
}
"""

# Of every server: what it is reached by makes no difference.
LOCATIONS = """
location /gzip/ {
  alias %(folder)s/www/;
  gzip on; gzip_min_length 1; gzip_types *;
}
location /packed/ {  # as they are, and said to be compressed
  add_header Content-Encoding gzip;
}
location /hidden/ { alias %(folder)s/www/; auth_basic hidden; auth_basic_user_file htpasswd; }
location /limited { client_max_body_size 1m; proxy_pass http://127.0.0.1:%(origin)d/echo; }
location /origin/ {
  proxy_pass http://127.0.0.1:%(origin)d/;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header X-From-Nginx $connection;
}
location /unbuffered/ {
  proxy_pass http://127.0.0.1:%(origin)d/;
  proxy_http_version 1.1;
  proxy_request_buffering off;
}
location = /301 { return 301 /302?x=1; }
location = /302 { return 302 303; }
location = /303 { return 303 http://localhost:%(http)d/307; }
location = /307 { return 307 /308#part; }
location = /308 { return 308 /origin/echo; }
%(to_echo)slocation = /loop { return 302 /loop; }
location = /to-https { return 301 https://localhost:%(https)d/origin/echo; }
"""

NAMES = ("http", "brief", "https", "http2", "other", "expired", "mutual")


class Nginx:
    """Listens on ports["http"] and so on. Stopped by its pid."""

    def __init__(self, folder: str, origin: int):
        self.folder = folder
        self.origin = origin
        self.process = None
        self.ports = {}
        os.makedirs(os.path.join(folder, "www", "packed"))
        for name, size in (("0", 0), ("1", 1), ("100K", 100 * 1024)):
            self.write(f"www/{name}", numbered(size))

    def start(self) -> None:
        for _ in range(5):  # another program may take a port before nginx does
            self.ports = dict(zip(NAMES, free_ports(len(NAMES))))
            if self._try_to_start():
                return
        check(False, "nginx does not start:\n" + self.errors())

    def write(self, name: str, content: bytes) -> None:
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(content)

    def errors(self) -> str:
        path = os.path.join(self.folder, "error.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def start_again(self) -> None:
        self.stop()
        check(self._try_to_start(), "nginx does not start again:\n" + self.errors())

    def stop(self) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(LIMIT)
        finally:
            process.kill()
            process.wait()

    def _try_to_start(self) -> bool:
        values = {**self.ports, "folder": self.folder, "origin": self.origin,
                  "to_echo": "".join(f"location = /to-echo/{status} {{ return {status} /origin/echo; }}\n"
                                     for status in (301, 302, 303, 307, 308)),
                  "user": "user root;" if os.geteuid() == 0 else ""}
        self.write("nginx.conf", (CONFIG % values).encode())
        self.write("locations.conf", (LOCATIONS % values).encode())
        log = os.path.join(self.folder, "error.log")
        self.process = subprocess.Popen(
            ["nginx", "-e", log, "-p", self.folder, "-c", os.path.join(self.folder, "nginx.conf")],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + LIMIT
        while self.process.poll() is None and time.monotonic() < until:
            if os.path.exists(os.path.join(self.folder, "nginx.pid")) and self._answers():
                return True
            time.sleep(0.01)
        self.stop()
        return False

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports["http"]), 1).close()
            return True
        except OSError:
            return False
