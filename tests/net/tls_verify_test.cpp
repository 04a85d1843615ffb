// Whom the engine takes for whom: certificates, names, versions.

#include "net/tls_engine.hpp"

#include "support/certificates.hpp"
#include "support/errors.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ssl = asyncio::ssl;
using support::carry;
using support::CertificateAuthority;
using support::client_trusting;
using support::Identity;
using support::server_with;
using support::test_ca;
using support::thrown_by;
using support::TlsEngine;
using support::TlsPair;

namespace {

constexpr const char* taken = "taken";

// What a client with default settings, that trusts test_ca(), says of a server.
std::string verdict(const Identity& of_server, std::string_view hostname,
                    const ssl::Context& client = client_trusting(test_ca())) {
  TlsPair pair(client, server_with(of_server), hostname);
  try {
    pair.handshake();
    return taken;
  } catch (const ssl::SSLCertVerificationError& error) {
    EXPECT_EQ(pair.client.state(), TlsEngine::State::shut);
    EXPECT_FALSE(pair.client.outgoing().empty()) << "the server is told";
    EXPECT_TRUE(std::string_view(error.what())
                    .starts_with("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "))
        << error.what();
    return std::string(error.verify_message());
  }
}

Identity with_names(std::vector<std::string> names) {
  return test_ca().issue({.common_name = "names", .names = std::move(names)});
}

std::string mismatch(const std::string& name) {
  return "Hostname mismatch, certificate is not valid for '" + name + "'.";
}
std::string ip_mismatch(const std::string& address) {
  return "IP address mismatch, certificate is not valid for '" + address + "'.";
}

}  // namespace

// failure 61
TEST(TlsVerify, TakesAServerWhoseCertificateIsInOrder) {
  EXPECT_EQ(verdict(test_ca().issue_for("localhost"), "localhost"), taken);
  EXPECT_EQ(verdict(test_ca().issue_for("localhost"), "LOCALHOST"), taken);
  EXPECT_EQ(verdict(test_ca().issue_for("example.com"), "example.com."), taken);
  EXPECT_EQ(verdict(test_ca().intermediate("Below").issue_for("localhost"), "localhost"), taken);
  EXPECT_EQ(verdict(with_names({"DNS:one", "DNS:two"}), "two"), taken);
}

// failure 61, NET-140
TEST(TlsVerify, RefusesACertificateOutsideItsTime) {
  const Identity expired =
      test_ca().issue({.names = {"DNS:localhost"}, .begins_in = -7200, .ends_in = -3600});
  EXPECT_EQ(verdict(expired, "localhost"), "certificate has expired");
  const Identity early =
      test_ca().issue({.names = {"DNS:localhost"}, .begins_in = 3600, .ends_in = 7200});
  EXPECT_EQ(verdict(early, "localhost"), "certificate is not yet valid");
}

// failure 61, NET-140
TEST(TlsVerify, RefusesWhomNobodyTrustedVouchesFor) {
  EXPECT_EQ(verdict(support::self_signed({.names = {"DNS:localhost"}}), "localhost"),
            "self-signed certificate");
  const CertificateAuthority other("Other CA");
  EXPECT_EQ(verdict(other.issue_for("localhost"), "localhost"),
            "unable to get local issuer certificate");
  Identity with_root = other.issue_for("localhost");
  with_root.chain += other.pem();
  EXPECT_EQ(verdict(with_root, "localhost"), "self-signed certificate in certificate chain");
  EXPECT_EQ(verdict(CertificateAuthority("Test CA").issue_for("localhost"), "localhost"),
            "unable to get local issuer certificate")
      << "the same name, another key";
}

// failure 61
TEST(TlsVerify, RefusesAChainWithAHole) {
  const Identity whole = test_ca().intermediate("Below").issue_for("localhost");
  EXPECT_EQ(verdict(support::without_intermediates(whole), "localhost"),
            "unable to get local issuer certificate");
}

// failure 61
TEST(TlsVerify, RefusesWhatSomebodyHasSignedWhoIsNoCa) {
  const Identity leaf = test_ca().issue_for("example.com");
  const Identity forged = support::issued_by(leaf, {.names = {"DNS:localhost"}});
  EXPECT_NE(verdict(forged, "localhost"), taken);
}

// failure 61
TEST(TlsVerify, RefusesTheCertificateOfAnotherHost) {
  EXPECT_EQ(verdict(test_ca().issue_for("example.com"), "localhost"), mismatch("localhost"));
  EXPECT_EQ(verdict(test_ca().issue_for("example.com"), "www.example.com"),
            mismatch("www.example.com"));
  EXPECT_EQ(verdict(test_ca().issue_for("example.com.evil.org"), "example.com"),
            mismatch("example.com"));
  EXPECT_EQ(verdict(test_ca().issue({.common_name = "localhost"}), "localhost"),
            mismatch("localhost"))
      << "the common name does not count";
}

// failure 61
TEST(TlsVerify, TakesAWildcardForOneLabelOnly) {
  const Identity wildcard = with_names({"DNS:*.example.com"});
  EXPECT_EQ(verdict(wildcard, "www.example.com"), taken);
  EXPECT_EQ(verdict(wildcard, "example.com"), mismatch("example.com"));
  EXPECT_EQ(verdict(wildcard, "a.b.example.com"), mismatch("a.b.example.com"));
  EXPECT_EQ(verdict(with_names({"DNS:w*.example.com"}), "www.example.com"),
            mismatch("www.example.com"));
  EXPECT_EQ(verdict(with_names({"DNS:*.com"}), "example.com"), mismatch("example.com"));
  EXPECT_EQ(verdict(with_names({"DNS:*"}), "localhost"), mismatch("localhost"));
  EXPECT_EQ(verdict(with_names({"DNS:www.*.com"}), "www.example.com"), mismatch("www.example.com"));
}

// failure 61
TEST(TlsVerify, IsNotTakenInByANulInAName) {
  const std::string name = std::string("DNS:example.com") + '\0' + ".evil.org";
  EXPECT_EQ(verdict(with_names({name}), "example.com"), mismatch("example.com"));
}

// failure 61
TEST(TlsVerify, ComparesAddressesWithAddresses) {
  EXPECT_EQ(verdict(with_names({"IP:127.0.0.1"}), "127.0.0.1"), taken);
  EXPECT_EQ(verdict(with_names({"IP:::1"}), "::1"), taken);
  EXPECT_EQ(verdict(with_names({"IP:fe80::1"}), "fe80::1%eth0"), taken);
  EXPECT_EQ(verdict(with_names({"IP:127.0.0.1"}), "127.0.0.2"), ip_mismatch("127.0.0.2"));
  EXPECT_EQ(verdict(with_names({"DNS:127.0.0.1"}), "127.0.0.1"), ip_mismatch("127.0.0.1"));
  EXPECT_EQ(verdict(with_names({"DNS:*.0.0.1"}), "127.0.0.1"), ip_mismatch("127.0.0.1"));
  EXPECT_EQ(verdict(with_names({"IP:127.0.0.1"}), "localhost"), mismatch("localhost"));
}

// failure 61: what a client with the system's CAs, and no other setting, says
TEST(TlsVerify, RefusesOurOwnCaByDefault) {
  EXPECT_EQ(verdict(test_ca().issue_for("localhost"), "localhost", ssl::create_default_context()),
            "unable to get local issuer certificate");
}

// failure 61: what is switched off is off, and only that
TEST(TlsVerify, AsksForWhatTheContextSays) {
  ssl::Context context = client_trusting(test_ca());
  context.check_hostname(false);
  EXPECT_EQ(verdict(test_ca().issue_for("example.com"), "localhost", context), taken);
  EXPECT_EQ(verdict(test_ca().issue_for("example.com"), "", context), taken);
  const Identity unknown = support::self_signed({.names = {"DNS:localhost"}});
  EXPECT_EQ(verdict(unknown, "localhost", context), "self-signed certificate");
  context.verify_mode(ssl::CERT_NONE);
  EXPECT_EQ(verdict(unknown, "localhost", context), taken);
}

// NET-047, failure 61: the name cannot be forgotten
TEST(TlsVerify, RefusesAClientThatDoesNotSayWhomItExpects) {
  const ssl::Context client = client_trusting(test_ca());
  EXPECT_TRUE(thrown_by([&] { TlsEngine(client, TlsEngine::Side::client, ""); })
                  .starts_with("invalid_argument: You must set server_hostname when using ssl "
                               "without a host"));
  for (const std::string_view name : {".example.com", "exa mple", "b\u00fccher"}) {
    EXPECT_THROW(TlsEngine(client, TlsEngine::Side::client, name), std::invalid_argument) << name;
  }
  const std::string nul("a\0b", 3);
  EXPECT_THROW(TlsEngine(client, TlsEngine::Side::client, nul), std::invalid_argument);
  EXPECT_THROW(TlsEngine(client, TlsEngine::Side::client, std::string(300, 'x')),
               std::invalid_argument);
  EXPECT_EQ(
      thrown_by([&] { TlsEngine(ssl::Context::server(), TlsEngine::Side::server, "localhost"); }),
      "invalid_argument: server_hostname can only be specified in client mode");
}

// NET-138
TEST(TlsVerify, RefusesAContextOfTheOtherSide) {
  EXPECT_EQ(
      thrown_by([] { TlsEngine(ssl::Context::server(), TlsEngine::Side::client, "localhost"); }),
      "ssl::SSLError: Cannot create a client socket with a server context; use "
      "Context::client()");
  EXPECT_THROW(TlsEngine(ssl::Context::client(), TlsEngine::Side::server, ""), ssl::SSLError);
}

// NET-140: the server hears why it was refused
TEST(TlsVerify, TellsTheServerThatItIsNotTrusted) {
  TlsPair pair(client_trusting(CertificateAuthority("Other CA")),
               server_with(test_ca().issue_for("localhost")));
  EXPECT_THROW(pair.handshake(), ssl::SSLCertVerificationError);
  carry(pair.client, pair.server);
  EXPECT_EQ(
      thrown_by([&] { pair.server.handshake(); }),
      "ssl::SSLError: [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca; the peer does not "
      "trust the CA of our certificate");
}

namespace {

// Both sides of a handshake in which the server asks for a certificate: "client's error; server's".
std::string mutual(const ssl::Context& client, ssl::TLSVersion version, ssl::VerifyMode mode) {
  ssl::Context server = server_with(test_ca().issue_for("localhost"));
  server.add_ca_certificate(test_ca().pem());
  server.verify_mode(mode);
  server.minimum_version(version);
  server.maximum_version(version);
  TlsPair pair(client, server);
  std::string server_says = thrown_by([&] { pair.handshake(); });
  carry(pair.server, pair.client);
  std::string text;
  const std::string client_says = thrown_by([&] {
    if (pair.client.handshake()) support::read_all(pair.client, text);
  });
  return client_says + " | " + server_says;
}

constexpr const char* fine = "nothing was thrown | nothing was thrown";

}  // namespace

// NET-140
TEST(TlsVerify, AsksClientsForACertificate) {
  for (const auto version : {ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3}) {
    ssl::Context without = client_trusting(test_ca());
    ssl::Context with = client_trusting(test_ca());
    const Identity own = test_ca().issue_for("me");
    with.use_certificate(own.chain, own.key);
    ssl::Context with_another = client_trusting(test_ca());
    const Identity foreign = CertificateAuthority("Other CA").issue_for("me");
    with_another.use_certificate(foreign.chain, foreign.key);

    EXPECT_EQ(mutual(with, version, ssl::CERT_REQUIRED), fine);
    EXPECT_EQ(mutual(with, version, ssl::CERT_OPTIONAL), fine);
    EXPECT_EQ(mutual(without, version, ssl::CERT_OPTIONAL), fine);
    EXPECT_EQ(mutual(with_another, version, ssl::CERT_NONE), fine);
    const std::string refused = mutual(without, version, ssl::CERT_REQUIRED);
    EXPECT_NE(refused.find("[SSL: PEER_DID_NOT_RETURN_A_CERTIFICATE]"), std::string::npos)
        << refused;
    EXPECT_NE(refused.find(version == ssl::TLSVersion::TLSv1_3
                               ? "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"
                               : "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE]"),
              std::string::npos)
        << refused;
    const std::string untrusted = mutual(with_another, version, ssl::CERT_OPTIONAL);
    EXPECT_NE(untrusted.find("SSLCertVerificationError"), std::string::npos) << untrusted;
  }
}

// NET-139
TEST(TlsVerify, GivesThePeersCertificate) {
  const Identity own = test_ca().issue({.common_name = "J\u00fcrgen, the host",
                                        .names = {"DNS:localhost", "IP:127.0.0.1", "IP:::1"}});
  TlsPair pair(client_trusting(test_ca()), server_with(own));
  EXPECT_FALSE(pair.client.peer_certificate());
  pair.handshake();
  const auto peer = pair.client.peer_certificate();
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->pem, own.chain);
  EXPECT_EQ(peer->subject, "CN=J\u00fcrgen\\, the host");
  EXPECT_EQ(peer->issuer, "CN=Test CA");
  EXPECT_GE(peer->serial_number.size(), 2U);
  EXPECT_TRUE(peer->not_after.ends_with(" GMT")) << peer->not_after;
  ASSERT_EQ(peer->subject_alt_names.size(), 3U);
  EXPECT_EQ(peer->subject_alt_names[0].type, "DNS");
  EXPECT_EQ(peer->subject_alt_names[0].value, "localhost");
  EXPECT_EQ(peer->subject_alt_names[1].type, "IP Address");
  EXPECT_EQ(peer->subject_alt_names[1].value, "127.0.0.1");
  EXPECT_EQ(peer->subject_alt_names[2].value, "::1");
  EXPECT_FALSE(pair.server.peer_certificate()) << "the client has none";
}

TEST(TlsVerify, SaysNothingOfACertificateThatNobodyVouchesFor) {
  ssl::Context client = ssl::Context::client();
  client.check_hostname(false);
  client.verify_mode(ssl::CERT_NONE);
  const Identity own = support::self_signed({.names = {"DNS:localhost"}});
  TlsPair pair(client, server_with(own));
  pair.handshake();
  const auto peer = pair.client.peer_certificate();
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->pem, own.chain);
  EXPECT_EQ(peer->subject, "");
  EXPECT_TRUE(peer->subject_alt_names.empty());
}

namespace {

// A server of two names. The context of localhost is the one that it begins with.
ssl::Context server_of_two(std::vector<std::string>& asked, const ssl::Context& other) {
  ssl::Context context = server_with(test_ca().issue_for("localhost"));
  context.set_sni_callback([&asked, other](std::string_view name) {
    asked.emplace_back(name);
    return name == "example.com" ? std::optional(other) : std::nullopt;
  });
  return context;
}

}  // namespace

TEST(TlsVerify, ChoosesTheCertificateByTheNameThatIsAskedFor) {
  std::vector<std::string> asked;
  const ssl::Context server = server_of_two(asked, server_with(test_ca().issue_for("example.com")));
  ssl::Context client = client_trusting(test_ca());
  TlsPair(client, server, "localhost").handshake();
  TlsPair(client, server, "example.com").handshake();
  client.check_hostname(false);
  TlsPair(client, server, "127.0.0.1").handshake();
  EXPECT_EQ(asked, (std::vector<std::string>{"localhost", "example.com", ""}));
}

// What the chosen context demands of clients holds.
TEST(TlsVerify, AsksForAClientCertificateIfTheNameDemandsIt) {
  std::vector<std::string> asked;
  ssl::Context strict = server_with(test_ca().issue_for("example.com"));
  strict.add_ca_certificate(test_ca().pem());
  strict.verify_mode(ssl::CERT_REQUIRED);
  TlsPair pair(client_trusting(test_ca()), server_of_two(asked, strict), "example.com");
  EXPECT_THROW(pair.handshake(), ssl::SSLError);
}

TEST(TlsVerify, ThrowsWhatTheSniCallbackThrows) {
  ssl::Context server = server_with(test_ca().issue_for("localhost"));
  server.set_sni_callback([](std::string_view name) -> std::optional<ssl::Context> {
    throw std::out_of_range("no " + std::string(name));
  });
  TlsPair pair(client_trusting(test_ca()), server);
  EXPECT_EQ(thrown_by([&] { pair.handshake(); }), "out_of_range: no localhost");
  carry(pair.server, pair.client);
  EXPECT_TRUE(thrown_by([&] {
                pair.client.handshake();
              }).starts_with("ssl::SSLError: [SSL: SSLV3_ALERT_HANDSHAKE_FAILURE]"));
}

TEST(TlsVerify, RefusesAClientsContextThatIsChosenForAServer) {
  ssl::Context server = server_with(test_ca().issue_for("localhost"));
  server.set_sni_callback([](std::string_view) { return std::optional(ssl::Context::client()); });
  TlsPair pair(client_trusting(test_ca()), server);
  EXPECT_THROW(pair.handshake(), std::invalid_argument);
}

namespace {

std::string agreed(std::initializer_list<std::string_view> client_names,
                   std::initializer_list<std::string_view> server_names) {
  ssl::Context client = client_trusting(test_ca());
  client.set_alpn_protocols(client_names);
  ssl::Context server = server_with(test_ca().issue_for("localhost"));
  server.set_alpn_protocols(server_names);
  TlsPair pair(client, server);
  pair.handshake();
  EXPECT_EQ(pair.client.alpn(), pair.server.alpn());
  return pair.client.alpn();
}

}  // namespace

// NET-139
TEST(TlsVerify, AgreesOnAProtocolInTheServersOrder) {
  EXPECT_EQ(agreed({"http/1.1", "h2"}, {"h2", "http/1.1"}), "h2");
  EXPECT_EQ(agreed({"http/1.1"}, {"h2", "http/1.1"}), "http/1.1");
  EXPECT_EQ(agreed({"h3"}, {"h2", "http/1.1"}), "");
  EXPECT_EQ(agreed({}, {"h2"}), "");
  EXPECT_EQ(agreed({"h2"}, {}), "");
}

// NET-139
TEST(TlsVerify, AgreesOnAVersionOrFails) {
  ssl::Context client = client_trusting(test_ca());
  ssl::Context server = server_with(test_ca().issue_for("localhost"));
  TlsPair newest(client, server);
  EXPECT_EQ(newest.client.version(), "");
  EXPECT_FALSE(newest.client.cipher());
  newest.handshake();
  EXPECT_EQ(newest.client.version(), "TLSv1.3");
  EXPECT_EQ(newest.client.cipher()->protocol, "TLSv1.3");
  EXPECT_GE(newest.client.cipher()->secret_bits, 128);
  EXPECT_EQ(newest.client.cipher()->name, newest.server.cipher()->name);

  client.maximum_version(ssl::TLSVersion::TLSv1_2);
  client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256");
  TlsPair older(client, server);
  older.handshake();
  EXPECT_EQ(older.server.version(), "TLSv1.2");
  EXPECT_EQ(older.server.cipher()->name, "ECDHE-ECDSA-AES128-GCM-SHA256");

  server.minimum_version(ssl::TLSVersion::TLSv1_3);
  TlsPair none(client, server);
  EXPECT_EQ(thrown_by([&] { none.handshake(); }),
            "ssl::SSLError: [SSL: UNSUPPORTED_PROTOCOL] unsupported protocol; see "
            "minimum_version() and maximum_version() of both sides");
}
