#include "process/worker_function.hpp"

#include <asyncio/error.hpp>

#include "base/text.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstring>

namespace asyncio::detail {
namespace {

struct FnvHash {
  std::uint64_t value = 0xcbf29ce484222325U;
  void add(const void* data, std::size_t size) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value = (value ^ bytes[i]) * 0x100000001b3U;
  }
};

// A file without a build id is known by its name.
std::uint64_t identity_of(const dl_phdr_info& file) noexcept {
  FnvHash hash;
  for (int i = 0; i < file.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = file.dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    const char* at = reinterpret_cast<const char*>(file.dlpi_addr + part.p_vaddr);
    const char* end = at + part.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) note;
      std::memcpy(&note, at, sizeof note);
      const char* name = at + sizeof note;
      const char* data = name + ((note.n_namesz + 3U) & ~3U);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof "GNU" &&
          std::memcmp(name, "GNU", sizeof "GNU") == 0) {
        hash.add(data, note.n_descsz);
        return hash.value;
      }
      at = data + ((note.n_descsz + 3U) & ~3U);
    }
  }
  hash.add(file.dlpi_name, std::strlen(file.dlpi_name));
  return hash.value;
}

// Whether a loaded part of the file has these bytes. Offsets from anywhere may wrap around.
bool contains(const dl_phdr_info& file, std::uint64_t offset, std::size_t size,
              unsigned flag) noexcept {
  for (int i = 0; i < file.dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = file.dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & flag) == 0 || offset < part.p_vaddr) continue;
    const std::uint64_t within = offset - part.p_vaddr;
    if (within < part.p_memsz && size <= part.p_memsz - within) return true;
  }
  return false;
}

// What `visit` says of the first file of which it says something.
template <class F>
bool any_file(F visit) noexcept {
  return ::dl_iterate_phdr([](dl_phdr_info* file, std::size_t,
                              void* f) { return (*static_cast<F*>(f))(*file) ? 1 : 0; },
                           &visit) != 0;
}

const void* address_of(ProgramPlace place, std::size_t size, unsigned flag) noexcept {
  const void* found = nullptr;
  any_file([&](const dl_phdr_info& file) {
    if (!contains(file, place.offset, size, flag) || identity_of(file) != place.module) {
      return false;
    }
    found = reinterpret_cast<const void*>(file.dlpi_addr + place.offset);
    return true;
  });
  return found;
}

}  // namespace

ProgramPlace place_of(const void* address) {
  ProgramPlace place;
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const bool found = any_file([&](const dl_phdr_info& file) {
    if (number < file.dlpi_addr || !contains(file, number - file.dlpi_addr, 1, PF_R | PF_X)) {
      return false;
    }
    place = {identity_of(file), number - file.dlpi_addr};
    return true;
  });
  if (!found) {
    throw_runtime_error(fmt::format(
        "run_in_executor(), to_process(): {} is no function of the program or a library that it "
        "has loaded; send one that is",
        address));
  }
  return place;
}

const void* code_at(ProgramPlace place) noexcept { return address_of(place, 1, PF_X); }

// It looks at places that anybody has made up, also where AddressSanitizer has its red zones.
[[gnu::no_sanitize_address]] const RemoteFunction* remote_function_at(ProgramPlace place) noexcept {
  if (place.offset % alignof(RemoteFunction) != 0) return nullptr;
  const auto* function =
      static_cast<const RemoteFunction*>(address_of(place, sizeof(RemoteFunction), PF_R));
  return function != nullptr && function->mark == RemoteFunction::right_mark ? function : nullptr;
}

std::string describe_call(const EncodedCall& call) {
  Dl_info info{};
  if (call.target == nullptr) return readable_type(call.function->name);
  if (::dladdr(call.target, &info) != 0 && info.dli_sname != nullptr &&
      info.dli_saddr == call.target) {
    return function_name(demangled(info.dli_sname));
  }
  return fmt::format("{} at {}", readable_type(call.function->name), call.target);
}

const void* RemoteCall::function() const {
  const void* found = code_at(target);
  if (found == nullptr) {
    throw_runtime_error(
        "the worker has no such function; it is of a library that was loaded later");
  }
  return found;
}

}  // namespace asyncio::detail
