#include "snapshot/memory.hpp"

#include <algorithm>
#include <cstring>

namespace asyncio::snapshot {
namespace {

constexpr std::size_t most_ranges = 1024;  // as many as one system call takes
constexpr std::size_t scratch_size = std::size_t{4} << 20;
// What is nearer than this is copied along with its neighbour: no page is touched for that alone.
constexpr std::uint64_t near = 512;
constexpr std::size_t page = 4096;

bool before(const Piece& a, const Piece& b) noexcept { return a.address < b.address; }

}  // namespace

// Pieces in order of their addresses, on their way into as few ranges as possible.
class Memory::Batch {
 public:
  explicit Batch(Memory& memory) : memory_(memory) {
    ranges_.reserve(most_ranges);
    starts_.reserve(most_ranges);
  }

  /// Returns: false if it is full.
  bool add(const Piece& piece) {
    if (!ranges_.empty()) {
      Range& last = ranges_.back();
      const std::uint64_t end = std::max(last.address + last.size, piece.address + piece.size);
      const std::size_t more = end - last.address - last.size;
      if (piece.address - last.address <= last.size + near) {
        if (bytes_ + more > scratch_size) return false;
        last.size += more;
        bytes_ += more;
        return true;
      }
    }
    if (ranges_.size() == most_ranges || bytes_ + piece.size > scratch_size) return false;
    starts_.push_back(bytes_);
    ranges_.push_back({piece.address, piece.size});
    bytes_ += piece.size;
    return true;
  }

  void read(std::span<const Piece> pieces) {
    if (memory_.scratch_.empty()) memory_.scratch_.resize(scratch_size);
    std::byte* const scratch = memory_.scratch_.data();
    std::size_t first = 0;  // range
    while (first < ranges_.size()) {
      const std::size_t begin = starts_[first];
      const std::size_t got =
          begin + memory_.copy(std::span(ranges_).subspan(first), scratch + begin);
      // The range that could not be read: what is left of it has holes.
      std::size_t failed = first;
      while (failed < ranges_.size() && starts_[failed] + ranges_[failed].size <= got) ++failed;
      if (failed < ranges_.size()) {
        std::memset(scratch + got, 0, starts_[failed] + ranges_[failed].size - got);
        holes_.push_back({failed, got - starts_[failed]});
      }
      first = failed + 1;
    }
    give(pieces, scratch);
  }

 private:
  struct Hole {
    std::size_t range;
    std::size_t begin;
  };

  void give(std::span<const Piece> pieces, const std::byte* scratch) {
    std::size_t range = 0;
    auto hole = holes_.begin();
    for (const Piece& piece : pieces) {
      while (piece.address >= ranges_[range].address + ranges_[range].size) ++range;
      while (hole != holes_.end() && hole->range < range) ++hole;
      const std::size_t at = piece.address - ranges_[range].address;
      const bool broken =
          hole != holes_.end() && hole->range == range && at + piece.size > hole->begin;
      if (broken) {
        read_alone(piece);
      } else {
        std::memcpy(piece.to, scratch + starts_[range] + at, piece.size);
      }
    }
  }
  // Its neighbours may be the ones that are not there.
  void read_alone(const Piece& piece) {
    const Range range{piece.address, piece.size};
    auto* to = static_cast<std::byte*>(piece.to);
    if (memory_.copy({&range, 1}, to) != piece.size) std::memset(to, 0, piece.size);
  }

  Memory& memory_;
  std::vector<Range> ranges_;
  std::vector<std::size_t> starts_;  // of ranges, in the scratch memory
  std::vector<Hole> holes_;
  std::size_t bytes_ = 0;
};

void Memory::read(std::span<Piece> pieces) {
  if (!std::is_sorted(pieces.begin(), pieces.end(), before)) {
    std::sort(pieces.begin(), pieces.end(), before);
  }
  while (!pieces.empty()) {
    Batch batch(*this);
    std::size_t taken = 0;
    while (taken < pieces.size() && batch.add(pieces[taken])) ++taken;
    batch.read(pieces.first(taken));
    pieces = pieces.subspan(taken);
  }
}

bool Memory::read(std::uint64_t address, void* to, std::size_t size) {
  const Range range{address, size};
  if (copy({&range, 1}, static_cast<std::byte*>(to)) == size) return true;
  std::memset(to, 0, size);
  return false;
}

bool Memory::read_text(std::uint64_t address, std::size_t max, std::string& text) {
  text.clear();
  while (text.size() < max) {
    const std::uint64_t at = address + text.size();
    const std::size_t size = std::min<std::size_t>({page - at % page, max - text.size(), 256});
    char part[256];
    if (!read(at, part, size)) return false;
    const std::size_t length = ::strnlen(part, size);
    text.append(part, length);
    if (length < size) return true;
  }
  return true;
}

void Memory::find_mappings() {
  mappings_ = look_up_mappings();
  std::sort(mappings_.begin(), mappings_.end(),
            [](const Mapping& a, const Mapping& b) { return a.begin < b.begin; });
}

bool Memory::in_file(std::uint64_t address) const noexcept {
  const auto after = std::upper_bound(
      mappings_.begin(), mappings_.end(), address,
      [](std::uint64_t wanted, const Mapping& mapping) { return wanted < mapping.begin; });
  if (after == mappings_.begin()) return false;
  const Mapping& mapping = *(after - 1);
  return address < mapping.end && !mapping.path.empty();
}

}  // namespace asyncio::snapshot
