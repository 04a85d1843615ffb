#pragma once

#include <exception>
#include <string>
#include <string_view>

struct ssl_st;

namespace asyncio::detail {

/// Throws an SSLError, "WHO: [LIBRARY: REASON] what OpenSSL says; WAY_OUT", or std::bad_alloc.
[[noreturn]] void throw_ssl_error(std::string_view who, std::string_view way_out = {});

/// Why an operation of this connection has failed: an SSLError, SSLCertVerificationError,
/// SSLEOFError or std::bad_alloc. `server_hostname` is for the text.
[[nodiscard]] std::exception_ptr tls_failure(ssl_st* connection, std::string_view server_hostname);

/// What OpenSSL has queued on this thread is gone: it would be taken for the next call's. To be
/// called before each one whose failure is asked for.
void clear_ssl_errors() noexcept;

}  // namespace asyncio::detail
