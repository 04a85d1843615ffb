#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::snapshot {

/// A file's content, for reading.
class MappedFile {
 public:
  MappedFile() noexcept = default;  ///< nothing that could be read
  explicit MappedFile(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  [[nodiscard]] bool opened() const noexcept { return error_ == 0; }
  /// Why not.
  [[nodiscard]] const char* error() const noexcept;
  [[nodiscard]] std::string_view text() const noexcept { return text_; }
  /// What is there of a part.
  [[nodiscard]] std::string_view text(std::uint64_t offset, std::uint64_t size) const noexcept {
    return offset > text_.size() ? std::string_view() : text_.substr(offset, size);
  }

 private:
  std::string_view text_;
  int error_ = -1;  // errno; 0: opened; -1: was not tried
};

}  // namespace asyncio::snapshot
