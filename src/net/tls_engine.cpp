#include "net/tls_engine.hpp"

#include "net/ssl_error.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <new>
#include <system_error>

namespace asyncio::detail {
namespace {

// A record's header, nonce, padding and MAC at their largest.
constexpr std::size_t record_overhead = 96;

// Handshakes and alerts do without: they are many small writes.
class SinkDuring {
 public:
  SinkDuring(TlsBio& bio, TlsSink* sink) noexcept : bio_(bio) { bio_.sink = sink; }
  SinkDuring(const SinkDuring&) = delete;
  SinkDuring& operator=(const SinkDuring&) = delete;
  ~SinkDuring() { bio_.sink = nullptr; }

 private:
  TlsBio& bio_;
};

SSL* new_connection(const SslContext& context, TlsEngine::Side side) {
  const bool server = side == TlsEngine::Side::server;
  if (server != context.is_server()) {
    throw ssl::SSLError(fmt::format(
        "Cannot create a {} socket with a {} context; use Context::{}()",
        server ? "server" : "client", server ? "client" : "server", server ? "server" : "client"));
  }
  clear_ssl_errors();
  SSL* connection = SSL_new(context.handle());
  if (connection == nullptr) throw_ssl_error("TLS");
  return connection;
}

}  // namespace

TlsEngine::TlsEngine(const ssl::Context& context, Side side, std::string_view server_hostname)
    : context_(&ssl_context_of(context)),
      server_hostname_(server_hostname),
      ssl_(new_connection(*context_, side)) {
  try {
    BIO* bio = bio_.make();
    SSL_set_bio(ssl_, bio, bio);  // takes it over
    SSL_set_app_data(ssl_, this);
    set_peer();
  } catch (...) {
    SSL_free(ssl_);
    throw;
  }
}

TlsEngine::~TlsEngine() { SSL_free(ssl_); }

void TlsEngine::fed(std::size_t n) noexcept {
  bio_.in.filled(n);
  bio_.in.release_if_empty();
}

void TlsEngine::choose_context(std::string_view server_name) {
  const std::optional<ssl::Context> choice = context_->context_for(server_name);
  if (!choice) return;
  Ref<SslContext> chosen(&ssl_context_of(*choice));
  if (!chosen->is_server()) {
    throw_invalid_argument(fmt::format(
        "set_sni_callback(): a client's context was chosen for \"{}\"; use Context::server()",
        server_name));
  }
  if (SSL_set_SSL_CTX(ssl_, chosen->handle()) == nullptr) throw_ssl_error("set_sni_callback()");
  // OpenSSL goes on with the certificates and CAs of the other one, but not with its demands.
  SSL_set_verify(ssl_, SSL_CTX_get_verify_mode(chosen->handle()), nullptr);
  chosen_ = std::move(chosen);
}

// OpenSSL looks at the oldest error in the thread's queue to tell how a call has ended, be it
// somebody else's.
void TlsEngine::begin() const {
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  clear_ssl_errors();
}

void TlsEngine::fail(std::exception_ptr error) noexcept {
  failure_ = std::move(error);
  state_ = State::shut;
}

std::exception_ptr TlsEngine::why_failed() {
  if (callback_error_ != nullptr) return std::move(callback_error_);
  if (bio_.out_of_memory) return std::make_exception_ptr(std::bad_alloc());
  return tls_failure(ssl_, server_hostname_);
}

TlsEngine::Stop TlsEngine::stop(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return Stop::want_data;
    case SSL_ERROR_ZERO_RETURN: return Stop::closed;
    default: fail(why_failed()); return Stop::failed;
  }
}

bool TlsEngine::handshake() {
  if (state_ == State::open) return true;
  begin();
  if (state_ == State::shut) throw_runtime_error("handshake(): shutdown() was called");
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    state_ = State::open;
    return true;
  }
  const Stop why = stop(result);
  if (why == Stop::want_data) return false;
  if (why == Stop::closed || holds<ssl::SSLEOFError>(failure_)) {
    fail(std::make_exception_ptr(std::system_error(ECONNRESET, std::generic_category(),
                                                   "TLS: the peer has gone during the handshake")));
  }
  std::rethrow_exception(failure_);
}

// Without read-ahead OpenSSL holds back nothing but a record of which a part is missing.
bool TlsEngine::nothing_to_decrypt() const noexcept {
  return bio_.in.empty() && !bio_.eof && SSL_pending(ssl_) == 0;
}

TlsEngine::Read TlsEngine::read(std::span<std::byte> plaintext) {
  begin();
  if (SSL_is_init_finished(ssl_) == 0) {
    throw_runtime_error("read(): the TLS handshake is not done; call handshake() until it is");
  }
  std::size_t total = 0;
  while (total < plaintext.size()) {
    std::size_t n = 0;
    const std::span<std::byte> rest = plaintext.subspan(total);
    const int result = SSL_read_ex(ssl_, rest.data(), rest.size(), &n);
    total += n;
    if (result == 1 && !nothing_to_decrypt()) continue;
    const Stop why = result == 1 ? Stop::want_data : stop(result);
    if (total != 0) break;  // the next call says so again
    if (why == Stop::failed) std::rethrow_exception(failure_);
    return {0, why == Stop::closed ? Read::closed_by_peer : Read::want_data};
  }
  return {total, Read::ok};
}

std::size_t TlsEngine::write(std::span<const std::byte> plaintext, TlsSink* sink) {
  begin();
  if (state_ != State::open) {
    throw_runtime_error(
        state_ == State::shut
            ? "write(): shutdown() was called, and nothing can follow it"
            : "write(): the TLS handshake is not done; call handshake() until it is");
  }
  if (plaintext.empty()) return 0;
  constexpr std::size_t record = SSL3_RT_MAX_PLAIN_LENGTH;
  if (plaintext.size() > record) sink = nullptr;
  const SinkDuring call(bio_, sink);
  if (sink == nullptr) {
    (void)bio_.out.room(plaintext.size() + (plaintext.size() / record + 1) * record_overhead);
  }
  std::size_t total = 0;
  while (total < plaintext.size()) {
    std::size_t n = 0;
    const std::span<const std::byte> rest = plaintext.subspan(total);
    const int result = SSL_write_ex(ssl_, rest.data(), rest.size(), &n);
    total += n;
    if (result == 1) continue;
    // The sink takes everything, and renegotiation, for which OpenSSL would have to read, is off.
    if (stop(result) != Stop::failed) {
      fail(std::make_exception_ptr(
          ssl::SSLError("write(): OpenSSL has not taken all of it; the connection is given up")));
    }
    std::rethrow_exception(failure_);
  }
  return total;
}

// True when the peer has said close_notify or gone.
bool TlsEngine::drop_plaintext() {
  std::array<std::byte, 4096> dropped;
  std::size_t n = 0;
  while (!nothing_to_decrypt()) {
    const int result = SSL_read_ex(ssl_, dropped.data(), dropped.size(), &n);
    if (result != 1) return stop(result) != Stop::want_data;
  }
  return false;
}

bool TlsEngine::shutdown() {
  const bool was_open = SSL_is_init_finished(ssl_) != 0;
  if (failure_ != nullptr || !was_open) {
    state_ = State::shut;
    return true;
  }
  clear_ssl_errors();
  if (state_ == State::open) {
    state_ = State::shut;
    const int result = SSL_shutdown(ssl_);  // does not read: that is done below
    if (result < 0 && stop(result) == Stop::failed) return true;
  }
  if ((SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0) return true;
  return drop_plaintext();
}

}  // namespace asyncio::detail
