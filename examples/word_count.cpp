// Lines, words and bytes of several files at the same time, as wc prints them.
#include <asyncio/asyncio.hpp>
#include <asyncio/file.hpp>

#include "command_line.hpp"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct Counts {
  std::uint64_t lines = 0;
  std::uint64_t words = 0;
  std::uint64_t bytes = 0;

  Counts& operator+=(const Counts& other) {
    lines += other.lines;
    words += other.words;
    bytes += other.bytes;
    return *this;
  }
};

std::uint64_t words_in(std::string_view line) {
  std::uint64_t words = 0;
  bool inside = false;
  for (const char c : line) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (!space && !inside) ++words;
    inside = !space;
  }
  return words;
}

asyncio::Coro<Counts> count(std::string path) {
  Counts counts;
  auto file = co_await asyncio::open(path);
  while (auto line = co_await file.next_line()) {
    if (line->ends_with('\n')) ++counts.lines;
    counts.words += words_in(*line);
    counts.bytes += line->size();
  }
  co_await file.close();
  co_return counts;
}

void print(const Counts& counts, std::string_view name) {
  std::cout << std::setw(7) << counts.lines << " " << std::setw(7) << counts.words << " "
            << std::setw(7) << counts.bytes << " " << name << "\n";
}

asyncio::Coro<> count_all(std::vector<std::string> paths) {
  std::vector<asyncio::Coro<Counts>> counting;
  for (const std::string& path : paths) counting.push_back(count(path));
  const std::vector<Counts> found =
      co_await asyncio::gather(asyncio::cancel_on_error, std::move(counting));
  Counts total;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    print(found[i], std::filesystem::path(paths[i]).filename().string());
    total += found[i];
  }
  if (paths.size() > 1) print(total, "total");
}

// In a folder of its own, which goes at the end.
asyncio::Coro<> demonstrate() {
  std::string folder = std::filesystem::temp_directory_path() / "word_count_XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no folder for the files");
  const std::vector<std::string> paths = {folder + "/rhyme", folder + "/numbers",
                                          folder + "/empty"};
  co_await asyncio::write_text(paths[0], "one two\nbuckle my shoe\nthree four\n");
  auto numbers = co_await asyncio::open(paths[1], "x");
  for (int i = 0; i < 10; ++i) {
    const std::string row = std::to_string(i) + " squared is " + std::to_string(i * i) + "\n";
    co_await numbers.write(row);
  }
  co_await numbers.write("no newline at the end");
  co_await numbers.close();
  co_await asyncio::write_text(paths[2], "");
  co_await count_all(paths);
  std::filesystem::remove_all(folder);
}

asyncio::Coro<> async_main(command_line::Args args) {
  if (args.empty()) {
    co_await demonstrate();
  } else {
    co_await count_all({args.begin(), args.end()});
  }
}

int main(int argc, char** argv) { return command_line::run(argc, argv, async_main); }
