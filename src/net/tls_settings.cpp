#include "net/tls_settings.hpp"

#include <asyncio/error.hpp>
#include <asyncio/server.hpp>
#include <asyncio/streams.hpp>

#include <fmt/format.h>

namespace asyncio::detail {
namespace {

void take(Duration& setting, std::optional<Duration> wanted, const char* who, const char* name) {
  if (!wanted) return;
  if (*wanted <= Duration()) {
    throw_invalid_argument(fmt::format("{}: {} should be a positive duration", who, name));
  }
  setting = *wanted;
}

}  // namespace

TlsSettings::TlsSettings(const char* who, const ssl::Context* with,
                         std::optional<Duration> handshake, std::optional<Duration> shutdown) {
  if (with == nullptr) {
    if (!handshake && !shutdown) return;
    throw_invalid_argument(
        fmt::format("{}: {} is only meaningful with ssl; give a context", who,
                    handshake ? "ssl_handshake_timeout" : "ssl_shutdown_timeout"));
  }
  context = *with;
  take(handshake_timeout, handshake, who, "ssl_handshake_timeout");
  take(shutdown_timeout, shutdown, who, "ssl_shutdown_timeout");
}

TlsSettings::TlsSettings(const char* who, const ssl::Context* with, std::string_view name,
                         std::string_view host, std::optional<Duration> handshake,
                         std::optional<Duration> shutdown)
    : TlsSettings(who, with, handshake, shutdown) {
  if (!context) {
    if (name.empty()) return;
    throw_invalid_argument(
        fmt::format("{}: server_hostname is only meaningful with ssl; give a context", who));
  }
  server_hostname = name.empty() ? host : name;
  if (server_hostname.empty() && context->check_hostname()) {
    throw_invalid_argument(
        fmt::format("{}: You must set server_hostname when using ssl without a host", who));
  }
}

TlsSettings::TlsSettings(const char* who, const ServerOptions& options)
    : TlsSettings(who, options.ssl, options.ssl_handshake_timeout, options.ssl_shutdown_timeout) {}

TlsSettings::TlsSettings(const char* who, const ConnectionOptions& options, std::string_view host)
    : TlsSettings(who, options.ssl, options.server_hostname, host, options.ssl_handshake_timeout,
                  options.ssl_shutdown_timeout) {}

}  // namespace asyncio::detail
