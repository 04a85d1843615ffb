#pragma once

#include <asyncio/streams.hpp>

#include <cstddef>

/// Standard input and output as streams, whatever they are: a terminal, a pipe, a FIFO, a socket, a
/// file, /dev/null.
///
///     auto in = asyncio::stdin_reader();
///     auto out = asyncio::stdout_writer();
///     while (auto line = co_await in.next_line()) {
///       out.write(*line);
///       co_await out.drain();
///     }
///
/// They share what the descriptor stands for with the shell and with other programs, and leave it
/// as it is: it stays blocking for them. Where that needs an opening of our own and the system
/// refuses one, it is non-blocking until the loop is closed.
///
/// Python: has none; there it takes connect_read_pipe() and connect_write_pipe(), which leave the
/// terminal non-blocking for the shell.
/// Threads: each function belongs to the loop that runs.
namespace asyncio {

/// What comes by descriptor 0. There is one reader for a loop: each call gives a handle to it. What
/// a loop has received and nobody has read is for the next loop that asks.
///
/// `limit`: as StreamReader's; the highest that was asked for counts.
/// Throws: std::system_error "stdin_reader(): standard input: Bad file descriptor" if it is closed
/// or cannot be read; RuntimeError while another loop has it; std::invalid_argument for a limit of
/// 0.
[[nodiscard]] StreamReader stdin_reader(std::size_t limit = default_limit);

/// What goes to descriptor 1. There is one writer for a loop, and it needs no close(): a handle may
/// go, and what is still unsent when the loop is closed is written then, however long the reader
/// takes. What cannot be written is told by drain(), as a std::system_error (broken_pipe) if nobody
/// reads it any more; and where nobody has asked, by the log sink.
///
/// close() sends what was written and leaves descriptor 1 open; after that, the next call gives a
/// new writer. It has no write_eof().
///
/// What goes by std::cout or printf() is not kept in order with it; use one of them, or flush it
/// before.
/// Throws: std::system_error "stdout_writer(): standard output: Bad file descriptor".
/// Cost: into a file or a device such as /dev/null, write() itself writes.
[[nodiscard]] StreamWriter stdout_writer();

/// The same of descriptor 2.
[[nodiscard]] StreamWriter stderr_writer();

}  // namespace asyncio
