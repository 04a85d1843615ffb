#pragma once

#include <asyncio/async_generator.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace asyncio::http {

/// A form with files, as browsers send it.
///
///     http::Multipart form;
///     form.add("title", "a cat");
///     form.add_file("photo", "cat.png", bytes, "image/png");
///
/// Python: the `files` of httpx
class Multipart {
 public:
  Multipart();

  void add(std::string_view name, std::string_view value);
  /// Throws: std::invalid_argument for a content type with control characters.
  void add_file(std::string_view name, std::string_view filename, std::string_view content,
                std::string_view content_type = "application/octet-stream");

  /// "multipart/form-data; boundary=..."
  [[nodiscard]] std::string content_type() const;
  [[nodiscard]] std::string body() const;

 private:
  void begin_part(std::string_view name);

  std::string boundary_;
  std::string parts_;
};

/// For options: refers to a form of the caller's, which lives while the call is made.
class MultipartRef {
 public:
  constexpr MultipartRef() noexcept = default;
  constexpr MultipartRef(const Multipart& form) noexcept  // NOLINT(google-explicit-constructor)
      : form_(&form) {}
  [[nodiscard]] const Multipart* get() const noexcept { return form_; }

 private:
  const Multipart* form_ = nullptr;
};
static_assert(std::is_trivially_destructible_v<MultipartRef>);

/// For options: a body that is made while it is sent.
///
/// Lifetime: the generator must live until the request has ended.
class ChunksRef {
 public:
  constexpr ChunksRef() noexcept = default;
  constexpr ChunksRef(AsyncGenerator<std::string>& chunks) noexcept  // NOLINT
      : chunks_(&chunks) {}
  [[nodiscard]] AsyncGenerator<std::string>* get() const noexcept { return chunks_; }

 private:
  AsyncGenerator<std::string>* chunks_ = nullptr;
};
static_assert(std::is_trivially_destructible_v<ChunksRef>);

}  // namespace asyncio::http
