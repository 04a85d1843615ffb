#include "files/file_mode.hpp"

#include <asyncio/error.hpp>

#include <fcntl.h>
#include <fmt/format.h>

namespace asyncio::detail {

FileMode file_mode(std::string_view mode) {
  char kind = 0;
  bool both = false;
  bool bytes = false;
  bool good = true;
  for (const char c : mode) {
    if (c == '+') {
      good = good && !both;
      both = true;
    } else if (c == 'b') {
      good = good && !bytes;
      bytes = true;
    } else {
      good = good && kind == 0;
      kind = c;
    }
  }
  int flags = 0;
  switch (kind) {
    case 'r': break;
    case 'w': flags = O_CREAT | O_TRUNC; break;
    case 'a': flags = O_CREAT | O_APPEND; break;
    case 'x': flags = O_CREAT | O_EXCL; break;
    default: good = false;
  }
  if (!good) {
    throw_invalid_argument(fmt::format(
        "open(): there is no mode \"{}\"; there are \"r\", \"w\", \"a\" and \"x\", each also with "
        "\"+\" to read and write, and with \"b\", which says nothing",
        mode));
  }
  flags |= both ? O_RDWR : kind == 'r' ? O_RDONLY : O_WRONLY;
  return {flags | O_NOCTTY, both || kind == 'r', both || kind != 'r', kind == 'a'};
}

}  // namespace asyncio::detail
