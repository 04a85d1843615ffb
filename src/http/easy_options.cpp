#include "http/easy_options.hpp"

#include <asyncio/error.hpp>

#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <cstdlib>

namespace asyncio::http::detail {
namespace {

// In curl's unit, rounded up: 0 would mean its own default.
long milliseconds(std::optional<Duration> limit) {
  if (!limit) return INT_MAX;
  const std::int64_t count = (limit->nanoseconds() + 999'999) / 1'000'000;
  return static_cast<long>(std::clamp<std::int64_t>(count, 1, INT_MAX));
}

const char* from_environment(const ClientConfig& config, const char* name) {
  return config.trust_env ? std::getenv(name) : nullptr;
}

}  // namespace

void EasyOptions::check(CURLoption option, CURLcode code) {
  if (code == CURLE_OK) return;
  if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
  const curl_easyoption* const known = curl_easy_option_by_id(option);
  throw RuntimeError(fmt::format("http::Client: this libcurl refuses its option {}: {}",
                                 known != nullptr ? known->name : "?", curl_easy_strerror(code)));
}

void EasyOptions::prepare(const ClientConfig& config, CURLSH* share) {
  set(CURLOPT_SHARE, share);
  set(CURLOPT_NOSIGNAL, true);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_ACCEPT_ENCODING, "");  // whatever it can decompress
  set(CURLOPT_COOKIEFILE, "");       // cookies are kept
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true);
  set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // ours are not for the proxy
  set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(config.timeout.connect));
  const std::int64_t kept = config.limits.keepalive_expiry.nanoseconds() / 1'000'000'000;
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(std::clamp<std::int64_t>(kept, 1, INT_MAX)));
  set(CURLOPT_HTTP_VERSION,
      static_cast<long>(config.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
  if (config.http2) set(CURLOPT_PIPEWAIT, true);
  if (!config.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, config.unix_socket);
  // Whatever the environment says: Proxies has looked at it.
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "");
}

void EasyOptions::trust(const ClientConfig& config, CURLoption file, CURLoption blob,
                        CURLoption folder) {
  if (!config.ca_data.empty()) {
    curl_blob data{const_cast<char*>(config.ca_data.data()),  // NOLINT: it is only read
                   config.ca_data.size(), CURL_BLOB_NOCOPY};
    set(blob, &data);
  } else if (!config.ca_file.empty()) {
    set(file, config.ca_file);
  } else {
    if (const char* path = from_environment(config, "SSL_CERT_FILE")) set(file, path);
    if (const char* path = from_environment(config, "SSL_CERT_DIR")) set(folder, path);
  }
}

void EasyOptions::tls(const ClientConfig& config) {
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, config.verify);
  set(CURLOPT_SSL_VERIFYHOST, config.verify ? 2L : 0L);
  trust(config, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB, CURLOPT_CAPATH);
  if (!config.client_cert.empty()) set(CURLOPT_SSLCERT, config.client_cert);
  if (!config.client_key.empty()) set(CURLOPT_SSLKEY, config.client_key);
  if (!config.client_key_password.empty()) set(CURLOPT_KEYPASSWD, config.client_key_password);
}

void EasyOptions::proxy(const Proxy& proxy, const ClientConfig& config) {
  leave_traces_ = true;
  set(CURLOPT_PROXY, proxy.url);
  if (!proxy.username.empty()) {
    set(CURLOPT_PROXYUSERNAME, proxy.username);
    set(CURLOPT_PROXYPASSWORD, proxy.password);
  }
  set(CURLOPT_PROXY_SSL_VERIFYPEER, config.verify);
  set(CURLOPT_PROXY_SSL_VERIFYHOST, config.verify ? 2L : 0L);
  trust(config, CURLOPT_PROXY_CAINFO, CURLOPT_PROXY_CAINFO_BLOB, CURLOPT_PROXY_CAPATH);
}

void EasyOptions::request(const Outgoing& request, const ClientConfig& config, CurlList& headers) {
  set(CURLOPT_URL, request.url.str());
  if (request.timeout.connect != config.timeout.connect) {
    leave_traces_ = true;
    set(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request.timeout.connect));
  }
  method_and_body(request);
  for (const Header& header : request.headers) {
    // curl's way to say that a value is empty, and not that the header is to be left out.
    headers.add(header.value.empty() ? header.name + ";" : header.name + ": " + header.value);
  }
  if (request.has_body()) {
    if (!request.headers.contains("Content-Type")) headers.add("Content-Type:");
    // curl would ask before each upload, and wait a second where nobody answers.
    if (!request.headers.contains("Expect")) headers.add("Expect:");
  }
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_COOKIE, request.cookies.empty() ? nullptr : request.cookies.c_str());
}

void EasyOptions::avoid_http2() {
  leave_traces_ = true;
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PIPEWAIT, false);
}

void EasyOptions::forget_transfer() {
  set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  set(CURLOPT_RESOLVE, static_cast<curl_slist*>(nullptr));
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
}

void EasyOptions::method_and_body(const Outgoing& request) {
  if (request.method == "GET" && !request.has_body()) return;
  leave_traces_ = true;
  if (request.chunks != nullptr || (request.body && request.body->size() > sent_at_once)) {
    set(CURLOPT_UPLOAD, true);
    const curl_off_t size =
        request.body ? static_cast<curl_off_t>(request.body->size())
                     : static_cast<curl_off_t>(request.chunks_length.value_or(std::uint64_t(-1)));
    set(CURLOPT_INFILESIZE_LARGE, size);
  } else if (request.body || request.method == "POST" || request.method == "PUT" ||
             request.method == "PATCH") {
    static const std::string empty;
    const std::string& body = request.body ? *request.body : empty;
    set(CURLOPT_POST, true);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.c_str());
  } else if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, true);
    return;
  }
  set(CURLOPT_CUSTOMREQUEST, request.method);
}

}  // namespace asyncio::http::detail
