#include "cluster/failures.hpp"

#include <asyncio/codec.hpp>
#include <asyncio/error.hpp>
#include <asyncio/traceback.hpp>

namespace asyncio::cluster::detail {

// "TYPE: TEXT" is taken apart: no name of a type has a colon and a blank.
std::string encode_error(const std::exception_ptr& error) {
  const std::string both = asyncio::detail::describe(error);
  const std::size_t colon = both.find(": ");
  const std::string type = both.substr(0, colon);
  const std::string text = colon == std::string::npos ? "" : both.substr(colon + 2);
  return codec::encode(type, text, format_exception(error));
}

std::string encode_lost(std::string_view why) {
  return codec::encode(std::string(lost_type), std::string(why), std::string());
}

}  // namespace asyncio::cluster::detail
