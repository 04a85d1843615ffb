#pragma once

#include "http/curl_owned.hpp"
#include "http/outgoing.hpp"
#include "http/proxies.hpp"

#include <string>

namespace asyncio::http::detail {

/// Bodies up to this size go with the header lines; larger ones are asked for piece by piece.
inline constexpr std::size_t sent_at_once = std::size_t{64} * 1024;

/// Tells a handle of curl's what to do. A handle is prepared once; a usual request, such as a GET
/// without a proxy, then sets nothing that the next one would not set anew.
///
/// Throws: std::bad_alloc; RuntimeError if this libcurl lacks an option.
class EasyOptions {
 public:
  explicit EasyOptions(CURL* easy) noexcept : easy_(easy) {}

  template <class T>
  void set(CURLoption option, T value) {
    check(option, curl_easy_setopt(easy_, option, value));
  }
  void set(CURLoption option, const std::string& value) { set(option, value.c_str()); }
  void set(CURLoption option, bool value) { set(option, value ? 1L : 0L); }

  /// What no request changes.
  void prepare(const ClientConfig& config, CURLSH* share);
  void tls(const ClientConfig& config);
  void proxy(const Proxy& proxy, const ClientConfig& config);
  void avoid_http2();
  /// `headers` must outlive the transfer, as must the request.
  void request(const Outgoing& request, const ClientConfig& config, CurlList& headers);
  /// Whether the next request would find something of this one.
  [[nodiscard]] bool leave_traces() const noexcept { return leave_traces_; }
  /// What belongs to a transfer that has ended.
  void forget_transfer();

 private:
  static void check(CURLoption option, CURLcode code);
  void method_and_body(const Outgoing& request);
  /// Whose certificates are believed, by these options.
  void trust(const ClientConfig& config, CURLoption file, CURLoption blob, CURLoption folder);

  CURL* easy_;
  bool leave_traces_ = false;
};

}  // namespace asyncio::http::detail
