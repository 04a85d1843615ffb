#include "io/uring_buffers.hpp"

#include "core/pages.hpp"
#include "io/fault.hpp"
#include "io/uring.hpp"

#include <algorithm>
#include <cstring>

namespace asyncio::detail {
namespace {

constexpr std::size_t pages_of_queue(unsigned entries) { return entries * sizeof(io_uring_buf); }

}  // namespace

UringBuffers::~UringBuffers() {
  if (ring_.haunted()) return;  // the kernel may still write there
  free_pages(queue_, pages_of_queue(most));
  free_pages(buffers_, most * size);
}

// Untouched pages cost nothing.
bool UringBuffers::map() noexcept {
  if (buffers_ != nullptr) return true;
  try {
    if (queue_ == nullptr) {
      queue_ = static_cast<io_uring_buf_ring*>(grow_pages(nullptr, 0, pages_of_queue(most)));
    }
    buffers_ = static_cast<std::byte*>(grow_pages(nullptr, 0, most * size));
  } catch (...) {
    return false;
  }
  count_ = at_first;
  return true;
}

bool UringBuffers::ready() noexcept {
  if (registered_ && generation_ == ring_.generation()) return true;
  if (refused_ || sys::fault_of(sys::Call::ring_buffers) != 0 || !map()) return false;
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uintptr_t>(queue_);
  registration.ring_entries = most;
  registration.bgid = group;
  std::memset(queue_, 0, pages_of_queue(most));
  if (::io_uring_register_buf_ring(&ring_.raw(), &registration, 0) != 0) {
    refused_ = true;
    return false;
  }
  registered_ = true;
  generation_ = ring_.generation();
  for (unsigned id = 0; id < count_; ++id) {
    if (!links_[id].held) provide(static_cast<std::uint16_t>(id));
  }
  return true;
}

void UringBuffers::provide(std::uint16_t id) noexcept {
  io_uring_buf_ring_add(queue_, at(id), size, id, io_uring_buf_ring_mask(most), 0);
  io_uring_buf_ring_advance(queue_, 1);
}

bool UringBuffers::grow() noexcept {
  // Of many that have found none in one poll, the first has made more.
  const auto free = [](const Link& link) { return !link.held; };
  if (std::any_of(links_, links_ + count_, free)) return true;
  const unsigned before = count_;
  count_ = std::min(most, count_ * 2);
  for (unsigned id = before; id < count_; ++id) provide(static_cast<std::uint16_t>(id));
  return count_ > before;
}

void UringBuffers::give_back(std::uint16_t id) noexcept {
  links_[id].held = false;
  if (generation_ == ring_.generation() && !ring_.foreign()) provide(id);
}

void UringBuffers::append(Chain& chain, std::uint16_t id, std::uint32_t bytes) noexcept {
  const bool first = chain.bytes == 0;
  chain.bytes += bytes;
  // Little messages share a buffer, or a few of them would use up all.
  constexpr std::uint32_t little = size / 4;
  if (!first && bytes <= little && links_[chain.last].bytes + bytes <= size) {
    Link& last = links_[chain.last];
    std::memcpy(at(chain.last) + last.bytes, at(id), bytes);
    last.bytes += bytes;
    give_back(id);
    return;
  }
  links_[id] = {bytes, 0, true};
  if (first) {
    chain.first = id;
    chain.offset = 0;
  } else {
    links_[chain.last].next = id;
  }
  chain.last = id;
}

std::size_t UringBuffers::take(Chain& chain, std::span<std::byte> into) noexcept {
  std::size_t taken = 0;
  while (chain.bytes > 0 && taken < into.size()) {
    const std::uint16_t id = chain.first;
    const Link& link = links_[id];
    const std::size_t part = std::min<std::size_t>(link.bytes - chain.offset, into.size() - taken);
    std::memcpy(into.data() + taken, at(id) + chain.offset, part);
    taken += part;
    chain.bytes -= static_cast<std::uint32_t>(part);
    chain.offset += static_cast<std::uint32_t>(part);
    if (chain.offset < link.bytes) break;
    chain.first = link.next;
    chain.offset = 0;
    give_back(id);
  }
  return taken;
}

void UringBuffers::drop(Chain& chain) noexcept {
  while (chain.bytes > 0) {
    const std::uint16_t id = chain.first;
    chain.bytes -= links_[id].bytes - chain.offset;
    chain.offset = 0;
    chain.first = links_[id].next;
    give_back(id);
  }
}

}  // namespace asyncio::detail
