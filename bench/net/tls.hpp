#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdlib>

/// TLS 1.3 with one cipher and one group, so that every server does the same arithmetic.
namespace bench::net {

inline SSL_CTX* tls_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") != 1 ||
      SSL_CTX_set1_groups_list(context, "X25519") != 1) {
    ERR_print_errors_fp(stderr);
    std::exit(1);
  }
  return context;
}

/// With the certificate and the key that the driver has made.
inline SSL_CTX* tls_server_context() {
  const char* certificate = std::getenv("BENCH_NET_CERTIFICATE");
  const char* key = std::getenv("BENCH_NET_KEY");
  SSL_CTX* context = tls_context(TLS_server_method());
  if (certificate == nullptr || key == nullptr ||
      SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
    std::fputs("BENCH_NET_CERTIFICATE and BENCH_NET_KEY must name PEM files\n", stderr);
    std::exit(1);
  }
  return context;
}

}  // namespace bench::net
