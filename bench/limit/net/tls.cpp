// The limit of TLS: one connection at a time, in blocking calls.
#include <csignal>
#include <memory>

#include "net/socket.hpp"
#include "net/tls.hpp"

namespace {

using namespace bench::net;

void echo(SSL* connection, char* buffer) {
  int n = 0;
  while ((n = SSL_read(connection, buffer, static_cast<int>(read_size))) > 0) {
    if (SSL_write(connection, buffer, n) != n) return;
  }
  if (SSL_get_error(connection, n) == SSL_ERROR_ZERO_RETURN) SSL_shutdown(connection);
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = tls_server_context();
  const std::unique_ptr<char[]> buffer(new char[read_size]);
  const int listener = listen_and_announce(0);
  for (;;) {
    const int fd = must(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept4");
    set_nodelay(fd);
    SSL* connection = SSL_new(context);
    SSL_set_fd(connection, fd);
    if (SSL_accept(connection) == 1) echo(connection, buffer.get());
    SSL_free(connection);
    close(fd);
    ERR_clear_error();
  }
}
