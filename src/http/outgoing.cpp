#include "http/outgoing.hpp"

#include "http/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace asyncio::http::detail {
namespace {

using asyncio::detail::throw_invalid_argument;

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) -> unsigned {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U;
    };
    const unsigned three = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    text += digits[three >> 18U];
    text += digits[three >> 12U & 63U];
    text += i + 1 < bytes.size() ? digits[three >> 6U & 63U] : '=';
    text += i + 2 < bytes.size() ? digits[three & 63U] : '=';
  }
  return text;
}

std::string basic(std::string_view name, std::string_view password) {
  return "Basic " + base64(fmt::format("{}:{}", name, password));
}

std::string authorization_of(const Auth& auth) {
  switch (auth.kind) {
    case Auth::Kind::none: return {};
    case Auth::Kind::basic:
      if (auth.name.find(':') != std::string_view::npos) {
        throw_invalid_argument("basic_auth(): the user's name has a colon, which ends it");
      }
      return basic(auth.name, auth.secret);
    case Auth::Kind::bearer:
      // Not shown: it is a secret.
      if (auth.secret.empty() || !is_field_value(auth.secret)) {
        throw_invalid_argument(
            "bearer_auth(): the token is empty or has a control character; is there an end of line "
            "behind it?");
      }
      return "Bearer " + std::string(auth.secret);
  }
  return {};
}

bool is_absolute(std::string_view url) {
  const std::size_t colon = url.find_first_of(":/?#");
  return url.starts_with("//") || (colon != std::string_view::npos && url[colon] == ':');
}

// As httpx: what is relative goes below the base's path, with or without a slash.
URL resolve(const ClientConfig& config, std::string_view url) {
  if (!config.base_url || url.starts_with("http://") || url.starts_with("https://")) return url;
  if (is_absolute(url)) return config.base_url->join(url);
  if (url.empty()) return *config.base_url;
  if (url.front() == '?') return config.base_url->join(url);
  std::string path(config.base_url->path());
  if (!path.ends_with('/')) path += '/';
  url.remove_prefix(url.front() == '/' ? 1 : 0);
  path += url;
  return config.base_url->join(path);
}

std::string joined_cookies(const std::string& first, const Cookies* more) {
  if (more == nullptr || more->empty()) return first;
  return first.empty() ? more->str() : first + "; " + more->str();
}

std::optional<std::string> body_of(const RequestOptions& options, std::string& content_type) {
  if (options.content) return std::string(*options.content);
  if (options.json) {
    content_type = "application/json";
    return std::string(*options.json);
  }
  if (const Multipart* form = options.files.get()) {
    content_type = form->content_type();
    return form->body();
  }
  if (const Params* form = options.data.get()) {
    content_type = "application/x-www-form-urlencoded";
    return form->str();
  }
  return std::nullopt;
}

void check_one_body(const RequestOptions& options) {
  const int bodies = int{options.content.has_value()} + int{options.json.has_value()} +
                     int{options.data.get() != nullptr} + int{options.files.get() != nullptr} +
                     int{options.stream.get() != nullptr};
  if (bodies > 1) {
    throw_invalid_argument(
        "http::RequestOptions: a request has one body; give one of content, json, data, files and "
        "stream (fields of a form with files: Multipart::add())");
  }
}

// How long the body is, is said by who sends it: a second opinion would let two readers of the
// connection see two requests.
std::optional<std::uint64_t> take_content_length(Headers& headers, bool streamed) {
  if (headers.contains("Transfer-Encoding")) {
    throw_invalid_argument(
        "http::Client: Transfer-Encoding is the client's to set; a body given as `stream` is sent "
        "in "
        "chunks");
  }
  const std::vector<std::string> lengths = headers.get_list("Content-Length");
  if (lengths.empty()) return std::nullopt;
  if (!streamed) {
    throw_invalid_argument(
        "http::Client: Content-Length is the client's to set, from the body; only a body given as "
        "`stream` needs one");
  }
  std::uint64_t length = 0;
  const std::string& text = lengths.front();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (lengths.size() > 1 || error != std::errc() || end != text.data() + text.size()) {
    throw_invalid_argument(
        fmt::format("http::Client: Content-Length is one number of bytes, not {}", quoted(text)));
  }
  headers.remove("Content-Length");
  return length;
}

}  // namespace

ClientConfig::ClientConfig(const ClientOptions& options)
    : authorization(authorization_of(options.auth)),
      timeout(options.timeout),
      limits(options.limits),
      follow_redirects(options.follow_redirects),
      max_redirects(options.max_redirects),
      secret_headers(options.secret_headers),
      proxy(options.proxy),
      trust_env(options.trust_env),
      verify(options.verify),
      ca_file(options.ca_file),
      ca_data(options.ca_data),
      client_cert(options.client_cert),
      client_key(options.client_key),
      client_key_password(options.client_key_password),
      http2(options.http2),
      unix_socket(options.unix_socket),
      max_response_bytes(options.max_response_bytes),
      max_header_bytes(options.max_header_bytes) {
  if (!options.base_url.empty()) base_url.emplace(options.base_url);
  if (options.headers.get() != nullptr) headers = *options.headers.get();
  if (options.params.get() != nullptr) params = *options.params.get();
  if (options.cookies.get() != nullptr) cookies = options.cookies.get()->str();
  if (limits.max_connections == std::size_t{0} ||
      limits.max_connections_per_host == std::size_t{0}) {
    throw_invalid_argument(
        "http::Limits: with 0 connections no request could ever be made; no limit is std::nullopt");
  }
}

Outgoing::Outgoing(const ClientConfig& config, std::string_view method_, std::string_view url_,
                   const RequestOptions& options)
    : method(method_),
      url(resolve(config, url_)),
      headers(config.headers),
      cookies(joined_cookies(config.cookies, options.cookies.get())),
      chunks(options.stream.get()),
      timeout(options.timeout.value_or(config.timeout)),
      follow_redirects(options.follow_redirects.value_or(config.follow_redirects)) {
  check_method("http::Client", method);
  check_one_body(options);
  if (!config.params.empty()) url = url.with_params(config.params);
  if (options.params.get() != nullptr) url = url.with_params(*options.params.get());
  if (options.headers.get() != nullptr) headers.update(*options.headers.get());

  // By hand or not, they are the same line.
  if (const std::optional<std::string> by_hand = headers.get("Cookie")) {
    cookies = cookies.empty() ? *by_hand : *by_hand + "; " + cookies;
    headers.remove("Cookie");
  }

  std::string content_type;
  body = body_of(options, content_type);
  if (!content_type.empty()) headers.set_default("Content-Type", content_type);
  chunks_length = take_content_length(headers, chunks != nullptr);

  if (options.auth.kind != Auth::Kind::none) {
    headers.set("Authorization", authorization_of(options.auth));
  } else if (!url.username().empty()) {
    headers.set("Authorization", basic(url.username(), url.password()));
  } else if (!config.authorization.empty()) {
    headers.set_default("Authorization", config.authorization);
  }
}

bool Outgoing::is_idempotent() const noexcept {
  constexpr std::string_view methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  return chunks == nullptr &&
         std::find(std::begin(methods), std::end(methods), method) != std::end(methods);
}

namespace {

void drop_body(Outgoing& request) {
  request.body.reset();
  request.chunks = nullptr;
  request.chunks_length.reset();
  for (const char* name : {"Content-Type", "Content-Encoding", "Content-Language", "Expect"}) {
    request.headers.remove(name);
  }
}

void drop_secrets(Outgoing& request, std::string_view declared) {
  for (const char* name : {"Authorization", "Proxy-Authorization", "Host"}) {
    request.headers.remove(name);
  }
  request.cookies.clear();
  while (!declared.empty()) {
    const std::size_t comma = std::min(declared.find(','), declared.size());
    request.headers.remove(trim(declared.substr(0, comma)));
    declared.remove_prefix(std::min(comma + 1, declared.size()));
  }
}

bool becomes_get(int status, std::string_view method) {
  if (status == 303) return method != "HEAD";
  return (status == 301 || status == 302) && method == "POST";
}

}  // namespace

void follow(Outgoing& request, const Response& answer, const ClientConfig& config) {
  const std::string_view location = answer.headers.value("Location");
  const auto refused = [&](std::string_view why) {
    return RequestError(request.method, request.url.str(),
                        fmt::format("redirected to {}: {}", quoted_url(location), why));
  };
  std::optional<URL> target;
  try {
    target = request.url.join(location);
  } catch (const InvalidURL& error) {
    throw refused(error.what());
  }
  if (becomes_get(answer.status_code, request.method)) {
    request.method = "GET";
    drop_body(request);
  } else if (request.chunks != nullptr) {
    throw refused("its body was made while it was sent, and cannot be sent a second time");
  }
  if (!target->same_origin(request.url)) drop_secrets(request, config.secret_headers);
  request.url = std::move(*target);
}

}  // namespace asyncio::http::detail
