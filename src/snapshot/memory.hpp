#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio::snapshot {

/// Why a process or a core file cannot be looked into, in words for whoever asked for it.
struct Unreadable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A part of the address space.
struct Mapping {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t offset = 0;  ///< in the file
  std::string path;          ///< of the file; empty: none
};

/// A few bytes to be copied. What cannot be read is all zeros.
struct Piece {
  std::uint64_t address = 0;
  void* to = nullptr;
  std::uint32_t size = 0;
};

/// The memory of a program: of a living one, which changes while it is read, or what was left of
/// one.
class Memory {
 public:
  /// May be this process.
  [[nodiscard]] static std::unique_ptr<Memory> of_process(std::int64_t pid);
  /// `executable`: where the program's file is; empty: where it was.
  /// Throws: Unreadable if it is no core file.
  [[nodiscard]] static std::unique_ptr<Memory> of_core(const std::string& path,
                                                       const std::string& executable);

  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  virtual ~Memory() = default;

  /// "process 123" or "core file x.core".
  [[nodiscard]] virtual std::string name() const = 0;
  /// 0: not alive.
  [[nodiscard]] virtual std::int64_t pid() const noexcept { return 0; }

  /// Finds out what is mapped. Throws: Unreadable.
  void find_mappings();
  [[nodiscard]] const std::vector<Mapping>& mappings() const noexcept { return mappings_; }
  /// True within what was mapped from files: where constants are.
  [[nodiscard]] bool in_file(std::uint64_t address) const noexcept;

  /// All of them, in as few calls as possible; changes their order.
  /// Throws: Unreadable if the process has gone or may not be read.
  void read(std::span<Piece> pieces);
  /// Returns: false if not all of it can be read; then it is zeros.
  bool read(std::uint64_t address, void* to, std::size_t size);
  template <class T>
  bool read(std::uint64_t address, T& to) {
    return read(address, &to, sizeof(T));
  }
  /// Up to a zero or `max` bytes; false if neither can be reached.
  bool read_text(std::uint64_t address, std::size_t max, std::string& text);

 protected:
  struct Range {
    std::uint64_t address = 0;
    std::size_t size = 0;
  };
  [[nodiscard]] virtual std::vector<Mapping> look_up_mappings() const = 0;
  /// One after the other to `to`, at most 1024 of them.
  /// Returns: how many bytes, up to the first one that cannot be read.
  virtual std::size_t copy(std::span<const Range> ranges, std::byte* to) = 0;

 private:
  class Batch;
  std::vector<Mapping> mappings_;  // in order
  std::vector<std::byte> scratch_;
};

}  // namespace asyncio::snapshot
