#include "support/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>

#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace support {
namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* p) const noexcept {
    free(p);
  }
};
using OwnBio = std::unique_ptr<BIO, Free<BIO_free>>;
using OwnKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using OwnX509 = std::unique_ptr<X509, Free<X509_free>>;
using OwnNames = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

void need(bool done) {
  if (!done) throw std::runtime_error("certificates.cpp: OpenSSL refuses");
}

template <class Print>
std::string printed(Print print) {
  const OwnBio bio(BIO_new(BIO_s_mem()));
  need(print(bio.get()) == 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

OwnBio reader_of(const std::string& pem) {
  return OwnBio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}
OwnX509 parse_certificate(const std::string& pem) {
  return OwnX509(PEM_read_bio_X509(reader_of(pem).get(), nullptr, nullptr, nullptr));
}
OwnKey parse_key(const std::string& pem) {
  return OwnKey(PEM_read_bio_PrivateKey(reader_of(pem).get(), nullptr, nullptr, nullptr));
}
std::string to_pem(X509* certificate) {
  return printed([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}
std::string to_pem(EVP_PKEY* key) {
  return printed([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

void set_name(X509* certificate, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  need(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(common_name.data()),
                                  static_cast<int>(common_name.size()), -1, 0) == 1);
}

void set_serial(X509* certificate) {
  std::uint64_t serial = 0;
  need(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  need(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1 | 1) == 1);
}

GENERAL_NAME* general_name(std::string_view name) {
  GENERAL_NAME* made = GENERAL_NAME_new();
  const bool ip = name.starts_with("IP:");
  const std::string value(name.substr(ip ? 3 : 4));
  if (ip) {
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(value.c_str());
    need(address != nullptr);
    GENERAL_NAME_set0_value(made, GEN_IPADD, address);
  } else {
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    need(ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1);
    GENERAL_NAME_set0_value(made, GEN_DNS, text);
  }
  return made;
}

void add_names(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) return;
  const OwnNames all(GENERAL_NAMES_new());
  for (const std::string& name : names) sk_GENERAL_NAME_push(all.get(), general_name(name));
  need(X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) == 1);
}

// What VERIFY_X509_STRICT asks for.
void add_extensions(X509* certificate, X509* issuer, bool ca) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const auto add = [&](int kind, const char* value) {
    const std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, kind, value));
    need(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
  };
  add(NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
  add(NID_key_usage, ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature");
  add(NID_subject_key_identifier, "hash");
  add(NID_authority_key_identifier, "keyid:always");
}

// Null issuer: by itself.
Identity make(const CertificateRequest& request, const Identity* issuer) {
  const OwnKey key(EVP_EC_gen("P-256"));
  const OwnX509 certificate(X509_new());
  X509* made = certificate.get();
  const OwnX509 above = issuer == nullptr ? nullptr : parse_certificate(issuer->chain);
  const OwnKey key_above = issuer == nullptr ? nullptr : parse_key(issuer->key);
  X509* signer = above == nullptr ? made : above.get();
  X509_set_version(made, X509_VERSION_3);
  set_serial(made);
  X509_gmtime_adj(X509_getm_notBefore(made), request.begins_in);
  X509_gmtime_adj(X509_getm_notAfter(made), request.ends_in);
  set_name(made, request.common_name);
  X509_set_issuer_name(made, X509_get_subject_name(signer));
  X509_set_pubkey(made, key.get());
  add_extensions(made, signer, request.ca);
  add_names(made, request.names);
  need(X509_sign(made, key_above == nullptr ? key.get() : key_above.get(), EVP_sha256()) > 0);
  return {to_pem(made), to_pem(key.get())};
}

}  // namespace

CertificateAuthority::CertificateAuthority(std::string name)
    : own_(self_signed({.common_name = std::move(name), .ca = true})) {}

Identity CertificateAuthority::issue(const CertificateRequest& request) const {
  Identity made = make(request, &own_);
  if (chained_) made.chain += own_.chain;
  return made;
}

Identity CertificateAuthority::issue_for(const std::string& name) const {
  return issue({.common_name = name, .names = {"DNS:" + name}});
}

CertificateAuthority CertificateAuthority::intermediate(const std::string& name) const {
  return CertificateAuthority(issue({.common_name = name, .ca = true}));
}

Identity issued_by(const Identity& issuer, const CertificateRequest& request) {
  Identity made = make(request, &issuer);
  made.chain += issuer.chain;
  return made;
}

Identity self_signed(const CertificateRequest& request) { return make(request, nullptr); }

Identity without_intermediates(const Identity& identity) {
  return {to_pem(parse_certificate(identity.chain).get()), identity.key};
}

std::string encrypted_key(const Identity& identity, const std::string& password) {
  const OwnKey key = parse_key(identity.key);
  return printed([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), EVP_aes_128_cbc(), password.data(),
                                         static_cast<int>(password.size()), nullptr, nullptr);
  });
}

}  // namespace support
