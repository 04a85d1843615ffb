// Whom a client trusts.

#include "servers_probe.hpp"

#include "support/errors.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

using asyncio::http::Client;
using asyncio::http::Response;
using probe::connection;
using probe::file;
using probe::has;
using probe::numbered;
using probe::type_of;
using probe::where;
using support::thrown_by_await;

namespace {

std::string by_number(std::string_view url) {
  return "https://127.0.0.1" + std::string(url.substr(url.rfind(':')));
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

SERVERS_TEST(TlsTrusted) {
  const std::string ca = file("ca.pem");
  const asyncio::http::Limits kept = {.keepalive_expiry = probe::long_enough};
  const Client by_file({.base_url = where("HTTPS"), .limits = kept, .ca_file = ca});
  const Response first = co_await by_file.get("/30M");
  EXPECT_TRUE(first.content == numbered(31457280)) << first.content.size();
  EXPECT_EQ(first.http_version, "HTTP/1.1");
  const Response second = co_await by_file.get("/100K");
  EXPECT_EQ(second.content, numbered(102400));
  EXPECT_EQ(connection(second), connection(first));
  const std::string number = by_number(where("HTTPS"));
  EXPECT_EQ((co_await by_file.get(number + "/1")).content, "0");

  std::string data = text_of(ca);
  const Client by_data({.base_url = where("HTTPS"), .ca_data = data});
  data.assign(data.size(), 'x');  // it has been copied
  EXPECT_EQ((co_await by_data.get("/1")).content, "0");
  const Client anybody({.base_url = where("EXPIRED"), .verify = false});
  EXPECT_EQ((co_await anybody.get("/1")).content, "0");
  const Client anyname({.base_url = where("OTHER"), .verify = false});
  EXPECT_EQ((co_await anyname.get("/1")).content, "0");

  ::setenv("SSL_CERT_FILE", ca.c_str(), 1);
  const Client by_environment({.base_url = where("HTTPS")});
  EXPECT_EQ((co_await by_environment.get("/1")).content, "0");
  const Client without({.base_url = where("HTTPS"), .trust_env = false});
  EXPECT_EQ(type_of(co_await thrown_by_await(without.get("/1"))), "http::ConnectError");
  ::unsetenv("SSL_CERT_FILE");
}

SERVERS_TEST(TlsRefused) {
  const std::string ca = file("ca.pem");
  const std::string stranger = file("stranger.pem");
  const std::string stranger_data = text_of(stranger);
  const Client system({.base_url = where("HTTPS")});
  const Client by_file({.base_url = where("HTTPS"), .ca_file = stranger});
  const Client by_data({.base_url = where("HTTPS"), .ca_data = stranger_data});
  for (const Client& client : {system, by_file, by_data}) {
    const std::string error = co_await thrown_by_await(client.get("/1"));
    EXPECT_EQ(type_of(error), "http::ConnectError");
    EXPECT_TRUE(has(error, "unable to get local issuer certificate")) << error;
    EXPECT_TRUE(has(error, "GET https://localhost:")) << error;
  }
  const Client expired({.base_url = where("EXPIRED"), .ca_file = ca});
  const std::string too_old = co_await thrown_by_await(expired.get("/1"));
  EXPECT_EQ(type_of(too_old), "http::ConnectError");
  EXPECT_TRUE(has(too_old, "certificate has expired")) << too_old;

  const Client other({.ca_file = ca});
  const std::string url(where("OTHER"));
  for (const std::string& base : {url, by_number(url)}) {
    const std::string error = co_await thrown_by_await(other.get(base + "/1"));
    EXPECT_EQ(type_of(error), "http::ConnectError");
    EXPECT_TRUE(has(error, "no alternative certificate subject name matches target host name"))
        << error;
  }
  const std::string no_file = file("nothing.pem");
  const Client missing({.base_url = where("HTTPS"), .ca_file = no_file});
  const std::string error = co_await thrown_by_await(missing.get("/1"));
  EXPECT_EQ(type_of(error), "http::ConnectError");
  EXPECT_TRUE(has(error, "nothing.pem")) << error;
  // TLS where there is none, and none where there is TLS.
  const std::string plain = "https" + std::string(where("HTTP").substr(4));
  EXPECT_EQ(type_of(co_await thrown_by_await(other.get(plain))), "http::ConnectError");
  const std::string secret = "http" + std::string(where("HTTPS").substr(5));
  EXPECT_EQ((co_await other.get(secret)).status_code, 400);
}

SERVERS_TEST(TlsClientCertificate) {
  const std::string ca = file("ca.pem");
  const std::string certificate = file("client.pem");
  const std::string key = file("client.key");
  const Client known(
      {.base_url = where("MUTUAL"), .ca_file = ca, .client_cert = certificate, .client_key = key});
  EXPECT_EQ((co_await known.get("/")).content, "CN=client");
  const Client unknown({.base_url = where("MUTUAL"), .ca_file = ca});
  const Response refused = co_await unknown.get("/");
  EXPECT_EQ(refused.status_code, 400);
  EXPECT_TRUE(has(refused.content, "No required SSL certificate was sent")) << refused.content;
  const std::string other_key = file("other.key");
  const Client wrong({.base_url = where("MUTUAL"),
                      .ca_file = ca,
                      .client_cert = certificate,
                      .client_key = other_key});
  EXPECT_EQ(type_of(co_await thrown_by_await(wrong.get("/"))), "http::ConnectError");
}
