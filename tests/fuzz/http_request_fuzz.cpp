// What a server understands of a connection's bytes does not depend on the pieces in which they
// come, and has no part that could mean something else to somebody else.
//
// The first byte says how many of the following ones are the sizes of pieces.

#include "http/request_reader.hpp"
#include "http/text.hpp"

#include "support/http_transcript.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using asyncio::http::detail::RequestHead;
using asyncio::http::detail::RequestReader;

void require(bool true_, const char* what) {
  if (true_) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

bool is_within(std::string_view part, std::string_view whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check(const RequestHead& head) {
  namespace detail = asyncio::http::detail;
  require(head.text.ends_with("\r\n\r\n"), "a head ends with an empty line");
  require(detail::is_token(head.method), "a method is a token");
  require(head.target.find_first_of(std::string_view(" \t\r\n\0", 5)) == std::string_view::npos,
          "a target is one word");
  require(head.path.starts_with('/') || head.path == "*", "a path begins with /");
  require(!(head.chunked && head.content_length), "a body has one length");
  int lengths = 0;
  int hosts = 0;
  for (const auto& [name, value] : head.fields) {
    require(is_within(name, head.text) && is_within(value, head.text), "views are of the text");
    require(detail::is_token(name), "a name is a token");
    require(detail::is_field_value(value) && detail::trim(value) == value, "a value is one line");
    lengths += detail::equal_ignoring_case(name, "Content-Length") ||
               detail::equal_ignoring_case(name, "Transfer-Encoding");
    hosts += detail::equal_ignoring_case(name, "Host");
  }
  require(lengths == (head.chunked || head.content_length ? 1 : 0), "the length is known");
  require(hosts == 1 || (head.http10 && hosts == 0), "there is one Host");
}

void check_heads(std::string_view bytes) {
  RequestReader reader(4096);
  std::string body;
  if (!reader.take_head(bytes)) return;
  while (!reader.error()) {
    check(reader.head());
    body.clear();
    while (!reader.body_over() && !reader.error()) {
      if (!reader.take_body({}, &body)) return;
    }
    if (reader.error() || !reader.take_head({})) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t cuts = std::min<std::size_t>(data[0], size - 1);
  std::vector<std::size_t> sizes;
  for (std::size_t i = 1; i <= cuts; ++i) sizes.push_back(data[i]);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1 + cuts, size - 1 - cuts);

  const std::string whole = support::http_transcript(bytes, {});
  require(support::http_transcript(bytes, sizes) == whole, "pieces make no difference");
  require(support::http_transcript(bytes, std::vector<std::size_t>(bytes.size(), 1)) == whole,
          "single bytes make no difference");
  check_heads(bytes);
  return 0;
}
