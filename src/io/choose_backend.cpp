#include "io/choose_backend.hpp"

#include <asyncio/error.hpp>

#include "base/log.hpp"
#include "io/backend_epoll.hpp"
#include "io/backend_uring.hpp"
#include "io/backend_virtual.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <system_error>

namespace asyncio::detail {
namespace {

std::string_view wanted() {
  const char* set = std::getenv("ASYNCIO_BACKEND");  // NOLINT(concurrency-mt-unsafe)
  return set == nullptr ? "" : set;
}

// Containers and old kernels refuse it; programs run on epoll there.
std::unique_ptr<Backend> make_uring_or_epoll() {
  try {
    return make_uring_backend();
  } catch (const std::system_error& refused) {
    auto instead = make_epoll_backend();
    log(LogLevel::debug, fmt::format("io_uring is refused, errno {}, so the loop uses epoll: {}",
                                     refused.code().value(), refused.what()));
    return instead;
  }
}

}  // namespace

std::unique_ptr<Backend> make_backend(std::string_view name) {
  const bool by_environment = name.empty();
  if (by_environment) name = wanted();
  if (name.empty() || name == "epoll") return make_epoll_backend();
  if (name == "io_uring") return make_uring_or_epoll();
  if (name == "virtual") return make_virtual_backend();
  throw_invalid_argument(
      fmt::format("{}={}: unknown; it is \"epoll\", \"io_uring\" or \"virtual\", or not set",
                  by_environment ? "ASYNCIO_BACKEND" : "RunOptions::backend", name));
}

std::unique_ptr<Backend> make_real_backend() {
  return wanted() == "io_uring" ? make_uring_or_epoll() : make_epoll_backend();
}

}  // namespace asyncio::detail
