#include "snapshot/find_layout.hpp"

#include <asyncio/detail/wait_route.hpp>

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace asyncio::snapshot {
namespace {

using detail::LayoutNote;
using namespace std::string_view_literals;

constexpr std::string_view owner("asyncio\0"sv);
constexpr std::uint32_t note_type = 1;
constexpr std::uint64_t most_headers = 256;
constexpr std::uint64_t most_notes = std::uint64_t{64} << 10;  // bytes
constexpr std::uint64_t page = 4096;

// Where the note of ours begins among others, from the beginning of these.
std::optional<std::uint64_t> find_note(const std::vector<char>& notes, std::uint64_t align) {
  const auto up = [align](std::uint64_t n) { return (n + align - 1) / align * align; };
  std::uint64_t at = 0;
  while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
    Elf64_Nhdr head{};
    std::memcpy(&head, &notes[at], sizeof head);
    const std::uint64_t name = at + sizeof head;
    const std::uint64_t content = up(name + head.n_namesz);
    const std::uint64_t next = up(content + head.n_descsz);
    if (next > notes.size() + align || content > notes.size()) return std::nullopt;
    const bool fits = content + sizeof(LayoutNote) <= notes.size();
    if (head.n_type == note_type && head.n_namesz == owner.size() && fits &&
        head.n_descsz >= sizeof(LayoutNote) &&
        std::string_view(&notes[name], owner.size()) == owner) {
      return content;
    }
    at = next;
  }
  return std::nullopt;
}

std::vector<Elf64_Phdr> program_headers(Memory& memory, std::uint64_t file) {
  Elf64_Ehdr head{};
  if (!memory.read(file, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr) ||
      head.e_phnum > most_headers) {
    return {};
  }
  std::vector<Elf64_Phdr> headers(head.e_phnum);
  if (!memory.read(file + head.e_phoff, headers.data(), headers.size() * sizeof(Elf64_Phdr))) {
    return {};
  }
  return headers;
}

// The address of the LayoutNote of the file that is mapped from its beginning at `file`; 0: none.
std::uint64_t find_in_file(Memory& memory, std::uint64_t file) {
  const std::vector<Elf64_Phdr> headers = program_headers(memory, file);
  std::optional<std::uint64_t> bias;
  for (const Elf64_Phdr& part : headers) {
    if (part.p_type == PT_LOAD && part.p_offset < page && !bias) {
      bias = file - (part.p_vaddr - part.p_offset);
    }
  }
  if (!bias) return 0;
  for (const Elf64_Phdr& part : headers) {
    if (part.p_type != PT_NOTE || part.p_memsz > most_notes) continue;
    std::vector<char> notes(part.p_memsz);
    const std::uint64_t address = *bias + part.p_vaddr;
    if (!memory.read(address, notes.data(), notes.size())) continue;
    if (const auto at = find_note(notes, part.p_align == 8 ? 8 : 4)) return address + *at;
  }
  return 0;
}

// A program that means harm may say anything.
bool is_sane(const detail::Layout& layout) {
  constexpr std::uint32_t largest = 64 << 10;
  const auto fits = [](std::uint64_t size, std::initializer_list<std::uint64_t> offsets) {
    return size <= largest && std::all_of(offsets.begin(), offsets.end(), [size](auto offset) {
             return offset <= size && size - offset >= sizeof(std::uint64_t);
           });
  };
  const auto& loop = layout.loop;
  const auto& task = layout.task;
  const std::uint64_t longest =
      std::max({layout.string.data, layout.string.size, layout.vector.begin, layout.vector.end});
  const bool flags_fit = loop.running < loop.size && loop.asleep < loop.size;  // of one byte
  return longest <= 64 && flags_fit && layout.chunk_size >= 1 && layout.chunk_size <= largest &&
         fits(loop.size, {loop.next_open, loop.number, loop.name + longest, loop.kernel_thread,
                          loop.thread, loop.backend, loop.chunks + longest, loop.live_tasks,
                          loop.ready_entries, loop.ready_capacity, loop.ready_head, loop.ready_tail,
                          loop.timer_entries, loop.timers_cancelled, loop.iterations}) &&
         fits(
             task.size + sizeof(std::uint64_t),
             {task.loop, task.kind, task.phase, task.flags, task.number_high, task.number_low,
              task.top, task.waiting, task.extra, task.order, task.callbacks + std::uint64_t{8}}) &&
         task.size >= 64 &&
         fits(layout.promise.size,
              {layout.promise.owner, layout.promise.function, layout.promise.location}) &&
         fits(layout.link.size, {layout.link.child, layout.link.parent}) &&
         fits(layout.waiter.ops_size, {layout.waiter.what, layout.waiter.route}) &&
         layout.waiter.route_size == sizeof(detail::WaitRoute) &&
         layout.waiter.parts_size == sizeof(detail::PartsView) &&
         layout.waiter.group_size == sizeof(detail::GroupRoute) &&
         fits(layout.place.size + sizeof(std::uint32_t),
              {layout.place.file, layout.place.function, layout.place.line}) &&
         std::max({layout.waiter.ops, layout.thread.loop, layout.thread.task, layout.extra.name,
                   layout.backend.watched, task.parts}) <= largest;
}

// Returns: the version, if that is not ours or its layout is none of that.
std::optional<std::uint32_t> add_library(Memory& memory, std::uint64_t note,
                                         std::vector<Library>& found) {
  LayoutNote content{};
  if (!memory.read(note, content)) return std::nullopt;
  if (content.version != detail::layout_version) return content.version;
  const auto from = [note](std::size_t member, std::int64_t distance) {
    return note + member + static_cast<std::uint64_t>(distance);
  };
  Library library;
  library.note = note;
  library.loops = from(offsetof(LayoutNote, loops), content.loops);
  const std::uint64_t layout = from(offsetof(LayoutNote, layout), content.layout);
  if (memory.read(layout, library.layout) && library.layout.size == sizeof(detail::Layout) &&
      is_sane(library.layout)) {
    found.push_back(library);
    return std::nullopt;
  }
  return content.version;
}

}  // namespace

std::vector<Library> find_layout(Memory& memory) {
  memory.find_mappings();
  std::vector<Library> found;
  std::optional<std::uint32_t> foreign;
  std::size_t files = 0;
  for (const Mapping& mapping : memory.mappings()) {
    if (mapping.path.empty() || mapping.offset != 0) continue;
    ++files;
    const std::uint64_t note = find_in_file(memory, mapping.begin);
    if (note == 0) continue;
    if (const auto version = add_library(memory, note, found)) foreign = version;
  }
  if (!found.empty()) return found;
  if (foreign == detail::layout_version) {
    throw Unreadable(fmt::format(
        "{} has an asyncio library whose layout is not that of version {} as this knows it; use "
        "the asyncio command that was built along with that library",
        memory.name(), *foreign));
  }
  if (foreign) {
    throw Unreadable(fmt::format(
        "{} has an asyncio library whose layout is of version {}, and this reads version {}; use "
        "the asyncio command that was installed along with that library",
        memory.name(), *foreign, detail::layout_version));
  }
  throw Unreadable(
      fmt::format("{} has no asyncio: none of its {} files has the library's note .note.asyncio",
                  memory.name(), files));
}

bool is_there(Memory& memory, const Library& library) {
  LayoutNote content{};
  return memory.read(library.note, content) && content.version == detail::layout_version &&
         library.note + offsetof(LayoutNote, loops) + static_cast<std::uint64_t>(content.loops) ==
             library.loops;
}

}  // namespace asyncio::snapshot
