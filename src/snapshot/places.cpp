#include "snapshot/places.hpp"

#include "base/text.hpp"
#include "snapshot/bytes.hpp"

#include <utility>

namespace asyncio::snapshot {
namespace {

constexpr std::size_t longest_text = 4096;
constexpr std::uint32_t last_line = 10'000'000;
// Garbage is remembered, too; a program that gives it without end is not to fill the memory.
constexpr std::size_t most_known = 100'000;

}  // namespace

const FrameView* Places::find(std::uint64_t place) {
  const auto known = places_.find(place);
  if (known != places_.end()) return known->second.valid ? &known->second.frame : nullptr;
  if (places_.size() >= most_known) places_.clear();
  const Known& fresh = places_.emplace(place, read(place)).first->second;
  return fresh.valid ? &fresh.frame : nullptr;
}

Places::Known Places::read(std::uint64_t place) {
  Bytes bytes(layout_.place.size);
  if (!memory_.in_file(place) || !memory_.read(place, bytes.data(), bytes.size())) return {};
  const auto file = bytes.at<std::uint64_t>(layout_.place.file);
  const auto function = bytes.at<std::uint64_t>(layout_.place.function);
  const auto line = bytes.at<std::uint32_t>(layout_.place.line);
  if (line > last_line || text(function).empty()) return {};
  return {true, {detail::function_name(text(function)), text(file), line}};
}

const std::string& Places::text(std::uint64_t address) {
  const auto known = texts_.find(address);
  if (known != texts_.end()) return known->second;
  if (texts_.size() >= most_known) texts_.clear();
  std::string text;
  if (!memory_.in_file(address) || !memory_.read_text(address, longest_text, text)) text.clear();
  return texts_.emplace(address, std::move(text)).first->second;
}

}  // namespace asyncio::snapshot
