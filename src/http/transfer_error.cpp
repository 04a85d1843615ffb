#include "http/transfer_error.hpp"

#include <fmt/format.h>

#include <new>
#include <string>
#include <string_view>
#include <system_error>

namespace asyncio::http::detail {
namespace {

template <class E>
std::exception_ptr error(const Outgoing& request, const std::string& what) {
  return std::make_exception_ptr(E(request.method, request.url.str(), what));
}

std::string seconds(std::optional<Duration> limit) {
  return fmt::format("{:g} s", limit.value_or(Duration()).seconds());
}

// curl's sentence, and the system's word for it where there is one.
std::string describe(CURL* easy, CURLcode code, const char* text) {
  std::string what = *text != '\0' ? text : curl_easy_strerror(code);
  long number = 0;
  curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
  const bool is_the_systems =
      code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR;
  if (!is_the_systems || number == 0) return what;
  const std::string reason = std::generic_category().message(static_cast<int>(number));
  if (code == CURLE_COULDNT_CONNECT) return "cannot connect: " + reason;
  return what.find(reason) == std::string::npos ? what + ": " + reason : what;
}

bool proxy_refused(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
  return status != 0 && status / 100 != 2;
}

// curl says only that it could not receive.
bool is_about_chunks(std::string_view what) {
  return what.find("chunked-encoding") != std::string_view::npos;
}

}  // namespace

std::exception_ptr timeout_error(const Outgoing& request, TimedOut which) {
  const Timeout& timeout = request.timeout;
  switch (which) {
    case TimedOut::pool:
      return error<PoolTimeout>(
          request, fmt::format("no connection was free within {} (Timeout::pool, Limits)",
                               seconds(timeout.pool)));
    case TimedOut::connect:
      return error<ConnectTimeout>(
          request,
          fmt::format("no connection within {} (Timeout::connect)", seconds(timeout.connect)));
    case TimedOut::write:
      return error<WriteTimeout>(
          request,
          fmt::format("nothing could be sent for {} (Timeout::write)", seconds(timeout.write)));
    case TimedOut::read:
      return error<ReadTimeout>(request, fmt::format("nothing was received for {} (Timeout::read)",
                                                     seconds(timeout.read)));
    case TimedOut::total: break;
  }
  return error<TimeoutException>(
      request, fmt::format("not done within {} (Timeout::total)", seconds(timeout.total)));
}

std::exception_ptr transfer_error(const Outgoing& request, CURL* easy, CURLcode code,
                                  const char* text, bool proxied) {
  const std::string what = describe(easy, code, text);
  if (proxied && (code == CURLE_COULDNT_CONNECT || proxy_refused(easy))) {
    return error<ProxyError>(request, what);
  }
  switch (code) {
    case CURLE_OUT_OF_MEMORY: return std::make_exception_ptr(std::bad_alloc());
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY: return error<ProxyError>(request, what);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return error<ConnectError>(request, what);
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND: return error<WriteError>(request, what);
    case CURLE_RECV_ERROR:
      if (is_about_chunks(what)) return error<RemoteProtocolError>(request, what);
      return error<ReadError>(request, what);
    case CURLE_BAD_CONTENT_ENCODING: return error<DecodingError>(request, what);
    default:  // an end that is too early, chunks that are none, HTTP/2 gone wrong
      return error<RemoteProtocolError>(request, what);
  }
}

}  // namespace asyncio::http::detail
