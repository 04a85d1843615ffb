#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace asyncio::detail {

/// The names of functions by the symbol tables of the files that they are in, also of those that a
/// program does not export: while it is not stripped. Reads each file once.
class Symbols {
 public:
  /// As the linker has it; empty if it is not known.
  [[nodiscard]] std::string name_of(const void* address);

 private:
  struct Function {
    std::uint64_t begin;
    std::uint64_t size;
    std::uint32_t name;
  };
  struct File {
    bool absolute = false;  // a program that is not position independent
    std::vector<Function> functions;
    std::string names;
  };
  static File read(const char* path);

  std::map<const void*, File> files_;  // by where they are loaded
};

}  // namespace asyncio::detail
