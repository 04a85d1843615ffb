// The certificates of a context: its own, and those of the CAs that it trusts.

#include <asyncio/ssl.hpp>

#include "io/system.hpp"
#include "net/ssl_context.hpp"
#include "net/ssl_error.hpp"
#include "net/ssl_owned.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace asyncio {
namespace detail {
namespace {

using OwnBio = Owned<BIO, BIO_free>;
using OwnX509 = Owned<X509, X509_free>;
using OwnKey = Owned<EVP_PKEY, EVP_PKEY_free>;

void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
using OwnChain = Owned<STACK_OF(X509), free_chain>;

// Wiped before its memory is given back: it may hold a private key.
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { OPENSSL_cleanse(text.data(), text.size()); }
  std::string text;
};

// Returns: what a call has given that concerns the file. Throws std::system_error for an error.
std::int64_t checked(std::int64_t result, std::string_view who, std::string_view path) {
  if (result >= 0) return result;
  sys::throw_errno(static_cast<int>(-result), fmt::format("{}: cannot read \"{}\"", who, path));
}

// Sized before: a string that grows leaves copies behind.
void read_file(std::string_view who, std::string_view path, Secret& into) {
  struct File {
    int fd;
    ~File() { sys::close(fd); }
  };
  const File file{static_cast<int>(checked(sys::open_file(std::string(path).c_str()), who, path))};
  sys::FileStatus about;
  checked(sys::status_of(file.fd, about), who, path);
  if (about.kind == sys::FileKind::directory) checked(-EISDIR, who, path);
  into.text.resize(static_cast<std::size_t>(about.size));
  std::size_t n = 0;
  while (n < into.text.size()) {
    const std::int64_t got = sys::read(file.fd, into.text.data() + n, into.text.size() - n);
    n += static_cast<std::size_t>(checked(got, who, path));
    if (got == 0) break;
  }
  into.text.resize(n);
}

OwnBio reader_of(std::string_view pem) {
  OwnBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (bio == nullptr) throw std::bad_alloc();
  return bio;
}

bool at_end_of_pem() noexcept {
  const unsigned long error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (at_end) ERR_clear_error();
  return at_end;
}

// Where a text came from: "load_cert_chain()", `"a.pem"` or "the text".
struct Source {
  std::string_view who;
  std::string name;
};

struct Certificates {
  OwnX509 first;
  OwnChain others;
};

OwnX509 next_certificate(BIO* pem) {
  // Any block of PEM may be encrypted, and OpenSSL would ask for the password on the terminal.
  constexpr pem_password_cb* no_password = [](char*, int, int, void*) { return -1; };
  return OwnX509(PEM_read_bio_X509(pem, nullptr, no_password, nullptr));
}

Certificates read_certificates(std::string_view pem, const Source& source) {
  clear_ssl_errors();
  const OwnBio bio = reader_of(pem);
  Certificates read{next_certificate(bio.get()), OwnChain(sk_X509_new_null())};
  if (read.first == nullptr) {
    throw_ssl_error(fmt::format("{}: {} holds no certificate", source.who, source.name),
                    "a PEM block \"BEGIN CERTIFICATE\" is expected");
  }
  if (read.others == nullptr) throw std::bad_alloc();
  while (X509* next = next_certificate(bio.get()).release()) {
    if (sk_X509_push(read.others.get(), next) != 0) continue;
    X509_free(next);
    throw std::bad_alloc();
  }
  if (!at_end_of_pem()) {
    throw_ssl_error(fmt::format("{}: certificate {} in {} cannot be read", source.who,
                                sk_X509_num(read.others.get()) + 2, source.name));
  }
  return read;
}

struct Password {
  std::string_view text;
  bool asked = false;
};

int give_password(char* buffer, int size, int, void* context) noexcept {
  auto& password = *static_cast<Password*>(context);
  password.asked = true;
  if (password.text.empty() || password.text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, password.text.data(), password.text.size());
  return static_cast<int>(password.text.size());
}

OwnKey read_key(std::string_view pem, std::string_view text, const Source& source) {
  clear_ssl_errors();
  const OwnBio bio = reader_of(pem);
  Password password{text};
  OwnKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &give_password, &password));
  if (key != nullptr) return key;
  throw_ssl_error(fmt::format("{}: no private key can be read from {}", source.who, source.name),
                  !password.asked ? "a PEM block \"BEGIN PRIVATE KEY\" is expected"
                  : text.empty()  ? "it is encrypted, and no password was given"
                                  : "is the password right?");
}

void use(SSL_CTX* ctx, const Certificates& own, EVP_PKEY* key, const Source& chain,
         const Source& of_key) {
  clear_ssl_errors();
  if (X509_check_private_key(own.first.get(), key) != 1) {
    throw_ssl_error(fmt::format("{}: the private key in {} does not belong to the certificate in "
                                "{}",
                                chain.who, of_key.name, chain.name),
                    "the certificate whose key it is must come first");
  }
  if (SSL_CTX_use_cert_and_key(ctx, own.first.get(), key, own.others.get(), 1) != 1) {
    throw_ssl_error(
        fmt::format("{}: OpenSSL refuses the certificate in {}", chain.who, chain.name));
  }
}

// The system's CAs, read once for all contexts: it takes tens of milliseconds. Never freed.
X509_STORE* system_store() {
  static X509_STORE* const store = [] {
    X509_STORE* made = X509_STORE_new();
    if (made == nullptr) throw std::bad_alloc();
    X509_STORE_set_default_paths(made);  // files that are missing are no error
    clear_ssl_errors();
    return made;
  }();
  return store;
}

// What the system's folder has is looked for when it is needed, and cannot be copied.
void add_system_cas(SSL_CTX* ctx, X509_STORE* to) {
  X509_STORE* system = system_store();
  X509_STORE_lock(system);
  const STACK_OF(X509_OBJECT)* all = X509_STORE_get0_objects(system);
  for (int i = 0; i < sk_X509_OBJECT_num(all); ++i) {
    X509* certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i));
    if (certificate != nullptr) X509_STORE_add_cert(to, certificate);
  }
  X509_STORE_unlock(system);
  SSL_CTX_set_default_verify_dir(ctx);
}

}  // namespace

void SslContext::load_default_certs() {
  if (trust_ == Trust::own) {
    add_system_cas(ctx_, SSL_CTX_get_cert_store(ctx_));
  } else {
    SSL_CTX_set1_cert_store(ctx_, system_store());
    trust_ = Trust::system;
  }
}

ssl_ctx_st* SslContext::with_own_store() {
  if (trust_ == Trust::system) {
    X509_STORE* own = X509_STORE_new();
    if (own == nullptr) throw std::bad_alloc();
    SSL_CTX_set_cert_store(ctx_, own);
    add_system_cas(ctx_, own);
  }
  trust_ = Trust::own;
  return ctx_;
}

}  // namespace detail

namespace ssl {

void Context::load_cert_chain(std::string_view certfile, std::string_view keyfile,
                              std::string_view password) {
  constexpr std::string_view who = "load_cert_chain()";
  detail::Secret chain;
  detail::Secret key;
  detail::read_file(who, certfile, chain);
  if (!keyfile.empty()) detail::read_file(who, keyfile, key);
  const detail::Source from_chain{who, fmt::format("\"{}\"", certfile)};
  const detail::Source from_key{who, fmt::format("\"{}\"", keyfile.empty() ? certfile : keyfile)};
  const auto own = detail::read_certificates(chain.text, from_chain);
  const auto read_key =
      detail::read_key(keyfile.empty() ? chain.text : key.text, password, from_key);
  detail::use(state_->handle(), own, read_key.get(), from_chain, from_key);
}

void Context::use_certificate(std::string_view pem_chain, std::string_view pem_key,
                              std::string_view password) {
  const detail::Source chain{"use_certificate()", "pem_chain"};
  const detail::Source key{"use_certificate()", "pem_key"};
  const auto own = detail::read_certificates(pem_chain, chain);
  const auto read_key = detail::read_key(pem_key, password, key);
  detail::use(state_->handle(), own, read_key.get(), chain, key);
}

void Context::load_verify_locations(std::string_view cafile, std::string_view capath) {
  constexpr std::string_view who = "load_verify_locations()";
  if (cafile.empty() && capath.empty()) {
    detail::throw_invalid_argument(
        "load_verify_locations(): cafile and capath are both empty; add_ca_certificate() takes "
        "text");
  }
  for (const std::string_view path : {cafile, capath}) {
    if (path.empty()) continue;
    detail::sys::FileStatus about;
    detail::checked(detail::sys::status_of(std::string(path).c_str(), about), who, path);
  }
  detail::clear_ssl_errors();
  const std::string file(cafile);
  const std::string path(capath);
  if (SSL_CTX_load_verify_locations(state_->with_own_store(),
                                    cafile.empty() ? nullptr : file.c_str(),
                                    capath.empty() ? nullptr : path.c_str()) != 1) {
    detail::throw_ssl_error(fmt::format("{}: \"{}\" holds nothing to trust", who, cafile),
                            "PEM blocks \"BEGIN CERTIFICATE\" are expected");
  }
}

void Context::add_ca_certificate(std::string_view pem) {
  const auto read = detail::read_certificates(pem, {"add_ca_certificate()", "pem"});
  X509_STORE* store = SSL_CTX_get_cert_store(state_->with_own_store());
  bool added = X509_STORE_add_cert(store, read.first.get()) == 1;
  for (int i = 0; added && i < sk_X509_num(read.others.get()); ++i) {
    added = X509_STORE_add_cert(store, sk_X509_value(read.others.get(), i)) == 1;
  }
  if (!added) detail::throw_ssl_error("add_ca_certificate()");
}

void Context::load_default_certs() { state_->load_default_certs(); }

}  // namespace ssl
}  // namespace asyncio
