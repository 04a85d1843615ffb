#include <asyncio/ssl.hpp>

#include "io/fault.hpp"
#include "support/certificates.hpp"
#include "support/errors.hpp"
#include "support/files.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace ssl = asyncio::ssl;
namespace sys = asyncio::detail::sys;
using support::client_trusting;
using support::Folder;
using support::Identity;
using support::server_with;
using support::test_ca;
using support::thrown_by;
using support::TlsEngine;
using support::TlsPair;

namespace {

ssl::SSLError ssl_error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const ssl::SSLError& error) {
    return error;
  }
  return ssl::SSLError("nothing was thrown");
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

// NET-138, failure 61
TEST(SslContext, OfAClientAsksForACertificateAndForTheName) {
  for (const ssl::Context& context : {ssl::create_default_context(), ssl::Context::client()}) {
    EXPECT_FALSE(context.is_server());
    EXPECT_EQ(context.verify_mode(), ssl::CERT_REQUIRED);
    EXPECT_TRUE(context.check_hostname());
    EXPECT_EQ(context.minimum_version(), ssl::TLSVersion::TLSv1_2);
    EXPECT_EQ(context.maximum_version(), ssl::TLSVersion::MAXIMUM_SUPPORTED);
    EXPECT_EQ(context.verify_flags(), ssl::VERIFY_X509_STRICT | ssl::VERIFY_X509_PARTIAL_CHAIN |
                                          ssl::VERIFY_X509_TRUSTED_FIRST);
  }
}

// NET-138
TEST(SslContext, OfAServerAsksForNothing) {
  for (const ssl::Context& context :
       {ssl::create_default_context(ssl::Purpose::CLIENT_AUTH), ssl::Context::server()}) {
    EXPECT_TRUE(context.is_server());
    EXPECT_EQ(context.verify_mode(), ssl::CERT_NONE);
    EXPECT_FALSE(context.check_hostname());
  }
}

TEST(SslContext, IsAHandle) {
  const ssl::Context one = ssl::Context::server();
  ssl::Context other = one;
  other.verify_mode(ssl::CERT_OPTIONAL);
  EXPECT_EQ(one.verify_mode(), ssl::CERT_OPTIONAL);
}

// failure 61: checking the name is not lost by mistake
TEST(SslContext, DoesNotGoWithoutVerificationWhileTheNameIsChecked) {
  ssl::Context context = ssl::Context::client();
  EXPECT_TRUE(contains(thrown_by([&] { context.verify_mode(ssl::CERT_NONE); }),
                       "invalid_argument: Cannot set verify_mode to CERT_NONE when "
                       "check_hostname is enabled"));
  EXPECT_EQ(context.verify_mode(), ssl::CERT_REQUIRED);
  context.check_hostname(false);
  context.verify_mode(ssl::CERT_NONE);
  context.check_hostname(true);
  EXPECT_EQ(context.verify_mode(), ssl::CERT_REQUIRED);
}

TEST(SslContext, OfAServerHasNoHostNameToCheck) {
  EXPECT_THROW(ssl::Context::server().check_hostname(true), std::invalid_argument);
}

TEST(SslContext, KeepsAVersionBetweenItsBounds) {
  ssl::Context context = ssl::Context::server();
  context.minimum_version(ssl::TLSVersion::TLSv1_3);
  EXPECT_EQ(context.minimum_version(), ssl::TLSVersion::TLSv1_3);
  EXPECT_THROW(context.maximum_version(ssl::TLSVersion::TLSv1_2), std::invalid_argument);
  context.minimum_version(ssl::TLSVersion::MINIMUM_SUPPORTED);
  EXPECT_EQ(context.minimum_version(), ssl::TLSVersion::TLSv1_2);
  context.maximum_version(ssl::TLSVersion::TLSv1_2);
  EXPECT_EQ(context.maximum_version(), ssl::TLSVersion::TLSv1_2);
  EXPECT_THROW(context.minimum_version(ssl::TLSVersion::TLSv1_3), std::invalid_argument);
  EXPECT_THROW(context.minimum_version(ssl::TLSVersion::MAXIMUM_SUPPORTED), std::invalid_argument);
}

TEST(SslContext, RefusesCiphersThatDoNotExist) {
  ssl::Context context = ssl::Context::client();
  context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256");
  const ssl::SSLError error = ssl_error_of([&] { context.set_ciphers("ROT13"); });
  EXPECT_EQ(error.reason(), "NO_CIPHER_MATCH");
  EXPECT_EQ(error.library(), "SSL");
  EXPECT_TRUE(contains(error.what(), "set_ciphers(\"ROT13\"): [SSL: NO_CIPHER_MATCH]"));
}

TEST(SslContext, RefusesProtocolNamesThatCannotBeSent) {
  ssl::Context context = ssl::Context::client();
  EXPECT_THROW(context.set_alpn_protocols({"h2", ""}), ssl::SSLError);
  const std::string longest(255, 'x');
  context.set_alpn_protocols({longest});
  EXPECT_TRUE(contains(ssl_error_of([&] { context.set_alpn_protocols({longest + "x"}); }).what(),
                       "has 256 bytes; ALPN protocols must be 1 to 255 in length"));
  context.set_alpn_protocols({});
}

TEST(SslContext, OfAClientChoosesNoContextByName) {
  ssl::Context context = ssl::Context::client();
  EXPECT_THROW(context.set_sni_callback(
                   [](std::string_view) -> std::optional<ssl::Context> { return std::nullopt; }),
               std::invalid_argument);
}

// NET-138: the certificate, its chain and the CAs from files
TEST(SslContext, LoadsCertificatesFromFiles) {
  const Folder folder;
  const Identity own = test_ca().intermediate("Below").issue_for("localhost");
  const std::string cert = folder.write("cert.pem", own.chain);
  const std::string key = folder.write("key.pem", own.key);
  const std::string both = folder.write("both.pem", own.key + own.chain);
  const std::string ca = folder.write("ca.pem", test_ca().pem());
  const ssl::Context client = ssl::create_default_context({.cafile = ca});
  for (const ssl::Context& server : {ssl::Context::server(cert, key), ssl::Context::server(both)}) {
    TlsPair pair(client, server);
    pair.handshake();
  }
}

TEST(SslContext, LooksForCasInAFolder) {
  const Folder folder;
  (void)folder.write("ca.pem", test_ca().pem());
  const std::string command = "openssl rehash " + folder.path() + " 2>/dev/null";
  if (std::system(command.c_str()) != 0) GTEST_SKIP() << "no openssl program";
  ssl::Context client = ssl::create_default_context({.capath = folder.path()});
  TlsPair pair(client, server_with(test_ca().issue_for("localhost")));
  pair.handshake();
}

TEST(SslContext, TrustsWhatIsAddedToTheSystemsCas) {
  const Folder folder;
  const support::CertificateAuthority other("Other CA");
  ssl::Context client = ssl::Context::client();
  client.load_verify_locations(folder.write("ca.pem", test_ca().pem()));
  client.add_ca_certificate(other.pem());
  client.load_default_certs();
  TlsPair(client, server_with(test_ca().issue_for("localhost"))).handshake();
  TlsPair(client, server_with(other.issue_for("localhost"))).handshake();
  // Others share the system's, and are not changed by that.
  TlsPair untouched(ssl::Context::client(), server_with(other.issue_for("localhost")));
  EXPECT_THROW(untouched.handshake(), ssl::SSLCertVerificationError);
}

TEST(SslContext, SaysWhichFileCannotBeRead) {
  const Folder folder;
  const std::string missing = folder.path() + "/missing.pem";
  const std::string expected = "cannot read \"" + missing + "\": No such file or directory";
  ssl::Context context = ssl::Context::server();
  const std::string cert = folder.write("cert.pem", test_ca().issue_for("localhost").chain);
  EXPECT_EQ(thrown_by([&] { context.load_cert_chain(missing); }),
            "system_error: load_cert_chain(): " + expected);
  EXPECT_EQ(thrown_by([&] { context.load_cert_chain(cert, missing); }),
            "system_error: load_cert_chain(): " + expected);
  EXPECT_EQ(thrown_by([&] { context.load_verify_locations(missing); }),
            "system_error: load_verify_locations(): " + expected);
  EXPECT_EQ(thrown_by([&] { context.load_verify_locations("", missing); }),
            "system_error: load_verify_locations(): " + expected);
  EXPECT_TRUE(
      contains(thrown_by([&] { context.load_cert_chain(folder.path()); }), "Is a directory"));
  EXPECT_THROW(context.load_verify_locations(""), std::invalid_argument);
}

TEST(SslContext, SaysWhyAFileCannotBeRead) {
  const Folder folder;
  const Identity own = test_ca().issue_for("localhost");
  const std::string cert = folder.write("cert.pem", own.chain + own.key);
  const std::string refusal = "system_error: load_cert_chain(): cannot read \"" + cert + "\": ";
  ssl::Context context = ssl::Context::server();
  const auto load = [&] { context.load_cert_chain(cert); };
  {
    const sys::Fault fault(sys::Call::open, EMFILE);
    EXPECT_EQ(thrown_by(load), refusal + "Too many open files");
  }
  for (const sys::Call call : {sys::Call::status, sys::Call::read}) {
    const sys::Fault fault(call, EIO);
    EXPECT_EQ(thrown_by(load), refusal + "Input/output error");
  }
  const sys::Fault fault(sys::Call::read, EINTR);
  EXPECT_NO_THROW(load());
  EXPECT_EQ(fault.injected(), 1U);
}

TEST(SslContext, SaysWhatIsMissingInAFile) {
  const Folder folder;
  const Identity own = test_ca().issue_for("localhost");
  const std::string cert = folder.write("cert.pem", own.chain);
  const std::string nothing = folder.write("nothing.pem", "no PEM");
  ssl::Context context = ssl::Context::server();
  EXPECT_TRUE(contains(thrown_by([&] { context.load_cert_chain(nothing); }),
                       "ssl::SSLError: load_cert_chain(): \"" + nothing +
                           "\" holds no certificate: [PEM: NO_START_LINE] no start line; a PEM "
                           "block \"BEGIN CERTIFICATE\" is expected"));
  EXPECT_TRUE(contains(thrown_by([&] { context.load_cert_chain(cert); }),
                       "no private key can be read from \"" + cert + "\""));
  EXPECT_TRUE(contains(thrown_by([&] { context.load_verify_locations(nothing); }),
                       "\"" + nothing + "\" holds nothing to trust"));
  EXPECT_TRUE(contains(thrown_by([&] { context.add_ca_certificate("no PEM"); }),
                       "add_ca_certificate(): pem holds no certificate"));
}

TEST(SslContext, NoticesAChainThatIsCutOff) {
  const Identity own = test_ca().intermediate("Below").issue_for("localhost");
  const std::string cut = own.chain.substr(0, own.chain.size() - 100);
  ssl::Context context = ssl::Context::server();
  EXPECT_TRUE(contains(thrown_by([&] { context.use_certificate(cut, own.key); }),
                       "certificate 2 in pem_chain cannot be read"));
}

TEST(SslContext, RefusesTheKeyOfAnotherCertificateAndKeepsWhatItHad) {
  const Identity own = test_ca().issue_for("localhost");
  const Identity other = test_ca().issue_for("example.com");
  ssl::Context context = server_with(own);
  const ssl::SSLError error = ssl_error_of([&] { context.use_certificate(other.chain, own.key); });
  EXPECT_EQ(error.library(), "X509");
  EXPECT_EQ(error.reason(), "KEY_VALUES_MISMATCH");
  EXPECT_TRUE(contains(
      error.what(), "the private key in pem_key does not belong to the certificate in pem_chain"));
  TlsPair(client_trusting(test_ca()), context).handshake();
}

// It must not ask on the terminal.
TEST(SslContext, NeedsThePasswordOfAKey) {
  const Identity own = test_ca().issue_for("localhost");
  const std::string key = support::encrypted_key(own, "secret");
  ssl::Context context = ssl::Context::server();
  EXPECT_TRUE(contains(thrown_by([&] { context.use_certificate(own.chain, key); }),
                       "it is encrypted, and no password was given"));
  EXPECT_TRUE(contains(thrown_by([&] { context.use_certificate(own.chain, key, "wrong"); }),
                       "is the password right?"));
  EXPECT_THROW(context.use_certificate(own.chain, key, std::string(5000, 'x')), ssl::SSLError);
  context.use_certificate(own.chain, key, "secret");
  TlsPair(client_trusting(test_ca()), context).handshake();
}

// failure 67: what others leave in the queue says nothing about a file that is in order
TEST(SslContext, ErrorsAreCopiedWithTheirReasons) {
  const ssl::SSLCertVerificationError made("text", 10, "certificate has expired");
  const ssl::SSLCertVerificationError copy = made;
  EXPECT_EQ(copy.verify_code(), 10);
  EXPECT_EQ(copy.verify_message(), "certificate has expired");
  EXPECT_EQ(copy.reason(), "CERTIFICATE_VERIFY_FAILED");
  EXPECT_STREQ(copy.what(), "text");
  EXPECT_EQ(ssl::SSLError("text").reason(), "");
}
