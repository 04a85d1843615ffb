#pragma once

#include <asyncio/detail/ref.hpp>
#include <asyncio/detail/unique_function.hpp>
#include <asyncio/error.hpp>

#include <initializer_list>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio::ssl {
class Context;
}  // namespace asyncio::ssl

namespace asyncio::detail {
class SslContext;
[[nodiscard]] SslContext& ssl_context_of(const ssl::Context& context) noexcept;
using SniCallback = UniqueFunction<std::optional<ssl::Context>(std::string_view)>;
}  // namespace asyncio::detail

/// TLS. Python: the module ssl, as far as asyncio needs it.
namespace asyncio::ssl {

/// TLS has failed, or a setting was refused. what() begins as in Python: "[SSL: HTTP_REQUEST] http
/// request".
///
/// Python: ssl.SSLError, which is an OSError there
class SSLError : public std::runtime_error {
 public:
  explicit SSLError(const std::string& text, std::string_view library = {},
                    std::string_view reason = {});
  /// OpenSSL's name of what has happened: "WRONG_VERSION_NUMBER"; "" when it was not OpenSSL.
  [[nodiscard]] std::string_view reason() const noexcept;
  /// The part of OpenSSL that says so: "SSL", "PEM", "X509"; "" when none does.
  [[nodiscard]] std::string_view library() const noexcept;

 private:
  detail::Ref<detail::SharedText> library_;
  detail::Ref<detail::SharedText> reason_;
};

/// The peer's certificate is not trusted, or is another's.
class SSLCertVerificationError : public SSLError {
 public:
  SSLCertVerificationError(const std::string& text, int verify_code,
                           std::string_view verify_message);
  /// OpenSSL's X509_V_ERR_...: 10 when it has expired.
  [[nodiscard]] int verify_code() const noexcept { return verify_code_; }
  /// "self-signed certificate", "Hostname mismatch, certificate is not valid for 'example.com'."
  [[nodiscard]] std::string_view verify_message() const noexcept;

 private:
  int verify_code_;
  detail::Ref<detail::SharedText> verify_message_;
};

/// The connection has ended without close_notify: what came before may be a part of what was sent.
/// Anybody on the way can bring it about, so it is no end of file.
class SSLEOFError : public SSLError {
 public:
  using SSLError::SSLError;
};

/// What is asked of the peer's certificate: nothing; that it is valid if there is one; one that is
/// valid.
enum class VerifyMode { CERT_NONE, CERT_OPTIONAL, CERT_REQUIRED };
inline constexpr VerifyMode CERT_NONE = VerifyMode::CERT_NONE;
inline constexpr VerifyMode CERT_OPTIONAL = VerifyMode::CERT_OPTIONAL;
inline constexpr VerifyMode CERT_REQUIRED = VerifyMode::CERT_REQUIRED;

/// How certificates are verified: a sum of these.
using VerifyFlags = unsigned long;
inline constexpr VerifyFlags VERIFY_DEFAULT = 0;
inline constexpr VerifyFlags VERIFY_CRL_CHECK_LEAF = 0x4;
inline constexpr VerifyFlags VERIFY_CRL_CHECK_CHAIN = 0xc;
inline constexpr VerifyFlags VERIFY_X509_STRICT = 0x20;
inline constexpr VerifyFlags VERIFY_X509_TRUSTED_FIRST = 0x8000;
inline constexpr VerifyFlags VERIFY_X509_PARTIAL_CHAIN = 0x80000;

/// Nothing before TLS 1.2 is offered. Python has TLSv1 and TLSv1_1, deprecated.
enum class TLSVersion { MINIMUM_SUPPORTED, TLSv1_2, TLSv1_3, MAXIMUM_SUPPORTED };

/// Whose certificates will be verified: a server's (by a client) or a client's (by a server).
enum class Purpose { SERVER_AUTH, CLIENT_AUTH };

/// What to trust in place of the system's CAs: a PEM file, a folder, PEM text.
struct DefaultContextOptions {
  std::string_view cafile = {};
  std::string_view capath = {};
  std::string_view cadata = {};
};
static_assert(std::is_trivially_destructible_v<DefaultContextOptions>);

/// Settings for TLS connections of one side, and what they have in common: the certificates. A
/// handle: copies are the same context.
///
/// What a client asks for unless told otherwise: TLS 1.2 or 1.3, a certificate chain to a CA that
/// the system trusts, and the server's name in the certificate (as a subject alternative name; the
/// common name never counts). Whether a certificate was revoked is not checked: for that, load
/// revocation lists by load_verify_locations() and add VERIFY_CRL_CHECK_LEAF to the flags.
///
/// Python: ssl.SSLContext
/// Threads: any, once it is set up; settings are for connections that are made later.
class Context {
 public:
  /// Python: ssl.create_default_context().
  /// Cost: the first one of the process reads the system's CAs, tens of milliseconds; all clients
  /// share them.
  [[nodiscard]] static Context client();
  /// Without a certificate yet; asks none of its clients.
  [[nodiscard]] static Context server();
  /// With what load_cert_chain() takes.
  [[nodiscard]] static Context server(std::string_view certfile, std::string_view keyfile = {});

  Context(const Context& other) noexcept;
  Context& operator=(const Context& other) noexcept;
  ~Context();

  [[nodiscard]] bool is_server() const noexcept;

  /// The own certificate, followed by those of the CAs up to one that the peer knows, and its key,
  /// from PEM files. Without `keyfile` the key is in `certfile`, too.
  ///
  /// Throws: std::system_error if a file cannot be read; SSLError if it does not hold what it
  /// should, if the password is wrong or missing, or the key is another's. Nothing has changed
  /// then.
  void load_cert_chain(std::string_view certfile, std::string_view keyfile = {},
                       std::string_view password = {});
  /// The same from memory. Not in Python: ours.
  void use_certificate(std::string_view pem_chain, std::string_view pem_key,
                       std::string_view password = {});

  /// CAs to trust besides: a PEM file of certificates and revocation lists, and a folder of them as
  /// `openssl rehash` makes it. Either may be empty.
  ///
  /// Throws: std::invalid_argument if both are empty; std::system_error, SSLError as above.
  void load_verify_locations(std::string_view cafile, std::string_view capath = {});
  /// The same from memory: one certificate or more in PEM.
  ///
  /// Python: load_verify_locations(cadata=...)
  void add_ca_certificate(std::string_view pem);
  /// The CAs that the system trusts. A client() has them.
  void load_default_certs();

  [[nodiscard]] VerifyMode verify_mode() const noexcept;
  /// Throws: std::invalid_argument for CERT_NONE while check_hostname() is on.
  void verify_mode(VerifyMode mode);
  [[nodiscard]] bool check_hostname() const noexcept;
  /// Whether the certificate must be for the name that was asked for; needs CERT_REQUIRED, and
  /// switches it on.
  ///
  /// Throws: std::invalid_argument for a server.
  void check_hostname(bool check);
  /// As in Python 3.13, VERIFY_X509_PARTIAL_CHAIN, _STRICT and _TRUSTED_FIRST unless changed.
  [[nodiscard]] VerifyFlags verify_flags() const noexcept;
  void verify_flags(VerifyFlags flags);

  [[nodiscard]] TLSVersion minimum_version() const noexcept;
  [[nodiscard]] TLSVersion maximum_version() const noexcept;
  /// Throws: std::invalid_argument if no version is left.
  void minimum_version(TLSVersion version);
  void maximum_version(TLSVersion version);
  /// Which ciphers TLS 1.2 may use, in OpenSSL's notation; those of TLS 1.3 are always there.
  ///
  /// Throws: SSLError if none is selected.
  void set_ciphers(std::string_view ciphers);

  /// What to speak over TLS, best first: {"h2", "http/1.1"}. The server's order counts; without a
  /// common one nothing is chosen. Empty: none.
  ///
  /// Throws: SSLError for an empty name or one over 255 bytes.
  void set_alpn_protocols(std::span<const std::string_view> protocols);
  void set_alpn_protocols(std::initializer_list<std::string_view> protocols) {
    set_alpn_protocols(std::span(protocols.begin(), protocols.size()));
  }

  /// For a server of several names: `choose(server_name)` gives the context to go on with, its
  /// certificate, CAs, verify_mode and protocols; nothing to stay with this one. The name is empty
  /// when the client sends none. What it throws ends the handshake and is thrown there. A session
  /// of one context is not resumed in another.
  ///
  /// Python: sni_callback, which is given the connection
  template <class F>
  void set_sni_callback(F&& choose) {
    set_sni(detail::SniCallback(std::forward<F>(choose)));
  }

 private:
  friend detail::SslContext& detail::ssl_context_of(const Context&) noexcept;
  friend Context create_default_context(Purpose, const DefaultContextOptions&);
  explicit Context(detail::Ref<detail::SslContext> state) noexcept;
  void set_sni(detail::SniCallback choose);
  detail::Ref<detail::SslContext> state_;
};

/// A context with the defaults above: a client's, or for CLIENT_AUTH a server's, which asks for no
/// certificates until verify_mode() says so.
[[nodiscard]] Context create_default_context(const DefaultContextOptions& options = {});
[[nodiscard]] Context create_default_context(Purpose purpose,
                                             const DefaultContextOptions& options = {});

struct Cipher {
  std::string name;      ///< "TLS_AES_256_GCM_SHA384"
  std::string protocol;  ///< "TLSv1.3"
  int secret_bits = 0;
};

struct SubjectAltName {
  std::string type;  ///< "DNS", "IP Address", "email" or "URI"
  std::string value;
};

/// Python: what SSLSocket.getpeercert() gives. As there, only `pem` is filled in if the certificate
/// was not verified: nobody vouches for what it says.
struct PeerCertificate {
  std::string pem;
  std::string subject;  ///< "CN=example.com,O=Example"
  std::string issuer;
  std::string serial_number;  ///< in hexadecimal
  std::string not_before;     ///< "Jan  5 09:34:43 2018 GMT"
  std::string not_after;
  std::vector<SubjectAltName> subject_alt_names;
};

}  // namespace asyncio::ssl
