#include "http/request_reader.hpp"

#include "support/http_transcript.hpp"

#include <gtest/gtest.h>

#include <string>

using support::http_transcript;

namespace {

const std::string two_requests =
    "\r\nPOST /a%20b?c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n"
    "5;ext=\"x\"\r\nabcde\r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
    "PUT http://h/x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nxyz"
    "GET / HTTP/1.0\r\n\r\n";

}  // namespace

TEST(RequestReader, TellsRequestsApart) {
  EXPECT_EQ(http_transcript(two_requests, {}),
            "POST /a%20b ? c 11 keep\n  Host: h\n  Transfer-Encoding: chunked\n  X: y\n"
            "  body abcde0123456789\n"
            "PUT /x ?  11 keep\n  Host: h\n  Content-Length: 3\n  body xyz\n"
            "GET / ?  10 close\n  body \n");
}

TEST(RequestReader, ReadsTheSameInWhateverPieces) {
  const std::string texts[] = {
      two_requests,
      "GET / HTTP/1.1\r\nHost: h\r\n\n\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
      "\r\n\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(300, 'x'),
  };
  for (const std::string& text : texts) {
    const std::string whole = http_transcript(text, {});
    for (std::size_t first = 1; first < text.size(); ++first) {
      EXPECT_EQ(http_transcript(text, {first}), whole);
      EXPECT_EQ(http_transcript(text, {first, 1, 2, 3}), whole);
    }
    EXPECT_EQ(http_transcript(text, std::vector<std::size_t>(text.size(), 1)), whole);
  }
}

TEST(RequestReader, KeepsNoMemoryOfALargeRequest) {
  asyncio::http::detail::RequestReader reader(std::nullopt);
  std::string large = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 1000; ++i) large += "X: y\r\n";
  EXPECT_FALSE(reader.take_head(large));
  EXPECT_TRUE(reader.take_head("\r\n"));
  EXPECT_EQ(reader.head().fields.size(), 1001U);
  reader.save_memory();
  EXPECT_LE(reader.head().fields.capacity(), 32U);
  EXPECT_LE(reader.head().text.capacity(), 1024U);
}
