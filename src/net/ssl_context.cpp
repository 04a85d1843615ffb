#include "net/ssl_context.hpp"

#include "net/ssl_error.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace asyncio {

static_assert(ssl::VERIFY_CRL_CHECK_LEAF == X509_V_FLAG_CRL_CHECK &&
              ssl::VERIFY_CRL_CHECK_CHAIN == (X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL) &&
              ssl::VERIFY_X509_STRICT == X509_V_FLAG_X509_STRICT &&
              ssl::VERIFY_X509_TRUSTED_FIRST == X509_V_FLAG_TRUSTED_FIRST &&
              ssl::VERIFY_X509_PARTIAL_CHAIN == X509_V_FLAG_PARTIAL_CHAIN);

namespace detail {
namespace {

// CPython's: forward secrecy and authenticated encryption first.
constexpr const char* default_ciphers =
    "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM";

SSL_CTX* new_handle(bool is_server) {
  clear_ssl_errors();
  SSL_CTX* ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  if (ctx == nullptr) throw_ssl_error("ssl::Context");
  return ctx;
}

// A session is resumed only in the context that it began in: another one, chosen by name, may ask
// for client certificates of another CA.
void set_session_context(SSL_CTX* ctx) noexcept {
  static unsigned long made = 0;  // accessed atomically
  const unsigned long number = atomic_add(made, 1UL);
  SSL_CTX_set_session_id_context(ctx, reinterpret_cast<const unsigned char*>(&number),
                                 sizeof number);
}

void set_defaults(SSL_CTX* ctx) noexcept {
  SSL_CTX_set_options(ctx, SSL_OP_ALL | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
  // Idle connections keep no buffers; a write that could not go on may come from elsewhere again.
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(ctx, 0);
  SSL_CTX_set_cipher_list(ctx, default_ciphers);
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(ctx);
  X509_VERIFY_PARAM_set_flags(param, ssl::VERIFY_X509_TRUSTED_FIRST | ssl::VERIFY_X509_STRICT |
                                         ssl::VERIFY_X509_PARTIAL_CHAIN);
  X509_VERIFY_PARAM_set_hostflags(
      param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
}

int openssl_mode(ssl::VerifyMode mode) noexcept {
  switch (mode) {
    case ssl::VerifyMode::CERT_NONE: return SSL_VERIFY_NONE;
    case ssl::VerifyMode::CERT_OPTIONAL: return SSL_VERIFY_PEER;
    case ssl::VerifyMode::CERT_REQUIRED: break;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

}  // namespace

SslContext::SslContext(bool is_server) : ctx_(new_handle(is_server)), is_server_(is_server) {
  set_session_context(ctx_);
  set_defaults(ctx_);
  verify_mode(is_server ? ssl::CERT_NONE : ssl::CERT_REQUIRED);
  check_hostname = !is_server;
}

SslContext::~SslContext() { SSL_CTX_free(ctx_); }

ssl::VerifyMode SslContext::verify_mode() const noexcept {
  const int mode = SSL_CTX_get_verify_mode(ctx_);
  if ((mode & SSL_VERIFY_PEER) == 0) return ssl::CERT_NONE;
  return (mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) == 0 ? ssl::CERT_OPTIONAL : ssl::CERT_REQUIRED;
}

void SslContext::verify_mode(ssl::VerifyMode mode) noexcept {
  SSL_CTX_set_verify(ctx_, openssl_mode(mode), nullptr);
}

int SslContext::choose_protocol(ssl_st*, const unsigned char** out, unsigned char* out_size,
                                const unsigned char* in, unsigned in_size, void* self) {
  const std::string& ours = static_cast<SslContext*>(self)->alpn_;
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), in,
                            in_size) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

void SslContext::set_alpn(std::string wire) {
  if (SSL_CTX_set_alpn_protos(ctx_, reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned>(wire.size())) != 0) {
    throw_ssl_error("set_alpn_protocols()");
  }
  alpn_ = std::move(wire);
  SSL_CTX_set_alpn_select_cb(ctx_, alpn_.empty() ? nullptr : &choose_protocol, this);
}

void SslContext::set_sni(SniCallback choose) {
  sni_ = std::move(choose);
  // Not the servername callback, which comes after a session has been resumed.
  SSL_CTX_set_client_hello_cb(ctx_, &on_client_hello, nullptr);
}

std::optional<ssl::Context> SslContext::context_for(std::string_view server_name) const {
  return sni_ ? sni_(server_name) : std::nullopt;
}

SslContext& ssl_context_of(const ssl::Context& context) noexcept { return *context.state_; }

}  // namespace detail

namespace ssl {
namespace {

int openssl_version(TLSVersion version) noexcept {
  switch (version) {
    case TLSVersion::MINIMUM_SUPPORTED:
    case TLSVersion::TLSv1_2: return TLS1_2_VERSION;
    case TLSVersion::TLSv1_3: return TLS1_3_VERSION;
    case TLSVersion::MAXIMUM_SUPPORTED: break;
  }
  return 0;  // the highest that OpenSSL knows
}

TLSVersion version_of(long openssl) noexcept {
  if (openssl == TLS1_2_VERSION) return TLSVersion::TLSv1_2;
  return openssl == TLS1_3_VERSION ? TLSVersion::TLSv1_3 : TLSVersion::MAXIMUM_SUPPORTED;
}

// What is not bound above is bound by what OpenSSL knows.
void check_range(int lowest, int highest) {
  if (highest == 0 || lowest <= highest) return;
  detail::throw_invalid_argument(
      "minimum_version() would be TLS 1.3 and maximum_version() TLS 1.2, so no version would be "
      "left; change the other one first");
}

}  // namespace

Context::Context(detail::Ref<detail::SslContext> state) noexcept : state_(std::move(state)) {}
Context::Context(const Context&) noexcept = default;
Context& Context::operator=(const Context&) noexcept = default;
Context::~Context() = default;

Context Context::client() {
  Context context(detail::Ref(new detail::SslContext(false)));
  context.load_default_certs();
  return context;
}

Context Context::server() { return Context(detail::Ref(new detail::SslContext(true))); }

Context Context::server(std::string_view certfile, std::string_view keyfile) {
  Context context = server();
  context.load_cert_chain(certfile, keyfile);
  return context;
}

bool Context::is_server() const noexcept { return state_->is_server(); }

VerifyMode Context::verify_mode() const noexcept { return state_->verify_mode(); }

void Context::verify_mode(VerifyMode mode) {
  if (mode == CERT_NONE && state_->check_hostname) {
    detail::throw_invalid_argument(
        "Cannot set verify_mode to CERT_NONE when check_hostname is enabled; call "
        "check_hostname(false) first if nobody is to be verified");
  }
  state_->verify_mode(mode);
}

bool Context::check_hostname() const noexcept { return state_->check_hostname; }

void Context::check_hostname(bool check) {
  if (check && is_server()) {
    detail::throw_invalid_argument(
        "check_hostname(true): a server does not know the names of its clients; "
        "verify_mode(CERT_REQUIRED) asks them for a certificate of a trusted CA");
  }
  if (check && verify_mode() == CERT_NONE) state_->verify_mode(CERT_REQUIRED);
  state_->check_hostname = check;
}

VerifyFlags Context::verify_flags() const noexcept {
  return X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(state_->handle()));
}

void Context::verify_flags(VerifyFlags flags) {
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(state_->handle());
  X509_VERIFY_PARAM_clear_flags(param, X509_VERIFY_PARAM_get_flags(param));
  X509_VERIFY_PARAM_set_flags(param, flags);
}

TLSVersion Context::minimum_version() const noexcept {
  return version_of(SSL_CTX_get_min_proto_version(state_->handle()));
}

TLSVersion Context::maximum_version() const noexcept {
  return version_of(SSL_CTX_get_max_proto_version(state_->handle()));
}

void Context::minimum_version(TLSVersion version) {
  const int lowest =
      version == TLSVersion::MAXIMUM_SUPPORTED ? TLS1_3_VERSION : openssl_version(version);
  check_range(lowest, static_cast<int>(SSL_CTX_get_max_proto_version(state_->handle())));
  SSL_CTX_set_min_proto_version(state_->handle(), lowest);
}

void Context::maximum_version(TLSVersion version) {
  const int highest = openssl_version(version);
  check_range(static_cast<int>(SSL_CTX_get_min_proto_version(state_->handle())), highest);
  SSL_CTX_set_max_proto_version(state_->handle(), highest);
}

void Context::set_ciphers(std::string_view ciphers) {
  detail::clear_ssl_errors();
  if (SSL_CTX_set_cipher_list(state_->handle(), std::string(ciphers).c_str()) != 1) {
    detail::throw_ssl_error(fmt::format("set_ciphers(\"{}\")", ciphers),
                            "`openssl ciphers` lists what there is");
  }
}

void Context::set_alpn_protocols(std::span<const std::string_view> protocols) {
  std::string wire;
  for (const std::string_view name : protocols) {
    if (name.empty() || name.size() > 255) {
      throw SSLError(
          fmt::format("set_alpn_protocols(): \"{}\" has {} bytes; ALPN protocols must "
                      "be 1 to 255 in length",
                      name, name.size()));
    }
    wire += static_cast<char>(name.size());
    wire += name;
  }
  detail::clear_ssl_errors();
  state_->set_alpn(std::move(wire));
}

void Context::set_sni(detail::SniCallback choose) {
  if (!is_server()) {
    detail::throw_invalid_argument(
        "set_sni_callback(): only a server is asked for names, and this is a client's context");
  }
  state_->set_sni(std::move(choose));
}

Context create_default_context(const DefaultContextOptions& options) {
  return create_default_context(Purpose::SERVER_AUTH, options);
}

Context create_default_context(Purpose purpose, const DefaultContextOptions& options) {
  const bool own = !options.cafile.empty() || !options.capath.empty() || !options.cadata.empty();
  if (purpose == Purpose::SERVER_AUTH && !own) return Context::client();
  Context context(detail::Ref(new detail::SslContext(purpose == Purpose::CLIENT_AUTH)));
  if (!options.cafile.empty() || !options.capath.empty()) {
    context.load_verify_locations(options.cafile, options.capath);
  }
  if (!options.cadata.empty()) context.add_ca_certificate(options.cadata);
  return context;
}

}  // namespace ssl
}  // namespace asyncio
