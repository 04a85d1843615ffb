#include "base/symbols.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

namespace asyncio::detail {
namespace {

using Header = ElfW(Ehdr);
using Section = ElfW(Shdr);
using Symbol = ElfW(Sym);

constexpr std::uint64_t largest = std::uint64_t{256} << 20;  // of a table

bool read_at(std::ifstream& file, std::uint64_t offset, void* into, std::uint64_t bytes) {
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(static_cast<char*>(into), static_cast<std::streamsize>(bytes));
  return file.good();
}

template <class T>
std::vector<T> read_table(std::ifstream& file, std::uint64_t offset, std::uint64_t bytes) {
  if (bytes > largest) return {};
  std::vector<T> table(bytes / sizeof(T));
  if (!read_at(file, offset, table.data(), table.size() * sizeof(T))) table.clear();
  return table;
}

// Of a program dladdr() only has what it was called by.
const char* path_of(const Dl_info& info) {
  const void* main_program = nullptr;
  ::dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* into) {
        for (int i = 0; i < object->dlpi_phnum; ++i) {
          const auto& segment = object->dlpi_phdr[i];
          if (segment.p_type != PT_LOAD) continue;
          const std::uintptr_t begin =
              object->dlpi_addr + (segment.p_vaddr & ~std::uintptr_t{4095});
          // NOLINTNEXTLINE(performance-no-int-to-ptr)
          *static_cast<const void**>(into) = reinterpret_cast<const void*>(begin);
          break;
        }
        return 1;  // the program is the first one
      },
      static_cast<void*>(&main_program));
  return info.dli_fbase == main_program ? "/proc/self/exe" : info.dli_fname;
}

}  // namespace

Symbols::File Symbols::read(const char* path) {
  File found;
  std::ifstream file(path, std::ios::binary);
  Header header{};
  if (!read_at(file, 0, &header, sizeof header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_shentsize != sizeof(Section)) {
    return found;
  }
  found.absolute = header.e_type == ET_EXEC;
  const auto sections =
      read_table<Section>(file, header.e_shoff, std::uint64_t{header.e_shnum} * sizeof(Section));
  for (const Section& section : sections) {
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= sections.size()) continue;
    const Section& names = sections[section.sh_link];
    const auto bytes = read_table<char>(file, names.sh_offset, names.sh_size);
    found.names.assign(bytes.begin(), bytes.end());
    for (const Symbol& symbol : read_table<Symbol>(file, section.sh_offset, section.sh_size)) {
      if ((symbol.st_info & 0xf) != STT_FUNC || symbol.st_name >= found.names.size()) continue;
      found.functions.push_back({symbol.st_value, symbol.st_size, symbol.st_name});
    }
  }
  return found;
}

std::string Symbols::name_of(const void* address) {
  Dl_info info{};
  if (::dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  auto [at, is_new] = files_.try_emplace(info.dli_fbase);
  if (is_new) at->second = read(path_of(info));
  const File& file = at->second;
  const auto loaded = reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  const std::uint64_t place =
      reinterpret_cast<std::uintptr_t>(address) - (file.absolute ? std::uintptr_t{0} : loaded);
  for (const Function& function : file.functions) {
    if (place - function.begin < function.size) return file.names.c_str() + function.name;
  }
  return info.dli_sname == nullptr ? "" : info.dli_sname;
}

}  // namespace asyncio::detail
