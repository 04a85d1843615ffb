#pragma once

// gdb's script, which belongs into every program that has a loop: gdb finds it in this section,
// which is not mapped at run time and which `strip` removes. To be included in one source, of an
// object that is always linked; CMake names the file and compiles it anew when that changes.
#ifdef ASYNCIO_GDB_SCRIPT
asm(".pushsection .debug_gdb_scripts, \"MS\", %progbits, 1\n"
    ".byte 4\n"  // the text of a script in Python, behind its name
    ".ascii \"asyncio_gdb.py\\n\"\n"
    // clang-format off
    ".incbin \"" ASYNCIO_GDB_SCRIPT "\"\n"
    // clang-format on
    ".byte 0\n"
    ".popsection\n");
#endif
