#pragma once

#include <cstddef>
#include <memory>
#include <span>

struct bio_st;

namespace asyncio::detail {

/// Bytes on their way: added at the end, taken from the front. Owns no memory while it is empty, so
/// that idle connections are small.
class TlsBuffer {
 public:
  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::span<const std::byte> view() const noexcept {
    return {data_.get() + begin_, size()};
  }

  /// Room for `n` bytes behind the last one, until the next change.
  [[nodiscard]] std::span<std::byte> room(std::size_t n);
  /// The first `n` bytes of that room are filled.
  void filled(std::size_t n) noexcept;
  void append(std::span<const std::byte> bytes);
  void consume(std::size_t n) noexcept;
  /// Gives room back that was not filled.
  void release_if_empty() noexcept;

 private:
  void grow(std::size_t n);
  std::unique_ptr<std::byte[]> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t capacity_ = 0;
};

/// Takes ciphertext at once.
class TlsSink {
 public:
  /// Returns: how many bytes were taken.
  virtual std::size_t take(std::span<const std::byte> ciphertext) noexcept = 0;

 protected:
  ~TlsSink() = default;
};

/// Both directions of the ciphertext of a connection, as OpenSSL's source and sink. Its memory BIO
/// would copy once more and give nothing back.
struct TlsBio {
  /// Reads and writes this, which must outlive it. Throws: std::bad_alloc.
  [[nodiscard]] bio_st* make();

  TlsBuffer in;
  TlsBuffer out;
  TlsSink* sink = nullptr;     ///< is asked first, while `out` is empty
  bool eof = false;            ///< nothing comes after `in`
  bool out_of_memory = false;  ///< something that OpenSSL has sent is not in `out`
};

}  // namespace asyncio::detail
