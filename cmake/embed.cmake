# cmake -DOUTPUT=page_files.cpp -DFOLDER=src/dashboard/page -P embed.cmake
#
# Writes a source with every file of the folder in it, as arrays of bytes: a string literal would
# have to be escaped, and some compilers limit its length.
file(GLOB files RELATIVE ${FOLDER} ${FOLDER}/*)
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_svg "image/svg+xml")

set(arrays "")
set(table "")
set(number 0)
foreach(name IN LISTS files)
  string(REGEX REPLACE ".*\\." "" ending ${name})
  if(NOT DEFINED type_${ending})
    message(FATAL_ERROR "embed.cmake: ${FOLDER}/${name} is none of .html, .css, .js and .svg")
  endif()
  file(READ ${FOLDER}/${name} bytes HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1, " bytes "${bytes}")
  string(APPEND arrays "constexpr unsigned char file_${number}[] = {\n${bytes}\n};\n")
  set(path "/${name}")
  if(name STREQUAL "index.html")
    set(path "/")
  endif()
  string(APPEND table "    {\"${path}\", \"${type_${ending}}\", text_of(file_${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Written by cmake/embed.cmake.
#include \"dashboard/page.hpp\"

#include <cstddef>

namespace asyncio::dashboard {
namespace {

${arrays}
template <std::size_t n>
std::string_view text_of(const unsigned char (&bytes)[n]) {
  return {reinterpret_cast<const char*>(bytes), n};
}

const PageFile files[] = {
${table}};

}  // namespace

std::span<const PageFile> page_files() noexcept { return files; }

}  // namespace asyncio::dashboard
")
