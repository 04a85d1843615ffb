#include "dashboard/other_process.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace asyncio::dashboard {

std::string command_line_of(std::int64_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid));
  std::string line(std::istreambuf_iterator<char>(file), {});
  while (line.ends_with('\0')) line.pop_back();
  std::replace(line.begin(), line.end(), '\0', ' ');
  const std::size_t folder = line.substr(0, line.find(' ')).rfind('/');
  return folder == std::string::npos ? line : line.substr(folder + 1);
}

}  // namespace asyncio::dashboard
