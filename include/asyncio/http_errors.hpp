#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/error.hpp>
#include <asyncio/http_url.hpp>

#include <string_view>

namespace asyncio::http {

struct Response;

namespace detail {
class KeptResponse;
}

/// What a request has failed with. The text begins with method and URL, without user and password:
/// "GET http://127.0.0.1:9/: Connection refused".
///
/// Python: httpx.HTTPError
class HTTPError : public asyncio::detail::TextError {
 public:
  HTTPError(std::string_view method, std::string_view url, std::string_view what);
  [[nodiscard]] std::string_view method() const noexcept;
  [[nodiscard]] std::string_view url() const noexcept;

 private:
  asyncio::detail::Ref<asyncio::detail::SharedText> method_;
  asyncio::detail::Ref<asyncio::detail::SharedText> url_;
};

/// There is no answer, or not the whole of it.
class RequestError : public HTTPError {
 public:
  using HTTPError::HTTPError;
};

/// What was sent or received on the connection.
class TransportError : public RequestError {
 public:
  using RequestError::RequestError;
};

/// A limit of http::Timeout is over. Thrown itself for `total`.
class TimeoutException : public TransportError {
 public:
  using TransportError::TransportError;
};
/// No connection within Timeout::connect: name, TCP, proxy and TLS together.
class ConnectTimeout : public TimeoutException {
 public:
  using TimeoutException::TimeoutException;
};
/// Nothing was received for Timeout::read.
class ReadTimeout : public TimeoutException {
 public:
  using TimeoutException::TimeoutException;
};
/// Nothing could be sent for Timeout::write.
class WriteTimeout : public TimeoutException {
 public:
  using TimeoutException::TimeoutException;
};
/// Every connection that Limits allows was in use for Timeout::pool.
class PoolTimeout : public TimeoutException {
 public:
  using TimeoutException::TimeoutException;
};

class NetworkError : public TransportError {
 public:
  using TransportError::TransportError;
};
/// No connection: an unknown name, a refusal, a certificate that is not trusted.
class ConnectError : public NetworkError {
 public:
  using NetworkError::NetworkError;
};
class ReadError : public NetworkError {
 public:
  using NetworkError::NetworkError;
};
class WriteError : public NetworkError {
 public:
  using NetworkError::NetworkError;
};

/// The proxy cannot be reached, or refuses.
class ProxyError : public TransportError {
 public:
  using TransportError::TransportError;
};

class ProtocolError : public TransportError {
 public:
  using TransportError::TransportError;
};
/// What the server sends is no HTTP, or ends too early.
class RemoteProtocolError : public ProtocolError {
 public:
  using ProtocolError::ProtocolError;
};
/// The answer is larger than the client's limits. Not in httpx: ours.
class ResponseTooLarge : public ProtocolError {
 public:
  using ProtocolError::ProtocolError;
};

/// The body is not what its Content-Encoding, its charset or its JSON says.
class DecodingError : public RequestError {
 public:
  using RequestError::RequestError;
};

class TooManyRedirects : public RequestError {
 public:
  using RequestError::RequestError;
};

/// raise_for_status(): the answer is no success.
class HTTPStatusError : public HTTPError {
 public:
  HTTPStatusError(std::string_view what, const Response& response);
  HTTPStatusError(const HTTPStatusError& other) noexcept;
  HTTPStatusError& operator=(const HTTPStatusError& other) noexcept;
  ~HTTPStatusError() override;
  [[nodiscard]] const Response& response() const noexcept;

 private:
  asyncio::detail::Ref<detail::KeptResponse> response_;
};

}  // namespace asyncio::http
