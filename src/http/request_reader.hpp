#pragma once

#include "http/chunk_decoder.hpp"
#include "http/request_head.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::http::detail {

/// Makes requests of the bytes of a connection, in whatever pieces they come. It does no I/O: it is
/// shown what was received, where that is, and keeps what it cannot use yet.
///
/// take_head() until it is true; then, without an error(), take_body() until body_over(); and so
/// on.
class RequestReader {
 public:
  explicit RequestReader(std::optional<std::size_t> header_bytes) noexcept
      : header_bytes_(header_bytes.value_or(std::string_view::npos)) {}

  /// Looks for the head of the next request in what is left over and `fresh`.
  /// Returns: true when it has come, or an error().
  [[nodiscard]] bool take_head(std::string_view fresh);
  /// Takes some of the body from what is left over and `fresh`, and puts it behind `into`, if that
  /// is not null.
  /// Returns: true if there was some, and when the body is over or there is an error().
  [[nodiscard]] bool take_body(std::string_view fresh, std::string* into);

  [[nodiscard]] const RequestHead& head() const noexcept { return head_; }
  /// Nothing that follows can be understood.
  [[nodiscard]] const RequestError& error() const noexcept { return error_; }
  [[nodiscard]] bool body_over() const noexcept { return body_over_; }
  /// Of a body whose length is known. Of others: 0
  [[nodiscard]] std::uint64_t body_left() const noexcept { return body_left_; }

  /// Bytes have come that were not used yet.
  [[nodiscard]] bool has_more() const noexcept { return !kept_.empty(); }
  /// The client may be silent for long: only what is needed is kept.
  void save_memory() noexcept;

 private:
  [[nodiscard]] std::string_view with_kept(std::string_view fresh);
  void keep(std::string_view bytes, std::size_t from);
  void begin_body() noexcept;
  [[nodiscard]] std::size_t take_piece(std::string_view bytes, std::string* into);

  std::size_t header_bytes_;
  RequestHead head_;
  HeadScanner scanner_;
  RequestError error_;
  std::string kept_;
  std::size_t used_ = 0;  // of kept_, from its front
  std::uint64_t body_left_ = 0;
  ChunkDecoder chunks_;
  bool body_over_ = true;
};

}  // namespace asyncio::http::detail
