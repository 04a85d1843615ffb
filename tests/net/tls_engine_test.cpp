#include "net/tls_engine.hpp"

#include <asyncio/testing.hpp>

#include "support/certificates.hpp"
#include "support/errors.hpp"
#include "support/tls_pair.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace ssl = asyncio::ssl;
using support::bytes_of;
using support::carry;
using support::client_trusting;
using support::everything;
using support::read_all;
using support::receive;
using support::server_with;
using support::test_ca;
using support::thrown_by;
using support::TlsEngine;
using support::TlsPair;
using support::write;
using Read = TlsEngine::Read;

namespace {

// Letters that do not repeat with the size of a record.
std::string letters(std::size_t n) {
  std::string text(n, '\0');
  for (std::size_t i = 0; i < n; ++i) text[i] = static_cast<char>('a' + i * 7 % 1009 % 26);
  return text;
}

ssl::Context client_of(ssl::TLSVersion version) {
  ssl::Context context = client_trusting(test_ca());
  context.maximum_version(version);
  return context;
}

const ssl::Context& localhost() {
  static const ssl::Context context = server_with(test_ca().issue_for("localhost"));
  return context;
}

// What read() says when there is room.
Read::Status status_of(TlsEngine& engine) {
  std::array<std::byte, 100> room;
  const Read got = engine.read(room);
  EXPECT_EQ(got.bytes, 0U);
  return got.status;
}

class BothVersions : public testing::TestWithParam<ssl::TLSVersion> {
 protected:
  TlsPair pair_{client_of(GetParam()), localhost()};
};

}  // namespace

// With any number of bytes at a time, the ciphertext of both sides cut anywhere.
TEST_P(BothVersions, UnderstandEachOtherInFragmentsOfAnySize) {
  for (const std::size_t step :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{5}, std::size_t{17},
        std::size_t{100}, std::size_t{1000}, everything}) {
    TlsPair pair(client_of(GetParam()), localhost());
    pair.handshake(step);
    const std::string sent = letters(40'000);
    write(pair.client, sent);
    std::string got;
    while (carry(pair.client, pair.server, step) != 0) read_all(pair.server, got);
    EXPECT_EQ(got, sent) << "step " << step;
    write(pair.server, "answer");
    std::string answer;
    while (carry(pair.server, pair.client, step) != 0) read_all(pair.client, answer);
    EXPECT_EQ(answer, "answer");
  }
}

TEST_P(BothVersions, ReadAsMuchAsThereIsRoomFor) {
  pair_.handshake();
  const std::string sent = letters(100'000);
  write(pair_.client, sent.substr(0, 60'000));
  write(pair_.client, sent.substr(60'000));
  carry(pair_.client, pair_.server);
  std::string got(70'000, '\0');
  const Read first = pair_.server.read(std::as_writable_bytes(std::span(got)));
  EXPECT_EQ(first.bytes, 70'000U) << "several records at once";
  EXPECT_EQ(first.status, Read::ok);
  EXPECT_EQ(pair_.server.read({}).status, Read::ok) << "no room says nothing of the data";
  read_all(pair_.server, got, 1);
  EXPECT_EQ(got, sent);
  EXPECT_EQ(status_of(pair_.server), Read::want_data);
}

TEST_P(BothVersions, TakeCiphertextThatIsReadIntoTheirSpace) {
  pair_.handshake();
  write(pair_.client, "hello");
  const std::span<const std::byte> out = pair_.client.outgoing();
  const std::span<std::byte> space = pair_.server.feed_space(1 << 16);
  ASSERT_GE(space.size(), out.size());
  std::ranges::copy(out, space.begin());
  pair_.server.fed(out.size());
  pair_.client.sent(out.size());
  EXPECT_EQ(pair_.server.fed_pending(), out.size());
  std::string got;
  read_all(pair_.server, got);
  EXPECT_EQ(got, "hello");
  EXPECT_EQ(pair_.server.fed_pending(), 0U);
}

// What comes behind the handshake in the same bytes is not lost, and not read before it is done.
TEST_P(BothVersions, KeepDataThatComesWithTheEndOfTheHandshake) {
  while (!pair_.client.handshake()) {
    carry(pair_.client, pair_.server);
    pair_.server.handshake();
    carry(pair_.server, pair_.client);
  }
  write(pair_.client, "early");
  carry(pair_.client, pair_.server);
  EXPECT_TRUE(pair_.server.handshake());
  std::string got;
  read_all(pair_.server, got);
  EXPECT_EQ(got, "early");
}

// NET-154, NET-139
TEST_P(BothVersions, RefuseDataBeforeTheHandshakeIsDone) {
  EXPECT_FALSE(pair_.client.handshake());
  EXPECT_EQ(pair_.client.state(), TlsEngine::State::handshaking);
  std::array<std::byte, 10> room;
  EXPECT_EQ(thrown_by([&] { (void)pair_.client.read(room); }),
            "RuntimeError: read(): the TLS handshake is not done; call handshake() until it is");
  EXPECT_EQ(thrown_by([&] { write(pair_.client, "x"); }),
            "RuntimeError: write(): the TLS handshake is not done; call handshake() until it is");
  pair_.handshake();
  EXPECT_EQ(pair_.client.state(), TlsEngine::State::open);
  EXPECT_TRUE(pair_.client.handshake()) << "once more does nothing";
}

// failure 60: what came whole is read first; the end is an error, each time
TEST_P(BothVersions, TellTruncationFromTheEnd) {
  pair_.handshake();
  write(pair_.client, "whole");
  carry(pair_.client, pair_.server);
  write(pair_.client, "cut off");
  carry(pair_.client, pair_.server, 10);
  pair_.server.feed_eof();
  std::string got;
  const std::string expected =
      "ssl::SSLEOFError: [SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of "
      "protocol: "
      "the connection has ended without close_notify, so the end of the data may be missing";
  EXPECT_EQ(thrown_by([&] { read_all(pair_.server, got); }), expected);
  EXPECT_EQ(got, "whole");
  EXPECT_EQ(thrown_by([&] { read_all(pair_.server, got); }), expected);
  EXPECT_EQ(pair_.server.state(), TlsEngine::State::shut);
  EXPECT_EQ(thrown_by([&] { write(pair_.server, "x"); }), expected);
  EXPECT_TRUE(pair_.server.shutdown());
}

// failure 60: also between two records
TEST_P(BothVersions, TakeTheEndBetweenRecordsForTruncation) {
  pair_.handshake();
  write(pair_.client, "all");
  carry(pair_.client, pair_.server);
  pair_.server.feed_eof();
  std::string got;
  EXPECT_THROW(read_all(pair_.server, got), ssl::SSLEOFError);
  EXPECT_EQ(got, "all");
}

// NET-144, NET-145
TEST_P(BothVersions, SayGoodbyeToEachOther) {
  pair_.handshake();
  write(pair_.client, "last words");
  EXPECT_FALSE(pair_.client.shutdown());
  EXPECT_EQ(pair_.client.state(), TlsEngine::State::shut);
  EXPECT_EQ(thrown_by([&] { write(pair_.client, "x"); }),
            "RuntimeError: write(): shutdown() was called, and nothing can follow it");
  carry(pair_.client, pair_.server);
  std::string got;
  EXPECT_EQ(read_all(pair_.server, got), Read::closed_by_peer);
  EXPECT_EQ(got, "last words");
  EXPECT_EQ(status_of(pair_.server), Read::closed_by_peer) << "and stays so";
  pair_.server.feed_eof();
  EXPECT_EQ(status_of(pair_.server), Read::closed_by_peer);
  EXPECT_TRUE(pair_.server.shutdown());
  carry(pair_.server, pair_.client);
  EXPECT_TRUE(pair_.client.shutdown());
  EXPECT_TRUE(pair_.client.outgoing().empty()) << "said once";
}

// NET-144
TEST_P(BothVersions, GiveWhatThePeerSendsUntilItSaysGoodbye) {
  pair_.handshake();
  EXPECT_FALSE(pair_.client.shutdown());
  write(pair_.server, "trailing data");
  EXPECT_FALSE(pair_.server.shutdown());
  carry(pair_.server, pair_.client);
  std::string got;
  EXPECT_EQ(read_all(pair_.client, got), Read::closed_by_peer);
  EXPECT_EQ(got, "trailing data");
  EXPECT_TRUE(pair_.client.shutdown());
}

// NET-144: who calls shutdown() again does not want what still comes
TEST_P(BothVersions, DropWhatComesAfterGoodbyeIfNobodyReads) {
  pair_.handshake();
  EXPECT_FALSE(pair_.client.shutdown());
  write(pair_.server, letters(100'000));
  carry(pair_.server, pair_.client);
  EXPECT_FALSE(pair_.client.shutdown());
  EXPECT_EQ(pair_.client.fed_pending(), 0U);
  write(pair_.server, "more");
  (void)pair_.server.shutdown();
  carry(pair_.server, pair_.client);
  EXPECT_TRUE(pair_.client.shutdown());
}

// failure 64: a peer that goes without a word ends the shutdown, too
TEST_P(BothVersions, AreDoneWhenThePeerGoesAfterGoodbye) {
  pair_.handshake();
  EXPECT_FALSE(pair_.client.shutdown());
  pair_.client.feed_eof();
  EXPECT_TRUE(pair_.client.shutdown());
  EXPECT_TRUE(pair_.client.shutdown());
}

// NET-146
TEST_P(BothVersions, HaveNothingToSayBeforeTheHandshakeIsDone) {
  EXPECT_FALSE(pair_.client.handshake());
  EXPECT_TRUE(pair_.client.shutdown());
  EXPECT_EQ(pair_.client.state(), TlsEngine::State::shut);
  EXPECT_THROW(pair_.client.handshake(), asyncio::RuntimeError);
}

// NET-142
TEST_P(BothVersions, AreResetWhenThePeerGoesDuringTheHandshake) {
  EXPECT_FALSE(pair_.client.handshake());
  carry(pair_.client, pair_.server);
  EXPECT_FALSE(pair_.server.handshake());
  carry(pair_.server, pair_.client, 100);
  pair_.client.feed_eof();
  for (int again = 0; again < 2; ++again) {
    try {
      pair_.client.handshake();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::connection_reset);
    }
  }
}

// failure 65: an alert among data: what came before it is read first
TEST_P(BothVersions, ReadWhatCameBeforeAnAlert) {
  pair_.handshake();
  write(pair_.server, "before");
  pair_.server.feed(bytes_of("this is no record at all"));
  std::string got;
  EXPECT_THROW(read_all(pair_.server, got), ssl::SSLError);
  carry(pair_.server, pair_.client);
  const std::string text = thrown_by([&] { read_all(pair_.client, got); });
  EXPECT_TRUE(text.starts_with("ssl::SSLError: [SSL: ")) << text;
  EXPECT_NE(text.find("ALERT"), std::string::npos) << text;
  EXPECT_EQ(got, "before");
  EXPECT_EQ(thrown_by([&] { write(pair_.client, "x"); }), text) << "the same for ever";
}

// failure 65
TEST_P(BothVersions, RefuseARecordThatWasChanged) {
  pair_.handshake();
  write(pair_.client, "genuine");
  carry(pair_.client, pair_.server);
  write(pair_.client, "to be changed");
  std::string record(reinterpret_cast<const char*>(pair_.client.outgoing().data()),
                     pair_.client.outgoing().size());
  record.back() = static_cast<char>(record.back() ^ 1);
  pair_.server.feed(bytes_of(record));
  std::string got;
  EXPECT_EQ(thrown_by([&] { read_all(pair_.server, got); }),
            "ssl::SSLError: [SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] decryption failed or bad "
            "record mac");
  EXPECT_EQ(got, "genuine");
}

// failure 65: at its header, without waiting for the rest
TEST_P(BothVersions, RefuseARecordThatIsTooLong) {
  pair_.handshake();
  const std::size_t most = 16384 + (GetParam() == ssl::TLSVersion::TLSv1_3 ? 256 : 2048);
  const std::size_t size = most + 1;
  const std::array header{'\x17', '\x03', '\x03', static_cast<char>(size >> 8),
                          static_cast<char>(size & 255)};
  pair_.server.feed(bytes_of({header.data(), header.size()}));
  std::string got;
  const std::string text = thrown_by([&] { read_all(pair_.server, got); });
  EXPECT_NE(text.find("TOO_LONG"), std::string::npos) << text;
}

// failure 65: the largest there is
TEST_P(BothVersions, CarryDataThatEndsAtTheBorderOfARecord) {
  pair_.handshake();
  for (const std::size_t size : {16383U, 16384U, 16385U, 32768U}) {
    const std::string text = letters(size);
    write(pair_.client, text);
    EXPECT_EQ(receive(pair_.client, pair_.server), text);
  }
  EXPECT_EQ(pair_.client.write({}), 0U);
  EXPECT_TRUE(pair_.client.outgoing().empty());
}

// failure 66: half a record waits to be read, and writing goes on, from wherever its bytes are
TEST_P(BothVersions, WriteWhileTheyWaitForTheRestOfARecord) {
  pair_.handshake();
  std::string expected_by_server;
  std::string expected_by_client;
  std::string at_server;
  std::string at_client;
  for (int i = 0; i < 50; ++i) {
    const std::string up = letters(static_cast<std::size_t>(1000 * i));
    write(pair_.client, up);
    expected_by_server += up;
    carry(pair_.client, pair_.server, static_cast<std::size_t>(700 * i));
    read_all(pair_.server, at_server);
    const std::string down = letters(static_cast<std::size_t>(37 * i));
    write(pair_.server, down);
    expected_by_client += down;
    carry(pair_.server, pair_.client, static_cast<std::size_t>(30 * i));
    read_all(pair_.client, at_client);
  }
  at_server += receive(pair_.client, pair_.server);
  at_client += receive(pair_.server, pair_.client);
  EXPECT_EQ(at_server, expected_by_server);
  EXPECT_EQ(at_client, expected_by_client);
}

// failure 67: OpenSSL's queue belongs to the thread, and others leave their errors in it
TEST_P(BothVersions, DoNotTakeTheErrorsOfOthersForTheirs) {
  const auto others_error = [] {
    ERR_raise(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
    ERR_raise(ERR_LIB_SYS, ECONNRESET);
  };
  others_error();
  EXPECT_FALSE(pair_.client.handshake());
  pair_.handshake();
  others_error();
  EXPECT_EQ(status_of(pair_.client), Read::want_data);
  others_error();
  write(pair_.client, "x");
  others_error();
  EXPECT_EQ(receive(pair_.client, pair_.server), "x");
  others_error();
  EXPECT_FALSE(pair_.client.shutdown());
  others_error();
  EXPECT_FALSE(pair_.client.shutdown());
  ERR_clear_error();
}

// failure 67: and leave none
TEST_P(BothVersions, LeaveNoErrorsToOthers) {
  pair_.handshake();
  pair_.server.feed(bytes_of("this is no record at all"));
  std::string got;
  EXPECT_THROW(read_all(pair_.server, got), ssl::SSLError);
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

INSTANTIATE_TEST_SUITE_P(Tls, BothVersions,
                         testing::Values(ssl::TLSVersion::TLSv1_2, ssl::TLSVersion::TLSv1_3),
                         [](const auto& version) {
                           return version.param == ssl::TLSVersion::TLSv1_2 ? "v1_2" : "v1_3";
                         });

// NET-140, failure 65
TEST(TlsEngine, SaysWhatAPeerSpeaksThatDoesNotSpeakTls) {
  TlsEngine client(client_trusting(test_ca()), TlsEngine::Side::client, "localhost");
  EXPECT_FALSE(client.handshake());
  client.feed(bytes_of("HTTP/1.1 400 Bad Request\r\n\r\n"));
  EXPECT_EQ(thrown_by([&] { client.handshake(); }),
            "ssl::SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number; this does not look "
            "like TLS: is it the right port?");
  TlsEngine server(localhost(), TlsEngine::Side::server, {});
  server.feed(bytes_of("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(thrown_by([&] { server.handshake(); }),
            "ssl::SSLError: [SSL: HTTP_REQUEST] http request; the client speaks HTTP without TLS");
}

// NET-140
TEST(TlsEngine, SaysThatAServerHasNoCertificate) {
  TlsPair pair(client_trusting(test_ca()), ssl::Context::server());
  const std::string text = thrown_by([&] { pair.handshake(); });
  EXPECT_NE(text.find("use load_cert_chain()"), std::string::npos) << text;
}

namespace {

/// Takes the first `room` bytes.
class Sink final : public asyncio::detail::TlsSink {
 public:
  explicit Sink(std::size_t r) : room(r) {}
  std::size_t take(std::span<const std::byte> ciphertext) noexcept override {
    const std::size_t n = std::min(room, ciphertext.size());
    taken.append(reinterpret_cast<const char*>(ciphertext.data()), n);
    room -= n;
    return n;
  }
  std::size_t room;
  std::string taken;
};

}  // namespace

TEST(TlsEngine, GivesARecordToWhoTakesItAtOnce) {
  for (const std::size_t room : {0U, 1U, 700U, 100000U}) {
    TlsPair pair;
    pair.handshake();
    Sink sink(room);
    const std::string first = letters(1000);
    const std::string second = letters(900);
    (void)pair.client.write(bytes_of(first), &sink);
    (void)pair.client.write(bytes_of(second), &sink);
    EXPECT_EQ(sink.taken.size(), std::min(room, std::size_t{1000 + 900 + 2 * 22}));
    pair.server.feed(bytes_of(sink.taken));
    EXPECT_EQ(receive(pair.client, pair.server), first + second);
  }
}

TEST(TlsEngine, GivesManyRecordsInOnePiece) {
  TlsPair pair;
  pair.handshake();
  Sink sink(everything);
  const std::string text = letters(100000);
  (void)pair.client.write(bytes_of(text), &sink);
  EXPECT_EQ(sink.taken, "");
  EXPECT_EQ(receive(pair.client, pair.server), text);
}

// NET-151
TEST(TlsEngine, CarriesAnotherEngine) {
  TlsPair outer(client_trusting(test_ca()), localhost());
  TlsPair inner(client_trusting(test_ca()), localhost());
  outer.handshake();
  const auto through = [](TlsEngine& from, TlsEngine& wire, TlsEngine& other_end, TlsEngine& to) {
    const std::size_t n = wire.write(from.outgoing());
    from.sent(n);
    to.feed(bytes_of(receive(wire, other_end)));
    return n;
  };
  for (bool done = false; !done;) {
    const bool client_done = inner.client.handshake();
    through(inner.client, outer.client, outer.server, inner.server);
    done = inner.server.handshake() && client_done;
    through(inner.server, outer.server, outer.client, inner.client);
  }
  const std::string text = letters(50'000);
  write(inner.client, text);
  through(inner.client, outer.client, outer.server, inner.server);
  std::string got;
  read_all(inner.server, got);
  EXPECT_EQ(got, text);
}

namespace {

asyncio::Coro<> talk() {
  TlsPair pair;
  pair.handshake();
  write(pair.client, letters(40'000));
  std::string got = receive(pair.client, pair.server);
  (void)pair.client.shutdown();
  carry(pair.client, pair.server);
  read_all(pair.server, got);
  if (got.size() != 40'000) throw std::logic_error("something is missing");
  co_return;
}

}  // namespace

TEST(TlsEngine, EndsInOrderWhenMemoryIsShort) {
  EXPECT_EQ(asyncio::testing::fail_at_each_allocation(talk), "");
}
