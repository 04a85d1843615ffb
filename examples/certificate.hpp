#pragma once

// A certificate for an example, made on the fly by OpenSSL. Who has no program that makes them
// writes: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1
//   -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -out cert.pem -keyout
//   key.pem

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace certificate {

/// In PEM. It is signed by its own key, so it is also what a client has to trust.
struct Certificate {
  std::string chain;
  std::string key;
};

template <auto free>
struct Free {
  template <class T>
  void operator()(T* p) const noexcept {
    free(p);
  }
};

inline void need(bool done) {
  if (!done) throw std::runtime_error("OpenSSL could not make a certificate");
}

inline void add(X509* to, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, to, to, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  need(extension != nullptr && X509_add_ext(to, extension.get(), -1) == 1);
}

template <class Write>
std::string pem(Write write) {
  const std::unique_ptr<BIO, Free<BIO_free>> bio(BIO_new(BIO_s_mem()));
  need(bio != nullptr && write(bio.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

/// For localhost and 127.0.0.1, valid for an hour.
inline Certificate for_localhost() {
  const std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Free<X509_free>> made(X509_new());
  X509* x = made.get();
  need(key != nullptr && x != nullptr);
  X509_set_version(x, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x, X509_get_subject_name(x));
  X509_set_pubkey(x, key.get());
  add(x, NID_basic_constraints, "critical,CA:FALSE");
  add(x, NID_key_usage, "critical,digitalSignature");
  add(x, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  add(x, NID_subject_key_identifier, "hash");
  need(X509_sign(x, key.get(), EVP_sha256()) > 0);
  return {pem([&](BIO* bio) { return PEM_write_bio_X509(bio, x); }), pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

}  // namespace certificate
