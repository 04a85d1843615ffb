#include "net/ssl_error.hpp"

#include <asyncio/ssl.hpp>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cctype>
#include <new>

namespace asyncio {
namespace detail {
namespace {

struct Error {
  unsigned long code = 0;
  std::string library;  // as Python calls it
  std::string reason;
  std::string text;
};

std::string library_name(unsigned long code) {
  switch (ERR_GET_LIB(code)) {
    case ERR_LIB_SSL: return "SSL";
    case ERR_LIB_X509: return "X509";
    case ERR_LIB_X509V3: return "X509V3";
    case ERR_LIB_PEM: return "PEM";
    case ERR_LIB_EVP: return "EVP";
    case ERR_LIB_ASN1: return "ASN1";
    default: break;
  }
  const char* name = ERR_lib_error_string(code);
  std::string library = name == nullptr ? "OpenSSL" : name;
  if (const auto end = library.rfind(" routines"); end != std::string::npos) library.resize(end);
  return library;
}

// OpenSSL's texts are made of its constants: "wrong version number".
std::string as_constant(std::string_view text) {
  std::string name;
  for (const char c : text) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0
                ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
                : '_';
  }
  return name;
}

// The newest says what has failed, those before it why some part of it did. Python shows it, too.
Error take_error() {
  Error error;
  error.code = ERR_peek_last_error();
  ERR_clear_error();
  if (error.code == 0) {
    error.library = "SSL";
    error.text = "unknown error";
  } else if (ERR_GET_REASON(error.code) == ERR_R_MALLOC_FAILURE) {
    throw std::bad_alloc();
  } else {
    error.library = library_name(error.code);
    const char* text = ERR_reason_error_string(error.code);
    error.text = text == nullptr ? fmt::format("error {:#x}", error.code) : text;
  }
  error.reason = as_constant(error.text);
  return error;
}

std::string python_text(const Error& error) {
  return fmt::format("[{}: {}] {}", error.library, error.reason, error.text);
}

std::string_view way_out(unsigned long code) {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return {};
  switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER: return "; this does not look like TLS: is it the right port?";
    case SSL_R_HTTP_REQUEST: return "; the client speaks HTTP without TLS";
    case SSL_R_NO_SHARED_CIPHER:
      return "; has the server a certificate? use load_cert_chain(); else see set_ciphers()";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "; see minimum_version() and maximum_version() of both sides";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA: return "; the peer does not trust the CA of our certificate";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "; verify_mode() is CERT_REQUIRED, and the client has none";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "; the server asks for a client certificate: use load_cert_chain()";
    default: return {};
  }
}

std::string_view way_out_of(long verify_code) {
  switch (verify_code) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "; if that is right, trust it by load_verify_locations() or add_ca_certificate()";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
      return "; the peer must send every intermediate certificate, and the CA must be trusted: "
             "load_verify_locations() or add_ca_certificate()";
    default: return {};
  }
}

// Python's words, which name what was expected.
std::string verify_text(long code, std::string_view hostname) {
  if (code == X509_V_ERR_HOSTNAME_MISMATCH) {
    return fmt::format("Hostname mismatch, certificate is not valid for '{}'.", hostname);
  }
  if (code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    return fmt::format("IP address mismatch, certificate is not valid for '{}'.", hostname);
  }
  return X509_verify_cert_error_string(code);
}

std::exception_ptr verification_failure(ssl_st* connection, const Error& error,
                                        std::string_view hostname) {
  const long code = SSL_get_verify_result(connection);
  const std::string message = verify_text(code, hostname);
  return std::make_exception_ptr(ssl::SSLCertVerificationError(
      fmt::format("{}: {}{}", python_text(error), message, way_out_of(code)),
      static_cast<int>(code), message));
}

bool is_ssl(const Error& error, int reason) {
  return ERR_GET_LIB(error.code) == ERR_LIB_SSL && ERR_GET_REASON(error.code) == reason;
}

}  // namespace

void throw_ssl_error(std::string_view who, std::string_view way_out) {
  const Error error = take_error();
  throw ssl::SSLError(
      fmt::format("{}: {}{}{}", who, python_text(error), way_out.empty() ? "" : "; ", way_out),
      error.library, error.reason);
}

std::exception_ptr tls_failure(ssl_st* connection, std::string_view server_hostname) {
  try {
    const Error error = take_error();
    if (is_ssl(error, SSL_R_CERTIFICATE_VERIFY_FAILED)) {
      return verification_failure(connection, error, server_hostname);
    }
    if (is_ssl(error, SSL_R_UNEXPECTED_EOF_WHILE_READING)) {
      return std::make_exception_ptr(ssl::SSLEOFError(
          fmt::format("[{}: {}] EOF occurred in violation of protocol: the connection has ended "
                      "without close_notify, so the end of the data may be missing",
                      error.library, error.reason),
          error.library, error.reason));
    }
    return std::make_exception_ptr(ssl::SSLError(
        python_text(error) + std::string(way_out(error.code)), error.library, error.reason));
  } catch (...) {
    return std::current_exception();
  }
}

void clear_ssl_errors() noexcept {
  if (ERR_peek_error() != 0) ERR_clear_error();  // which goes through all of a table
}

}  // namespace detail

namespace ssl {

using detail::SharedText;

namespace {
std::string_view view(const detail::Ref<SharedText>& text) noexcept {
  return text ? text->view() : std::string_view();
}
}  // namespace

SSLError::SSLError(const std::string& text, std::string_view library, std::string_view reason)
    : std::runtime_error(text),
      library_(SharedText::make(library)),
      reason_(SharedText::make(reason)) {}

std::string_view SSLError::reason() const noexcept { return view(reason_); }
std::string_view SSLError::library() const noexcept { return view(library_); }

SSLCertVerificationError::SSLCertVerificationError(const std::string& text, int verify_code,
                                                   std::string_view verify_message)
    : SSLError(text, "SSL", "CERTIFICATE_VERIFY_FAILED"),
      verify_code_(verify_code),
      verify_message_(SharedText::make(verify_message)) {}

std::string_view SSLCertVerificationError::verify_message() const noexcept {
  return view(verify_message_);
}

}  // namespace ssl
}  // namespace asyncio
