#pragma once

#include <asyncio/duration.hpp>
#include <asyncio/ssl.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace asyncio {
struct ConnectionOptions;
struct ServerOptions;
}  // namespace asyncio

namespace asyncio::detail {

/// What a connection's or a server's options say of TLS, checked and copied.
class TlsSettings {
 public:
  /// No TLS.
  TlsSettings() = default;
  /// Throws: std::invalid_argument for time limits that are not positive, or are there without a
  /// context.
  TlsSettings(const char* who, const ssl::Context* context, std::optional<Duration> handshake,
              std::optional<Duration> shutdown);
  /// Of a client. `host`: whom it connects to, empty for a Unix socket or one that is given.
  TlsSettings(const char* who, const ssl::Context* context, std::string_view server_hostname,
              std::string_view host, std::optional<Duration> handshake,
              std::optional<Duration> shutdown);
  /// The same two, of all that the options say.
  TlsSettings(const char* who, const ServerOptions& options);
  TlsSettings(const char* who, const ConnectionOptions& options, std::string_view host);

  explicit operator bool() const noexcept { return context.has_value(); }

  std::optional<ssl::Context> context;
  std::string server_hostname;
  Duration handshake_timeout = Duration::nanoseconds(60'000'000'000);  // as CPython
  Duration shutdown_timeout = Duration::nanoseconds(30'000'000'000);
};

}  // namespace asyncio::detail
