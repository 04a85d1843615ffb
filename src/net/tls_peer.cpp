// The other side of an engine: whom it must be, whom it asks for, and who it was.

#include "net/ssl_error.hpp"
#include "net/ssl_owned.hpp"
#include "net/tls_engine.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <new>

namespace asyncio::detail {
namespace {

// An address as a certificate has it.
struct IpAddress {
  std::array<unsigned char, 16> bytes{};
  std::size_t size = 0;  // 0: it is none
};

IpAddress parse_ip(std::string_view text) {
  const std::string address(text.substr(0, text.find('%')));  // fe80::1%eth0: the zone is ours
  IpAddress ip;
  if (::inet_pton(AF_INET6, address.c_str(), ip.bytes.data()) == 1) {
    ip.size = 16;
  } else if (::inet_pton(AF_INET, std::string(text).c_str(), ip.bytes.data()) == 1) {
    ip.size = 4;
  }
  return ip;
}

void check_name(std::string_view name) {
  const bool ascii = std::ranges::all_of(name, [](char c) { return c > ' ' && c < 127; });
  if (ascii && !name.empty() && name.front() != '.' && name.size() <= 255) return;
  throw_invalid_argument(fmt::format(
      "server_hostname \"{}\" is no host name: it must have 1 to 255 characters, none of "
      "them a blank, and not begin with a dot; names that are not ASCII are written "
      "as \"xn--...\"",
      name));
}

// What `print` writes into a BIO.
template <class Print>
std::string printed(Print print) {
  const Owned<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr) throw std::bad_alloc();
  print(bio.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return size <= 0 ? std::string() : std::string(text, static_cast<std::size_t>(size));
}

std::string name_text(const X509_NAME* name) {
  // UTF-8 as it is; control characters are escaped.
  constexpr unsigned long style = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
  return printed([&](BIO* bio) { X509_NAME_print_ex(bio, name, 0, style); });
}

std::string time_text(const ASN1_TIME* time) {
  return printed([&](BIO* bio) { ASN1_TIME_print(bio, time); });
}

std::string bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string ip_text(const ASN1_STRING* address) {
  const int size = ASN1_STRING_length(address);
  if (size != 4 && size != 16) return "<invalid>";
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text);
  return text;
}

void add_alt_name(const GENERAL_NAME* name, std::vector<ssl::SubjectAltName>& names) {
  switch (name->type) {
    case GEN_DNS: names.push_back({"DNS", bytes_of(name->d.dNSName)}); break;
    case GEN_EMAIL: names.push_back({"email", bytes_of(name->d.rfc822Name)}); break;
    case GEN_URI: names.push_back({"URI", bytes_of(name->d.uniformResourceIdentifier)}); break;
    case GEN_IPADD: names.push_back({"IP Address", ip_text(name->d.iPAddress)}); break;
    default: break;
  }
}

std::vector<ssl::SubjectAltName> alt_names(const X509* certificate) {
  const Owned<GENERAL_NAMES, GENERAL_NAMES_free> all(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<ssl::SubjectAltName> names;
  for (int i = 0; all != nullptr && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    add_alt_name(sk_GENERAL_NAME_value(all.get(), i), names);
  }
  return names;
}

void describe(X509* certificate, ssl::PeerCertificate& into) {
  into.subject = name_text(X509_get_subject_name(certificate));
  into.issuer = name_text(X509_get_issuer_name(certificate));
  into.serial_number =
      printed([&](BIO* bio) { i2a_ASN1_INTEGER(bio, X509_get0_serialNumber(certificate)); });
  into.not_before = time_text(X509_get0_notBefore(certificate));
  into.not_after = time_text(X509_get0_notAfter(certificate));
  into.subject_alt_names = alt_names(certificate);
}

// The name in the extension of a ClientHello: a list's size, a type (0), a size, the name. Empty if
// it is malformed, which OpenSSL then finds out itself.
std::string_view sni_name(std::span<const unsigned char> extension) noexcept {
  if (extension.size() < 5 || extension[2] != TLSEXT_NAMETYPE_host_name) return {};
  const std::size_t size = extension[3] * 256U + extension[4];
  if (size > extension.size() - 5) return {};
  const std::string_view name(reinterpret_cast<const char*>(extension.data()) + 5, size);
  return name.find('\0') == std::string_view::npos ? name : std::string_view();
}

}  // namespace

int on_client_hello(ssl_st* connection, int* alert, void*) noexcept {
  auto& engine = *static_cast<TlsEngine*>(SSL_get_app_data(connection));
  const unsigned char* extension = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_server_name, &extension, &size) != 1) {
    size = 0;
  }
  try {
    engine.choose_context(sni_name({extension, size}));
    return SSL_CLIENT_HELLO_SUCCESS;
  } catch (...) {  // must not pass through C: handshake() throws it
    engine.callback_error_ = std::current_exception();
    *alert = SSL_AD_HANDSHAKE_FAILURE;
    return SSL_CLIENT_HELLO_ERROR;
  }
}

void TlsEngine::set_peer() {
  if (context_->is_server()) {
    SSL_set_accept_state(ssl_);
    if (server_hostname_.empty()) return;
    throw_invalid_argument("server_hostname can only be specified in client mode");
  }
  SSL_set_connect_state(ssl_);
  const bool check = context_->check_hostname;
  if (server_hostname_.empty()) {
    if (!check) return;
    throw_invalid_argument(
        "You must set server_hostname when using ssl without a host; without one any certificate "
        "of a trusted CA would do, which only check_hostname(false) allows");
  }
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl_);
  bool done = true;
  if (const IpAddress ip = parse_ip(server_hostname_); ip.size != 0) {
    if (check) done = X509_VERIFY_PARAM_set1_ip(param, ip.bytes.data(), ip.size) == 1;
  } else {
    check_name(server_hostname_);
    std::string name = server_hostname_;
    if (name.ends_with('.')) name.pop_back();  // "example.com." is its full name
    done = SSL_set_tlsext_host_name(ssl_, name.c_str()) == 1;
    if (check) done = done && X509_VERIFY_PARAM_set1_host(param, name.c_str(), name.size()) == 1;
  }
  if (!done) throw_ssl_error(fmt::format("server_hostname \"{}\"", server_hostname_));
}

std::string TlsEngine::version() const {
  return SSL_is_init_finished(ssl_) != 0 ? SSL_get_version(ssl_) : "";
}

std::optional<ssl::Cipher> TlsEngine::cipher() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_);
  if (cipher == nullptr) return std::nullopt;
  return ssl::Cipher{SSL_CIPHER_get_name(cipher), SSL_CIPHER_get_version(cipher),
                     SSL_CIPHER_get_bits(cipher, nullptr)};
}

std::string TlsEngine::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &name, &size);
  return name == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(name), size);
}

std::optional<ssl::PeerCertificate> TlsEngine::peer_certificate() const {
  const Owned<X509, X509_free> certificate(SSL_get1_peer_certificate(ssl_));
  if (certificate == nullptr) return std::nullopt;
  ssl::PeerCertificate peer;
  peer.pem = printed([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); });
  const bool asked = (SSL_get_verify_mode(ssl_) & SSL_VERIFY_PEER) != 0;
  if (asked && SSL_get_verify_result(ssl_) == X509_V_OK) describe(certificate.get(), peer);
  return peer;
}

}  // namespace asyncio::detail
