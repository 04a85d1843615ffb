#pragma once

#include <asyncio/http_response.hpp>

namespace asyncio::http::detail {

/// An error's answer: copies of the error share it, so that copying one throws nothing.
class KeptResponse {
 public:
  explicit KeptResponse(const Response& kept) : response(kept) {}
  void add_ref() noexcept { users_.add(); }
  void drop_ref() noexcept {
    if (users_.drop()) delete this;
  }
  const Response response;

 private:
  asyncio::detail::SharedCount users_;
};

}  // namespace asyncio::http::detail
