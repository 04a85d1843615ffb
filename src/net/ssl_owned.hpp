#pragma once

#include <memory>

namespace asyncio::detail {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* p) const noexcept {
    free(p);
  }
};

/// What OpenSSL has made for us, to be given back by `free`.
template <class T, auto free>
using Owned = std::unique_ptr<T, Free<free>>;

}  // namespace asyncio::detail
