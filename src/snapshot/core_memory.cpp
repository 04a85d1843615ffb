#include "snapshot/memory.hpp"

#include "snapshot/mapped_file.hpp"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace asyncio::snapshot {
namespace {

constexpr std::uint64_t entry_of_program_headers = 3;  // AT_PHDR

// What a core file leaves out of a file that was mapped is in that file, if it is the same one yet.
class CoreMemory final : public Memory {
 public:
  CoreMemory(const std::string& path, std::string executable);

  [[nodiscard]] std::string name() const override { return fmt::format("core file {}", path_); }

 private:
  [[nodiscard]] std::vector<Mapping> look_up_mappings() const override { return files_; }
  std::size_t copy(std::span<const Range> ranges, std::byte* to) override;
  [[nodiscard]] std::size_t copy_some(std::uint64_t address, std::size_t size, std::byte* to);
  [[nodiscard]] std::size_t from_file(std::uint64_t address, std::size_t size, std::byte* to);
  [[nodiscard]] const MappedFile* file_at(const Mapping& mapping);
  [[nodiscard]] bool is_same(const MappedFile& file, const std::string& path);
  [[nodiscard]] bool is_executable(const std::string& path) const;

  void read_notes(std::string_view notes);
  void read_files(std::string_view content);
  [[noreturn]] void refuse(const char* why) const {
    throw Unreadable(fmt::format("{} cannot be read: {}", name(), why));
  }

  struct Part {
    std::uint64_t begin = 0;
    std::uint64_t size = 0;  ///< in the core file
    std::uint64_t end = 0;   ///< in memory
    std::uint64_t offset = 0;
  };

  std::string path_;
  std::string executable_;
  MappedFile core_;
  std::vector<Part> parts_;     // in order
  std::vector<Mapping> files_;  // in order
  std::uint64_t program_headers_ = 0;
  std::map<std::string, MappedFile> opened_;
};

template <class T>
bool take(std::string_view& from, T& value) {
  if (from.size() < sizeof(T)) return false;
  from.copy(reinterpret_cast<char*>(&value), sizeof(T));
  from.remove_prefix(sizeof(T));
  return true;
}

CoreMemory::CoreMemory(const std::string& path, std::string executable)
    : path_(path), executable_(std::move(executable)), core_(path) {
  if (!core_.opened()) refuse(core_.error());
  std::string_view text = core_.text();
  Elf64_Ehdr head{};
  if (!take(text, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_type != ET_CORE) {
    refuse("it is no core file of a 64-bit program");
  }
  // With 65535 parts or more their number is in the first section's header.
  std::uint64_t count = head.e_phnum;
  if (count == PN_XNUM) {
    Elf64_Shdr first{};
    std::string_view sections = core_.text(head.e_shoff, sizeof first);
    if (take(sections, first)) count = first.sh_info;
  }
  std::string_view headers = core_.text(head.e_phoff, count * sizeof(Elf64_Phdr));
  for (Elf64_Phdr part{}; take(headers, part);) {
    if (part.p_type == PT_NOTE) read_notes(core_.text(part.p_offset, part.p_filesz));
    if (part.p_type != PT_LOAD) continue;
    const std::uint64_t there = core_.text(part.p_offset, part.p_filesz).size();
    parts_.push_back({part.p_vaddr, there, part.p_vaddr + part.p_memsz, part.p_offset});
  }
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.begin < b.begin; });
  std::sort(files_.begin(), files_.end(),
            [](const Mapping& a, const Mapping& b) { return a.begin < b.begin; });
  if (parts_.empty()) refuse("no memory is in it");
}

void CoreMemory::read_notes(std::string_view notes) {
  const auto padded = [](std::size_t n) { return (n + 3) / 4 * 4; };
  for (Elf64_Nhdr head{}; take(notes, head);) {
    const std::size_t name = padded(head.n_namesz);
    if (name > notes.size() || head.n_descsz > notes.size() - name) return;
    std::string_view content = notes.substr(name, head.n_descsz);
    if (head.n_type == NT_FILE) read_files(content);
    if (head.n_type == NT_AUXV) {
      for (Elf64_auxv_t entry{}; take(content, entry);) {
        if (entry.a_type == entry_of_program_headers) program_headers_ = entry.a_un.a_val;
      }
    }
    notes.remove_prefix(std::min(notes.size(), name + padded(head.n_descsz)));
  }
}

// How many, the size of a page; so many {begin, end, page of the file}; so many paths.
void CoreMemory::read_files(std::string_view content) {
  std::uint64_t count = 0;
  std::uint64_t page = 0;
  if (!take(content, count) || !take(content, page) || count > content.size() / 24) return;
  std::string_view paths = content.substr(count * 24);
  for (std::uint64_t i = 0; i < count; ++i) {
    Mapping mapping;
    if (!take(content, mapping.begin) || !take(content, mapping.end) ||
        !take(content, mapping.offset)) {
      return;
    }
    mapping.offset *= page;
    const std::size_t length = std::min(paths.find('\0'), paths.size());
    mapping.path = paths.substr(0, length);
    paths.remove_prefix(std::min(paths.size(), length + 1));
    files_.push_back(std::move(mapping));
  }
}

std::size_t CoreMemory::copy(std::span<const Range> ranges, std::byte* to) {
  std::size_t copied = 0;
  for (const Range& range : ranges) {
    for (std::size_t done = 0; done < range.size;) {
      const std::size_t some = copy_some(range.address + done, range.size - done, to + copied);
      if (some == 0) return copied;
      done += some;
      copied += some;
    }
  }
  return copied;
}

// Up to the end of the part of memory that holds the first byte.
std::size_t CoreMemory::copy_some(std::uint64_t address, std::size_t size, std::byte* to) {
  auto part = std::upper_bound(parts_.begin(), parts_.end(), address,
                               [](std::uint64_t at, const Part& p) { return at < p.begin; });
  if (part == parts_.begin()) return from_file(address, size, to);
  --part;
  const std::uint64_t from = address - part->begin;
  if (from >= part->size) return from_file(address, size, to);
  const std::string_view bytes =
      core_.text(part->offset + from, std::min<std::uint64_t>(size, part->size - from));
  std::memcpy(to, bytes.data(), bytes.size());
  return bytes.size();
}

std::size_t CoreMemory::from_file(std::uint64_t address, std::size_t size, std::byte* to) {
  for (const Mapping& mapping : files_) {
    if (address < mapping.begin || address >= mapping.end) continue;
    const MappedFile* file = file_at(mapping);
    if (file == nullptr) return 0;
    const std::uint64_t from = address - mapping.begin;
    const std::string_view bytes =
        file->text(mapping.offset + from, std::min(size, mapping.end - address));
    std::memcpy(to, bytes.data(), bytes.size());
    return bytes.size();
  }
  return 0;
}

bool CoreMemory::is_executable(const std::string& path) const {
  return std::any_of(files_.begin(), files_.end(), [&](const Mapping& mapping) {
    return mapping.path == path && mapping.begin <= program_headers_ &&
           program_headers_ < mapping.end;
  });
}

const MappedFile* CoreMemory::file_at(const Mapping& mapping) {
  const auto known = opened_.find(mapping.path);
  if (known != opened_.end()) return known->second.opened() ? &known->second : nullptr;
  const bool program = is_executable(mapping.path);
  const std::string& path = program && !executable_.empty() ? executable_ : mapping.path;
  const MappedFile& file = opened_.emplace(mapping.path, MappedFile(path)).first->second;
  if (!file.opened() && program) {
    throw Unreadable(
        fmt::format("{} needs the program that it is of, but {} cannot be opened: {}; "
                    "say where it is by --exe",
                    name(), path, file.error()));
  }
  if (file.opened() && is_same(file, mapping.path)) return &file;
  if (file.opened() && program) {
    throw Unreadable(fmt::format(
        "{} is not of the program that is at {} now; say where the one is that it is of by --exe",
        name(), path));
  }
  opened_.at(mapping.path) = MappedFile();
  return nullptr;
}

// One that was built anew meanwhile would give texts that never were in the program. The first page
// has its build id.
bool CoreMemory::is_same(const MappedFile& file, const std::string& path) {
  const auto first = std::find_if(files_.begin(), files_.end(), [&](const Mapping& other) {
    return other.path == path && other.offset == 0;
  });
  if (first == files_.end()) return true;
  std::byte head[4096];
  const auto part = std::find_if(parts_.begin(), parts_.end(),
                                 [&](const Part& p) { return p.begin == first->begin; });
  if (part == parts_.end() || part->size < sizeof head) return true;
  if (copy_some(first->begin, sizeof head, head) < sizeof head) return true;
  return file.text(0, sizeof head) ==
         std::string_view(reinterpret_cast<const char*>(head), sizeof head);
}

}  // namespace

std::unique_ptr<Memory> Memory::of_core(const std::string& path, const std::string& executable) {
  return std::make_unique<CoreMemory>(path, executable);
}

}  // namespace asyncio::snapshot
