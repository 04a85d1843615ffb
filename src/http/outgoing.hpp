#pragma once

#include <asyncio/http.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::http::detail {

/// A client's options, kept.
struct ClientConfig {
  explicit ClientConfig(const ClientOptions& options);

  std::optional<URL> base_url;
  Headers headers;
  Params params;
  std::string cookies;  ///< "a=1; b=2"
  std::string authorization;
  Timeout timeout;
  Limits limits;
  bool follow_redirects;
  std::size_t max_redirects;
  std::string secret_headers;
  std::string proxy;
  bool trust_env;
  bool verify;
  std::string ca_file;
  std::string ca_data;
  std::string client_cert;
  std::string client_key;
  std::string client_key_password;
  bool http2;
  std::string unix_socket;
  std::size_t max_response_bytes;
  std::size_t max_header_bytes;
};

/// One request, checked and complete: what goes out, and how it is waited for.
struct Outgoing {
  Outgoing(const ClientConfig& config, std::string_view method, std::string_view url,
           const RequestOptions& options);

  [[nodiscard]] bool has_body() const noexcept { return body || chunks != nullptr; }
  /// Whether it may be sent a second time when nobody knows what became of the first.
  [[nodiscard]] bool is_idempotent() const noexcept;

  std::string method;
  URL url;
  Headers headers;
  std::string cookies;  ///< those that the program has set
  std::optional<std::string> body;
  AsyncGenerator<std::string>* chunks = nullptr;
  std::optional<std::uint64_t> chunks_length;  ///< from its Content-Length
  Timeout timeout;
  bool follow_redirects;
};

/// What is to be asked when `answer` is a redirect that is followed; `request` becomes that. As
/// browsers and httpx do: 303, and a POST after 301 or 302, become a GET. What is secret does not
/// go to another origin.
///
/// Throws: RequestError if it cannot be followed.
void follow(Outgoing& request, const Response& answer, const ClientConfig& config);

}  // namespace asyncio::http::detail
