// The network benchmark on libuv: net echo|http|churn
#include <uv.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http.hpp"

namespace {

using bench::net::Requests;
using bench::net::Responses;

bool http = false;
Responses responses;

void require(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "%s: %s\n", what, uv_strerror(result));
  std::exit(1);
}

struct Connection {
  uv_tcp_t handle;
  Requests requests;
};

/// A write that does not fit the socket at once.
struct Write {
  uv_write_t request;
  std::string bytes;
};

uv_stream_t* stream(Connection* connection) {
  return reinterpret_cast<uv_stream_t*>(&connection->handle);
}

// libuv at its fastest: one buffer for all, since what is read is written or copied at once.
void lend_buffer(uv_handle_t*, std::size_t, uv_buf_t* buffer) {
  static char scratch[256 * 1024];
  *buffer = uv_buf_init(scratch, sizeof scratch);
}

void end(Connection* connection) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&connection->handle);
  if (uv_is_closing(handle) != 0) return;
  uv_close(handle, [](uv_handle_t* closed) { delete static_cast<Connection*>(closed->data); });
}

void on_data(uv_stream_t* from, ssize_t size, const uv_buf_t* buffer);

void on_written(uv_write_t* request, int status) {
  auto* connection = static_cast<Connection*>(request->handle->data);
  delete static_cast<Write*>(request->data);
  if (status < 0) return end(connection);
  uv_read_start(stream(connection), lend_buffer, on_data);
}

/// Nothing is read while it waits.
void write_later(Connection* connection, std::string_view bytes) {
  uv_read_stop(stream(connection));
  auto* write = new Write{{}, std::string(bytes)};
  write->request.data = write;
  uv_buf_t rest = uv_buf_init(write->bytes.data(), static_cast<unsigned>(write->bytes.size()));
  require(uv_write(&write->request, stream(connection), &rest, 1, on_written), "uv_write");
}

void on_data(uv_stream_t* from, ssize_t size, const uv_buf_t* buffer) {
  auto* connection = static_cast<Connection*>(from->data);
  if (size < 0) return end(connection);
  std::string_view reply(buffer->base, static_cast<std::size_t>(size));
  if (http) reply = responses.to(connection->requests.ended_by(reply));
  if (reply.empty()) return;
  uv_buf_t bytes =
      uv_buf_init(const_cast<char*>(reply.data()), static_cast<unsigned>(reply.size()));
  const int sent = uv_try_write(from, &bytes, 1);
  if (sent < 0 && sent != UV_EAGAIN) return end(connection);
  if (sent > 0) reply.remove_prefix(static_cast<std::size_t>(sent));
  if (!reply.empty()) write_later(connection, reply);
}

void on_connection(uv_stream_t* listener, int status) {
  require(status, "uv_listen");
  auto* connection = new Connection{};
  uv_tcp_init(listener->loop, &connection->handle);
  connection->handle.data = connection;
  if (uv_accept(listener, stream(connection)) < 0) return end(connection);
  uv_tcp_nodelay(&connection->handle, 1);
  uv_read_start(stream(connection), lend_buffer, on_data);
}

}  // namespace

int main(int argc, char** argv) {
  http = argc > 1 && std::string_view(argv[1]) == "http";
  uv_loop_t* loop = uv_default_loop();
  uv_tcp_t listener;
  uv_tcp_init(loop, &listener);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  require(uv_tcp_bind(&listener, name, 0), "uv_tcp_bind");
  require(uv_listen(reinterpret_cast<uv_stream_t*>(&listener), 4096, on_connection), "uv_listen");
  int length = sizeof address;
  require(uv_tcp_getsockname(&listener, name, &length), "uv_tcp_getsockname");
  std::printf("PORT %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  uv_run(loop, UV_RUN_DEFAULT);
}
