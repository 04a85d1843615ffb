#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/detail/ref.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace asyncio::detail {

class FileState;

/// A read of a File: of what is in memory at once, without a coroutine; else by one.
template <class T>
class FileReadOf : public CoroAwaiter<T> {
 public:
  FileReadOf(FileReadOf&& other) noexcept;

 protected:
  explicit FileReadOf(Ref<FileState> file) noexcept;
  ~FileReadOf();
  FileReadOf(const FileReadOf&) = delete;

  [[nodiscard]] FileState& file() const noexcept { return *file_; }
  /// Returns: false, as await_ready() does.
  bool go_on_by(Coro<T> slow) noexcept {
    this->child = CoroAccess::release(slow);
    return false;
  }

 private:
  Ref<FileState> file_;
};

class [[nodiscard]] FileRead : public FileReadOf<std::string>,
                               public ConvertsToCoro<FileRead, std::string> {
 public:
  FileRead(Ref<FileState> file, std::size_t most) noexcept;
  [[nodiscard]] bool await_ready();

 private:
  std::size_t most_;
};

class [[nodiscard]] FileReadInto : public FileReadOf<std::size_t>,
                                   public ConvertsToCoro<FileReadInto, std::size_t> {
 public:
  FileReadInto(Ref<FileState> file, std::span<std::byte> into) noexcept;
  [[nodiscard]] bool await_ready();

 private:
  std::span<std::byte> into_;
};

class [[nodiscard]] FileReadLine : public FileReadOf<std::string>,
                                   public ConvertsToCoro<FileReadLine, std::string> {
 public:
  explicit FileReadLine(Ref<FileState> file) noexcept;
  [[nodiscard]] bool await_ready();
};

class [[nodiscard]] FileNextLine : public FileReadOf<std::optional<std::string>>,
                                   public ConvertsToCoro<FileNextLine, std::optional<std::string>> {
 public:
  explicit FileNextLine(Ref<FileState> file) noexcept;
  [[nodiscard]] bool await_ready();
};

extern template class FileReadOf<std::string>;
extern template class FileReadOf<std::size_t>;
extern template class FileReadOf<std::optional<std::string>>;

}  // namespace asyncio::detail
